"""When levels are merged: small ones at once, large ones a piece at a time between commits.

Levels shrink geometrically from old to new: a level is merged into the one below it once it has an
eighth of its rows, so a read meets about log8(n) of them. Merging in small pieces on the committing
thread, paced by the rows committed, keeps every commit short and needs no second thread, which would starve
beside a busy committer (decision 0004).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from datamem.index.index import Index
from datamem.index.kernels import EMPTY, Int64Array
from datamem.index.level import NO_KILLS, Kills, Level, find_kills
from datamem.index.merge import MemorySink, PackSink, copy_level, merge_levels
from datamem.index.orders import Order
from datamem.index.pack import Packs

RATIO: Final = 8
INLINE_ROWS: Final = 65_536
MAX_LEVELS: Final = 9
WIDE_ROWS: Final = 2_000_000
"""A database in memory keeps levels up to this size undivided, which reads quickest."""


@dataclass(slots=True)
class _Job:
    """A merge of two neighbouring levels that is under way."""

    older: Level
    newer: Level
    kills: tuple[Kills, Kills]
    steps: Generator[None, None, Level]
    pieces_a_row: float
    credit: float = 0.0


class Compactor:
    """Keeps an index's levels few; belongs to one connection, used under its commit lock."""

    def __init__(self, packs: Packs) -> None:
        self.packs = packs
        self._job: _Job | None = None
        self._planned: tuple[tuple[Level, ...], _Job | None] = (), None
        self.forgetful: Int64Array = EMPTY
        """Attributes whose ended rows are dropped when levels merge, int64[n]."""

    @property
    def busy(self) -> bool:
        """Tell whether a merge is under way."""
        return self._job is not None

    def after_commit(self, index: Index, row_count: int) -> Index:
        """Return the index after the merging that `row_count` committed rows pay for."""
        job = self._job
        if job is None:
            return self._plan(index) if len(index.levels) > 1 else index
        job.credit += row_count * job.pieces_a_row
        while job.credit >= 1.0 and self.busy:
            job.credit -= 1.0
            index = self._step(index)
        return self._plan(index)

    def finish(self, index: Index) -> Index:
        """Return the index with the merge that is under way, and those it leads to, done."""
        while (job := self._job) is not None:
            index = self._step(index)
            if self._job is not job:
                index = self._plan(index)
        return index

    def compact(self, index: Index) -> Index:
        """Return the index merged into one level."""
        index = self.finish(index)
        while len(index.levels) > 1:
            self._start(index, len(index.levels) - 2)
            while self._job is not None:
                index = self._step(index)
        return index

    def store(self, index: Index) -> Index:
        """Return the index with every level that is only in memory written to packs, for the checkpoint to come."""
        sinks = self._pack_sinks(is_synced=False)
        levels = [
            level if _is_stored(level) else _exhaust(copy_level(level, sinks))
            for level in index.levels
        ]
        for level, copied in zip(index.levels, levels, strict=True):
            self._renew_job(level, copied)
        return replace(index, levels=tuple(levels))

    def _renew_job(self, old: Level, new: Level) -> None:
        if self._job is None:
            return
        if self._job.older is old:
            self._job.older = new
        if self._job.newer is old:
            self._job.newer = new

    def _pack_sinks(self, *, is_synced: bool) -> tuple[PackSink, PackSink]:
        live = PackSink(4, self.packs, is_synced=is_synced)
        return live, PackSink(5, self.packs, is_synced=is_synced)

    def _plan(self, index: Index) -> Index:
        """Merge small neighbours now, begin with large ones, and catch up when far behind."""
        levels, job = self._planned
        if levels is index.levels and job is self._job:
            return index
        index = self._merge_due(index)
        self._planned = index.levels, self._job
        return index

    def _merge_due(self, index: Index) -> Index:
        while (i := self._next_pair(index)) is not None:
            older, newer = index.levels[i], index.levels[i + 1]
            if older.row_count + newer.row_count <= INLINE_ROWS:
                index = self._merge_inline(index, i)
            elif self._job is None:
                self._start(index, i)
                break
            else:
                break
        while len(index.levels) > MAX_LEVELS and self._job is not None:
            index = self._step(index)
        return index

    def _next_pair(self, index: Index) -> int | None:
        """Return the newest pair of neighbours that ought to be one level."""
        taken = () if self._job is None else (self._job.older, self._job.newer)
        for i in range(len(index.levels) - 2, -1, -1):
            older, newer = index.levels[i], index.levels[i + 1]
            if any(older is level or newer is level for level in taken):
                return None
            if newer.row_count * RATIO >= older.row_count:
                return i
        return None

    def _merge_inline(self, index: Index, i: int) -> Index:
        pair = [(index.levels[k], index.kills[k]) for k in (i, i + 1)]
        sinks = (MemorySink(4), MemorySink(5))
        level = _exhaust(merge_levels(pair[0], pair[1], sinks, self.forgetful))
        return _replaced(index, i, level, NO_KILLS)

    def _start(self, index: Index, i: int) -> None:
        older, newer = index.levels[i], index.levels[i + 1]
        kills = (index.kills[i], index.kills[i + 1])
        rows = older.row_count + newer.row_count
        in_memory = self.packs.is_transient and rows <= WIDE_ROWS
        sinks = (
            (MemorySink(4), MemorySink(5)) if in_memory else self._pack_sinks(is_synced=True)
        )
        steps = merge_levels((older, kills[0]), (newer, kills[1]), sinks, self.forgetful)
        runs = (*older.live, *older.ended)
        pieces = 3 + sum(len(run.segments) + 1 for run in runs)
        self._job = _Job(older, newer, kills, steps, pieces / max(newer.row_count // 2, 1))

    def _step(self, index: Index) -> Index:
        """Do one piece of the merge; put the merged level in place after the last."""
        job = self._job
        assert job is not None
        try:
            next(job.steps)
        except StopIteration as done:
            self._job = None
            return _install(index, job, done.value)
        except BaseException:
            self._job = None
            raise
        return index


def _is_stored(level: Level) -> bool:
    return all(segment.entry for run in (*level.live, *level.ended) for segment in run.segments)


def _exhaust(steps: Generator[None, None, Level]) -> Level:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            level: Level = done.value
            return level


def _replaced(index: Index, i: int, level: Level, kills: Kills) -> Index:
    return replace(
        index,
        levels=(*index.levels[:i], level, *index.levels[i + 2 :]),
        kills=(*index.kills[:i], kills, *index.kills[i + 2 :]),
    )


def _install(index: Index, job: _Job, level: Level) -> Index:
    """Put a merged level where its two parents were, with what ended since the merge began.

    Where the parents are no longer in the index (an interrupt came between), nothing changes.
    """
    i = next((k for k, known in enumerate(index.levels) if known is job.older), -1)
    if i < 0 or index.levels[i + 1] is not job.newer:
        return index
    facts: list[list[Int64Array]] = [[], [], []]
    txs = []
    for parent, before, now in (
        (job.older, job.kills[0], index.kills[i]),
        (job.newer, job.kills[1], index.kills[i + 1]),
    ):
        fresh = ~np.isin(now.rows[Order.EAVT], before.rows[Order.EAVT])
        rows = now.rows[Order.EAVT][fresh]
        for k in range(3):
            facts[k].append(parent.live[Order.EAVT].take(k, rows))
        txs.append(now.txs[Order.EAVT][fresh])
    columns = [np.concatenate(parts) for parts in facts]
    kills, _ = find_kills(level, NO_KILLS, columns, np.concatenate(txs))
    return _replaced(index, i, level, kills)
