"""What a commit costs at ten million datoms, beside ten thousand; merges and index roots included.

Both databases take the same entities in turn. The small one is replaced by a new one before it has grown; the
big one goes on, so that its merges come due and are paid by the commits that are timed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datamem
from bench.frame import people, store
from bench.frame.bare import BareLog
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, timed

DATOMS, SMALL = 10_000_000, 10_000
TRANSACTIONS, A_SMALL_ONE = 100_000, 2_500
DURABLE_TRANSACTIONS = 10_000
ENTRY_BYTES = 310
FACTOR, P999_S = 1.5, 25e-3

Commit = Callable[[dict[str, Any]], object]


def entities(first_id: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield entities of five attributes, one of them unique."""
    for i, person in enumerate(people.maps(count, seed=2, ids="none"), start=first_id):
        del person[":sex"]
        yield {":id": i, **person}


def small_commits(path: Path) -> Iterator[Commit]:
    """Yield the commit of a database of ten thousand datoms, for every transaction, for ever."""
    number = 0
    while True:
        number += 1
        place = path / f"small-{number}"
        store.build(place, SMALL, fsync="off")
        with datamem.connect(place, fsync="off") as conn:
            for _ in range(A_SMALL_ONE):
                yield lambda entity: conn.transact([entity])


def beside_small(path: Path, big: datamem.Connection, first_id: int) -> tuple[Times, Times]:
    """Return the times of commits to the big database and to small ones, without fsync."""
    ours, smalls = [], []
    commits = small_commits(path)
    for entity, commit in zip(entities(first_id, TRANSACTIONS), commits, strict=False):
        smalls.append(timed(lambda: commit(entity)))  # noqa: B023 - called at once
        ours.append(timed(lambda: big.transact([entity])))  # noqa: B023 - called at once
    commits.close()  # type: ignore[attr-defined]  # a generator: its database is closed
    return Times.of(ours), Times.of(smalls)


def beside_bare(path: Path, big: datamem.Connection, first_id: int) -> tuple[Times, Times]:
    """Return the times of durable commits and of bare appends with fdatasync."""
    bare, data = BareLog(path / "bare", 4 << 20), os.urandom(ENTRY_BYTES)
    ours, bares = [], []
    for entity in entities(first_id, DURABLE_TRANSACTIONS):
        ours.append(timed(lambda: big.transact([entity])))  # noqa: B023 - called at once
        bares.append(timed(lambda: bare.append(data)))
    bare.close()
    return Times.of(ours), Times.of(bares)


def run(options: Options) -> Report:
    datoms = options.size or DATOMS
    report = Report(
        f"A commit of five datoms at {datoms:,} datoms, beside {SMALL:,} and beside a bare fdatasync",
        ("big", "small", "bare", "ratio"),
    )
    with options.scratch() as path:
        place = path / "big"
        store.build(place, datoms, fsync="off")
        with datamem.connect(place, fsync="off") as big:
            ours, small = beside_small(path, big, datoms)
        with datamem.connect(place) as big:
            durable, bare = beside_bare(path, big, datoms + TRANSACTIONS)
    add_without_sync(report, ours, small)
    for what, part in (("median", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("slowest", 1.0)):
        pair = durable.quantile(part), bare.quantile(part)
        texts = seconds_text(pair[0]), "", seconds_text(pair[1])
        report.add(f"durable, {what}", *texts, times_text(pair[0] / pair[1]))
    report.notes += [
        f"without fsync: {TRANSACTIONS:,} transactions in turn; durable: {DURABLE_TRANSACTIONS:,}",
        f"small: a new database every {A_SMALL_ONE:,} transactions",
    ]
    return report


def add_without_sync(report: Report, ours: Times, small: Times) -> None:
    """Add the rows without fsync."""
    targets: dict[str, tuple[float, str]] = {
        "median": (FACTOR * small.median, f"{FACTOR}x small"),
        "p99.9": (P999_S, seconds_text(P999_S)),
    }
    for what, part in (("median", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("slowest", 1.0)):
        one, other = ours.quantile(part), small.quantile(part)
        limit, text = targets.get(what, (None, ""))
        report.add(
            f"without fsync, {what}",
            seconds_text(one),
            seconds_text(other),
            "",
            times_text(one / other),
            target=text,
            is_met=None if limit is None else one <= limit,
        )
    means = [sum(times.seconds) / len(times.seconds) for times in (ours, small)]
    texts = [seconds_text(mean) for mean in means]
    report.add("without fsync, mean", *texts, "", times_text(means[0] / means[1]))
