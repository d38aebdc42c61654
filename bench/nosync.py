"""One thread commits without fsync: what the engine itself costs."""

from __future__ import annotations

import datamem
from bench.frame import people
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text
from bench.frame.timing import Times, timed

TRANSACTIONS = 20_000
ROUNDS = 3
TARGET_RATE = 10_000


def commit_all(conn: datamem.Connection, has_meta: bool) -> Times:
    """Commit one entity a transaction and return single times."""
    meta = {":run": "r-1"} if has_meta else None
    took = [
        timed(lambda: conn.transact([entity], meta))  # noqa: B023 - called at once
        for entity in people.maps(TRANSACTIONS, ids="none")
    ]
    return Times.of(took)


def run(options: Options) -> Report:
    report = Report(
        f"Transactions a second of one thread without fsync, best of {ROUNDS} rounds",
        ("rate", "p50 of a call", "p99", "p99.9", "slowest"),
    )
    schema = {**people.SCHEMA, ":run": people.SCHEMA[":name"]}
    for place in ("directory", "memory"):
        with options.scratch() as path:
            where = path / "db" if place == "directory" else ":memory:"
            with datamem.connect(where, schema, fsync="off") as conn:
                rounds = [commit_all(conn, has_meta=False) for _ in range(ROUNDS)]
        best = min(rounds, key=lambda times: sum(times.seconds))
        rate = TRANSACTIONS / sum(best.seconds)
        is_target = place == "directory"
        report.add(
            f"one entity of five attributes, in a {place}"
            if is_target
            else "the same, in memory",
            rate_text(rate, "tx"),
            *[seconds_text(best.quantile(part)) for part in (0.5, 0.99, 0.999)],
            seconds_text(best.most),
            target=rate_text(TARGET_RATE, "tx") if is_target else "",
            is_met=rate >= TARGET_RATE if is_target else None,
        )
    report.notes.append("merges and index roots are paid by these calls")
    return report
