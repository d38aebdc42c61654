"""Strength: the rule for any instant, on whole columns, in queries, and stored only on request."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.importers import agent_schema_text
from datamem.memory import Memory
from datamem.memory.reflection.strength import (
    HOUR_US,
    TAXONOMY,
    decay_of,
    instant_us,
    relative_strengths,
    strengths,
    taxonomy_tx,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
hours = st.integers(0, 500)
memories = st.fixed_dictionaries(
    {
        "type": st.sampled_from([*TAXONOMY, ":other"]),
        "created": hours,
        "recalled": st.none() | hours,
        "reviewed": st.none() | hours,
        "reviews": st.none() | st.integers(0, 5),
        "initial": st.none() | st.floats(0.1, 2.0),
        "rate": st.none() | st.floats(0.0, 1.0),
    }
)


def form(number: int, memory: dict[str, object]) -> dict[str, object]:
    def at(name: str) -> datetime | None:
        hour = memory[name]
        return None if hour is None else START + timedelta(hours=hour)  # type: ignore[arg-type]

    said = {
        ":memory/content": f"memory {number}",
        ":memory/type": memory["type"],
        ":memory/created-at": at("created"),
        ":memory/last-recall": at("recalled"),
        ":memory/last-reviewed": at("reviewed"),
        ":memory/review-count": memory["reviews"],
        ":memory/initial-strength": memory["initial"],
        ":memory/decay-rate": memory["rate"],
    }
    return {name: value for name, value in said.items() if value is not None}


def expected(memory: dict[str, object], hour: int) -> float:
    """The rule as the taxonomy's document writes it, one memory at a time."""
    times = (memory["created"], memory["recalled"], memory["reviewed"])
    since = max(t for t in times if isinstance(t, int))
    kind = TAXONOMY.get(str(memory["type"]), TAXONOMY[":fact"])
    rate = kind.decay_rate if memory["rate"] is None else float(memory["rate"])  # type: ignore[arg-type]
    rate /= 1 + int(memory["reviews"] or 0)  # type: ignore[call-overload]
    initial = 1.0 if memory["initial"] is None else float(memory["initial"])  # type: ignore[arg-type]
    return initial * math.exp(-rate * max(0, hour - since))


@settings(max_examples=12)
@given(st.lists(memories, min_size=1, max_size=8), hours)
def test_columns_follow_the_rule(made, hour) -> None:
    """Model: the formula in Python floats, memory by memory."""
    conn = Memory(datamem.connect()).conn
    forms = [{":db/id": f"m{i}", **form(i, m)} for i, m in enumerate(made)]
    ids = conn.transact(forms).tempids
    es = [ids[f"m{i}"] for i in range(len(made))]
    at = START + timedelta(hours=hour)
    wanted = [expected(m, hour) for m in made]
    assert strengths(conn.db, es, at).tolist() == pytest.approx(wanted)
    whole = decay_of(conn.db)
    found = dict(zip(whole.e.tolist(), whole.at(int(at.timestamp() * 1e6)), strict=True))
    assert [found[e] for e in es] == pytest.approx(wanted)
    rows = conn.db.q(
        "[:find ?m ?s :in $ ?at :where [?m :memory/type _] [(memory/strength $ ?m ?at) ?s]]", at
    )
    assert [dict(rows)[e] for e in es] == pytest.approx(wanted)


def test_a_query_of_a_past_value_has_the_strength_of_that_time(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    episode = mem.add("They met", type="episode")
    then = conn.db.basis_t
    clock.hours(10)
    conn.transact([{"note": "later"}])
    query = "[:find ?s . :in $ ?m :where [?m :memory/type _] [(memory/strength $ ?m) ?s]]"
    assert conn.db.q(query, episode.eid) == pytest.approx(math.exp(-4.0), rel=1e-3)
    assert conn.db.as_of(then).q(query, episode.eid) == pytest.approx(1.0, rel=1e-3)


def test_the_taxonomy_and_its_unit_are_data(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    fact = mem.add("Rex is a dog", type="fact")
    conn.transact(taxonomy_tx())
    conn.transact([{":memory-type/name": ":fact", ":memory-type/decay-hours": 24.0}])
    clock.hours(24)
    at = conn.now_us()
    own = conn.db.entity(fact.eid).get(":memory/decay-rate")
    rate = TAXONOMY[":fact"].decay_rate if own is None else own
    assert strengths(conn.db, [fact.eid], at)[0] == pytest.approx(math.exp(-rate), rel=1e-3)


def test_relative_strength_compares_within_a_kind_however_old(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    old = mem.add("the first message", type="interaction")
    clock.hours(5)
    newer = mem.add("the second message", type="interaction")
    lonely = mem.add("always so", type="archetype")
    clock.hours(24 * 365)
    es = np.sort([old.eid, newer.eid, lonely.eid])
    relative = dict(
        zip(es.tolist(), relative_strengths(decay_of(conn.db, es), conn.now_us()), strict=True)
    )
    assert relative == {old.eid: 0.0, newer.eid: 1.0, lonely.eid: 1.0}


def test_strength_is_stored_only_on_request_and_only_where_it_changed(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    fact = mem.add("Rex is a dog", type="fact")
    clock.hours(10)
    assert ":memory/current-strength" not in conn.db.entity(fact.eid)
    assert mem.store_strengths() == 1
    stored = conn.db.entity(fact.eid)[":memory/current-strength"]
    assert stored == pytest.approx(math.exp(-1.0), rel=1e-3)
    assert mem.store_strengths(conn.now_us()) == 0


def test_a_memory_that_does_not_say_when_it_was_made_fades_from_when_it_was_told() -> None:
    hours = iter(range(10**15, 2 * 10**15, HOUR_US))
    with datamem.connect(":memory:", agent_schema_text(), clock=lambda: next(hours)) as conn:
        conn.transact('[{:memory/content "x" :memory/type :fact :memory/initial-strength 1.0}]')
        told = instant_us(conn.db)
        conn.transact('[{:memory/content "y"}]')
        [e, late] = sorted(conn.db.q("[:find [?m ...] :where [?m :memory/content]]"))
        rate = TAXONOMY[":fact"].decay_rate
        found = strengths(conn.db, [e, late], told + 2 * HOUR_US)
    assert found == pytest.approx([math.exp(-2 * rate), math.exp(-rate)])
