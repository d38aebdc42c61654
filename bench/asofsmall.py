"""Small questions and cyclic ones, as of before half of all rows ended, beside the present.

The same shape at both instants: everybody has what the next one had, every edge leads from and to the next node.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np

import datamem
from bench import graph
from bench.frame import store
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Work, calls_for, in_turns
from bench.point import THREE
from bench.store import QUERY

PEOPLE = 20_000
FACTOR = 1.5

Ask = Callable[[datamem.Db], object]

POINTS = {
    "one attribute by unique id": QUERY,
    "three clauses and a predicate": THREE.format(limit=500),
}
CYCLES = {"triangles": graph.TRIANGLES, "4-cycles": graph.CYCLES}


def build_people(conn: datamem.Connection) -> int:
    """Load people and give each the values of the next one; return the t before that."""
    columns = store.columns(PEOPLE)
    conn.load(columns)
    t = conn.db.basis_t
    ids = columns.pop(":id")
    rolled = {name: np.roll(column, -1).tolist() for name, column in columns.items()}
    conn.transact(
        [
            {":id": i, **dict(zip(rolled, values, strict=True))}
            for i, *values in zip(ids.tolist(), *rolled.values(), strict=True)
        ]
    )
    return t


def build_graph(conn: datamem.Connection) -> int:
    """Transact the edges, then those between the next nodes instead; return the t before that."""
    source, target = graph.edges()
    first = set(zip(source.tolist(), target.tolist(), strict=True))
    second = {(a % graph.NODES + 1, b % graph.NODES + 1) for a, b in first}
    t = conn.transact([[":db/add", a, ":to", b] for a, b in first]).t
    gone = [[":db/retract", a, ":to", b] for a, b in first - second]
    conn.transact([*gone, *([":db/add", a, ":to", b] for a, b in second - first)])
    return t


def asking(text: str) -> Ask:
    """Return a call that asks for one person after the other."""
    ids = itertools.cycle(range(0, PEOPLE, 7))

    def ask(db: datamem.Db) -> object:
        return db.q(text, next(ids))

    return ask


def check_people(db: datamem.Db, rolled: int) -> None:
    """Compare some answers with the columns they were made of."""
    salaries = np.roll(store.columns(PEOPLE)[":salary"], -rolled)
    for i in range(0, PEOPLE, 997):
        assert db.q(QUERY, i) == salaries[i], i


def check_graph(db: datamem.Db) -> None:
    """Compare the counts with those of numpy: both instants have as many."""
    triangles, cycles, _ = graph.expected()
    assert db.q(graph.TRIANGLES) == triangles
    assert db.q(graph.CYCLES) == cycles


def compare(report: Report, what: str, db: datamem.Db, t: int, asks: Mapping[str, Ask]) -> None:
    """Add every question of one database, as of t beside now."""
    past = db.as_of(t)
    seconds, least = (0.2, 3) if what.startswith("point") else (0.3, 1)
    for name, ask in asks.items():
        works: dict[str, Work] = {
            "present": lambda: ask(db),  # noqa: B023
            "past": lambda: ask(past),  # noqa: B023
            "anew": lambda: ask(db.as_of(t)),  # noqa: B023
        }
        measures = {
            key: lambda work=work: calls_for(work, seconds, least=least)
            for key, work in works.items()
        }
        found = in_turns(measures, rounds=3)
        ratio = found["past"].median / found["present"].median
        report.add(
            f"{what}: {name}",
            *(seconds_text(found[key].median) for key in works),
            times_text(ratio),
            target=f"at most {FACTOR}x",
            is_met=ratio <= FACTOR,
        )


def run(options: Options) -> Report:
    report = Report(
        "as_of beside the present, half of all rows ended: median of single calls",
        ("present", "as_of", "as_of anew", "ratio"),
    )
    points = {name: asking(text) for name, text in POINTS.items()}
    cycles = {name: lambda db, text=text: db.q(text) for name, text in CYCLES.items()}
    with options.scratch() as path:
        with datamem.connect(path / "people", store.SCHEMA, fsync="off") as conn:
            t = build_people(conn)
            for where in ("as committed", "merged"):
                if where == "merged":
                    conn.compact()
                check_people(conn.db, 1)
                check_people(conn.db.as_of(t), 0)
                compare(report, f"point, {where}", conn.db, t, points)
        with datamem.connect(path / "graph", graph.SCHEMA, fsync="off") as conn:
            t = build_graph(conn)
            for where in ("as committed", "merged"):
                if where == "merged":
                    conn.compact()
                check_graph(conn.db)
                check_graph(conn.db.as_of(t))  # and warms both up
                compare(report, f"graph, {where}", conn.db, t, cycles)
    report.notes.append("answers at both instants checked against numpy")
    return report
