"""Two times: when it was true, and when we knew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.memory import Memory
from tests.memory.conftest import START, Clock, fresh

CONTENT = "[:find [?c ...] :where [_ :memory/content ?c]]"


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def known(mem: Memory, **options) -> set[str]:
    return set(mem.view(**options).q(CONTENT))


def test_a_fact_takes_the_place_of_another(acme, clock) -> None:
    old = acme.add("Ada lives in Bern", user="ada", valid_from=day(1), tags=["home"])
    told = clock.advance(hours=1)
    clock.advance(hours=1)
    new = acme.supersede(old, "Ada lives in Oslo", at=day(10), why="she moved")
    assert new.tags == [":home"], "what it does not say is as it was"
    assert new.is_new
    assert new.user.name == "Ada"
    assert new.entity[":fact/valid-from"] == day(10)
    assert known(acme) == {"Ada lives in Oslo"}
    assert known(acme, valid_at="ever") == {"Ada lives in Bern", "Ada lives in Oslo"}
    assert known(acme, valid_at=day(5)) == {"Ada lives in Bern"}
    assert known(acme, valid_at=day(9) + timedelta(hours=24)) == {"Ada lives in Oslo"}
    assert known(acme, valid_at=datetime(2025, 1, 1)) == set()  # noqa: DTZ001 - UTC is meant
    assert known(acme, as_of=told, valid_at=day(15)) == {"Ada lives in Bern"}, "as we knew then"
    (relation,) = acme.related(new, "supersedes", direction="out")
    assert relation.target.content == "Ada lives in Bern"
    assert acme.history(old)[-1].why == "she moved"


def test_a_memory_that_exists_may_take_the_place(acme) -> None:
    old, new = acme.add_many(["the office is blue", "the office is green"])
    assert acme.supersede(old, new).eid == new.eid
    assert known(acme) == {"the office is green"}
    with pytest.raises(DatamemError) as refused:
        acme.supersede(old, "the office is red")
    assert refused.value.code == "memory/superseded"
    with pytest.raises(DatamemError) as refused:
        acme.supersede(new, "the office is red", at=day(1))
    assert refused.value.code == "memory/bad-interval"


def test_a_fact_may_begin_in_the_future(acme, clock) -> None:
    old = acme.add("Pip is version 1")
    acme.supersede(old, "Pip is version 2", at=clock.now + timedelta(days=1))
    assert known(acme) == {"Pip is version 1", "Pip is version 2"}, "one has not ended yet"
    assert known(acme, valid_at=clock.now) == {"Pip is version 1"}
    clock.advance(days=1)
    assert known(acme) == {"Pip is version 2"}


def test_a_contradiction_is_noted_and_nobody_decides(acme) -> None:
    a, b = acme.add_many(["the meeting is on Monday", "the meeting is on Tuesday"])
    acme.contradict(a, b, why="two mails")
    assert len(known(acme)) == 2
    (found,) = acme.contradictions()
    assert {found.source.content, found.target.content} == known(acme)
    acme.supersede(a, b)
    assert acme.contradictions() == []


def test_a_time_that_is_none_is_refused(mem) -> None:
    mem.add("x")
    with pytest.raises(DatamemError) as refused:
        mem.view(valid_at=5)
    assert refused.value.code == "memory/bad-instant"


intervals = st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans(), st.booleans())


@given(facts=st.lists(intervals, max_size=8), now=st.integers(0, 6), at=st.integers(0, 6))
def test_validity_is_half_open(facts, now, at) -> None:
    """Model: a fact is true at t if from <= t < to; without bounds, for ever."""
    clock = Clock(START)
    mem = Memory(fresh(clock))
    instant = [START + timedelta(days=number) for number in range(8)]
    for number, (start, stop, has_start, has_stop) in enumerate(facts):
        mem.add(
            f"fact {number}",
            valid_from=instant[start] if has_start else None,
            valid_to=instant[stop] if has_stop else None,
        )
    clock.now = instant[now] + timedelta(seconds=1)

    def true_at(t: datetime) -> set[str]:
        return {
            f"fact {number}"
            for number, (start, stop, has_start, has_stop) in enumerate(facts)
            if not (has_start and instant[start] > t) and not (has_stop and instant[stop] <= t)
        }

    not_ended = {
        f"fact {number}"
        for number, (_, stop, _, has_stop) in enumerate(facts)
        if not (has_stop and instant[stop] <= clock.now)
    }
    assert known(mem, valid_at=instant[at]) == true_at(instant[at])
    assert known(mem) == not_ended
    assert len(known(mem, valid_at="ever")) == len(facts)


def test_a_memory_ends_at_an_instant_or_after_a_while(mem) -> None:
    home = mem.add("Ada lives in Oslo")
    with pytest.raises(DatamemError) as refused:
        mem.supersede(home, "Ada lives in Rome", at="tomorrow")
    assert refused.value.code == "memory/bad-instant"
    moved = mem.supersede(home, "Ada lives in Rome", at=timedelta(days=1))
    assert moved[":fact/valid-from"] == mem.get(home.id)[":fact/valid-to"]


def test_a_memory_of_no_connection_says_how_to_make_one() -> None:
    with pytest.raises(TypeError, match=r"Memory\(datamem.connect\('agent.dm'\)\)"):
        Memory("agent.dm")
