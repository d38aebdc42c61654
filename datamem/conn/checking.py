"""`check`: the log, the digest chain, the segments and the indexes, each against the others.

The log is the truth. What it says is folded into intervals and compared with what the stored index says; every
order of every level must hold the same rows; every stored value must be found by its digest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datamem.conn.publish import Publisher
from datamem.conn.recover import Recovered, recover
from datamem.db.advance import with_index
from datamem.errors import StorageError
from datamem.ids import MAX_T, tx_of_t
from datamem.index.compaction import Compactor
from datamem.index.freeze import freeze
from datamem.index.kernels import EMPTY, Int64Array, pair_intervals, sort_order
from datamem.index.level import Level
from datamem.index.orders import COLUMN_OF, Order
from datamem.index.pack import Packs
from datamem.index.record import TxRecord, check_digest, decode_entry
from datamem.txlog.chain import FIRST_DIGEST
from datamem.txlog.directory import DirectoryStore
from datamem.txlog.store import Store

Progress = Callable[[str, int, int], None]
"""Called with what is being checked, how much of it is done, and how much there is."""

_READ_ENTRIES = 1024
_NAMES = ("e", "a", "v", "tx", "ended")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        code: an error code, for programs.
        where: file, blob or transaction.
        message: what is wrong there.
    """

    code: str
    where: str
    message: str


@dataclass(slots=True)
class CheckReport:
    """What `check` found.

    Attributes:
        problems: empty when all is well.
        transactions, datoms: how many the log holds.
        segments: how many stored segments were read.
        digest: the chain's digest at the end, hexadecimal; compare it with one you kept.
        repaired: whether the indexes were rebuilt from the log.
    """

    problems: list[Problem] = field(default_factory=list)
    transactions: int = 0
    datoms: int = 0
    segments: int = 0
    digest: str = ""
    repaired: bool = False

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems


def check(
    path: str | Path, *, repair: bool = False, progress: Progress | None = None
) -> CheckReport:
    """Read a whole database and report everything that does not fit together.

    Args:
        path: the database's directory; it may be in use by its writer unless `repair`.
        repair: rebuild the indexes from the log if they are wrong and the log is not.
        progress: told how far the check is.

    Raises:
        StorageError: where there is no database, or it is of a newer format.

    Cost: one pass over log and segments, and memory for the intervals of all datoms.
    """
    report = CheckReport()
    step = progress or _silent
    with _open(path, report, repair=repair) as store:
        for damage in store.verify():
            where = f"{damage.file} entry {damage.entry}"
            if not any(problem.where == where for problem in report.problems):
                report.problems.append(Problem("storage/corrupt-log", where, damage.reason))
        log_is_whole = not any(p.code == "storage/corrupt-log" for p in report.problems)
        facts = _check_log(store, report, step)
        if log_is_whole:
            _check_index(store, report, facts, step)
        if repair and report.problems and log_is_whole:
            _rebuild(store)
            report.repaired = True
    return report


def _open(path: str | Path, report: CheckReport, *, repair: bool) -> DirectoryStore:
    """Open the log as a connection would; if it is refused, report that and open what is whole."""
    try:
        store = DirectoryStore(path, read_only=not repair, create=False)
    except StorageError as error:
        if repair or error.code != "storage/corrupt-log":
            raise
        where = f"{error.data.get('file')} entry {error.data.get('entry')}"
        report.problems.append(Problem(error.code, where, error.message))
        return DirectoryStore(path, read_only=True, create=False, salvage=True)
    if store.recovery is not None and not repair:
        found = store.recovery
        report.problems.append(Problem("storage/torn-tail", found.file, found.reason))
    return store


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def _entries(store: Store) -> Iterator[tuple[int, bytes]]:
    """Yield entries with their numbers up to damage, which `verify` has reported."""
    n, limit = 1, _READ_ENTRIES
    while True:
        try:
            entries = store.read(n, limit)
        except StorageError as error:
            if error.code != "storage/corrupt-log":
                raise
            if limit == 1:
                return
            limit = 1
            continue
        if not entries:
            return
        yield from enumerate(entries, n)
        n += len(entries)


def _check_log(store: Store, report: CheckReport, step: Progress) -> list[Int64Array]:
    """Check the chain and the order of transactions; return all datoms as intervals."""
    digest, t, instant_us, head = FIRST_DIGEST, 0, -1, store.head()
    columns: list[list[Int64Array]] = [[], [], [], [], []]
    for n, entry in _entries(store):
        step("log", n, head)
        record = decode_entry(entry)
        if not isinstance(record, TxRecord):
            continue
        where = f"transaction {record.t}"
        if record.t != t + 1:
            report.problems.append(Problem("storage/corrupt-log", where, f"it follows {t}"))
        if record.instant_us <= instant_us:
            report.problems.append(
                Problem("storage/corrupt-log", where, "its instant goes back")
            )
        if not check_digest(digest, record):
            message = "its digest does not follow from its content and the one before"
            report.problems.append(Problem("storage/broken-chain", where, message))
        digest, t, instant_us = record.digest, record.t, record.instant_us
        tx = np.full(len(record.e), tx_of_t(t), np.int64)
        for column, part in zip(columns, (record.e, record.a, record.v, tx), strict=False):
            column.append(part)
        columns[4].append(record.added.astype(np.int64))
        report.transactions += 1
        report.datoms += len(record.e)
    report.digest = digest.hex()
    if not columns[0]:
        return [EMPTY] * 5
    return _intervals([np.concatenate(column) for column in columns])


