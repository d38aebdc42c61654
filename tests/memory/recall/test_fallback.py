"""Where nothing matches: what is worth knowing anyway, below every match, and told as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.memory import Memory
from tests.memory.conftest import Clock, fresh


@pytest.fixture
def mem() -> Memory:
    return Memory(fresh())


def test_the_most_important_comes_first_and_says_why(mem) -> None:
    mem.add_many(
        [
            {"content": "Ada drinks tea", "importance": 0.1},
            {"content": "Ada is allergic to nuts", "importance": 1.0},
            {"content": "The boat is blue", "importance": 0.4},
        ]
    )
    found = mem.recall("zebra", k=2)
    assert [item.text for item in found] == ["Ada is allergic to nuts", "The boat is blue"]
    assert found.is_fallback
    assert found[0].paths == (
        "nothing matches the question: it is among the newest, most important and last used",
    )
    assert {"importance", "strength", "unmatched"} <= set(found[0].why)
    assert sum(found[0].why.values()) == pytest.approx(found[0].score)


def test_of_equal_importance_the_newest_comes_first() -> None:
    clock = Clock()
    mem = Memory(fresh(clock))
    mem.add_many(["first", "second", "third"])
    clock.advance(minutes=1)
    mem.add("fourth")
    assert mem.recall("zebra", k=1)[0].text == "fourth"


def test_nothing_is_returned_where_nothing_is_wanted_or_there(mem) -> None:
    assert list(mem.recall("zebra")) == []
    assert not mem.recall("zebra").is_fallback
    mem.add("Ada drinks tea", tags=["tea"])
    assert list(mem.recall("zebra", fallback=False)) == []
    assert list(mem.recall("zebra", tags=["boat"])) == []
    assert [item.text for item in mem.recall("zebra", tags=["tea"])] == ["Ada drinks tea"]


def test_a_match_is_no_fallback(mem) -> None:
    mem.add_many(["Ada drinks tea", "The boat is blue"])
    found = mem.recall("tea")
    assert not found.is_fallback
    assert [item.text for item in found] == ["Ada drinks tea"]
    assert "unmatched" not in found[0].why


def test_without_memories_it_is_what_was_said_last(mem) -> None:
    session = mem.sessions.create()
    mem.add_messages(session, [("user", f"turn {n}") for n in range(80)])
    assert {item.kind for item in mem.recall("zebra", k=5)} == {"message"}
    mem.add("Ada drinks tea")
    assert [item.text for item in mem.recall("zebra", k=5)] == ["Ada drinks tea"]


def test_a_scope_falls_back_to_its_own(mem) -> None:
    one, other = (Memory(mem.conn, organization=name) for name in ("one", "other"))
    one.add("Ada drinks tea")
    other.add("The boat is blue")
    assert [item.text for item in one.recall("zebra")] == ["Ada drinks tea"]
    forgotten = other.list()[0]
    other.forget(forgotten)
    assert list(other.recall("zebra")) == []


def test_it_may_be_recorded_and_asked_about(mem) -> None:
    mem.add("Ada drinks tea")
    mem.recall("zebra", record=True)
    ((path, score),) = mem.conn.db.q(
        "[:find ?path ?score :where [?c :candidate/paths ?path] [?c :candidate/score ?score]]"
    ).rows()
    assert path.startswith("nothing matches the question")
    assert score < 0


@given(
    importances=st.lists(st.floats(0, 1), min_size=1, max_size=8),
    weights=st.fixed_dictionaries(
        {},
        optional={
            name: st.floats(0, 100)
            for name in ("words", "strength", "recency", "importance", "kept", "session")
        },
    ),
)
def test_whatever_the_weights_every_match_scores_higher(importances, weights) -> None:
    mem = Memory(fresh())
    mem.add_many(
        [
            {"content": f"Ada drinks tea {n}", "importance": importance}
            for n, importance in enumerate(importances)
        ]
    )
    matches = mem.recall("tea", weights=weights)
    others = mem.recall("zebra", weights=weights)
    assert len(matches) == len(others) == len(importances)
    assert max(item.score for item in others) < 0 <= min(item.score for item in matches)
