"""The levels of memory: trees, ancestors, roll-ups, and what cannot be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.errors import DatamemError
from datamem.memory import Memory
from datamem.memory.reflection.hierarchy import (
    ancestors,
    children,
    descendants,
    tree,
)

parents = st.lists(st.integers(-1, 6), min_size=1, max_size=8)


def forest(found: list[int]) -> list[int]:
    """Return a parent before each node, or -1: no cycles."""
    return [parent if parent < i else -1 for i, parent in enumerate(found)]


@settings(max_examples=15)
@given(parents.map(forest))
def test_trees_and_ancestors_follow_the_parents(above) -> None:
    """Model: a list of parents."""
    mem = Memory(datamem.connect())
    made = []
    for i, parent in enumerate(above):
        options = {} if parent < 0 else {"parent": made[parent]}
        made.append(mem.add(f"memory {i}", **options))
    eids = [one.eid for one in made]
    db = mem.db
    for i, e in enumerate(eids):
        chain, at = [], above[i]
        while at >= 0:
            chain.append(eids[at])
            at = above[at]
        assert ancestors(db, e) == chain
        below = [j for j in range(len(above)) if e in ancestors(db, eids[j])]
        assert descendants(db, e).tolist() == sorted(eids[j] for j in below)
        assert children(db, e) == [eids[j] for j, p in enumerate(above) if p == i]
        assert count(tree(db, e)) == 1 + len(below)
        assert all(
            not child[":memory/children"] for child in tree(db, e, 2)[":memory/children"]
        )


def count(node) -> int:
    return 1 + sum(count(child) for child in node[":memory/children"])


def test_a_tree_shows_what_the_document_shows() -> None:
    mem = Memory(datamem.connect())
    theme = mem.add("Ann keeps dogs", type="theme", level=2)
    episode = mem.add("Ann adopted Rex", type="episode", level=1, parent=theme)
    mem.add("a walk in the park", type="interaction", parent=episode)
    found = mem.tree(theme)
    assert found[":memory/content"] == "Ann keeps dogs"
    (below,) = found[":memory/children"]
    assert (below[":memory/id"], below[":memory/level"]) == (episode.id, 1)
    assert [c[":memory/content"] for c in below[":memory/children"]] == ["a walk in the park"]
    assert [record.content for record in mem.ancestors(episode)] == ["Ann keeps dogs"]


def test_a_roll_up_counts_what_lies_below(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    theme = mem.add("Ann keeps dogs", type="theme", level=2, importance=0.2)
    clock.hours(2)
    episodes = [
        mem.add(f"Ann and dog {n}", type="episode", level=1, parent=theme, importance=n / 10)
        for n in range(3)
    ]
    clock.hours(2)
    mem.add("raw", type="interaction", parent=episodes[0])
    found = mem.roll_up(theme)
    assert (found.memories, found.by_level) == (4, {"raw": 1, "episode": 3})
    assert found.start is not None
    assert found.end is not None
    assert abs(found.end - found.start - timedelta(hours=4)) < timedelta(seconds=1)
    assert found.importance == 0.2
    assert found.strength == pytest.approx(1.0, rel=1e-3)
    assert found.messages == 0


def test_a_memory_cannot_lie_below_itself() -> None:
    mem = Memory(datamem.connect())
    theme = mem.add("above", type="theme")
    episode = mem.add("below", type="episode", parent=theme)
    lowest = mem.add("lowest", parent=episode)
    for memory, parent in ((theme, episode), (theme, theme), (theme, lowest)):
        with pytest.raises(DatamemError) as error:
            mem.revise(memory, parent=parent)
        assert error.value.code == "memory/cycle"
    with pytest.raises(DatamemError, match="memory/cycle"):
        mem.conn.transact([[":db/add", lowest.eid, ":memory/children", theme.eid]])
    with pytest.raises(DatamemError, match="memory/cycle"):
        mem.conn.transact(
            [{":db/id": "a", ":memory/parent": "b"}, {":db/id": "b", ":memory/parent": "a"}]
        )
    with pytest.raises(DatamemError) as error:
        mem.tree("11111111-1111-1111-1111-111111111111")
    assert error.value.code == "memory/unknown"


def test_two_memories_may_change_places_in_one_transaction() -> None:
    mem = Memory(datamem.connect())
    above = mem.add("above")
    below = mem.add("below", parent=above)
    mem.conn.transact(
        [
            [":db/retract", below.eid, ":memory/parent", above.eid],
            [":db/add", above.eid, ":memory/parent", below.eid],
        ]
    )
    assert children(mem.db, below) == [above.eid]
    assert children(mem.db, above) == []
