"""An attribute in several pieces, one a level, asked in the way of one (`Solid`).

Made for one query: it remembers where in each piece that what was asked for last is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from datamem.index.solid import Solid, Span

if TYPE_CHECKING:
    from datamem.index.kernels import BoolArray, Int64Array


class Layered:
    """Rows of one attribute in pieces that share none.

    Attributes:
        row_count: how many rows there are.
    """

    __slots__ = ("_looked_up", "_solids", "_spans", "row_count")

    def __init__(self, solids: Sequence[Solid]) -> None:
        self._solids = solids
        self.row_count = sum(solid.row_count for solid in solids)
        self._spans: list[Span] = []
        self._looked_up: Int64Array | None = None

    def equal(self, word: int) -> Span:
        """Find the rows with one value and return their number as a stretch of them."""
        self._spans = [solid.equal(word) for solid in self._solids]
        return 0, self._size()

    def between(self, low: int | None, high: int | None) -> Span:
        """Find the rows with low <= v <= high and return their number as a stretch of them."""
        self._spans = [solid.between(low, high) for solid in self._solids]
        return 0, self._size()

    def _size(self) -> int:
        return sum(stop - start for start, stop in self._spans)

    def entities(self, _start: int, _stop: int) -> Int64Array:
        """Return the entities of all that was found last; pieces follow each other."""
        pairs = zip(self._solids, self._spans, strict=True)
        return np.concatenate([solid.entities(*span) for solid, span in pairs])

    def values(self, _start: int, _stop: int) -> Int64Array:
        """Return the values of all that was found last, in the same order."""
        pairs = zip(self._solids, self._spans, strict=True)
        return np.concatenate([solid.values(*span) for solid, span in pairs])

    def all_entities(self) -> Int64Array:
        """Return every row's entity; pieces follow each other."""
        return np.concatenate([solid.all_entities() for solid in self._solids])

    def all_values(self) -> Int64Array:
        """Return every row's value, in the same order."""
        return np.concatenate([solid.all_values() for solid in self._solids])

    def places(self, es: Int64Array) -> tuple[Int64Array, BoolArray | None] | None:
        """Look up distinct entities; return places for `values_at`, and which are there (None: all).

        None where an entity has several rows.
        """
        values = np.empty(len(es), np.int64)
        found = np.zeros(len(es), np.bool_)
        for solid in self._solids:
            places = solid.places(es)
            if places is None:
                return None
            at, is_there = places
            if is_there is None:
                is_there = np.ones(len(es), np.bool_)
            if bool((found & is_there).any()):
                return None
            values[is_there] = solid.values_at(at[is_there])
            found |= is_there
        self._looked_up = values
        return np.arange(len(es)), None if bool(found.all()) else found

    def values_at(self, at: Int64Array) -> Int64Array:
        """Return the values at places that `places` gave."""
        assert self._looked_up is not None
        return self._looked_up[at]
