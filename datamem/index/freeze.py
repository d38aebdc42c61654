"""Turning datoms into a level: novelty that is full, or a transaction too large for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datamem.ids import MAX_T
from datamem.index.index import Index, Layer
from datamem.index.kernels import BoolArray, Int64Array, match_rows, pair_intervals, sort_order
from datamem.index.level import level_of
from datamem.index.novelty import FREEZE_ROWS, Novelty

Columns = Sequence[Int64Array]
_NO_COLUMNS: tuple[Int64Array, ...] = tuple(np.empty(0, np.int64) for _ in range(5))


def with_datoms(
    index: Index,
    datoms: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[bool]],
    tx: int,
) -> Index:
    """Return the index after one transaction.

    Args:
        datoms: e, a, v, added, n each; a retracted fact holds now.

    The last layer's novelty is appended to in place: only its owner may call this, and older
    index values do not see the new rows. A full novelty is frozen first; a transaction that is larger than
    a whole novelty becomes a level of its own.
    """
    count = len(datoms[0])
    if count > FREEZE_ROWS // 2:
        return _with_large(freeze(index), datoms, tx)
    if not index.layers or index.layers[-1].novelty.room() < count:
        index = _with_fresh_layer(freeze(index))
    index.layers[-1].novelty.append(*datoms, tx)
    return index.seen()


def _with_fresh_layer(index: Index) -> Index:
    return replace(index, layers=(*index.layers, Layer(Novelty(), 0, 0)))


def _with_large(
    index: Index,
    datoms: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[bool]],
    tx: int,
) -> Index:
    e, a, v = (np.asarray(column, np.int64) for column in datoms[:3])
    added = np.asarray(datoms[3], np.bool_)
    live = [column[added] for column in (e, a, v)]
    live.append(np.full(len(live[0]), tx, np.int64))
    facts = [column[~added] for column in (e, a, v)]
    level = level_of(live, _NO_COLUMNS)
    return index.with_level(level, facts, np.full(len(facts[0]), tx, np.int64))


def with_log(index: Index, columns: Columns, added: BoolArray) -> Index:
    """Return the index after a stretch of the log, given as (e, a, v, tx) columns in its order."""
    e, a, v, tx = columns
    asserted, ended_by, orphans = pair_intervals(e, a, v, tx, added)
    rows = [column[asserted] for column in columns]
    still = ended_by < 0
    live = [column[still] for column in rows]
    ended = [column[~still] for column in rows]
    ended.append(tx[ended_by[~still]])
    facts = [column[orphans] for column in (e, a, v)]
    return freeze(index).with_level(level_of(live, ended), facts, tx[orphans])


def freeze(index: Index) -> Index:
    """Return the index with its novelty, of all layers, sorted into one more level.

    Cost: three sorts of at most FREEZE_ROWS rows a layer, about 3 ms.
    """
    rows: list[Int64Array] = list(_NO_COLUMNS)
    tombs: list[Int64Array] = list(_NO_COLUMNS[:4])
    for layer in index.layers:
        novelty, count = layer.novelty, layer.row_count
        if layer.tomb_count:
            left = _end_rows(rows, [column[: layer.tomb_count] for column in novelty.tombs])
            tombs = _joined(tombs, left)
        columns = (novelty.e, novelty.a, novelty.v, novelty.tx, novelty.ended)
        rows = _joined(rows, [column[:count] for column in columns])
    index = replace(index, layers=())
    if not len(rows[0]) and not len(tombs[0]):
        return index
    still = rows[4] == MAX_T
    live = [column[still] for column in rows[:4]]
    ended = [column[~still] for column in rows]
    return index.with_level(level_of(live, ended), tombs[:3], tombs[3])


def _joined(one: Columns, two: Columns) -> list[Int64Array]:
    return [np.concatenate(pair) for pair in zip(one, two, strict=True)]


def _end_rows(rows: list[Int64Array], tombs: Columns) -> list[Int64Array]:
    """Stamp the rows that tombstones end; return the tombstones that end something else."""
    open_rows = np.flatnonzero(rows[4] == MAX_T)
    if not len(open_rows):
        return list(tombs)
    facts = [column[open_rows] for column in rows[:3]]
    by = sort_order(facts)
    found = match_rows([fact[by] for fact in facts], tombs[:3])
    hit = found >= 0
    rows[4] = rows[4].copy()
    rows[4][open_rows[by[found[hit]]]] = tombs[3][hit]
    return [column[~hit] for column in tombs]
