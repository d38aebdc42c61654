"""The benchmark's queries over a million people: what a result row costs, beside 20,000 people."""

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
    db, data = conn.db, Sorted.of(people.codes(count))
    found = {}
    for case in CASES:
        by_hand = BY_HAND[case.name]
        rows = rounded(db.q(case.text, *case.inputs).rows())
        assert rows == rounded(data.rows(by_hand(data))), case.name
        measures = {
            "tuples": here(lambda: db.q(case.text, *case.inputs).rows(), 0.3),  # noqa: B023
            "columns": here(lambda: db.q(case.text, *case.inputs), 0.3),  # noqa: B023
            "numpy": here(lambda: by_hand(data), 0.3),  # noqa: B023
            "bare tuples": here(bare_tuples(by_hand(data)), 0.3),
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
        f"The DataScript benchmark's queries, {many:,} people beside {FEW:,}",
        ("tuples", "rows", "a row", "of few", "bare", "bare, few", "columns", "numpy", "ratio"),
    )
    found = {}
    for count in (FEW, many):
        with options.scratch() as path, datamem.connect(path / "db", people.SCHEMA) as conn:
            found[count] = times_of(conn, count)
    for case in CASES:
        (few, few_count), (times, count) = found[FEW][case.name], found[many][case.name]
        per_row, per_few = times["tuples"].median / count, few["tuples"].median / few_count
        by_hand = times["columns"].median / times["numpy"].median
        report.add(
            case.name,
            seconds_text(times["tuples"].median),
            f"{count:,}",
            f"{per_row * 1e9:,.0f} ns",
            f"{per_few * 1e9:,.0f} ns",
            f"{times['bare tuples'].median / count * 1e9:,.0f} ns",
            f"{few['bare tuples'].median / few_count * 1e9:,.0f} ns",
            seconds_text(times["columns"].median),
            seconds_text(times["numpy"].median),
            times_text(by_hand),
            target="a row no dearer" if case.name != "aggregates" else "",
            is_met=per_row <= per_few if case.name != "aggregates" else None,
        )
    report.notes.append(
        "bare: making as many tuples of plain numpy columns, nothing else; they outgrow the caches"
    )
    report.notes.append("ratio: columns by bare numpy; results checked against it")
    report.notes.append("an aggregate has as many rows for a million people as for few")
    return report
