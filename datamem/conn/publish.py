"""Publishing an index root: levels and heap to blobs, then one log entry that names them."""

from __future__ import annotations

import logging
from typing import Final

import numpy as np

from datamem.db.database import Db
from datamem.errors import StorageError
from datamem.index.heap import RootHeap
from datamem.index.heap_segment import (
    HeapSegment,
    HeapTable,
    digest64,
    encode_segment,
    encode_table,
    merge_tables,
)
from datamem.index.pack import Packs
from datamem.index.record import encode_root_entry
from datamem.index.root import Root, encode_root
from datamem.txlog.store import Store

ROOT_ROWS: Final = 65_536
"""Datoms between two roots: what opening has to replay at most."""

_TABLE_RATIO: Final = 4
_logger = logging.getLogger("datamem")


class Publisher:
    """Writes index roots of one directory and deletes blobs that the last two do not need."""

    def __init__(self, store: Store, packs: Packs, heap: RootHeap, last: Root | None) -> None:
        self._store = store
        self._packs = packs
        self._heap = heap
        self._retry_rows = 0
        self._last: set[str] = set() if last is None else last.packs()
        self._before_last: set[str] = set()

    def is_due(self, unrooted_rows: int) -> bool:
        """Tell whether enough was committed since the last root, or since one failed."""
        return unrooted_rows >= max(ROOT_ROWS, self._retry_rows)

    def put_off(self, unrooted_rows: int) -> None:
        """Wait a while before the next try, after one has failed with so many rows to be published."""
        self._retry_rows = unrooted_rows + ROOT_ROWS // 16

    def publish(self, db: Db, digest: bytes) -> None:
        """Write a root of `db` as the next log entry, which syncs all blobs first; REQUIRES: its levels are stored, no novelty.

        Raises:
            StorageError: the root is not published; the old one stays.
        """
        self._store_heap(db.heap_size)
        heap = self._heap
        root = Root(
            t=db.basis_t,
            next_entity=db.next_entity,
            next_attribute=db.next_attribute,
            digest=digest,
            index=db.index,
            heap_segments=tuple(segment.name for segment in heap.segments),
            heap_tables=tuple(table.name for table in heap.tables),
        )
        pack = self._packs.write("root", encode_root(root), is_synced=False)
        entry = encode_root_entry(db.basis_t, pack.name)
        self._store.append(self._store.head() + 1, entry, checkpoint=True)
        self._retry_rows = 0
        self._retire(root.packs() | {pack.name})

    def _store_heap(self, size: int) -> None:
        heap = self._heap
        tags, packed = heap.tail_bytes(size)
        if not tags:
            return
        data = encode_segment(heap.stored_size, tags, packed)
        pack = self._packs.write("heap", data, is_synced=False)
        segment = HeapSegment(pack.data(), pack.name)
        digests = np.array(list(map(digest64, tags, packed)), np.uint64)
        codes = np.arange(segment.start, segment.stop, dtype=np.uint64)
        tables = list(heap.tables)
        blob, count = encode_table(digests, codes), len(codes)
        while tables and tables[-1].count < _TABLE_RATIO * count:
            older = tables.pop()
            blob = merge_tables([older, HeapTable(memoryview(blob))])
            count += older.count
        pack = self._packs.write("table", blob, is_synced=False)
        table = HeapTable(pack.data(), pack.name)
        table.verify()
        heap.adopt(segment, [*tables, table])

    @property
    def needed(self) -> set[str]:
        """Names of the blobs that the newest root needs, its own among them."""
        return set(self._last)

    def _retire(self, needed: set[str]) -> None:
        """Delete what only older roots needed; what cannot be deleted is swept at the next open."""
        for name in self._before_last - self._last - needed - self._packs.fresh:
            try:
                self._packs.remove(name)
            except StorageError as error:
                _logger.warning("blob %s stays: %s", name, error)
        self._packs.fresh.clear()
        self._before_last, self._last = self._last, needed
