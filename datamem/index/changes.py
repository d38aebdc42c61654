"""Which facts a stretch of transactions touched, read from the segments that can hold any of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from datamem.index.index import Index, Layer
from datamem.index.kernels import BoolArray, Int64Array
from datamem.index.level import Kills
from datamem.index.orders import Order
from datamem.index.run import Run

Facts = tuple[Int64Array, Int64Array, Int64Array]
"""Columns e, a, v, int64[n] each."""


def changed_facts(index: Index, after: int, upto: int) -> Facts:
    """Return every fact that a transaction after `after` and up to `upto` asserted or retracted.

    Args:
        index: where to look; it has not forgotten the rows that ended (`:db/noHistory` may).
        after, upto: transaction ids, after <= upto.

    Returns:
        e, a, v in no order; a fact comes once for each time it was touched.

    Cost: one column of every segment whose span of transactions meets the stretch. Segments that
    older and newer values share are not looked at.
    """
    parts: list[Sequence[Int64Array]] = []
    for level, kills in zip(index.levels, index.kills, strict=True):
        live, ended = level.live[Order.EAVT], level.ended[Order.EAVT]
        parts.extend(_asserted(live, after, upto))
        parts.append(_killed(live, kills, after, upto))
        parts.extend(_ended(ended, after, upto))
    for layer in index.layers:
        parts.extend(_fresh(layer, after, upto))
    if not parts:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    e, a, v = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return e, a, v


def _between(tx: Int64Array, after: int, upto: int) -> BoolArray:
    return (tx > after) & (tx <= upto)


def _asserted(run: Run, after: int, upto: int) -> Iterator[Sequence[Int64Array]]:
    for segment in run.segments:
        if segment.max_tx > after and segment.min_tx <= upto:
            rows = np.flatnonzero(_between(segment.column(3), after, upto))
            if len(rows):
                yield [segment.take(i, rows) for i in range(3)]


def _killed(run: Run, kills: Kills, after: int, upto: int) -> Sequence[Int64Array]:
    if kills.max_tx <= after:
        return [np.empty(0, np.int64)] * 3
    rows = kills.rows[Order.EAVT][_between(kills.txs[Order.EAVT], after, upto)]
    return [run.take(i, rows) for i in range(3)]


def _ended(run: Run, after: int, upto: int) -> Iterator[Sequence[Int64Array]]:
    for segment in run.segments:
        if segment.max_tx > after and segment.min_tx <= upto:
            touched = _between(segment.column(3), after, upto)
            touched |= _between(segment.column(4), after, upto)
            rows = np.flatnonzero(touched)
            if len(rows):
                yield [segment.take(i, rows) for i in range(3)]


def _fresh(layer: Layer, after: int, upto: int) -> Iterator[Sequence[Int64Array]]:
    novelty, count = layer.novelty, layer.row_count
    touched = _between(novelty.tx[:count], after, upto)
    touched |= _between(novelty.ended[:count], after, upto)
    rows = np.flatnonzero(touched)
    yield [column[rows] for column in (novelty.e, novelty.a, novelty.v)]
    if layer.tomb_count:
        e, a, v, tx = (column[: layer.tomb_count] for column in novelty.tombs)
        dead = _between(tx, after, upto)
        yield [e[dead], a[dead], v[dead]]
