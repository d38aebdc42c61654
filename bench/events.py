"""Events of runs: appending without and with fsync, the latter beside a bare append, and reading one."""

from __future__ import annotations

import os
from pathlib import Path

import datamem
from bench.commit import entry_bytes
from bench.frame.bare import BareLog
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text, times_text
from bench.frame.timing import Times, timed
from datamem import runs

EVENTS = 20_000
ROUNDS = 5
DURABLE_CALLS = 2_000
READS = 5_000
TARGET_RATE = 5_000
ALLOWED_FACTOR, ALLOWED_MORE_S = 1.2, 200e-6
READ_TARGET_S = 50e-6

PAYLOAD = {
    "tool": "search",
    "arguments": {"query": "flights to Oslo", "limit": 5},
    "result": "x" * 80,
}


def append_all(path: Path, count: int) -> Times:
    """Append events to one run of a new database without fsync; return single times."""
    took = []
    with datamem.connect(path, fsync="off") as conn, runs.begin_run(conn) as run:
        for i in range(count):
            payload = PAYLOAD | {"i": i}
            took.append(timed(lambda: runs.append_event(run, "tool_call", payload)))  # noqa: B023
    return Times.of(took)


def durable(path: Path) -> tuple[Times, Times, int]:
    """Append durably, in turn with bare appends of as many bytes; return the times of both, and bytes."""
    ours, bares = [], []
    with datamem.connect(path / "durable") as conn, runs.begin_run(conn) as run:
        runs.append_event(run, "tool_call", PAYLOAD | {"i": -1})
        size = entry_bytes(conn)
        bare = BareLog(path / "bare", 4 << 20)
        data = os.urandom(size)
        for i in range(DURABLE_CALLS):
            payload = PAYLOAD | {"i": i}
            ours.append(timed(lambda: runs.append_event(run, "tool_call", payload)))  # noqa: B023
            bares.append(timed(lambda: bare.append(data)))
        bare.close()
    return Times.of(ours), Times.of(bares), size


def reading(path: Path) -> tuple[Times, float]:
    """Return single times of reading events here and there of the run, and seconds to verify it all."""
    with datamem.connect(path, fsync="off") as conn:
        [record] = runs.list_runs(conn.db)
        db = conn.db
        places = [(i * 7919) % EVENTS + 1 for i in range(READS)]
        took = [timed(lambda: runs.get_event(db, record.id, n)) for n in places]  # noqa: B023
        seconds = timed(lambda: runs.check_events(record.id, db))
    return Times.of(took), seconds


def run(options: Options) -> Report:
    report = Report(
        "Events of a run, a payload of 150 bytes each",
        ("datamem", "bare append", "p50 of a call", "p99", "ratio"),
    )
    with options.scratch() as path:
        rounds = [append_all(path / f"db{n}", EVENTS) for n in range(ROUNDS)]
        best = min(rounds, key=lambda times: sum(times.seconds))
        rate = EVENTS / sum(best.seconds)
        report.add(
            "append_event, without fsync",
            rate_text(rate, "events"),
            "",
            seconds_text(best.median),
            seconds_text(best.quantile(0.99)),
            "",
            target=rate_text(TARGET_RATE, "events"),
            is_met=rate >= TARGET_RATE,
        )
        ours, bares, size = durable(path)
        allowed = ALLOWED_FACTOR * bares.median + ALLOWED_MORE_S
        report.add(
            "append_event, durable",
            seconds_text(ours.median),
            seconds_text(bares.median),
            seconds_text(ours.median),
            seconds_text(ours.quantile(0.99)),
            times_text(ours.median / bares.median),
            target=f"1.2x bare + 200 µs = {seconds_text(allowed)}",
            is_met=ours.median <= allowed,
        )
        reads, verify_s = reading(path / "db0")
        report.add(
            f"get_event among {EVENTS:,}",
            seconds_text(reads.median),
            "",
            seconds_text(reads.median),
            seconds_text(reads.quantile(0.99)),
            "",
            target=seconds_text(READ_TARGET_S),
            is_met=reads.median <= READ_TARGET_S,
        )
        report.add(f"verify of {EVENTS:,} events", seconds_text(verify_s))
    report.notes.append(
        f"{size} bytes an event in the log; best of {ROUNDS} runs of {EVENTS:,}"
    )
    return report
