"""Keys and states: reading and writing one, and sixteen threads that swap one record."""

from __future__ import annotations

import threading
import time

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text
from bench.frame.timing import Times, timed
from datamem.errors import StateError
from datamem.kv import States, Store

KEYS = 10_000
CALLS = 5_000
THREADS = 16
SWAPS_A_THREAD = 500
ROUNDS = 3
READ_TARGET_S = 50e-6
SWAP_TARGET_RATE = 2_000


def swap_all(states: States, name: str) -> tuple[int, int, float]:
    """Count up one record from all threads; return swaps asked for, swaps done, and seconds."""
    asked = [0] * THREADS
    gate = threading.Barrier(THREADS + 1)

    def work(n: int) -> None:
        gate.wait()
        for _ in range(SWAPS_A_THREAD):
            while True:
                seen = states.read(name)
                asked[n] += 1
                try:
                    states.compare_and_swap(name, seen.version, (seen.value or 0) + 1)
                    break
                except StateError:
                    continue

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    done = states.read(name)
    assert done.value == done.version == THREADS * SWAPS_A_THREAD, "an update was lost"
    return sum(asked), done.version, seconds


def run(options: Options) -> Report:
    report = Report("Keys and states, without fsync", ("datamem", "p99"))
    with options.scratch() as path, datamem.connect(path / "db", fsync="off") as conn:
        store, states = Store(conn, "acme/bench"), States(conn)
        puts = [timed(lambda: store.put(f"key/{i}", {"n": i})) for i in range(KEYS)]  # noqa: B023
        names = [f"key/{(i * 7919) % KEYS}" for i in range(CALLS)]
        reads = [timed(lambda: store.get(name)) for name in names]  # noqa: B023
        again = [timed(lambda: store.put(name, {"n": -1})) for name in names]  # noqa: B023
        after = [timed(lambda: store.get(name)) for name in names]  # noqa: B023
        swaps = [swap_all(states, f"count/{n}") for n in range(ROUNDS)]
    for what, seconds in (("put a new key", puts), ("put again", again)):
        times = Times.of(seconds)
        report.add(what, seconds_text(times.median), seconds_text(times.quantile(0.99)))
    for what, seconds in (
        (f"get one of {KEYS:,} keys", reads),
        ("get one that was put again", after),
    ):
        times = Times.of(seconds)
        report.add(
            what,
            seconds_text(times.median),
            seconds_text(times.quantile(0.99)),
            target=seconds_text(READ_TARGET_S),
            is_met=times.median <= READ_TARGET_S,
        )
    asked, done, seconds_taken = min(swaps, key=lambda found: found[2] / found[0])
    report.add(
        f"compare_and_swap by {THREADS} threads on one record",
        rate_text(asked / seconds_taken, "swap"),
        target=rate_text(SWAP_TARGET_RATE, "swap"),
        is_met=asked / seconds_taken >= SWAP_TARGET_RATE,
    )
    report.add("of these successful", rate_text(done / seconds_taken, "swap"))
    report.notes.append(
        f"no update was lost: {ROUNDS} times {THREADS} threads counted to {done:,}"
    )
    return report
