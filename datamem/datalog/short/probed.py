"""An attribute's rows where they lie in no piece: looked up in the database value when they are asked for.

After a commit an attribute may have rows that are new or dead, and putting it together again costs more
than one question. A search asks about few entities, which are looked up as well one by one.
"""

from __future__ import annotations

import numpy as np

from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.db.database import Db
from datamem.index.rows import Rows

_Span = tuple[int, int]


class Probed:
    """What a star asks of an attribute, answered from the index; one selection at a time.

    Attributes:
        row_count: about how many rows there are, never fewer than there are.
    """

    __slots__ = ("_a", "_db", "_found", "_select", "row_count")

    def __init__(self, db: Db, a: int) -> None:
        self._db = db
        self._a = a
        self.row_count = db.count(a=a)
        self._select: tuple[int | None, int | None] = (None, None)
        self._found: Int64Array | None = None

    def equal(self, word: int) -> _Span:
        """Select the rows with one value; how many there are is an upper bound."""
        self._select = (word, word)
        return 0, self._db.count(a=self._a, v=word)

    def between(self, low: int | None, high: int | None) -> _Span:
        """Select the rows with low <= v <= high."""
        self._select = (low, high)
        return 0, len(self._selected())

    def _selected(self) -> Rows:
        low, high = self._select
        if low is not None and low == high:
            return self._db.rows(a=self._a, v=low)
        return self._db.value_range(self._a, low, high)

    def entities(self, _start: int, _stop: int) -> Int64Array:
        """Return the entities of the selected rows, in any order."""
        return self._selected().e

    def values(self, _start: int, _stop: int) -> Int64Array:
        """Return the values of the selected rows, in the order of `entities`."""
        return self._selected().v

    def all_entities(self) -> Int64Array:
        """Return the entities of all rows, in any order."""
        return self._db.rows(a=self._a).e

    def all_values(self) -> Int64Array:
        """Return the values of all rows, in the order of `all_entities`."""
        return self._db.rows(a=self._a).v

    def places(self, es: Int64Array) -> tuple[Int64Array, BoolArray | None] | None:
        """Look up distinct entities; return places for `values_at`, and which are there (None: all).

        None where an entity has several rows.
        """
        rows = self._db.lookup_many(self._a, np.sort(es))
        order = np.argsort(rows.e)
        known, self._found = rows.e[order], rows.v[order]
        if (known[1:] == known[:-1]).any():
            return None
        if not len(known):
            return np.zeros(len(es), np.int64), np.zeros(len(es), np.bool_)
        at = np.minimum(np.searchsorted(known, es), len(known) - 1)
        is_there = known[at] == es
        return at, None if is_there.all() else is_there

    def values_at(self, at: Int64Array) -> Int64Array:
        """Return the values at places that `places` gave."""
        assert self._found is not None
        return self._found[at]
