"""Triangles and 4-cycles of a power-law graph of 100,000 edges: the largest intermediate result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import datamem
from bench.frame import people
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import timed
from datamem.edn import Keyword
from datamem.errors import DatamemError

NODES, EDGES, EXPONENT = 30_000, 100_000, 3.0
FACTOR, MAX_ROWS = 10, 20_000_000

SCHEMA = {
    ":to": {
        ":db/valueType": Keyword(":db.type/ref"),
        ":db/cardinality": Keyword(":db.cardinality/many"),
    }
}
TRIANGLES = """[:find (count ?a) . :with ?b ?c
                :where [?a :to ?b] [?b :to ?c] [?c :to ?a]]"""
CYCLES = """[:find (count ?a) . :with ?b ?c ?d
             :where [?a :to ?b] [?b :to ?c] [?c :to ?d] [?d :to ?a]]"""

Int64 = NDArray[np.int64]


def edges() -> tuple[Int64, Int64]:
    """Return distinct edges between nodes whose degrees follow a power law of exponent 2.5."""
    rng = np.random.default_rng(people.SEED)
    ends = (NODES * rng.random((2, EDGES + EDGES // 4)) ** EXPONENT).astype(np.int64) + 1
    packed = np.unique(ends[0][ends[0] != ends[1]] * (NODES + 1) + ends[1][ends[0] != ends[1]])
    packed = np.sort(rng.permutation(packed)[:EDGES])
    return packed // (NODES + 1), packed % (NODES + 1)


def two_paths(source: Int64, target: Int64) -> tuple[Int64, Int64]:
    """Return (pairs packed, how many paths of two edges connect each)."""
    starts = np.searchsorted(source, target)
    counts = np.searchsorted(source, target, side="right") - starts
    offsets = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    ends = target[np.arange(int(counts.sum())) + offsets]
    return np.unique(np.repeat(source, counts) * (NODES + 1) + ends, return_counts=True)


def expected() -> tuple[int, int, int]:
    """Return how many triangles, 4-cycles and two-paths there are."""
    source, target = edges()
    pairs, counts = two_paths(source, target)
    back = (pairs % (NODES + 1)) * (NODES + 1) + pairs // (NODES + 1)
    closing = np.isin(back, source * (NODES + 1) + target)
    at = np.minimum(np.searchsorted(pairs, back), len(pairs) - 1)
    returning = np.where(pairs[at] == back, counts[at], 0)
    return int(counts[closing].sum()), int((counts * returning).sum()), int(counts.sum())


def run(options: Options) -> Report:
    report = Report(
        f"Cycles of a power-law graph of {EDGES:,} edges: the largest step beside answer and input",
        ("answer", "largest step", "time", "ratio"),
    )
    source, target = edges()
    triangles, cycles, paths = expected()
    with options.scratch() as path, datamem.connect(path / "db", SCHEMA, fsync="off") as conn:
        conn.transact(
            [
                [":db/add", a, ":to", b]
                for a, b in zip(source.tolist(), target.tolist(), strict=True)
            ]
        )
        for what, query, count in (
            ("triangles", TRIANGLES, triangles),
            ("4-cycles", CYCLES, cycles),
        ):
            add(report, conn.db, what, query, count)
    report.notes.append(
        f"there are {paths:,} paths of two edges; counts checked by hand in numpy"
    )
    return report


def add(report: Report, db: datamem.Db, what: str, query: str, count: int) -> None:
    """Add a query: its answer, and the rows that its largest step made."""
    target = f"at most {FACTOR}x answer + input"
    try:
        seconds = timed(lambda: db.q(query, max_rows=MAX_ROWS))
        found = db.q(query, max_rows=MAX_ROWS)
    except DatamemError as error:
        report.add(what, f"{count:,}", "", "", "", target=target, is_met=False)
        report.notes.append(f"{what}: {error.code} at {MAX_ROWS:,} rows")
        return
    assert found == count, (found, count)
    largest = max(step["rows_out"] for step in db.explain(query, analyze=True).steps)
    ratio = largest / (count + EDGES)
    report.add(
        what,
        f"{count:,}",
        f"{largest:,} rows",
        seconds_text(seconds),
        times_text(ratio),
        target=target,
        is_met=ratio <= FACTOR,
    )
