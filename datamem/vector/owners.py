"""Whose each row is and when: what the newest value of a database says, read without asking it.

Most vectors belong to one entity, once. Then three numbers a row tell every plain view, past or present,
whether it sees the row. Rows of several datoms are marked, and asked of the database value.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from datamem.ids import MAX_T
from datamem.index.kernels import Int64Array
from datamem.index.select import in_sorted

SHARED = -1
"""The owner of a row that several datoms have, or none that is known."""


_TAIL_ROWS: Final = 4_096
_FEW_ROWS: Final = 64


class Seen(NamedTuple):
    """Rows that a view sees.

    Attributes:
        at: int64[n], which of the rows asked about; anything where it is all of them.
        e: int64[n], their entities.
    """

    at: Int64Array
    e: Int64Array


class Owned(NamedTuple):
    """Rows and their owners, int64[n] each."""

    rows: Int64Array
    e: Int64Array


class _ByOwner(NamedTuple):
    """Rows by owner.

    Attributes:
        owners: int64[n], ascending.
        rows: int64[n], the row of each.
        are_distinct: no owner has two rows.
        is_shared: some rows are shared, or were nobody's yet.
    """

    owners: Int64Array
    rows: Int64Array
    are_distinct: bool
    is_shared: bool

    @classmethod
    def of(cls, owners: Int64Array) -> _ByOwner:
        """Sort the owners of rows from 0 on."""
        order = np.argsort(owners, kind="stable")
        sorted_ = owners[order]
        are_distinct = bool((sorted_[1:] > sorted_[:-1]).all())
        return cls(sorted_, order, are_distinct, int(sorted_[:1].min(initial=0)) < 0)

    def rows_of(self, entities: Int64Array) -> Owned:
        """Return the rows of some entities, ascending and distinct."""
        owners = self.owners
        if not len(owners):
            return Owned(self.rows, owners)
        first = owners.searchsorted(entities)
        if self.are_distinct:
            is_owner = owners.take(first, mode="clip") == entities
            return Owned(self.rows.take(first[is_owner]), entities[is_owner])
        counts = owners.searchsorted(entities, "right") - first
        starts = np.repeat(first - np.cumsum(counts) + counts, counts)
        at = starts + np.arange(len(starts))
        return Owned(self.rows.take(at), owners.take(at))


class Owners:
    """Columns e, tx and ended by row; one thread writes, under the store's lock.

    Attributes:
        count: rows.
        is_shared: whether some row may be `SHARED`.
        has_ended: whether some row may have ended.
        newest: no row was asserted later than in this transaction.
    """

    def __init__(self) -> None:
        self._columns = np.empty((3, 1024), np.int64)
        self.count = 0
        self.is_shared = False
        self.has_ended = False
        self.newest = 0
        self._by_e: _ByOwner | None = None
        """Of the first rows; the others are looked through."""

    def columns(self) -> Int64Array:
        """Return int64[3, count]: e, tx, ended."""
        found: Int64Array = self._columns[:, : self.count]
        return found

    def extend(self, count: int) -> None:
        """Have `count` rows; new ones are nobody's yet."""
        if count > self._columns.shape[1]:
            grown = np.empty((3, max(count, 2 * self._columns.shape[1])), np.int64)
            grown[:, : self.count] = self._columns[:, : self.count]
            self._columns = grown
        self._columns[0, self.count : count] = SHARED
        self._columns[1:, self.count : count] = 0
        self.count = count

    def adopt(
        self, columns: Int64Array, newest: int, *, is_shared: bool, has_ended: bool
    ) -> None:
        """Begin with saved columns, int64[3, count], of which it becomes the owner."""
        self._columns = columns
        self.count = columns.shape[1]
        self.newest, self.is_shared, self.has_ended = newest, is_shared, has_ended

    def truncate(self, count: int) -> None:
        """Forget the rows from `count` on."""
        self.count, self._by_e = min(self.count, count), None

    def note(self, rows: Int64Array, e: Int64Array, tx: Int64Array, ended: Int64Array) -> None:
        """Take down all datoms of some rows, int64[n] each; a row that comes twice is shared.

        A later end is stamped over what older values read: they see the row before and after.
        """
        if not len(rows):
            return
        if self._by_e is not None and (self._by_e.is_shared or len(rows) > 1):
            self._by_e = None
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        first = np.concatenate(([True], rows[1:] != rows[:-1]))
        is_single = first & np.concatenate((first[1:], [True]))
        shared, single = rows[first & ~is_single], order[is_single]
        owners, txs, ends = self._columns
        owners[shared] = SHARED
        self.is_shared |= len(shared) > 0
        mine = rows[is_single]
        self.has_ended |= bool((ended[single] < MAX_T).any())
        self.newest = max(self.newest, int(tx.max()))
        ends[mine] = ended[single]
        txs[mine] = tx[single]
        owners[mine] = e[single]

    def rows_of(self, entities: Int64Array) -> Owned | None:
        """Return the rows that some entities own, ended ones too; None where a row is shared.

        Args:
            entities: int64[n], ascending and distinct.

        Cost: 3 µs for a few; a sort of all rows now and then.
        """
        known = self._by_e
        if known is None or self.count - len(known.owners) > _TAIL_ROWS:
            known = self._by_e = _ByOwner.of(self._columns[0, : self.count])
        tail = self._columns[0, len(known.owners) : self.count]
        if known.is_shared or (self.is_shared and int(tail.min(initial=0)) < 0):
            return None
        found = known.rows_of(entities)
        if len(tail):
            late = np.flatnonzero(in_sorted(tail, entities))
            rows = np.concatenate((found.rows, late + len(known.owners)))
            return Owned(rows, np.concatenate((found.e, tail[late])))
        return found

    def txs(self, rows: Int64Array) -> Int64Array:
        """Return the transactions that asserted some rows, none of them shared."""
        found: Int64Array = self._columns[1][rows]
        return found

    def begun(self, upto: int) -> int:
        """Return about how many rows were there at a transaction: they come in the order of time."""
        return int(np.searchsorted(self._columns[1, : self.count], upto, "right"))

    def all_seen(self, upto: int) -> Seen | None:
        """Return all rows that a plain view sees, their numbers in `at`; None where any is shared.

        Cost: a pass over three columns, 0.1 ms for 100,000 rows.
        """
        e, tx, ended = self._columns[:, : self.count]
        at = np.flatnonzero((tx <= upto) & (upto < ended))
        if self.is_shared and int(e.min(initial=0)) < 0:
            return None
        return Seen(at, e[at])

    def are_all_seen(self, upto: int) -> bool:
        """Tell whether a plain view sees every row that has an owner."""
        return upto >= self.newest and not (self.is_shared or self.has_ended)

    def seen(self, rows: Int64Array, upto: int, among: Int64Array | None = None) -> Seen | None:
        """Return which of the rows a plain view sees; None where a row is shared.

        Args:
            rows: int64[n].
            upto: the newest transaction that the view sees.
            among: int64[n], ascending: the only entities that count.
        """
        if among is None and self.are_all_seen(upto):
            e = self._columns[0][rows]
            least = min(e.tolist(), default=0) if len(e) <= _FEW_ROWS else int(e.min())
            if least >= 0:  # no row is still nobody's
                return Seen(rows, e)
        e, tx, ended = self._columns[:, rows]
        if self.is_shared and len(e) and int(e.min()) < 0:
            return None
        sees = (tx <= upto) & (upto < ended)
        if among is not None:
            sees &= in_sorted(e, among)
        if sees.all():
            return Seen(rows, e)
        at = np.flatnonzero(sees)
        return Seen(at, e[at])
