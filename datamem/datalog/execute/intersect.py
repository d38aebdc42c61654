"""Intersections: a new variable bound by several patterns at once, as cyclic queries need.

Joining a triangle's patterns one after the other makes every path of two edges first, which may be far
more than the triangles and the edges together. Here each row is extended through whichever pattern
offers it the fewest values, and the other patterns are asked about each of those at once; rows are
worked on a stretch at a time, so that only what survives is ever held. Summed over the rows this is
the bound of worst-case optimal joins (Ngo, Porat, Ré and Rudra, 2012), for patterns of two variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.relation import Relation

STRETCH: Final = 1 << 18
"""Candidates looked at together; what is held at a time."""

_FILTER_BITS: Final = 22
_MULTIPLIER: Final = np.uint64(0x9E37_79B9_7F4A_7C15)


class _Adjacency:
    """The pairs (key, value) of one pattern; values are numbers that all patterns share."""

    __slots__ = ("_filter", "_keys", "_pairs", "_starts", "_value_count", "values")

    def __init__(self, keys: Int64Array, values: Int64Array, value_count: int) -> None:
        self._keys = kernels.distinct(keys)
        self._value_count = value_count
        numbers = np.searchsorted(self._keys, keys)
        self._pairs = np.sort(numbers * value_count + values)
        self.values = self._pairs % value_count
        counts = np.bincount(numbers, minlength=len(self._keys))
        self._starts = np.concatenate(([0], np.cumsum(counts)))
        self._filter = np.zeros(1 << _FILTER_BITS, np.bool_)
        self._filter[_hashed(self._pairs)] = True

    def number(self, keys: Int64Array) -> tuple[Int64Array, BoolArray]:
        """Return the number of each key, and which keys there are."""
        numbers = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return numbers, self._keys[numbers] == keys

    def ranges(self, numbers: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return where the values of each key start, and how many there are."""
        starts = self._starts[numbers]
        return starts, self._starts[numbers + 1] - starts

    def holds(self, numbers: Int64Array, values: Int64Array) -> Int64Array:
        """Return the positions of the pairs that there are, ascending."""
        pairs = numbers * self._value_count + values
        likely = np.flatnonzero(self._filter[_hashed(pairs)])
        asked = pairs[likely]
        at = np.minimum(np.searchsorted(self._pairs, asked), len(self._pairs) - 1)
        held: Int64Array = likely[self._pairs[at] == asked]
        return held


def _hashed(pairs: Int64Array) -> Int64Array:
    mixed = pairs.astype(np.uint64) * _MULTIPLIER
    return (mixed >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)


class Intersection:
    """Several relations (bound variable, new variable) that must agree on the new variable."""

    __slots__ = ("_domain", "_name", "_parts", "_words", "key_names")

    def __init__(self, parts: Sequence[Relation], name: str) -> None:
        """Prepare; REQUIRES relations of two variables, not empty, one domain for `name`.

        Cost: a sort of each relation.
        """
        self._name = name
        self._domain = parts[0].domain(name)
        self.key_names = [next(n for n in part.names if n != name) for part in parts]
        words, numbers = kernels.map_distinct(
            np.concatenate([part.column(name) for part in parts])
        )
        self._words = words
        cuts = np.cumsum([part.size for part in parts])[:-1]
        self._parts = [
            _Adjacency(part.column(key), values, len(words))
            for part, key, values in zip(
                parts, self.key_names, np.split(numbers, cuts), strict=True
            )
        ]

    def extend(self, rows: Relation, check: Callable[[int], None]) -> Relation:
        """Return the rows with the new variable, once for each value on which all relations agree.

        Args:
            rows: has every bound variable.
            check: is told after each stretch how many rows there are so far.
        """
        numbers, known = [], np.ones(rows.size, np.bool_)
        for part, key in zip(self._parts, self.key_names, strict=True):
            found, is_there = part.number(rows.column(key))
            numbers.append(found)
            known &= is_there
        alive = np.flatnonzero(known)
        numbers = [column[alive] for column in numbers]
        ranges = [
            part.ranges(column) for part, column in zip(self._parts, numbers, strict=True)
        ]
        best = np.argmin(np.stack([counts for _, counts in ranges]), axis=0)
        kept: list[tuple[Int64Array, Int64Array]] = []
        total = 0
        for i, (starts, counts) in enumerate(ranges):
            chosen = np.flatnonzero(best == i)
            for first, last in stretches(counts[chosen], STRETCH):
                some = chosen[first:last]
                at, places = kernels.expand(starts[some], counts[some])
                agreed = self._agreed(i, some[at], self._parts[i].values[places], numbers)
                kept.append(agreed)
                total += len(agreed[0])
                check(total)
        left = kernels.concat([alive[at] for at, _ in kept])
        values = kernels.concat([found for _, found in kept])
        return rows.take(left).with_column(self._name, self._words[values], self._domain)

    def _agreed(
        self, own: int, rows: Int64Array, values: Int64Array, numbers: Sequence[Int64Array]
    ) -> tuple[Int64Array, Int64Array]:
        """Keep the candidates that every other relation has too."""
        for j, part in enumerate(self._parts):
            if j != own:
                held = part.holds(numbers[j][rows], values)
                rows, values = rows[held], values[held]
        return rows, values


def stretches(counts: Int64Array, most: int) -> list[tuple[int, int]]:
    """Cut rows that give `counts` rows each into ranges that give about `most` together.

    Args:
        counts: int64[n].
        most: a range gives more only where its one row does.

    Returns:
        (start, stop) of each range, in order; every row is in one.
    """
    if not len(counts):
        return []
    ends = np.cumsum(counts)
    cuts = [0]
    while cuts[-1] < len(counts):
        before = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
        cut = int(np.searchsorted(ends, before + most, "right"))
        cuts.append(max(cut, cuts[-1] + 1))
    return list(pairwise(cuts))
