"""Novelty: the datoms since the last freeze, in buffers that only their owner appends to.

A database value holds a novelty together with the number of rows it may see. Appending never changes
a row that somebody sees, but for one stamp: a row that ends gets the retracting transaction, which
is later than any older value's basis and so tells it nothing new. (A branch gives the same numbers to other
transactions, so it takes a snapshot without the later stamps.) A retraction of something older than this
novelty is a tombstone, found by its fact.

Lookups go through shared dicts of row numbers; their readers ignore rows at or beyond their count.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import compress
from typing import Any, Final

import numpy as np

from datamem.ids import MAX_T
from datamem.index.kernels import Int64Array
from datamem.index.tombs import TombPlaces

FREEZE_ROWS: Final = 8_192
DIGEST_ROWS: Final = 64
"""An entity with so many rows more gets a digest of those that still hold."""
_NONE: Final[tuple[int, ...]] = ()


class Novelty:
    """An append-only buffer of rows (e, a, v, tx, ended) and of tombstones (e, a, v, tx).

    At most `capacity` of each fit; what is more at once becomes a level directly.
    """

    def __init__(self, capacity: int = FREEZE_ROWS) -> None:
        self.capacity = capacity
        columns = [np.empty(capacity, np.int64) for _ in range(5)]
        self.e, self.a, self.v, self.tx, self.ended = columns
        self.views = [column.data for column in columns]
        self.row_count = 0
        self.by_e: dict[int, list[int]] = {}
        self.by_av: dict[tuple[int, int], int | list[int]] = {}
        """Mostly there is one row; see `rows_with`."""
        self.digests: dict[int, tuple[int, tuple[int, ...], int]] = {}
        """Of entities that change often: (tx, rows that held after it, how many rows there were)."""
        self.tombs = [np.empty(0, np.int64)] * 4
        self.tomb_count = 0
        self.places = TombPlaces()
        self.tombs_by_e: dict[int, list[int]] = {}
        self.tombs_by_av: dict[tuple[int, int], list[int]] = {}

    def room(self) -> int:
        """Return how many more rows and tombstones fit."""
        return self.capacity - max(self.row_count, self.tomb_count)

    def append(
        self,
        es: Sequence[int],
        as_: Sequence[int],
        vs: Sequence[int],
        added: Sequence[bool],
        tx: int,
    ) -> None:
        """Append the datoms of one transaction; only the owner, under its lock.

        REQUIRES: `room()` for all of them; a fact retracted here holds now.
        """
        if False in added:
            for e, a, v, is_added in zip(es, as_, vs, added, strict=True):
                if not is_added:
                    self._end(e, a, v, tx)
            es, as_, vs = ([*compress(column, added)] for column in (es, as_, vs))
        self._assert(es, as_, vs, tx)

    def _assert(
        self, es: Sequence[int], as_: Sequence[int], vs: Sequence[int], tx: int
    ) -> None:
        e_view, a_view, v_view, tx_view, ended_view = self.views
        row = self.row_count
        by_e, by_av = self.by_e, self.by_av
        for e, a, v in zip(es, as_, vs, strict=True):
            e_view[row] = e
            a_view[row] = a
            v_view[row] = v
            tx_view[row] = tx
            ended_view[row] = MAX_T
            rows = by_e.get(e)
            if rows is None:
                by_e[e] = [row]
            else:
                rows.append(row)
                if not len(rows) % DIGEST_ROWS:
                    self._digest(e, rows, tx)
            others = by_av.setdefault((a, v), row)
            if others != row:
                if isinstance(others, int):
                    by_av[a, v] = [others, row]
                else:
                    others.append(row)
            row += 1
        self.row_count = row

    def _digest(self, e: int, rows: list[int], tx: int) -> None:
        """Note which of an entity's rows hold after `tx`, so that its readers skip the others."""
        ended = self.views[4]
        holding = tuple(row for row in self.rows_of(e, tx) if ended[row] > tx)
        self.digests[e] = tx, holding, len(rows)

    def rows_of(self, e: int, upto: int) -> Sequence[int]:
        """Return the numbers of an entity's rows; without some that had ended by `upto`.

        Cost: what holds and at most some 64 more, however often the entity changed, for newest readers.
        """
        rows = self.by_e.get(e, _NONE)
        digest = self.digests.get(e)
        if digest is None or upto < digest[0]:
            return rows
        return (*digest[1], *rows[digest[2] :])

    def rows_with(self, a: int, v: int) -> Sequence[int]:
        """Return the numbers of the rows with an attribute and value, ascending."""
        found = self.by_av.get((a, v), _NONE)
        return (found,) if isinstance(found, int) else found

    def _end(self, e: int, a: int, v: int, tx: int) -> None:
        _, a_view, v_view, _, ended = self.views
        for row in reversed(self.by_e.get(e, _NONE)):
            if a_view[row] == a and v_view[row] == v and ended[row] == MAX_T:
                ended[row] = tx
                return
        if not self.tomb_count:
            self.tombs = [np.empty(self.capacity, np.int64) for _ in range(4)]
        number = self.tomb_count
        for column, word in zip(self.tombs, (e, a, v, tx), strict=True):
            column[number] = word
        self.tombs_by_e.setdefault(e, []).append(number)
        self.tombs_by_av.setdefault((a, v), []).append(number)
        self.tomb_count = number + 1

    def undo(self, row_count: int, tomb_count: int, basis_tx: int) -> None:
        """Take back all transactions after `basis_tx`, whose commit failed; only the owner.

        An append that an interrupt ended halfway is taken back as well. Cost: one pass over the
        dicts, about 1 ms when full.
        """
        _forget(self.by_e, row_count)
        _forget_single(self.by_av, row_count)
        for numbers_by_key in (self.tombs_by_e, self.tombs_by_av):
            _forget(numbers_by_key, tomb_count)
        for e in [e for e, digest in self.digests.items() if digest[0] > basis_tx]:
            del self.digests[e]
        self.row_count, self.tomb_count = row_count, tomb_count
        self.places = TombPlaces()
        live = self.ended[:row_count]
        live[live > basis_tx] = MAX_T

    def snapshot(self, basis_tx: int) -> Novelty:
        """Return a novelty with the same rows that later transactions do not stamp.

        Nobody may append to it. Rows beyond the caller's count are shared, and not to be looked at. Cost: a
        copy of one column.
        """
        copied = copy(self)
        ended = self.ended.copy()
        ended[ended > basis_tx] = MAX_T
        copied.ended = ended
        copied.digests = {e: d for e, d in tuple(self.digests.items()) if d[0] <= basis_tx}
        copied.views = [*self.views[:4], ended.data]
        return copied

    def rows(self, count: int, e: int | None, a: int | None, v: int | None) -> Int64Array:
        """Return the numbers below `count` of the rows with the given parts, ascending.

        Cost: the rows of `e` or of (a, v); else one pass over the buffer, about 4 µs.
        """
        if e is not None:
            candidates = self.by_e.get(e, _NONE)
            return self._filter(candidates, count, a, v)
        if a is not None and v is not None:
            return self._filter(self.rows_with(a, v), count, None, None)
        if a is not None:
            return np.flatnonzero(self.a[:count] == a)
        if v is not None:
            return np.flatnonzero(self.v[:count] == v)
        return np.arange(count)

    def _filter(
        self, candidates: Sequence[int], count: int, a: int | None, v: int | None
    ) -> Int64Array:
        rows = _below(candidates, count)
        if a is not None and len(rows):
            rows = rows[self.a[rows] == a]
        if v is not None and len(rows):
            rows = rows[self.v[rows] == v]
        return rows

    def tombs_below(self, count: int) -> list[Int64Array]:
        """Return the first tombstones as columns (e, a, v, tx)."""
        return [column[:count] for column in self.tombs]

    def tomb_rows(
        self, count: int, e: int | None, a: int | None, v: int | None
    ) -> tuple[Int64Array, ...]:
        """Return the tombstones below `count` that have the given parts, as columns (e, a, v, tx)."""
        _, as_, vs, _ = self.tombs
        if e is not None:
            rows = _below(self.tombs_by_e.get(e, _NONE), count)
        elif a is not None and v is not None:
            rows = _below(self.tombs_by_av.get((a, v), _NONE), count)
        else:
            rows = np.arange(count)
        for column, part in ((as_, a), (vs, v)):
            if part is not None and len(rows):
                rows = rows[column[rows] == part]
        return tuple(column[rows] for column in self.tombs)


def _forget(rows_by_key: dict[Any, list[int]], count: int) -> None:
    """Remove the row numbers from `count` on; each list ascends."""
    for rows in rows_by_key.values():
        while rows and rows[-1] >= count:
            rows.pop()


def _forget_single(rows_by_key: dict[Any, int | list[int]], count: int) -> None:
    """Remove the row numbers from `count` on, where a single one is no list."""
    newer = [
        key for key, rows in rows_by_key.items() if isinstance(rows, int) and rows >= count
    ]
    for key in newer:
        del rows_by_key[key]
    _forget(
        {key: rows for key, rows in rows_by_key.items() if not isinstance(rows, int)}, count
    )


def _below(rows: Sequence[int], count: int) -> Int64Array:
    return np.array([row for row in rows if row < count], np.int64)
