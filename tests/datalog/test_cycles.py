"""Cyclic queries: right, whichever way they run, and never wider than what is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamem.datalog import explain, q
from datamem.datalog.execute import execute, intersect
from datamem.db.database import Db

from .worlds import MANY, REF, World

TRIANGLES = "[:find ?a ?b ?c :where [?a :to ?b] [?b :to ?c] [?c :to ?a]]"
SQUARES = "[:find ?a ?b ?c ?d :where [?a :to ?b] [?b :to ?c] [?c :to ?d] [?d :to ?a]]"
CORNERS = "[:find ?a ?c :where [?a :to ?b] [?b :to ?c] [?c :to ?d] [?d :to ?a]]"
CLIQUES = "[:find ?a ?b ?c ?d :where [?a :to ?b] [?b :to ?c] [?a :to ?c] [?a :to ?d] [?b :to ?d] [?c :to ?d]]"
SHADED = (
    "[:find ?a ?b ?c :where [?a :to ?b] [?b :to ?c] [?c :to ?a] (not [?a :on ?c]) [(< ?a ?c)]]"
)
Pairs = set[tuple[int, int]]


def powerful(nodes: int, edges: int, seed: int = 0) -> tuple[Db, Pairs]:
    """Return a graph whose degrees follow a power law, its hubs both ways."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, nodes + 1) ** 0.8
    ends = rng.choice(nodes, (edges, 2), p=weights / weights.sum()) + 1
    pairs = set(map(tuple, ends.tolist()))
    world = World({":to": REF | MANY, ":on": REF | MANY})
    marks = [(a, "on", b) for a, b in pairs if (a + b) % 3 == 0]
    return world.add([*((a, "to", b) for a, b in pairs), *marks], frozen=True), pairs


def expected(text: str, pairs: Pairs) -> set[tuple[int, ...]]:
    """Answer by nested loops over neighbours."""
    out: dict[int, set[int]] = {}
    for a, b in pairs:
        out.setdefault(a, set()).add(b)
    none: set[int] = set()
    paths = {(a, b, c) for a, b in pairs for c in out.get(b, none)}
    if text == TRIANGLES:
        return {(a, b, c) for a, b, c in paths if a in out.get(c, none)}
    if text == SHADED:
        closed = {(a, b, c) for a, b, c in paths if a in out.get(c, none)}
        return {
            (a, b, c)
            for a, b, c in closed
            if a < c and not ((a, c) in pairs and (a + c) % 3 == 0)
        }
    longer = {(*path, d) for path in paths for d in out.get(path[2], none)}
    if text == CLIQUES:
        ways = ((0, 2), (0, 3), (1, 3))
        return {path for path in longer if all((path[i], path[j]) in pairs for i, j in ways)}
    squares = {path for path in longer if path[0] in out.get(path[3], none)}
    return squares if text == SQUARES else {(a, c) for a, _, c, _ in squares}


@pytest.fixture(params=["as it comes", "in short stretches"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run twice: as it comes, and with every step taken for a wide one."""
    if request.param == "in short stretches":
        monkeypatch.setattr(execute, "_WIDE", 4)
        monkeypatch.setattr(execute, "STRETCH", 16)
        monkeypatch.setattr(intersect, "STRETCH", 16)
    return request.param


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("text", [TRIANGLES, SQUARES, CORNERS, CLIQUES, SHADED])
@pytest.mark.parametrize(("nodes", "edges"), [(12, 30), (60, 200)])
def test_cycles_agree_with_nested_loops(text: str, nodes: int, edges: int) -> None:
    db, pairs = powerful(nodes, edges)
    assert set(q(text, db)) == expected(text, pairs)


def test_a_cycle_over_two_databases_and_a_collection() -> None:
    db, pairs = powerful(200, 2000)
    text = "[:find ?a ?b ?c :in $ $1 $2 :where [?a :to ?b] [$1 ?b :to ?c] [$2 ?c ?a]]"
    assert set(q(text, db, db, list(pairs))) == expected(TRIANGLES, pairs)


def test_nothing_is_wider_than_ten_times_answer_and_input() -> None:
    db, pairs = powerful(3000, 16_000)
    triangles = len(expected(TRIANGLES, pairs))
    outs = np.bincount([a for a, _ in pairs], minlength=3001)
    paths = int(sum(outs[b] for _, b in pairs))
    most = 2 * (triangles + len(pairs))
    assert paths > 3 * most
    assert len(q(TRIANGLES, db, max_rows=most)) == triangles
    steps = explain(TRIANGLES, db, analyze=True).steps
    assert [step["how"] for step in steps] == ["scan", "intersect"]


def test_paths_of_squares_are_taken_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "STRETCH", 4096)
    db, pairs = powerful(3000, 8_000)
    squares = q(SQUARES, db)
    assert set(squares) == expected(SQUARES, pairs)
    most = 10 * (len(squares) + len(pairs))
    assert len(q(SQUARES, db, max_rows=most)) == len(squares)
    plan = explain(SQUARES, db, analyze=True)
    assert plan.rows == len(squares)
    assert len(plan.steps) == len({step["clause"] for step in plan.steps})
