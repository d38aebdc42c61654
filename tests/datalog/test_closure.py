"""Transitive closures: every way to write and to ask for one gives what a plain walk gives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.datalog import q
from datamem.datalog.rules.chains import MANY_EDGES, chains, pairs
from datamem.datalog.rules.reach import FEW_EDGES, reached_pairs
from datamem.db.database import Db
from datamem.errors import QueryError

from .worlds import LONG, MANY, REF, World

RIGHT = "[[(r ?a ?b) [?a :to ?b]] [(r ?a ?b) [?a :to ?x] (r ?x ?b)]]"
LEFT = "[[(r ?a ?b) (r ?a ?x) [?x :to ?b]] [(r ?a ?b) [?a :to ?b]]]"
TWICE = "[[(r ?a ?b) [?a :to ?b]] [(r ?a ?b) (r ?a ?x) (r ?x ?b)]]"
SWAPPED = "[[(r ?b ?a) [?b :to ?a]] [(r ?p ?q) (r ?x ?q) [?p :to ?x]]]"
GENERAL = "[[(r ?a ?b) [?a :to ?b] [?a :on 1]] [(r ?a ?b) [?a :to ?x] (r ?x ?b) [?a :on 1]]]"
LEFTWARD = "[[(r ?a ?b) [?a :to ?b] [?b :on 1]] [(r ?a ?b) (r ?a ?x) [?x :to ?b] [?b :on 1]]]"
BOTHWAYS = f"{RIGHT[:-1]} [(r ?a ?b) (r ?a ?x) [?x :to ?b] [?x :on 1]]]"
ROUNDABOUT = "[[(r ?a ?b) [?a :to ?b]] [(r ?a ?b) [?a :to ?x] (s ?x ?b)] [(s ?x ?b) (r ?x ?b)]]"
RULES = (RIGHT, LEFT, TWICE, SWAPPED, GENERAL, LEFTWARD, BOTHWAYS, ROUNDABOUT)
FAR = 1 << 41


def graph(seed: int, nodes: int, edges: int) -> tuple[Db, set[tuple[int, int]]]:
    """Return a database of a graph, cycles and loops included, and its closure."""
    rng = np.random.default_rng(seed)
    world = World({":to": REF | MANY, ":on": LONG})
    ids = [*range(1, nodes), FAR]
    pairs = {(a, b) for a, b in rng.choice(ids, (edges, 2)).tolist()}
    ended = (ids[0], ids[1])
    world.add([(a, "to", b) for a, b in pairs | {ended}] + [(e, "on", 1) for e in ids])
    if ended not in pairs:
        world.add([(*ended[:1], "to", ended[1], False)])
    return world.db, closure(pairs)


def closure(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    after: dict[int, set[int]] = {}
    for a, b in pairs:
        after.setdefault(a, set()).add(b)
    known = fresh = set(pairs)
    while fresh:
        fresh = {(a, c) for a, b in fresh for c in after.get(b, ())} - known
        known = known | fresh
    return known


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("nodes", "edges"), [(6, 8), (40, 45), (40, 80), (400, 440)])
def test_every_way_to_ask_agrees(rules: str, nodes: int, edges: int) -> None:
    db, known = graph(nodes + edges, nodes, edges)
    assert set(q("[:find ?a ?b :in $ % :where (r ?a ?b)]", db, rules)) == known
    for e in (1, 2, 3, FAR):
        forward = q("[:find [?b ...] :in $ % ?a :where (r ?a ?b)]", db, rules, e)
        assert sorted(forward) == sorted(b for a, b in known if a == e)
        back = q("[:find [?a ...] :in $ % ?b :where (r ?a ?b)]", db, rules, e)
        assert sorted(back) == sorted(a for a, b in known if b == e)
    several = list(range(1, nodes, 2))
    asked = q("[:find ?a ?b :in $ % [?a ...] :where (r ?a ?b)]", db, rules, several)
    assert set(asked) == {pair for pair in known if pair[0] in several}
    asked = q("[:find ?a ?b :in $ % [?b ...] :where (r ?a ?b)]", db, rules, several)
    assert set(asked) == {pair for pair in known if pair[1] in several}
    some = [(a, b) for a in (1, 2, 3) for b in (2, 4, 5, FAR)]
    asked = q("[:find ?a ?b :in $ % [[?a ?b]] :where (r ?a ?b)]", db, rules, some)
    assert set(asked) == known & set(some)
    asked = q("[:find ?a . :in $ % ?a ?b :where (r ?a ?b)]", db, rules, 1, 2)
    assert (asked == 1) == ((1, 2) in known)
    both = q("[:find ?a :in $ % ?a :where (r ?a ?a)]", db, rules, 2)
    assert set(both) == ({(2,)} if (2, 2) in known else set())


def test_the_past_has_its_own_closure() -> None:
    world = World({":to": REF | MANY})
    world.add([(1, "to", 2), (2, "to", 3)])
    world.add([(1, "to", 2, False), (1, "to", 4)])
    text = "[:find [?b ...] :in $ % :where (r 1 ?b)]"
    assert set(q(text, world.db, RIGHT)) == {4}
    assert set(q(text, world.db.as_of(1), RIGHT)) == {2, 3}
    assert set(q(text, world.db.history(), RIGHT)) == {2, 3, 4}
    kept = world.db.as_of(1).filter(lambda _db, datom: datom.v != 3)
    assert set(q(text, kept, RIGHT)) == {2}


def test_a_closure_that_grows_names_its_call() -> None:
    world = World({":to": REF | MANY})
    db = world.add([(i, "to", i + 1) for i in range(1, 200)])
    for text in (
        "[:find ?b :in $ % :where (r 1 ?b)]",
        "[:find ?a ?b :in $ % :where (r ?a ?b)]",
    ):
        with pytest.raises(QueryError) as caught:
            q(text, db, RIGHT, max_rows=150)
        assert caught.value.code == "query/too-many-rows"
        assert "(r ?" in caught.value.data["step"]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[int] | None]:
    """Edges of every kind (trees both ways, chains, cycles, repeats), and where to start."""
    size = draw(st.sampled_from((3, FEW_EDGES, 2 * FEW_EDGES)))
    above = draw(st.sampled_from((1, 5, size, 1 << 45)))
    kind = draw(st.sampled_from(("chain", "tree", "any")))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    tails = np.arange(2, size + 2)
    heads = {
        "chain": tails - 1,
        "tree": (tails * rng.random(size)).astype(np.int64),
        "any": rng.integers(0, size, size),
    }[kind]
    edges = [
        (tail * above, head * above)
        for tail, head in zip(tails.tolist(), heads.tolist(), strict=True)
    ]
    if draw(st.booleans()):
        edges = [edge[::-1] for edge in edges]
    edges += draw(
        st.lists(st.sampled_from([*edges, edges[0][::-1], edges[-1][::-1]]), max_size=2)
    )
    starts = draw(st.none() | st.lists(st.sampled_from(edges), max_size=5))
    return edges, starts if starts is None else sorted({edge[0] for edge in starts})


@given(graphs())
def test_pairs_are_those_of_a_plain_walk(graph: tuple[Any, Any]) -> None:
    """Model: pairs are joined with pairs until nothing is new. Each pair comes once."""
    edges, starts = graph
    columns = np.array(edges).T
    chosen = None if starts is None else np.array(starts, np.int64)
    found = reached_pairs((columns[0], columns[1]), chosen, lambda _size: None)
    pairs = list(zip(*(column.tolist() for column in found), strict=True))
    known = {pair for pair in closure(set(edges)) if starts is None or pair[0] in starts}
    assert sorted(pairs) == sorted(known)


@given(graphs(), st.sampled_from(("?a ?b", "?b ?a")))
def test_all_pairs_as_rows_and_as_columns(graph: tuple[Any, Any], names: str) -> None:
    edges = set(graph[0])
    db = World({":to": REF | MANY}).add([(a, "to", b) for a, b in edges])
    found = q(f"[:find {names} :in $ % :where (r ?a ?b)]", db, RIGHT)
    known = closure(edges) if names == "?a ?b" else {pair[::-1] for pair in closure(edges)}
    assert (len(found), sorted(found.rows())) == (len(known), sorted(known))
    columns = [found.columns[name].tolist() for name in names.split()]
    assert list(zip(*columns, strict=True)) == found.rows()


def edges_of(*paths: Any) -> list[tuple[int, int]]:
    return [edge for path in paths for edge in pairwise(path)]


def found_chains(edges: list[tuple[int, int]]) -> Any:
    columns = np.array(edges, np.int64).reshape(-1, 2).T
    found = chains(columns[0], columns[1])
    return None if found is None else sorted(map(tuple, found))


def test_chains_are_followed_through_the_places_where_their_edges_lie() -> None:
    one, other, third = range(10), range(20, 30), range(9, -1, -1)
    assert found_chains([]) == []
    assert found_chains([(2, 1)]) == [(2, 1)]
    for edges in (edges_of(one, other), edges_of(one, other)[::-1]):
        assert found_chains(edges) == [tuple(one), tuple(other)]
    assert found_chains(edges_of(third)[::-1]) == [tuple(third)]
    torn = edges_of(range(5, 10), other, range(6))
    assert found_chains(torn) == [tuple(one), tuple(other)]
    assert list(pairs([[2, 3, 1], [7, 8]])) == [(2, 3), (2, 1), (3, 1), (7, 8)]
    assert found_chains(edges_of(range(MANY_EDGES + 1))) is not None
    assert found_chains(edges_of(range(MANY_EDGES + 2))) is None


@pytest.mark.parametrize(
    "paths",
    [
        (range(10), [5, *range(20, 30)]),  # part inside
        (range(10), [0, *range(20, 30)]),  # part at the first
        (range(10), [*range(20, 30), 5]),  # meet inside
        (range(10), [*range(20, 30), 9]),  # meet at the last
        ([*range(10), 0],),  # go round
        ([*range(10), 4],),  # come round
        (range(10), [9, *range(20, 30), 0]),  # go round in two pieces
        (range(10), [9, *range(20, 30), 4]),  # come round in two pieces
        ([*range(10), 0], range(20, 30)),
        (range(10), range(3, 7)),  # repeated
        (range(10), range(10)),
    ],
)
def test_chains_are_told_from_what_parts_meets_or_goes_round(paths: Any) -> None:
    for order in (paths, paths[::-1]):
        assert found_chains(edges_of(*order)) is None


def test_pairs_of_graphs_too_wide_for_flags() -> None:
    nodes = np.arange(0, 10_000)
    found = reached_pairs((nodes[:-1], nodes[1:]), np.array([9_990]), lambda _size: None)
    assert list(zip(*(column.tolist() for column in found), strict=True)) == [
        (9_990, end) for end in range(9_991, 10_000)
    ]
    none: Any = np.empty(0, np.int64)
    assert [
        len(column) for column in reached_pairs((none, none), None, lambda _size: None)
    ] == [0, 0]
