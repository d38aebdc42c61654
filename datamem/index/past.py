"""History: every assertion with the transaction that ended it, whatever level it lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datamem.ids import MAX_T
from datamem.index.kernels import Int64Array, match_rows, sort_order
from datamem.index.orders import COLUMN_OF, Order, arrange

if TYPE_CHECKING:
    from datamem.index.index import Index
    from datamem.index.run import Run

Columns = list[Int64Array]


def history_columns(
    index: Index, upto: int, e: int | None, a: int | None, v: int | None
) -> tuple[Int64Array, ...]:
    """Return rows asserted up to `upto` as int64 columns (e, a, v, tx, ended), in no order."""
    order, prefix = _order_for(e, a, v)
    parts: list[Columns] = []
    for level, kills in zip(index.levels, index.kills, strict=True):
        parts.append(
            _live_columns(level.live[order], kills.rows[order], kills.txs[order], order, prefix)
        )
        parts.append(_columns(level.ended[order], order, prefix))
    for layer in index.layers:
        novelty = layer.novelty
        rows = novelty.rows(layer.row_count, e, a, v)
        columns = (novelty.e, novelty.a, novelty.v, novelty.tx, novelty.ended)
        below = (
            [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else None
        )
        if below is not None and layer.tomb_count:
            below[4] = _end_by(below, novelty.tomb_rows(layer.tomb_count, e, a, v))
            parts = [below]
        parts.append([column[rows] for column in columns])
    if not parts:
        return tuple(np.empty(0, np.int64) for _ in range(5))
    merged = [np.concatenate(column) for column in zip(*parts, strict=True)]
    keep = merged[3] <= upto
    for column, part in ((merged[0], e), (merged[1], a), (merged[2], v)):
        if part is not None:
            keep &= column == part
    return tuple(column[keep] for column in merged)


def _order_for(e: int | None, a: int | None, v: int | None) -> tuple[Order, tuple[int, ...]]:
    if e is not None:
        return Order.EAVT, (e,) if a is None else (e, a)
    if a is not None:
        return (Order.AEVT, (a,)) if v is None else (Order.AVET, (a, v))
    return Order.EAVT, ()


def _columns(run: Run, order: Order, prefix: tuple[int, ...]) -> Columns:
    start, stop = run.range(prefix)
    names = ("e", "a", "v", "tx", "ended")[: run.column_count]
    return [run.column(COLUMN_OF[order][name], start, stop) for name in names]


def _live_columns(
    run: Run, killed: Int64Array, txs: Int64Array, order: Order, prefix: tuple[int, ...]
) -> Columns:
    start, stop = run.range(prefix)
    columns = _columns(run, order, prefix)
    ended = np.full(stop - start, MAX_T, np.int64)
    first, last = np.searchsorted(killed, (start, stop))
    ended[killed[first:last] - start] = txs[first:last]
    return [*columns, ended]


def _end_by(columns: Columns, tombs: tuple[Int64Array, ...]) -> Int64Array:
    """Return the ended column with tombstones (e, a, v, tx) applied to rows that still hold."""
    ended = columns[4].copy()
    if not len(tombs[0]):
        return ended
    open_rows = np.flatnonzero(ended == MAX_T)
    facts = [column[open_rows] for column in arrange(Order.EAVT, columns)]
    by = sort_order(facts) if len(open_rows) else open_rows
    found = match_rows([fact[by] for fact in facts], list(tombs[:3]))
    hit = found >= 0
    ended[open_rows[by[found[hit]]]] = tombs[3][hit]
    return ended
