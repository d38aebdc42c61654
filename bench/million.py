"""The benchmark's queries over a million people: what a result row costs, beside 20,000 people.

As columns, as tuples one after another, and as a list that holds all tuples at once. Both databases are
compacted, so that a row costs the same work in both: a bulk load leaves two levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import datamem
from bench.frame import people
from bench.frame.byhand import BY_HAND, Answer, Sorted
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Work, here, in_turns
from bench.queries import CASES, Case, rounded

MANY, FEW = 1_000_000, 20_000
BARE = {"columns": "numpy", "list": "bare list"}
"""What stands beside a way to take an answer."""


@dataclass(frozen=True, slots=True)
class Side:
    """So many people: in a database, and as sorted columns.

    Attributes:
        calls: how many calls, one after another, a time of rows is taken of.
    """

    db: datamem.Db
    data: Sorted
    calls: int

    @classmethod
    def load(cls, conn: datamem.Connection, count: int, calls: int) -> Side:
        """Load them."""
        conn.load(people.columns(count))
        conn.compact()
        return cls(conn.db, Sorted.of(people.codes(count)), calls)

    def check(self, case: Case) -> int:
        """Return how many rows a query has, all of them checked against numpy."""
        by_hand = BY_HAND[case.name](self.data, *case.inputs)
        expected = rounded(self.data.rows(by_hand))
        assert rounded(self.db.q(case.text, *case.inputs)) == expected, case.name
        assert rounded(self.db.q(case.text, *case.inputs).rows()) == expected, case.name
        return len(expected)

    def works(self, case: Case) -> dict[str, Work]:
        """Return the ways to take an answer, and what stands beside them."""
        text, inputs, by_hand = case.text, case.inputs, BY_HAND[case.name]
        return {
            "columns": lambda: self.db.q(text, *inputs),
            "rows": self._taking(case),
            "list": lambda: self.db.q(text, *inputs).rows(),
            "numpy": lambda: by_hand(self.data, *inputs),
            "bare list": bare_list(by_hand(self.data, *inputs)),
        }

    def _taking(self, case: Case) -> Work:
        def work() -> None:
            for _ in range(self.calls):
                take_each(self.db.q(case.text, *case.inputs))

        return work


def costs_of(case: Case, few: Side, many: Side) -> tuple[Costs, Costs]:
    """Return the costs of a query to few and to many people, all ways taken in turns."""
    sides = {"few": few, "many": many}
    measures = {
        f"{name} {how}": here(work, 0.15)
        for name, side in sides.items()
        for how, work in side.works(case).items()
    }
    found = in_turns(measures, rounds=4)
    costs = []
    for name, side in sides.items():
        seconds = {how: found[f"{name} {how}"].median for how in side.works(case)}
        seconds["rows"] /= side.calls
        costs.append(Costs(side.check(case), seconds))
    return costs[0], costs[1]


@dataclass(frozen=True, slots=True)
class Costs:
    """What the answer to a query costs.

    Attributes:
        row_count: its rows.
        seconds: by the way it is taken.
    """

    row_count: int
    seconds: Mapping[str, float]

    def per_row(self, how: str) -> float:
        """Return the seconds a row."""
        return self.seconds[how] / self.row_count


def take_each(rows: Iterable[object]) -> None:
    """Take rows one after another, as a program does that keeps none."""
    for _ in rows:
        pass


def bare_list(answer: Answer) -> Work:
    """Return a call that makes a list of tuples of an answer's columns, and nothing else."""
    columns = [column for _, column in answer]
    return lambda: list(zip(*[column.tolist() for column in columns], strict=True))


def run(options: Options) -> Report:
    many_count = options.size or MANY
    report = Report(
        f"The DataScript benchmark's queries, {many_count:,} people beside {FEW:,}, compacted",
        ("datamem", "rows", "a row", "of few", "bare, a row", "of few", "ratio"),
    )
    with ExitStack() as stack:
        path = stack.enter_context(options.scratch())
        few, many = [
            Side.load(
                stack.enter_context(datamem.connect(path / name, people.SCHEMA)),
                count,
                many_count // count,
            )
            for name, count in (("few", FEW), ("many", many_count))
        ]
        for case in CASES:
            add(report, case.name, *costs_of(case, few, many))
    report.notes += [
        "rows: `for row in result`, which makes tuples a few at a time; list: `result.rows()`, which holds all",
        "rows of few people are timed as many calls together as make as many rows: a long call meets every pause of the machine",
        "bare: columns by hand in numpy; a list of as many tuples of plain numpy columns, nothing else",
        "a list outgrows the caches, and its memory is new: bare tuples of many people are dearer than of few, too",
        "ratio: of many people, beside bare; results checked against numpy",
        "an aggregate has as many rows for a million people as for few",
    ]
    return report


def add(report: Report, name: str, few: Costs, many: Costs) -> None:
    """Add a query, its answer taken in three ways: what a row costs, beside a row of few people."""
    is_compared = name != "aggregates"
    for how in ("columns", "rows", "list") if is_compared else ("columns",):
        cells = [seconds_text(many.seconds[how]), f"{many.row_count:,}"]
        cells += [nanoseconds(many.per_row(how)), nanoseconds(few.per_row(how))]
        if bare := BARE.get(how):
            cells += [nanoseconds(many.per_row(bare)), nanoseconds(few.per_row(bare))]
            cells.append(times_text(many.per_row(how) / many.per_row(bare)))
        is_judged = is_compared and how != "list"
        report.add(
            f"{name}, {how}",
            *cells,
            target="a row no dearer" if is_judged else "",
            is_met=many.per_row(how) <= few.per_row(how) if is_judged else None,
        )


def nanoseconds(seconds: float) -> str:
    """Return a time in nanoseconds."""
    nanos = seconds * 1e9
    return f"{nanos:,.1f} ns" if nanos < 10 else f"{nanos:,.0f} ns"
