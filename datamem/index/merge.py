"""Merging two neighbouring levels into one, a segment at a time.

The work is a generator that yields after every bounded piece (at most a few thousand rows in one order),
so that a commit pays for a piece now and then instead of for all of it. Segments that no inserted
and no killed row touches are shared with the old level, in memory and on disk.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from datamem.index.kernels import (
    EMPTY,
    Int64Array,
    find_rows,
    insert_rows,
    merge_order,
    sort_order,
)
from datamem.index.level import NO_KILLS, Kills, Level
from datamem.index.orders import COLUMN_OF, Order
from datamem.index.pack import Packs
from datamem.index.run import Run, run_of, split_rows
from datamem.index.segment import Segment, SegmentEntry, StoredSegment, encode_columns

PACK_BYTES: Final = 4 * 1024 * 1024

Columns = list[Int64Array]
Pieces = Generator[None, None, Run]


class RunSink(Protocol):
    """What receives the segments of a merged run, in order."""

    def reuse(self, segment: Segment) -> bool:
        """Take an untouched segment as it is, if this sink can."""

    def emit(self, columns: Columns) -> None:
        """Take sorted rows that follow everything taken so far."""

    def finish(self) -> Run:
        """Return the run and be ready for the next one."""


@dataclass
class MemorySink:
    """Collects a run in memory, as one wide segment."""

    column_count: int

    def __post_init__(self) -> None:
        self._parts: list[Columns] = []

    def reuse(self, segment: Segment) -> bool:
        """Copy the rows: one segment is what makes reading fast."""
        self._parts.append([segment.column(i) for i in range(self.column_count)])
        return True

    def emit(self, columns: Columns) -> None:
        """Take sorted rows."""
        self._parts.append(columns)

    def finish(self) -> Run:
        """Return the run."""
        parts, self._parts = self._parts, []
        if not parts:
            return Run((), self.column_count)
        if len(parts) == 1:
            return run_of(parts[0])
        return run_of([np.concatenate(column) for column in zip(*parts, strict=True)])


class PackSink:
    """Writes a run as narrow segments into packs of a blob store.

    What is left for a last pack is synced with it, or by the next checkpoint.
    """

    def __init__(self, column_count: int, packs: Packs, *, is_synced: bool = True) -> None:
        self.column_count = column_count
        self._packs = packs
        self._is_synced = is_synced
        self._segments: list[Segment | dict[str, object]] = []
        self._chunks: list[bytes] = []
        self._byte_count = 0
        self._pending: list[int] = []

    def reuse(self, segment: Segment) -> bool:
        """Share a segment that is stored already."""
        if segment.entry is None:
            return False
        self._segments.append(segment)
        return True

    def emit(self, columns: Columns) -> None:
        """Encode sorted rows as segments; a full pack is written at once."""
        for start, stop in split_rows(len(columns[0])):
            data, fields = encode_columns([column[start:stop] for column in columns])
            self._pending.append(len(self._segments))
            self._segments.append({**fields, "offset": self._byte_count})
            self._chunks.append(data)
            self._byte_count += len(data)
            if self._byte_count >= PACK_BYTES:
                self._flush(is_synced=True)

    def _flush(self, *, is_synced: bool) -> None:
        if not self._chunks:
            return
        data = b"".join(self._chunks)
        pack = self._packs.write("pack", data, is_synced=is_synced)
        for i in self._pending:
            fields = self._segments[i]
            assert isinstance(fields, dict)
            entry = SegmentEntry(pack=pack.name, **fields)  # type: ignore[arg-type]
            self._segments[i] = StoredSegment(entry, pack)
        self._chunks, self._byte_count, self._pending = [], 0, []

    def finish(self) -> Run:
        """Write what is left and return the run."""
        self._flush(is_synced=self._is_synced)
        segments, self._segments = self._segments, []
        return Run([s for s in segments if isinstance(s, Segment)], self.column_count)


def merge_levels(
    older: tuple[Level, Kills],
    newer: tuple[Level, Kills],
    sinks: tuple[RunSink, RunSink],
    forgetful: Int64Array = EMPTY,
) -> Generator[None, None, Level]:
    """Merge two neighbouring levels and their kills; yields between pieces, returns the level.

    Args:
        older, newer: each level with the kills known when the merge begins. Kills found later are
            not in the result, and are to be looked up in it again.
        sinks: for live (4 columns) and for ended rows (5 columns).
        forgetful: int64[n], attributes whose ended rows are dropped (`:db/noHistory`).
    """
    live: list[Run] = []
    ended: list[Run] = []
    for order in Order:
        inserts = _live_rows(newer[0].live[order], newer[1].rows[order])
        killed = older[1].rows[order]
        live.append((yield from _merge_run(older[0].live[order], killed, inserts, sinks[0])))
        dead = _dead_rows(order, older, newer, forgetful)
        yield
        ended.append((yield from _merge_run(older[0].ended[order], EMPTY, dead, sinks[1])))
    return Level((live[0], live[1], live[2]), (ended[0], ended[1], ended[2]))


def copy_level(level: Level, sinks: tuple[RunSink, RunSink]) -> Generator[None, None, Level]:
    """Write a level through sinks as it is; its kills stay valid."""
    empty = Level((Run((), 4),) * 3, (Run((), 5),) * 3)
    return merge_levels((level, NO_KILLS), (empty, NO_KILLS), sinks)


def _live_rows(run: Run, killed: Int64Array) -> Columns:
    columns = run.columns()
    if not len(killed):
        return columns
    keep = np.ones(run.row_count, np.bool_)
    keep[killed] = False
    return [column[keep] for column in columns]


def _dead_rows(
    order: Order,
    older: tuple[Level, Kills],
    newer: tuple[Level, Kills],
    forgetful: Int64Array,
) -> Columns:
    """Return the rows to insert among the older level's ended ones, sorted."""
    parts: list[Columns] = [newer[0].ended[order].columns()]
    for level, kills in (older, newer):
        rows = kills.rows[order]
        if len(rows):
            taken = [level.live[order].take(i, rows) for i in range(4)]
            parts.append([*taken, kills.txs[order]])
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    if len(forgetful):
        keep = ~np.isin(columns[COLUMN_OF[order]["a"]], forgetful)
        columns = [column[keep] for column in columns]
    by = sort_order(columns)
    return [column[by] for column in columns]


