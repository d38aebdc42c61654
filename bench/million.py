"""The benchmark's queries over a million people: what a result row costs, beside 20,000 people.

Both databases are compacted, so that a row costs the same work in both: a bulk load leaves two levels.
"""

from __future__ import annotations

import datamem
from bench.frame import people
from bench.frame.byhand import BY_HAND, Answer, Sorted
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, Work, here, in_turns
from bench.queries import CASES, rounded

MANY, FEW = 1_000_000, 20_000


def times_of(conn: datamem.Connection, count: int) -> dict[str, tuple[dict[str, Times], int]]:
    """Return the times and the number of rows of every query, checked against numpy."""
    conn.load(people.columns(count))
    conn.compact()
    db, data = conn.db, Sorted.of(people.codes(count))
    found = {}
    for case in CASES:
        by_hand = BY_HAND[case.name]
        rows = rounded(db.q(case.text, *case.inputs).rows())
        assert rows == rounded(data.rows(by_hand(data, *case.inputs))), case.name
        measures = {
            "tuples": here(lambda: db.q(case.text, *case.inputs).rows(), 0.3),  # noqa: B023
            "columns": here(lambda: db.q(case.text, *case.inputs), 0.3),  # noqa: B023
            "numpy": here(lambda: by_hand(data, *case.inputs), 0.3),  # noqa: B023
            "bare tuples": here(bare_tuples(by_hand(data, *case.inputs)), 0.3),
        }
        found[case.name] = in_turns(measures, rounds=2), len(rows)
    return found


def bare_tuples(answer: Answer) -> Work:
    """Return a call that makes Python tuples of an answer's columns, and nothing else."""
    columns = [column for _, column in answer]
    return lambda: list(zip(*[column.tolist() for column in columns], strict=True))


def run(options: Options) -> Report:
    many = options.size or MANY
    report = Report(
        f"The DataScript benchmark's queries, {many:,} people beside {FEW:,}, compacted",
        ("datamem", "rows", "a row", "of few", "bare", "bare, few", "numpy", "ratio"),
    )
    found = {}
    for count in (FEW, many):
        with options.scratch() as path, datamem.connect(path / "db", people.SCHEMA) as conn:
            found[count] = times_of(conn, count)
    for case in CASES:
        add(report, case.name, found[FEW][case.name], found[many][case.name])
    report.notes += [
        "bare: making as many tuples of plain numpy columns, nothing else; they outgrow the caches",
        "ratio: columns by bare numpy; results checked against it",
        "an aggregate has as many rows for a million people as for few",
    ]
    return report


def add(
    report: Report,
    name: str,
    few: tuple[dict[str, Times], int],
    many: tuple[dict[str, Times], int],
) -> None:
    """Add a query, rows as tuples and as columns: what a row costs, beside a row of few people."""
    (few_times, few_count), (times, count) = few, many
    is_compared = name != "aggregates"
    for how, what in (("tuples", name), ("columns", f"{name}, columns")):
        per_row, per_few = times[how].median / count, few_times[how].median / few_count
        cells = [seconds_text(times[how].median), f"{count:,}", nanoseconds(per_row)]
        cells.append(nanoseconds(per_few))
        if how == "tuples":
            bare = times["bare tuples"].median / count
            cells += [
                nanoseconds(bare),
                nanoseconds(few_times["bare tuples"].median / few_count),
            ]
        else:
            ratio = times["columns"].median / times["numpy"].median
            cells += ["", "", seconds_text(times["numpy"].median), times_text(ratio)]
        report.add(
            what,
            *cells,
            target="a row no dearer" if is_compared else "",
            is_met=per_row <= per_few if is_compared else None,
        )


def nanoseconds(seconds: float) -> str:
    """Return a time in nanoseconds."""
    nanos = seconds * 1e9
    return f"{nanos:,.1f} ns" if nanos < 10 else f"{nanos:,.0f} ns"
