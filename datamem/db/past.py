"""Columns that a view keeps: an attribute it is asked for again, in one sorted piece.

The past of an attribute lies in several places, live rows and ended ones. Whoever asks one past instant
twice will ask again, so the second time the attribute's rows are put together, sorted by entity, and kept
beside the index; from then on the past is read as a present at rest is. So is a present whose rows lie in
several places, when it has been asked often enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datamem.index.kernels import equal_rows, sort_order
from datamem.index.rows import Rows, rows_of
from datamem.index.solid import solid_of

if TYPE_CHECKING:
    from datamem.index.index import Bounds, Index
    from datamem.index.kernels import Int64Array
    from datamem.index.solid import Solid

KEPT_ROWS: Final = 2_000_000
"""What all past values over one index keep together; beyond it they begin anew."""

KEPT_POINTS: Final = 8
"""How many points in time are remembered."""

_ROWS_A_QUESTION: Final = 5_000
"""Sorting so many rows costs about what a small question costs where rows lie in several places."""


class Pasts:
    """What the past values over one index keep, point by point, shared by all that are asked for."""

    __slots__ = ("_by_upto", "row_count")

    def __init__(self) -> None:
        self._by_upto: dict[int, PastColumns] = {}
        self.row_count = 0

    def at(self, upto: int) -> PastColumns:
        """Return what is kept of the instant after a transaction."""
        found = self._by_upto.get(upto)
        if found is None:
            if len(self._by_upto) >= KEPT_POINTS:
                self._by_upto = {}
                self.row_count = 0
            found = self._by_upto[upto] = PastColumns(self)
        return found

    def take(self, row_count: int) -> None:
        """Count rows that are about to be kept; over budget, forget all others."""
        if self.row_count + row_count > KEPT_ROWS:
            for columns in list(self._by_upto.values()):
                columns.forget()
            self.row_count = 0
        self.row_count += row_count


class PastColumns:
    """The attributes that are kept of one past instant.

    Attributes:
        pieces: what `Db.solids` found of attributes in levels that lie there as they were.
    """

    __slots__ = ("_asked", "_kept", "_pasts", "_solids", "_wanted", "pieces")

    def __init__(self, pasts: Pasts) -> None:
        self._pasts = pasts
        self._asked: set[int] = set()
        self._wanted: dict[int, int] = {}
        self._kept: dict[int, Rows] = {}
        self._solids: dict[int, tuple[Solid, ...]] = {}
        self.pieces: dict[int, tuple[Solid, ...]] = {}

    def forget(self) -> None:
        """Keep nothing any more."""
        self._kept = {}
        self._solids = {}

    def solids(self, index: Index, bounds: Bounds, a: int) -> tuple[Solid, ...]:
        """Return the attribute's visible rows in one piece, nothing when asked for the first time.

        The present will soon be another: there it takes so many questions that putting the rows together
        costs no more than those did.
        """
        found = self._solids.get(a, ())
        if found:
            return found
        left = self._wanted.get(a)
        if left is None:
            left = 1 if bounds.past else 2 + index.count(None, a, None) // _ROWS_A_QUESTION
        self._wanted[a] = left - 1
        if left > 0:
            return ()
        rows = self._kept.get(a)
        if rows is None:
            rows = self._keep(index, bounds, a)
        if rows is None or not len(rows):
            return ()
        self._pasts.take(len(rows))
        by = sort_order((rows.v, rows.e))
        found = self._solids[a] = (solid_of(a, rows.e, rows.v, rows.tx, by),)
        return found

    def attribute(self, index: Index, bounds: Bounds, a: int) -> Rows | None:
        """Return the attribute's visible rows by entity, None when asked for the first time."""
        kept = self._kept.get(a)
        if kept is None and a in self._asked:
            kept = self._keep(index, bounds, a)
        self._asked.add(a)
        return kept

    def _keep(self, index: Index, bounds: Bounds, a: int) -> Rows | None:
        if index.count(None, a, None, with_ended=True) > KEPT_ROWS:
            return None
        rows = index.scan(bounds, a=a)
        by = sort_order((rows.e, rows.v))
        columns = (rows.e[by], rows.a[by], rows.v[by], rows.tx[by])
        self._pasts.take(len(by))
        kept = self._kept[a] = rows_of(*columns, sorted_by="e")
        return kept

    def entities(self, index: Index, bounds: Bounds, a: int, es: Int64Array) -> Rows | None:
        """Return the rows of some entities, ascending and distinct; None if nothing is kept."""
        rows = self.attribute(index, bounds, a)
        if rows is None:
            return None
        at = equal_rows(rows.e, es)
        return rows_of(rows.e[at], rows.a[at], rows.v[at], rows.tx[at], sorted_by="e")
