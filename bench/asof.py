"""The benchmark's queries in the past and in the present: half of all rows ended, and twenty versions.

Every version gives each person the values of the next one, so that all instants have equally many
matching rows, and only where they are differs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import datamem
from bench.frame import people
from bench.frame.byhand import BY_HAND, Sorted
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, here, in_turns
from bench.queries import CASES, Case, rounded

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


def check_view(db: datamem.Db, number: int) -> None:
    """Compare every query's answer with numpy over the version's columns."""
    data = Sorted.of(version(number))
    for case in CASES:
        ours = rounded(db.q(case.text, *case.inputs).rows())
        assert ours == rounded(data.rows(BY_HAND[case.name](data))), case.name


def work_of(db: datamem.Db, case: Case) -> Any:
    """Return the call that is timed: rows as tuples."""
    return lambda: db.q(case.text, *case.inputs).rows()


def compare(case: Case, views: dict[str, datamem.Db]) -> dict[str, Times]:
    """Return the times of a query in every view, taken in turns."""
    return in_turns({name: here(work_of(db, case), 0.1) for name, db in views.items()})


def run(options: Options) -> Report:
    report = Report(
        f"as_of beside the present, {PEOPLE:,} people, rows as tuples: median of single calls",
        ("present", "as_of", "ratio"),
    )
    measure(options, report, 2, 0, FACTOR)
    measure(options, report, MANY_VERSIONS, MANY_VERSIONS // 2, FACTOR * MANY_VERSIONS)
    report.notes += [
        "two versions: half of all rows ended; as of the first",
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
            views = {"present": conn.db, "past": conn.db.as_of(ts[number])}
            check_view(views["past"], number)
            check_view(views["present"], versions - 1)
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
        times_text(past / present),
        target=f"at most {factor}x",
        is_met=past <= factor * present,
    )