def _intervals(columns: Sequence[Int64Array]) -> list[Int64Array]:
    e, a, v, tx, added = columns
    asserted, ended_by, _ = pair_intervals(e, a, v, tx, added.astype(np.bool_))
    ended = np.where(ended_by >= 0, tx[ended_by], MAX_T)
    return [*(column[asserted] for column in (e, a, v, tx)), ended]


def _check_index(
    store: Store, report: CheckReport, facts: list[Int64Array], step: Progress
) -> None:
    try:
        found = recover(store, Packs(store, read_only=True), fault_level=logging.DEBUG)
    except StorageError as error:
        report.problems.append(Problem(error.code, "index", error.message))
        return
    if (fault := found.root_error) is not None:
        report.problems.append(Problem(fault.code, "index root", fault.message))
    try:
        _check_levels(found, report, step)
        _check_facts(found, report, facts)
        _check_heap(found, report, step)
    except StorageError as error:
        report.problems.append(Problem(error.code, "index", error.message))


def _check_levels(found: Recovered, report: CheckReport, step: Progress) -> None:
    """Read every segment; all orders of a level must hold the same rows, in order."""
    levels = found.state.db.index.levels
    for i, level in enumerate(levels):
        step("index", i, len(levels))
        for name in ("live", "ended"):
            runs = getattr(level, name)
            report.segments += sum(len(run.segments) for run in runs)
            sums = [_check_order(report, level, order, name) for order in Order]
            if any(total != sums[0] for total in sums):
                message = f"the orders of its {name} rows do not hold the same rows"
                report.problems.append(Problem("storage/corrupt-index", f"level {i}", message))


def _check_order(report: CheckReport, level: Level, order: Order, name: str) -> Any:
    """Check that a run ascends; return what is equal for runs of the same rows."""
    run = getattr(level, name)[order]
    columns = run.columns()
    if len(columns[0]) and not _ascends(columns):
        where = f"{order.name} {name}"
        report.problems.append(Problem("storage/corrupt-index", where, "rows are out of order"))
    names = _NAMES[: run.column_count]
    by_name = [columns[COLUMN_OF[order][column]] for column in names]
    mixed = np.zeros(run.row_count, np.uint64)
    for column in by_name:
        mixed = (mixed ^ column.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return run.row_count, int(np.bitwise_xor.reduce(mixed)), int(mixed.sum())


def _ascends(columns: Sequence[Int64Array]) -> bool:
    tied = np.ones(len(columns[0]) - 1, np.bool_)
    for column in columns[:4]:
        if (tied & (column[1:] < column[:-1])).any():
            return False
        tied &= column[1:] == column[:-1]
    return True


def _check_facts(found: Recovered, report: CheckReport, facts: list[Int64Array]) -> None:
    """Compare the index's rows with the log's, those of `:db/noHistory` attributes while they hold.

    The index may be newer than what was read of the log, if somebody is writing.
    """
    db, upto = found.state.db, tx_of_t(report.transactions)
    indexed = list(db.index.history(upto))
    indexed[4] = np.where(indexed[4] > upto, MAX_T, indexed[4])
    forgetful = np.array([a.id for a in db.schema if a.no_history], np.int64)
    sides = [_comparable(side, forgetful) for side in (facts, indexed)]
    same = len(sides[0][0]) == len(sides[1][0]) and all(
        bool((one == two).all()) for one, two in zip(*sides, strict=True)
    )
    if not same:
        message = (
            f"the log says {len(sides[0][0])} facts, the index {len(sides[1][0])}, not the same"
        )
        report.problems.append(Problem("storage/corrupt-index", "index", message))


def _comparable(columns: list[Int64Array], forgetful: Int64Array) -> list[Int64Array]:
    keep = (columns[4] == MAX_T) | ~np.isin(columns[1], forgetful)
    kept = [column[keep] for column in columns]
    by = sort_order(kept)
    return [column[by] for column in kept]


def _check_heap(found: Recovered, report: CheckReport, step: Progress) -> None:
    """Every stored value must be found by its digest, under its own code."""
    heap = found.heap
    for i, segment in enumerate(heap.segments):
        step("heap", i, len(heap.segments))
        for code, digest in enumerate(segment.digests(), segment.start):
            if not any(code in table.codes(digest) for table in heap.tables):
                message = f"value {code} is not found by its digest"
                report.problems.append(Problem("storage/corrupt-index", "heap", message))
                return


def _rebuild(store: DirectoryStore) -> None:
    """Fold the whole log and publish a new root."""
    packs = Packs(store)
    found = recover(store, packs, use_root=False)
    state = found.state
    db = with_index(state.db, Compactor(packs).store(freeze(state.db.index)))
    publisher = Publisher(store, packs, found.heap, None)
    publisher.publish(db, state.digest)
    packs.sweep(publisher.needed)
