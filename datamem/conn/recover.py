"""Opening: the newest index root, then the tail of the log; without a usable root, all of the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datamem.conn.state import State
from datamem.db.database import Db
from datamem.errors import StorageError
from datamem.ids import ATTR_BASE, tx_of_t
from datamem.index.compaction import Compactor
from datamem.index.freeze import with_datoms, with_log
from datamem.index.heap import RootHeap
from datamem.index.heap_segment import HeapSegment, HeapTable
from datamem.index.index import Index
from datamem.index.pack import Packs
from datamem.index.record import RootRecord, TxRecord, decode_entry
from datamem.index.root import Root, decode_root
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE
from datamem.schema.changes import from_datoms
from datamem.schema.schema import Schema
from datamem.txlog.chain import FIRST_DIGEST
from datamem.txlog.store import Store, missing_blob_error

_READ_ENTRIES = 4096
_BATCH_ROWS = 250_000
_FEW_ROWS = 2_048
_INDEX_FAULTS = {"storage/corrupt-blob", "storage/corrupt-segment", "storage/missing-blob"}
_logger = logging.getLogger("datamem")


@dataclass(slots=True)
class Recovered:
    """A database as the store has it.

    Attributes:
        state: the newest value, the chain's digest and the log's length.
        heap: the heap that the value reads, to be extended by its owner.
        root, root_blob: the index root it started from and its blob, if any.
        root_error: why the newest root could not be used, if it could not.
    """

    state: State
    heap: RootHeap
    root: Root | None
    root_blob: str = ""
    root_error: StorageError | None = None


@dataclass(slots=True)
class _Fold:
    """The value being rebuilt, entry by entry."""

    index: Index
    heap: RootHeap
    counters: tuple[int, int]
    t: int = 0
    digest: bytes = FIRST_DIGEST
    instant_us: int = 0
    entry_count: int = 0
    row_count: int = 0


def recover(
    store: Store, packs: Packs, *, use_root: bool = True, fault_level: int = logging.WARNING
) -> Recovered:
    """Return the newest database value that the store holds.

    Args:
        use_root: start from the newest index root; False folds the whole log.
        fault_level: at which a root that cannot be used is logged.

    A root whose blobs are missing or damaged costs time, not data: the log is replayed from its start.
    What a segment holds is not read here, so that damage there may show later, as an error.

    Raises:
        StorageError: `storage/corrupt-log` where the log itself is damaged.
    """
    newest = _newest_root(store, packs) if use_root else _Newest()
    try:
        found = _recover_from(newest, store, packs)
    except StorageError as error:
        if newest.root is None or error.code not in _INDEX_FAULTS:
            raise
        found = _recover_from(_Newest(error=error), store, packs)
    if found.root_error is not None:
        message = "index root unusable, the whole log was replayed: %s"
        _logger.log(fault_level, message, found.root_error)
    return found


def _recover_from(newest: _Newest, store: Store, packs: Packs) -> Recovered:
    root = newest.root
    if root is None:
        fold = _Fold(Index(), RootHeap(), (1, FIRST_USER_ATTRIBUTE))
    else:
        heap = _stored_heap(root, packs)
        counters = (root.next_entity, root.next_attribute)
        fold = _Fold(root.index, heap, counters, root.t, root.digest, entry_count=newest.entry)
    _replay(store, fold, Compactor(packs))
    return Recovered(_state_of(fold), fold.heap, root, newest.blob, newest.error)


def catch_up(store: Store, state: State, compactor: Compactor) -> State:
    """Return the state after what the log has beyond it; the same one if there is nothing.

    REQUIRES: the caller owns the novelty and heap of `state`, and takes both back on an error.

    Raises:
        StorageError: `storage/log-rewound`, `storage/corrupt-log`.
    """
    db = state.db
    assert isinstance(db.heap, RootHeap), "only a database in a directory is followed"
    fold = _Fold(
        db.index,
        db.heap,
        (db.next_entity, db.next_attribute),
        db.basis_t,
        state.digest,
        db.last_instant_us,
        state.entry_count,
        state.unrooted_rows,
    )
    _replay(store, fold, compactor)
    return _state_of(fold) if fold.entry_count > state.entry_count else state


@dataclass(slots=True)
class _Newest:
    """The newest root: its entry, its blob, and itself or why it cannot be used."""

    entry: int = 0
    blob: str = ""
    root: Root | None = None
    error: StorageError | None = None


def _newest_root(store: Store, packs: Packs) -> _Newest:
    found = store.latest_checkpoint()
    if found is None:
        return _Newest()
    n, entry = found
    record = decode_entry(entry)
    assert isinstance(record, RootRecord)
    try:
        root = decode_root(packs.verified(record.blob), packs)
        missing = root.packs() - set(store.names())
        if missing:
            raise missing_blob_error(min(missing), f"index root {record.blob}")
    except StorageError as error:
        return _Newest(error=error)
    return _Newest(n, record.blob, root)


def _stored_heap(root: Root, packs: Packs) -> RootHeap:
    segments = [HeapSegment(packs.get(name).data(), name) for name in root.heap_segments]
    tables = [HeapTable(packs.get(name).data(), name) for name in root.heap_tables]
    return RootHeap(segments, tables)


def _replay(store: Store, fold: _Fold, compactor: Compactor) -> None:
    batch: list[TxRecord] = []
    rows = 0
    for entry in _entries(store, fold.entry_count):
        fold.entry_count += 1
        record = decode_entry(entry)
        if isinstance(record, RootRecord):
            continue
        batch.append(record)
        rows += len(record.e)
        if rows >= _BATCH_ROWS:
            _apply(fold, batch, compactor)
            batch, rows = [], 0
    if batch:
        _apply(fold, batch, compactor)


def _entries(store: Store, after: int) -> Iterator[bytes]:
    while entries := store.read(after + 1, _READ_ENTRIES):
        yield from entries
        after += len(entries)


def _apply(fold: _Fold, batch: list[TxRecord], compactor: Compactor) -> None:
    for record in batch:
        if record.t != fold.t + 1 or record.first_code != fold.heap.size:
            message = f"transaction {record.t} follows {fold.t} in the log"
            raise StorageError(
                message, code="storage/corrupt-log", hint="run `datamem check`", t=record.t
            )
        fold.heap.extend(record.values())
        fold.t = record.t
    last = batch[-1]
    fold.digest, fold.instant_us = last.digest, last.instant_us
    fold.counters = (last.next_entity, last.next_attribute)
    rows = sum(len(record.e) for record in batch)
    fold.row_count += rows
    fold.index = _with_records(fold.index, batch, rows)
    try:
        fold.index = compactor.finish(compactor.after_commit(fold.index, rows))
    except StorageError as error:  # a full disk must not keep anybody from reading
        _logger.warning("levels stay unmerged: %s", error)


def _with_records(index: Index, batch: list[TxRecord], rows: int) -> Index:
    if rows <= _FEW_ROWS:
        for record in batch:
            columns = [
                column.tolist() for column in (record.e, record.a, record.v, record.added)
            ]
            datoms = (columns[0], columns[1], columns[2], columns[3])
            index = with_datoms(index, datoms, tx_of_t(record.t))
        return index
    e, a, v = (
        np.concatenate([getattr(record, name) for record in batch]) for name in ("e", "a", "v")
    )
    counts = [len(record.e) for record in batch]
    tx = np.repeat([tx_of_t(record.t) for record in batch], counts)
    added = np.concatenate([record.added for record in batch])
    return with_log(index, (e, a, v, tx.astype(np.int64)), added)


def _state_of(fold: _Fold) -> State:
    def value(schema: Schema) -> Db:
        return Db(
            fold.index,
            fold.heap,
            schema,
            basis_t=fold.t,
            counters=fold.counters,
            last_instant_us=fold.instant_us,
        )

    db = value(Schema.bootstrap())
    db = value(schema_of(db))
    if fold.t and not fold.instant_us:
        db.last_instant_us = _last_instant_us(db)
    return State(db, fold.digest, fold.entry_count, fold.row_count)


def _last_instant_us(db: Db) -> int:
    instant = db.schema.require(":db/txInstant")
    return db.words(tx_of_t(db.basis_t), instant.id)[0]


def schema_of(db: Db) -> Schema:
    """Return the schema that the datoms of a value's attribute partition describe.

    REQUIRES: `db.schema` knows the system attributes.
    """
    rows = []
    for attribute in Schema.bootstrap():
        found = db.rows(a=attribute.id)
        of_schema = found.e >= ATTR_BASE
        values = db.decode(attribute.value_type, found.v[of_schema])
        es = found.e[of_schema].tolist()
        rows += [(e, attribute.id, value, True) for e, value in zip(es, values, strict=True)]
    return from_datoms(rows)
