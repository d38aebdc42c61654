"""Sixteen threads commit durably: their transactions share syncs."""

from __future__ import annotations

import threading
import time

import datamem
from bench.frame import people
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text
from bench.frame.timing import Times, timed

COUNTS = (1, 4, 16, 64)
TRANSACTIONS = 8_000
ROUNDS = 3
TARGET_THREADS, TARGET_RATE = 16, 8_000


def commit_from(conn: datamem.Connection, thread_count: int) -> tuple[float, Times]:
    """Commit one entity a transaction from several threads; return the rate and single times."""
    per_thread = TRANSACTIONS // thread_count
    entities = people.maps(per_thread, ids="none")
    took: list[float] = []
    gate = threading.Barrier(thread_count + 1)

    def work() -> None:
        gate.wait()
        took.extend([timed(lambda: conn.transact([entity])) for entity in entities])  # noqa: B023

    threads = [threading.Thread(target=work) for _ in range(thread_count)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return per_thread * thread_count / (time.perf_counter() - start), Times.of(took)


def run(options: Options) -> Report:
    report = Report(
        f"Durable transactions a second of one 5-attribute entity, best of {ROUNDS} rounds",
        ("rate", "p50 of a call", "p99"),
    )
    with options.scratch() as path, datamem.connect(path / "db", people.SCHEMA) as conn:
        found: dict[int, tuple[float, Times]] = {}
        for _ in range(ROUNDS):
            for count in COUNTS:
                result = commit_from(conn, count)
                found[count] = max(found.get(count, result), result, key=lambda pair: pair[0])
    for count, (rate, times) in found.items():
        is_target = count == TARGET_THREADS
        report.add(
            f"{count} thread{'s' * (count > 1)}",
            rate_text(rate, "tx"),
            seconds_text(times.median),
            seconds_text(times.quantile(0.99)),
            target=rate_text(TARGET_RATE, "tx") if is_target else "",
            is_met=rate >= TARGET_RATE if is_target else None,
        )
    return report