def _merge_run(run: Run, killed: Int64Array, inserts: Columns, sink: RunSink) -> Pieces:
    """Merge sorted rows into a run whose `killed` rows are dropped."""
    if not run.segments:
        for start, stop in split_rows(len(inserts[0])) if len(inserts[0]) else ():
            sink.emit([column[start:stop] for column in inserts])
            yield
        return sink.finish()
    cuts = _cuts(run, inserts)
    kill_cuts = np.searchsorted(killed, np.array(run.starts, np.int64)).tolist()
    for k, segment in enumerate(run.segments):
        part = [column[cuts[k] : cuts[k + 1]] for column in inserts]
        dead = killed[kill_cuts[k] : kill_cuts[k + 1]] - run.starts[k]
        if len(part[0]) or len(dead) or not sink.reuse(segment):
            merged = _merge_segment(segment, dead, part)
            if len(merged[0]):
                sink.emit(merged)
        yield
    return sink.finish()


def _cuts(run: Run, inserts: Columns) -> list[int]:
    """Return where the rows to insert are cut so that each piece goes into one segment."""
    firsts = [np.array(column, np.int64) for column in zip(*run.firsts[1:], strict=True)]
    inner = find_rows(inserts[:4], firsts).tolist() if firsts else []
    return [0, *inner, len(inserts[0])]


def _merge_segment(
    segment: Segment, dead: Int64Array, inserts: Sequence[Int64Array]
) -> Columns:
    columns = [segment.decode(i) for i in range(len(inserts))]
    if len(dead):
        keep = np.ones(segment.row_count, np.bool_)
        keep[dead] = False
        columns = [column[keep] for column in columns]
    if not len(inserts[0]):
        return columns
    old, new = merge_order(find_rows(columns[:4], inserts[:4]), len(columns[0]))
    return [
        insert_rows(column, values, old, new)
        for column, values in zip(columns, inserts, strict=True)
    ]
