"""Differences and forks of ten million datoms: what it costs to compare two values, and to branch one.

`python -m bench diff --size 1000000` does the same with fewer. A hundred random facts are replaced, so every
difference has the same 100 (50 salaries that went, 50 that came); it is compared with what was transacted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import datamem
from bench.frame import store
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text
from bench.frame.timing import calls_for

DATOMS = 10_000_000
CHANGES = 50
SEED = 6
FORK_S, DIFF_S = 1e-3, 50e-3
SECONDS = 1.0


def changes(count: int, seed: int) -> list[list[object]]:
    """Return tx-data that gives random people a salary nobody has."""
    people = np.random.default_rng(seed).choice(count, CHANGES, replace=False)
    return [
        [":db/add", int(person) + 1, ":salary", -int(person) - 1] for person in sorted(people)
    ]


def check(found: datamem.db.difference.Difference, tx_data: list[list[object]]) -> None:
    """Compare a difference with the transaction that made it."""
    assert [[d.e, d.v] for d in found.added] == [[e, v] for _, e, _, v in tx_data]
    assert [d.e for d in found.removed] == [e for _, e, _, _ in tx_data]


def add_diffs(
    report: Report,
    pairs: dict[str, Callable[[], tuple[datamem.Db, datamem.Db]]],
    tx_data: list[list[object]],
) -> None:
    """Add the time of each comparison, its datoms decoded; values are made anew for each call."""
    for what, pair in pairs.items():
        check(datamem.diff(*pair()), tx_data)

        def work(pair: Callable[[], tuple[datamem.Db, datamem.Db]] = pair) -> object:
            found = datamem.diff(*pair())
            return found.added, found.removed

        times = calls_for(work, SECONDS)
        report.add(
            what,
            seconds_text(times.median),
            seconds_text(times.quantile(0.99)),
            target=seconds_text(DIFF_S),
            is_met=times.median <= DIFF_S,
        )


def add_forks(report: Report, conn: datamem.Connection) -> None:
    """Add the time of a branch, and of a branch and its first transaction."""

    def fork() -> None:
        conn.fork().close()

    def fork_and_write() -> None:
        with conn.fork() as branch:
            branch.transact([[":db/add", 1, ":salary", 0]])

    for what, work in (
        ("fork", fork),
        ("fork and a first transaction in it", fork_and_write),
    ):
        times = calls_for(work, SECONDS)
        met = times.median <= FORK_S if work is fork else None
        target = seconds_text(FORK_S) if work is fork else ""
        cells = (seconds_text(times.median), seconds_text(times.quantile(0.99)))
        report.add(what, *cells, target=target, is_met=met)


def run(options: Options) -> Report:
    datoms = options.size or DATOMS
    count = datoms // 5
    report = Report(
        f"Two values that differ in {2 * CHANGES} of {datoms:,} datoms, and forks",
        ("median", "p99"),
    )
    with options.scratch() as path:
        store.build(path / "db", datoms)
        with datamem.connect(path / "db") as conn:
            add_forks(report, conn)
            tx_data = changes(count, SEED)
            before = conn.db
            branch = conn.fork()
            branch.transact(tx_data)
            after = conn.transact(tx_data).db_after
            ghost = before.with_tx(tx_data).db_after
            pairs = {
                "diff of a value kept and now": lambda: (before, conn.db),
                "diff of two instants": lambda: (
                    conn.db.as_of(before.t),
                    conn.db.as_of(after.t),
                ),
                "diff of a database and its fork": lambda: (before, branch.db),
                "diff of a value and a speculation": lambda: (before, ghost),
            }
            add_diffs(report, pairs, tx_data)
            conn.compact()
            pairs = {
                "diff of two instants, all merged into one level": (
                    lambda: (conn.db.as_of(before.t), conn.db.as_of(after.t))
                )
            }
            add_diffs(report, pairs, tx_data)
            branch.close()
    report.notes.append("the datoms of both sides are decoded in the time shown")
    return report
