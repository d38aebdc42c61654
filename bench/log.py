"""The log: durable appends a second, preallocated or not, in groups and from threads, beside bare calls."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.frame.options import Options
from bench.frame.report import Report, seconds_text
from bench.frame.timing import Times
from datamem.txlog import DirectoryStore, leaf_digests, leaf_salts
from datamem.txlog.frame import OVERHEAD_BYTES

SECONDS_A_ROW = 0.5
ENTRY = bytes(range(256)) + b"x" * 44
"""300 bytes: a transaction of one entity with five attributes."""


def bare(directory: Path, group: int, *, ahead: int, sync: bool) -> Callable[[], None]:
    """Return a call that writes (and syncs) `group` entries' bytes with nothing around it."""
    fd = os.open(directory / "bare", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    data = bytes(len(ENTRY) + OVERHEAD_BYTES) * group
    place = {"stop": 0, "allocated": 0}

    def write() -> None:
        stop = place["stop"]
        if ahead and stop + len(data) > place["allocated"]:
            start, place["allocated"] = place["allocated"], stop + len(data) + ahead
            os.pwrite(fd, bytes(place["allocated"] - start), start)
        os.pwrite(fd, data, stop)
        if sync:
            os.fdatasync(fd)
        place["stop"] = stop + len(data)

    return write


def appending(
    directory: Path, group: int, *, preallocate: bool, fsync: str
) -> Callable[[], None]:
    """Return a call that appends a group of entries to a new store."""
    store = DirectoryStore(
        directory / f"store-{group}-{preallocate}-{fsync}", preallocate=preallocate, fsync=fsync
    )
    entries = [ENTRY] * group

    def write() -> None:
        if group == 1:
            store.append(store.head() + 1, ENTRY)
        else:
            store.append_many(store.head() + 1, entries)

    return write


def threaded(directory: Path, waiting: int) -> Callable[[], None]:
    """Return a call in which `waiting` threads each want one entry stored, as one group commit.

    Whoever holds the lock writes for all that wait: the shape of a connection's committer.
    """
    store = DirectoryStore(directory / f"threads-{waiting}")
    lock, queue_lock = threading.Lock(), threading.Lock()
    queue: list[threading.Event] = []

    def commit() -> None:
        done = threading.Event()
        with queue_lock:
            queue.append(done)
        with lock:
            if done.is_set():
                return
            with queue_lock:
                group, queue[:] = queue[:], []
            store.append_many(store.head() + 1, [ENTRY] * len(group))
            for event in group:
                event.set()

    def worker() -> None:
        for _ in range(200):
            commit()

    def write() -> None:
        threads = [threading.Thread(target=worker) for _ in range(waiting)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return write


def add(report: Report, what: str, write: Callable[[], None], each: int = 1) -> None:
    """Add entries a second, and the median, 99th percentile and slowest call."""
    took: list[float] = []
    clock = time.perf_counter
    until = clock() + SECONDS_A_ROW
    while (start := clock()) < until:
        write()
        took.append(clock() - start)
    times = Times.of(took)
    rate = each * len(took) / sum(took)
    texts = [seconds_text(s) for s in (times.median, times.quantile(0.99), times.most)]
    report.add(what, f"{rate:,.0f}", *texts)


def note_chain(report: Report) -> None:
    """Say what a datom costs in the digest chain."""
    items = [b"%40d" % n for n in range(100_000)]
    start = time.perf_counter()
    leaf_digests(leaf_salts(bytes(32), len(items)), items)
    each = (time.perf_counter() - start) / len(items)
    report.notes.append(f"the chain: {each * 1e6:.2f} µs a datom (100,000 of 40 bytes)")


def note_open(report: Report, directory: Path) -> None:
    """Say how long opening takes when the newest file is full and was not closed."""
    path = directory / "full"
    with DirectoryStore(path, fsync="off") as store:
        store.append_many(1, [ENTRY] * 200_000)
    start = time.perf_counter()
    with DirectoryStore(path) as store:
        opened = time.perf_counter()
        count = len(store.read(1, 200_000))
        read = time.perf_counter()
    report.notes.append(
        f"open with a newest file of 62 MB, {count:,} entries: {opened - start:.2f} s;"
        f" read them: {(read - opened) / count * 1e6:.1f} µs an entry"
    )


def run(options: Options) -> Report:
    report = Report("The log: 300-byte entries", ("entries/s", "p50", "p99", "slowest"))
    ahead = 256 << 10
    with options.scratch() as at:
        for group in (1, 8, 64, 512):
            plain = f"group of {group}" if group > 1 else "one"
            for suffix, size in (("", 0), (", preallocated", ahead)):
                call = bare(at, group, ahead=size, sync=True)
                add(report, f"bare pwrite + fdatasync, {plain}{suffix}", call, group)
                call = appending(at, group, preallocate=bool(size), fsync="always")
                add(report, f"store, {plain}{suffix}", call, group)
        add(report, "bare pwrite", bare(at, 1, ahead=0, sync=False))
        for policy in ("off", "interval:100"):
            add(report, f"store, {policy}", appending(at, 1, preallocate=False, fsync=policy))
        for waiting in (1, 4, 16, 64):
            call = threaded(at, waiting)
            add(report, f"store, {waiting} threads (a call: 200 each)", call, 200 * waiting)
        note_open(report, at)
    note_chain(report)
    return report
