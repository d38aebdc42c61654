"""Rules, a genealogy and cycles in the past and in the present: half of all rows ended.

Each database gets its facts, loses them, and gets them again for other entities: both instants have
equally many rows and equal answers, and only where they are differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import thread_time
from typing import Any

import datamem
from bench import genealogy, graph, rules
from bench.asof import FACTOR, View, add, views_of
from bench.frame.options import Options
from bench.frame.report import Report
from bench.frame.timing import here, in_turns, timed

PEOPLE = 50_000
MOVED = 100_000
"""How far the entities of the second version are from those of the first."""

LONG_S = 0.5
"""A question that takes longer is asked three times, not nine."""

Ask = Callable[[datamem.Db], Any]


def run(options: Options) -> Report:
    report = Report(
        "as_of beside the present, half of all rows ended: processor time, median of single calls",
        ("present", "as_of", "as_of anew", "ratio"),
    )
    for kind, depth, width in rules.SHAPES:
        edges = list((rules.wide if kind == "wide" else rules.long)(depth, width))
        measure_rules(options, report, f"rules-{kind}{depth}x{width}", edges)
    measure_cycles(options, report)
    measure_genealogy(options, report, options.size or PEOPLE)
    report.notes += [
        "as_of: one value asked again; as_of anew: `db.as_of(t)` made for each call",
        f"the genealogy is of {options.size or PEOPLE:,} people",
        "answers checked by plain walks and numpy before timing",
    ]
    return report


def build_edges(
    conn: datamem.Connection, attribute: str, edges: Sequence[tuple[int, int]]
) -> int:
    """Transact edges, then move them all; return the t of the first version."""
    adds = [[":db/add", a, attribute, b] for a, b in edges]
    t = conn.transact(adds).t
    ended = [[":db/retract", a, attribute, b] for a, b in edges]
    moved = [[":db/add", a + MOVED, attribute, b + MOVED] for a, b in edges]
    conn.transact([*ended, *moved])
    return t


def compare(
    report: Report, what: str, conn: datamem.Connection, t: int, cases: dict[str, Ask]
) -> None:
    """Add every question as of `t` beside the present, before and after a merge."""
    for where in ("as committed", "merged"):
        if where == "merged":
            conn.compact()
        views = views_of(conn.db, t)
        for name, ask in cases.items():
            works = {
                view: here(lambda ask=ask, db=db: ask(db()), 0.1, clock=thread_time)  # type: ignore[misc]
                for view, db in views.items()
            }
            is_long = timed(lambda ask=ask: ask(conn.db)) > LONG_S  # type: ignore[misc]
            found = in_turns(works, rounds=1 if is_long else 3)
            add(report, f"{what}, {where}: {name}", found, FACTOR)


def check(conn: datamem.Connection, t: int, ask: Ask, past: Any, present: Any) -> None:
    """Compare the answers of both instants with what they must be."""
    views: dict[str, View] = views_of(conn.db, t)
    assert ask(views["past"]()) == past
    assert ask(views["present"]()) == present


def measure_rules(
    options: Options, report: Report, shape: str, edges: list[rules.Edge]
) -> None:
    """Add the closure of a shape."""
    expected = rules.closure(edges)
    with (
        options.scratch() as path,
        datamem.connect(path / "db", rules.SCHEMA, fsync="off") as conn,
    ):
        t = build_edges(conn, ":follows", edges)
        moved = {(a + MOVED, b + MOVED) for a, b in expected}
        check(conn, t, lambda db: set(db.q(rules.QUERY, rules.RULES)), expected, moved)
        compare(
            report, shape, conn, t, {"all": lambda db: db.q(rules.QUERY, rules.RULES).rows()}
        )


def measure_cycles(options: Options, report: Report) -> None:
    """Add triangles and 4-cycles of a power-law graph."""
    source, target = graph.edges()
    triangles, cycles, _ = graph.expected()
    edges = list(zip(source.tolist(), target.tolist(), strict=True))
    with (
        options.scratch() as path,
        datamem.connect(path / "db", graph.SCHEMA, fsync="off") as conn,
    ):
        t = build_edges(conn, ":to", edges)
        check(conn, t, lambda db: db.q(graph.TRIANGLES), triangles, triangles)
        check(conn, t, lambda db: db.q(graph.CYCLES), cycles, cycles)
        cases: dict[str, Ask] = {
            "triangles": lambda db: db.q(graph.TRIANGLES),
            "4-cycles": lambda db: db.q(graph.CYCLES),
        }
        compare(report, "graph", conn, t, cases)


def measure_genealogy(options: Options, report: Report, count: int) -> None:
    """Add the queries of the genealogy."""
    world = genealogy.World.of(count)
    person = count - 7
    name = f"person {person}"
    with (
        options.scratch() as path,
        datamem.connect(path / "db", genealogy.SCHEMA, fsync="off") as conn,
    ):
        world.load(conn)
        t, last = conn.db.basis_t, conn.db.next_entity
        first = last - 2 * count
        conn.transact([[":db/retractEntity", e] for e in range(first, last)])
        world.load(conn)
        cases: dict[str, Ask] = {}
        for case in genealogy.CASES:
            ask = _asked(case, name)
            expected = world.expected(case, person)
            check(conn, t, lambda db, ask=ask: set(ask(db)), expected, expected)  # type: ignore[misc]
            cases[case.name] = ask
        compare(report, "genealogy", conn, t, cases)


def _asked(case: genealogy.Case, name: str) -> Ask:
    return lambda db: db.q(case.query, case.rules, name)
