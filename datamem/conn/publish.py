"""Publishing an index root: levels and heap to blobs, then one log entry that names them."""

from __future__ import annotations

from typing import Final

import numpy as np

from datamem.db.database import Db
from datamem.index.compaction import Compactor
from datamem.index.freeze import freeze
from datamem.index.heap import RootHeap
from datamem.index.heap_segment import (
    HeapSegment,
    HeapTable,
    encode_segment,
    encode_table,
    merge_tables,
)
from datamem.index.index import Index
from datamem.index.pack import Packs
from datamem.index.record import encode_root_entry
from datamem.index.root import Root, encode_root
from datamem.txlog.store import Store

ROOT_ROWS: Final = 65_536
"""Datoms between two roots: what opening has to replay at most."""

_TABLE_RATIO: Final = 4


class Publisher:
    """Writes index roots of one directory and deletes blobs that the last two do not need."""

    def __init__(self, store: Store, packs: Packs, heap: RootHeap, last: Root | None) -> None:
        self._store = store
        self._packs = packs
        self._heap = heap
        self._segments: tuple[str, ...] = () if last is None else last.heap_segments
        self._tables: tuple[str, ...] = () if last is None else last.heap_tables
        self._last: set[str] = set() if last is None else last.packs()
        self._before_last: set[str] = set()

    def is_due(self, unrooted_rows: int) -> bool:
        """Tell whether enough was committed since the last root."""
        return unrooted_rows >= ROOT_ROWS

    def publish(self, db: Db, digest: bytes, entry_count: int, compactor: Compactor) -> Index:
        """Write a root of `db` as the next log entry; return the index with its levels stored.

        Raises:
            StorageError: the root is not published; the old one stays, and so does `db`.
        """
        index = compactor.store(freeze(db.index))
        self._store_heap(db.heap_size)
        root = Root(
            t=db.basis_t,
            next_entity=db.next_entity,
            next_attribute=db.next_attribute,
            digest=digest,
            index=index,
            heap_segments=self._segments,
            heap_tables=self._tables,
        )
        pack = self._packs.write("root", encode_root(root))
        entry = encode_root_entry(db.basis_t, pack.name)
        self._store.append(entry_count + 1, entry, checkpoint=True)
        self._retire(root.packs() | {pack.name})
        return index

    def _store_heap(self, size: int) -> None:
        values = self._heap.tail_values(size)
        if not values:
            return
        first = self._heap.stored_size
        pack = self._packs.write("heap", encode_segment(first, values))
        segment = HeapSegment(pack.data())
        digests = np.array(segment.digests(), np.uint64)
        codes = np.arange(segment.start, segment.stop, dtype=np.uint64)
        tables = list(self._heap.tables)
        names = list(self._tables)
        blob = encode_table(digests, codes)
        while tables and tables[-1].count < _TABLE_RATIO * len(codes):
            blob = merge_tables([tables.pop(), HeapTable(memoryview(blob))])
            names.pop()
            codes = np.arange(HeapTable(memoryview(blob)).count, dtype=np.uint64)
        table = self._packs.write("table", blob)
        self._segments = (*self._segments, pack.name)
        self._tables = (*names, table.name)
        self._heap.adopt(segment, [*tables, HeapTable(table.data())])

    @property
    def needed(self) -> set[str]:
        """Names of the blobs that the newest root needs, its own among them."""
        return set(self._last)

    def _retire(self, needed: set[str]) -> None:
        for name in self._before_last - self._last - needed:
            self._packs.remove(name)
        self._before_last, self._last = self._last, needed
