"""The benchmark's queries in the past and in the present: half of all rows ended, and twenty versions.

Every version gives each person the values of the next one, so that all instants have equally many
matching rows, and only where they are differs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import datamem
from bench.frame import people
from bench.frame.byhand import BY_HAND, Sorted
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, here, in_turns
from bench.queries import CASES, Case, rounded

View = Callable[[], datamem.Db]

PEOPLE = 20_000
FACTOR, MANY_VERSIONS = 1.5, 20


def version(number: int) -> people.Columns:
    """Return the codes of version 0, 1, …: each person has what the next one had before."""
    return {name: np.roll(column, -number) for name, column in people.codes(PEOPLE).items()}


def version_maps(number: int) -> list[dict[str, Any]]:
    """Return a version as transaction data."""
    found = people.maps(PEOPLE)
    values = [{k: v for k, v in person.items() if k != ":db/id"} for person in found]
    shifted = values[number:] + values[:number]
    return [{":db/id": i, **value} for i, value in enumerate(shifted, start=1)]


def build(conn: datamem.Connection, versions: int) -> list[int]:
    """Transact all versions and return the t of each."""
    return [conn.transact(version_maps(number)).t for number in range(versions)]


def views_of(db: datamem.Db, t: int) -> dict[str, View]:
    """Return the present, a past value that is kept, and one that is made anew each time."""
    past = db.as_of(t)
    return {"present": lambda: db, "past": lambda: past, "anew": lambda: db.as_of(t)}


def check_view(db: datamem.Db, number: int) -> None:
    """Compare every query's answer with numpy over the version's columns."""
    data = Sorted.of(version(number))
    for case in CASES:
        ours = rounded(db.q(case.text, *case.inputs).rows())
        assert ours == rounded(data.rows(BY_HAND[case.name](data, *case.inputs))), case.name


def compare(case: Case, views: dict[str, View]) -> dict[str, Times]:
    """Return the times of a query in every view, rows as tuples, taken in turns."""
    works = {
        name: here(lambda view=view: view().q(case.text, *case.inputs).rows(), 0.05)  # type: ignore[misc]
        for name, view in views.items()
    }
    return in_turns(works)


def run(options: Options) -> Report:
    report = Report(
        f"as_of beside the present, {PEOPLE:,} people, rows as tuples: median of single calls",
        ("present", "as_of", "as_of anew", "ratio"),
    )
    measure(options, report, 2, 0, FACTOR)
    measure(options, report, MANY_VERSIONS, MANY_VERSIONS // 2, FACTOR * MANY_VERSIONS)
    report.notes += [
        "two versions: half of all rows ended; as of the first",
        "as_of: one value asked again; as_of anew: `db.as_of(t)` made for each call",
        f"{MANY_VERSIONS} versions: so many history rows match for each row of the answer",
        f"the target is {FACTOR}x the present's cost for each matching history row",
        "every answer checked against numpy over that version's columns",
    ]
    return report


def measure(
    options: Options, report: Report, versions: int, number: int, factor: float
) -> None:
    """Add every query as of version `number` beside the present, before and after a merge."""
    with options.scratch() as path, datamem.connect(path / "db", people.SCHEMA) as conn:
        ts = build(conn, versions)
        for where in ("as committed", "merged"):
            if where == "merged":
                conn.compact()
            views = views_of(conn.db, ts[number])
            check_view(views["present"](), versions - 1)
            check_view(views["past"](), number)
            check_view(views["anew"](), number)
            for case in CASES:
                what = f"{versions} versions, {where}: {case.name}"
                add(report, what, compare(case, views), factor)


def add(report: Report, what: str, found: dict[str, Times], factor: float) -> None:
    """Add a query."""
    present, past = found["present"].median, found["past"].median
    report.add(
        what,
        seconds_text(present),
        seconds_text(past),
        seconds_text(found["anew"].median),
        times_text(past / present),
        target=f"at most {factor}x",
        is_met=past <= factor * present,
    )
