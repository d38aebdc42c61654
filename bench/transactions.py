"""Serializable transactions: 100,000 of eight threads, their recorded history checked to be serial."""

from __future__ import annotations

import time

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, rate_text
from bench.frame.serial import SCHEMA, fill, find_anomaly, run_threads

TRANSACTIONS = 100_000
THREADS = 8
KEYS = (1_000, 50)
"""Many items: few conflicts; few items: many."""


def run(options: Options) -> Report:
    report = Report(
        f"{TRANSACTIONS:,} random read-write transactions of {THREADS} threads",
        ("rate", "retries", "anomalies"),
    )
    count = options.size or TRANSACTIONS
    for keys in KEYS:
        with (
            options.scratch() as path,
            datamem.connect(path / "db", SCHEMA, fsync="off") as conn,
        ):
            items = fill(conn, keys)
            each = count // len(KEYS) // THREADS
            start = time.perf_counter()
            history, retries = run_threads(conn, THREADS, each, seed=1, keys=keys)
            seconds = time.perf_counter() - start
        anomaly = find_anomaly(items, history)
        report.add(
            f"{len(history):,} among {keys:,} items",
            rate_text(len(history) / seconds, "tx"),
            f"{retries:,}",
            "none" if anomaly is None else anomaly,
            target="no phantom, lost update or write skew",
            is_met=anomaly is None,
        )
    report.notes.append(
        "each read of each transaction has the result that a serial execution gives it"
    )
    return report
