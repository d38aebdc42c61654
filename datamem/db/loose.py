"""An attribute whose rows lie in several places, asked in the way of one in one piece (`Solid`).

Made for one query: it remembers what it was asked for, so that what is counted first is read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datamem.index.kernels import sort_order
from datamem.index.solid import Span, ascending, placed

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.index.kernels import BoolArray, Int64Array
    from datamem.index.rows import Rows


class Loose:
    """The visible rows of one attribute, wherever they are.

    Attributes:
        row_count: about how many rows there are; never fewer.
    """

    __slots__ = ("_a", "_db", "_found", "_looked_up", "row_count")

    def __init__(self, db: Db, a: int) -> None:
        self._db = db
        self._a = a
        self.row_count = db.count(a=a)
        self._found: Rows | None = None
        self._looked_up: Int64Array | None = None

    def equal(self, word: int) -> Span:
        """Find the rows with one value and return their number as a stretch of them."""
        self._found = self._db.rows(a=self._a, v=word)
        return 0, len(self._found)

    def between(self, low: int | None, high: int | None) -> Span:
        """Find the rows with low <= v <= high and return their number as a stretch of them."""
        self._found = self._db.value_range(self._a, low, high)
        return 0, len(self._found)

    def entities(self, start: int, stop: int) -> Int64Array:
        """Return the entities of a stretch of what was found last."""
        return self._rows().e[start:stop]

    def values(self, start: int, stop: int) -> Int64Array:
        """Return the values of a stretch of what was found last."""
        return self._rows().v[start:stop]

    def all_entities(self) -> Int64Array:
        """Return every row's entity."""
        return self._rows().e

    def all_values(self) -> Int64Array:
        """Return every row's value, in the same order."""
        return self._rows().v

    def _rows(self) -> Rows:
        if self._found is None:
            self._found = self._db.rows(a=self._a)
        return self._found

    def places(self, es: Int64Array) -> tuple[Int64Array, BoolArray | None] | None:
        """Look up distinct entities; return places for `values_at`, and which are there (None: all).

        None where an entity has several rows.
        """
        keys, by = ascending(es)
        rows = self._db.lookup_many(self._a, keys)
        known, values = rows.e, rows.v
        if rows.sorted_by != "e":
            order = sort_order((known,))
            known, values = known[order], values[order]
        self._looked_up = values
        return placed(keys, by, known, np.arange(len(known)))

    def values_at(self, at: Int64Array) -> Int64Array:
        """Return the values at places that `places` gave."""
        assert self._looked_up is not None
        return self._looked_up[at]
