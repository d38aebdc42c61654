"""The benchmark's queries over a million people: what a result row costs, beside 20,000 people.

As columns, as tuples one after another, and as a list that holds all tuples at once. Both databases are
compacted, so that a row costs the same work in both: a bulk load leaves two levels.
"""

from __future__ import annotations

from collections.abc import Iterable

import datamem
from bench.frame import people
from bench.frame.byhand import BY_HAND, Answer, Sorted
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, Work, here, in_turns
from bench.queries import CASES, rounded

MANY, FEW = 1_000_000, 20_000
BARE = {"columns": "numpy", "list": "bare list"}
"""What stands beside a way to take an answer."""


def times_of(conn: datamem.Connection, count: int) -> dict[str, tuple[dict[str, Times], int]]:
    """Return the times and the number of rows of every query, checked against numpy."""
    conn.load(people.columns(count))
    conn.compact()
    db, data = conn.db, Sorted.of(people.codes(count))
    found = {}
    for case in CASES:
        by_hand = BY_HAND[case.name]
        expected = rounded(data.rows(by_hand(data, *case.inputs)))
        assert rounded(db.q(case.text, *case.inputs)) == expected, case.name
        assert rounded(db.q(case.text, *case.inputs).rows()) == expected, case.name
        measures = {
            "columns": here(lambda: db.q(case.text, *case.inputs), 0.3),  # noqa: B023
            "rows": here(lambda: take_each(db.q(case.text, *case.inputs)), 0.3),  # noqa: B023
            "list": here(lambda: db.q(case.text, *case.inputs).rows(), 0.3),  # noqa: B023
            "numpy": here(lambda: by_hand(data, *case.inputs), 0.3),  # noqa: B023
            "bare list": here(bare_list(by_hand(data, *case.inputs)), 0.3),
        }
        found[case.name] = in_turns(measures, rounds=2), len(expected)
    return found


def take_each(rows: Iterable[object]) -> None:
    """Take rows one after another, as a program does that keeps none."""
    for _ in rows:
        pass


def bare_list(answer: Answer) -> Work:
    """Return a call that makes a list of tuples of an answer's columns, and nothing else."""
    columns = [column for _, column in answer]
    return lambda: list(zip(*[column.tolist() for column in columns], strict=True))


def run(options: Options) -> Report:
    many = options.size or MANY
    report = Report(
        f"The DataScript benchmark's queries, {many:,} people beside {FEW:,}, compacted",
        ("datamem", "rows", "a row", "of few", "bare, a row", "of few", "ratio"),
    )
    found = {}
    for count in (FEW, many):
        with options.scratch() as path, datamem.connect(path / "db", people.SCHEMA) as conn:
            found[count] = times_of(conn, count)
    for case in CASES:
        add(report, case.name, found[FEW][case.name], found[many][case.name])
    report.notes += [
        "rows: `for row in result`, which makes tuples a few at a time; list: `result.rows()`, which holds all",
        "bare: columns by hand in numpy; a list of as many tuples of plain numpy columns, nothing else",
        "a list outgrows the caches, and its memory is new: bare tuples of many people are dearer than of few, too",
        "ratio: of many people, beside bare; results checked against numpy",
        "an aggregate has as many rows for a million people as for few",
    ]
    return report


def add(
    report: Report,
    name: str,
    few: tuple[dict[str, Times], int],
    many: tuple[dict[str, Times], int],
) -> None:
    """Add a query, its answer taken in three ways: what a row costs, beside a row of few people."""
    (few_times, few_count), (times, count) = few, many
    is_compared = name != "aggregates"
    for how in ("columns", "rows", "list") if is_compared else ("columns",):
        per_row, per_few = times[how].median / count, few_times[how].median / few_count
        cells = [seconds_text(times[how].median), f"{count:,}"]
        cells += [nanoseconds(per_row), nanoseconds(per_few)]
        if bare := BARE.get(how):
            beside = times[bare].median / count
            cells += [nanoseconds(beside), nanoseconds(few_times[bare].median / few_count)]
            cells.append(times_text(per_row / beside))
        is_judged = is_compared and how != "list"
        report.add(
            f"{name}, {how}",
            *cells,
            target="a row no dearer" if is_judged else "",
            is_met=per_row <= per_few if is_judged else None,
        )


def nanoseconds(seconds: float) -> str:
    """Return a time in nanoseconds."""
    nanos = seconds * 1e9
    return f"{nanos:,.1f} ns" if nanos < 10 else f"{nanos:,.0f} ns"
