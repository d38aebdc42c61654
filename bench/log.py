"""The log: durable appends a second, preallocated or not, in groups and from threads, beside bare calls.

python bench/log.py [seconds a row, default 1]
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datamem.txlog import DirectoryStore, leaf_digests, leaf_salts
from datamem.txlog.frame import OVERHEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

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


def measure(write: Callable[[], None], seconds: float, each: int) -> str:
    """Return entries a second, and the median, 99th percentile and slowest call in µs."""
    took: list[float] = []
    clock = time.perf_counter
    until = clock() + seconds
    while (start := clock()) < until:
        write()
        took.append(clock() - start)
    took.sort()
    middle, high = took[len(took) // 2], took[len(took) * 99 // 100]
    rate = each * len(took) / sum(took)
    return f"{rate:>11,.0f} {middle * 1e6:>9.1f} {high * 1e6:>9.1f} {took[-1] * 1e6:>10.0f}"


def report(name: str, write: Callable[[], None], seconds: float, each: int = 1) -> None:
    print(f"{name:<44} {measure(write, seconds, each)}")


def report_chain() -> None:
    """Print what a datom costs in the digest chain."""
    items = [b"%40d" % n for n in range(100_000)]
    start = time.perf_counter()
    leaf_digests(leaf_salts(bytes(32), len(items)), items)
    print(
        f"chain: {(time.perf_counter() - start) / len(items) * 1e6:.2f} µs a datom (100,000 of 40 bytes)"
    )


def report_open(directory: Path) -> None:
    """Print how long opening takes when the newest file is full and was not closed."""
    path = directory / "full"
    with DirectoryStore(path, fsync="off") as store:
        store.append_many(1, [ENTRY] * 200_000)
    start = time.perf_counter()
    store = DirectoryStore(path)
    opened = time.perf_counter()
    count = len(store.read(1, 200_000))
    read = time.perf_counter()
    store.close()
    print(
        f"open with a newest file of 62 MB, {count:,} entries: {opened - start:.2f} s;"
        f" read them: {(read - opened) / count * 1e6:.1f} µs an entry"
    )


def main(seconds: float) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{'300-byte entries':<44} {'entries/s':>11} {'p50 µs':>9} {'p99 µs':>9} {'slowest':>10}"
    )
    ahead = 256 << 10
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        at = Path(name)
        for group in (1, 8, 64, 512):
            plain = f"group of {group}" if group > 1 else "one"
            for prefix, size in (("", 0), (", preallocated", ahead)):
                call = bare(at, group, ahead=size, sync=True)
                report(f"bare pwrite + fdatasync, {plain}{prefix}", call, seconds, group)
                call = appending(at, group, preallocate=bool(size), fsync="always")
                report(f"store, {plain}{prefix}", call, seconds, group)
        report("bare pwrite", bare(at, 1, ahead=0, sync=False), seconds)
        report("store, off", appending(at, 1, preallocate=False, fsync="off"), seconds)
        report(
            "store, interval:100",
            appending(at, 1, preallocate=False, fsync="interval:100"),
            seconds,
        )
        for waiting in (1, 4, 16, 64):
            call = threaded(at, waiting)
            report(f"store, {waiting} threads (call = 200 each)", call, seconds, 200 * waiting)
        report_open(at)
    report_chain()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
