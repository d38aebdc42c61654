"""What may be said in two ways is stored in one: children as their parent, a link once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.memory import Memory
from tests.memory.conftest import fresh


@pytest.fixture
def family(mem):
    return [mem.add(name) for name in ("theme", "first", "second", "other")]


def parents(mem) -> set[tuple[str, str]]:
    query = """[:find ?child ?parent :where [?c :memory/parent ?p]
                [?c :memory/content ?child] [?p :memory/content ?parent]]"""
    return set(mem.conn.db.q(query))


def test_children_are_stored_as_their_parent(mem, family) -> None:
    theme, first, second, other = (one.eid for one in family)
    mem.conn.transact([{":db/id": theme, ":memory/children": [first, second]}])
    assert parents(mem) == {("first", "theme"), ("second", "theme")}
    assert mem.conn.db.q("[:find ?p ?c :where [?p :memory/children ?c]]") == set()
    mem.conn.transact([[":db/add", other, ":memory/children", first]])
    assert parents(mem) == {("first", "other"), ("second", "theme")}, "a child has one parent"
    assert [c.content for c in mem.get(theme)[":memory/_parent"]] == ["second"]


def test_both_ways_at_once_is_said_once(mem, family) -> None:
    theme, first = family[0].eid, family[1].eid
    report = mem.conn.transact(
        [
            [":db/add", theme, ":memory/children", first],
            [":db/add", first, ":memory/parent", theme],
        ]
    )
    assert report.datom_count == 2, "the instant, and the parent"


def test_two_parents_are_refused(mem, family) -> None:
    theme, first, _, other = (one.eid for one in family)
    t = mem.conn.db.basis_t
    with pytest.raises(DatamemError) as refused:
        mem.conn.transact(
            [
                [":db/add", theme, ":memory/children", first],
                [":db/add", other, ":memory/children", first],
            ]
        )
    assert refused.value.code == "memory/two-parents"
    assert mem.conn.db.basis_t == t


def test_new_children_come_with_their_parent(mem) -> None:
    mem.conn.transact(
        [
            {
                ":memory/content": "theme",
                ":memory/children": [{":memory/content": "a"}, {":memory/content": "b"}],
            }
        ]
    )
    assert parents(mem) == {("a", "theme"), ("b", "theme")}


pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4)


@settings(max_examples=30)
@given(transactions=st.lists(pairs, max_size=5))
def test_a_link_is_stored_once_however_it_is_said(transactions) -> None:
    """Model: a set of unordered pairs; of a transaction, as of all of them."""
    mem = Memory(fresh())
    names = [mem.graph.entity(str(n)).eid for n in range(4)]
    wanted = set()
    for said in transactions:
        several = [pair for pair in said if pair[0] != pair[1]]
        mem.conn.transact(
            [[":db/add", names[a], ":entity/related", names[b]] for a, b in several]
        )
        wanted |= {frozenset((names[a], names[b])) for a, b in several}
    stored = list(mem.conn.db.q("[:find ?a ?b :where [?a :entity/related ?b]]"))
    assert len(stored) == len(wanted)
    assert {frozenset(pair) for pair in stored} == wanted
