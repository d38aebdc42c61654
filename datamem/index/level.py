"""A level: what one stretch of transactions left behind, sorted in all three orders.

Rows that still held when the level was made are live, rows that had ended are kept apart, so that
the present never reads the past. A later retraction cannot change a level; it is recorded as a kill
(`Kills`): the live row's position in each order, and the transaction that retracted it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from datamem.index.kernels import EMPTY, Int64Array, sort_order
from datamem.index.orders import Order, arrange
from datamem.index.run import Run, run_of

Columns = Sequence[Int64Array]


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Level:
    """Live and ended runs, one of each per order."""

    live: tuple[Run, Run, Run]
    ended: tuple[Run, Run, Run]

    @property
    def row_count(self) -> int:
        """How many assertions it holds."""
        return self.live[0].row_count + self.ended[0].row_count


@dataclass(frozen=True, slots=True)
class Kills:
    """Live rows of one level that ended after it was made.

    Attributes:
        rows: per order int64[n], positions in the live run, ascending.
        txs: per order int64[n], the retracting transactions in the same order.
    """

    rows: tuple[Int64Array, Int64Array, Int64Array] = (EMPTY, EMPTY, EMPTY)
    txs: tuple[Int64Array, Int64Array, Int64Array] = (EMPTY, EMPTY, EMPTY)
    max_tx: int = field(default=0)

    def __len__(self) -> int:
        return len(self.rows[0])


NO_KILLS = Kills()

_LONG: Final = 64
"""Attributes with so many rows, taken together, are sorted each by itself."""


def level_of(live: Columns, ended: Columns) -> Level:
    """Return a level in memory; `live` is (e, a, v, tx), `ended` has the retracting tx besides.

    Cost: a sort of each, and one of each attribute's values; rows come in any order, and a live fact at
    most once.
    """
    return Level(live=_sorted_runs(live), ended=_sorted_runs(ended))


def _sorted_runs(columns: Columns) -> tuple[Run, Run, Run]:
    """Return the runs of rows given as (e, a, v, tx) or (e, a, v, tx, ended) columns.

    Rows that ascend by e are, attribute by attribute, in the second order; and those, value by value, in the
    third.
    """
    if not len(columns[0]):
        return run_of(columns), run_of(columns), run_of(columns)
    by = sort_order(columns if len(columns) > 4 else columns[:3])
    by_e = [column[by] for column in columns]
    by = sort_order(by_e[1:2])
    by_a = [column[by] for column in by_e]
    by = _value_order(by_a[1], by_a[2])
    by_v = [column[by] for column in by_a]
    return (
        run_of(by_e),
        run_of((*arrange(Order.AEVT, by_a), *by_a[3:])),
        run_of((*arrange(Order.AVET, by_v), *by_v[3:])),
    )


def _value_order(a: Int64Array, v: Int64Array) -> Int64Array:
    """Return the permutation that sorts the values of each attribute, int64[n]; attributes ascend."""
    starts = np.flatnonzero(np.concatenate(([True], a[1:] != a[:-1])))
    if len(starts) * _LONG > len(a):
        return sort_order((a, v))
    stops = [*starts[1:].tolist(), len(a)]
    parts = [
        sort_order((v[start:stop],)) + start
        for start, stop in zip(starts.tolist(), stops, strict=True)
    ]
    return np.concatenate(parts)


def find_kills(
    level: Level, known: Kills, facts: Columns, ended: Int64Array
) -> tuple[Kills, Int64Array]:
    """Find which facts are live rows of a level, and return its kills with those added.

    Args:
        level: where to look.
        known: the level's kills so far; a row that one of them names is not found again.
        facts: (e, a, v), int64[n] each.
        ended: int64[n], the retracting transactions.

    Returns:
        (kills, missing): the new kills, and the numbers of the facts that are not in the level.
    """
    if not level.live[0].row_count or not len(ended):
        return known, np.arange(len(ended))
    rows, txs, hit = [], [], np.empty(0, np.bool_)
    for order in Order:
        found = _find_live(level.live[order], known.rows[order], arrange(order, facts))
        hit = found >= 0
        all_rows = np.concatenate((known.rows[order], found[hit]))
        by = sort_order((all_rows,))
        rows.append(all_rows[by])
        txs.append(np.concatenate((known.txs[order], ended[hit]))[by])
    max_tx = max(known.max_tx, int(ended[hit].max()) if hit.any() else 0)
    kills = Kills((rows[0], rows[1], rows[2]), (txs[0], txs[1], txs[2]), max_tx)
    return kills, np.flatnonzero(~hit)


def _find_live(run: Run, killed: Int64Array, keys: Columns) -> Int64Array:
    """Return the position of each key row in the run, -1 where it is absent or killed."""
    by = sort_order(keys)
    ordered = [key[by] for key in keys]
    start = run.find(ordered)
    inside = start < run.row_count
    probe = np.where(inside, start, 0)
    steps = sort_order((probe,))
    equal = inside.copy()
    for i, key in enumerate(ordered):
        values = np.empty(len(probe), np.int64)
        values[steps] = run.take(i, probe[steps])
        equal &= values == key
    if len(killed):
        equal &= ~np.isin(probe, killed)
    out = np.empty(len(probe), np.int64)
    out[by] = np.where(equal, start, -1)
    return out
