"""A run: sorted rows of one index order, as a row of segments that other runs may share."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Final
from weakref import ref

import numpy as np

from datamem.index.kernels import EMPTY, Int64Array, equal_rows, find_rows
from datamem.index.segment import SEGMENT_ROWS, Key, Segment, wide_segment

_ABOVE: Final = 1 << 70

_OFTEN: Final = 32
_SHAPED_ROWS: Final = 1 << 20
"""Whether so many rows have a gap is found out, by one pass, once they were asked about often."""


class Run:
    """Sorted, immutable rows of one order.

    Columns 0 to 2 are the key in the run's order, 3 is the asserting transaction and, in a run of
    ended rows, 4 the retracting one.
    """

    __slots__ = (
        "_asked",
        "_gapless",
        "_ranges",
        "_spans",
        "_wholes",
        "column_count",
        "firsts",
        "max_tx",
        "min_tx",
        "row_count",
        "segments",
        "solids",
        "starts",
    )

    def __init__(self, segments: Sequence[Segment], column_count: int) -> None:
        self.segments = tuple(segments)
        self.column_count = column_count
        self.firsts = [segment.first for segment in self.segments]
        self.starts = [0, *accumulate(segment.row_count for segment in self.segments)]
        self.row_count = self.starts[-1]
        self.min_tx = min((segment.min_tx for segment in self.segments), default=0)
        self._spans: dict[int, tuple[int, int]] = {}
        self._ranges: dict[int, tuple[int, int]] = {}
        self._asked: dict[int, int] = {}
        self._gapless: dict[int, int | None] = {}
        self._wholes: dict[tuple[int, int], ref[Int64Array]] = {}
        self.solids: dict[int, Any] = {}
        """For `solid.py`: what it made of the run's attributes."""
        self.max_tx = max((segment.max_tx for segment in self.segments), default=0)

    def range(self, prefix: Key) -> tuple[int, int]:
        """Find the rows whose leading columns equal `prefix`, as a half-open range.

        Cost: one search among segments, one inside the first and the last of them; about 3 µs.
        """
        if not prefix:
            return 0, self.row_count
        firsts = self.firsts
        i = bisect_left(firsts, prefix)
        if i < len(firsts) and firsts[i][: len(prefix)] == prefix:
            return self._range_of_many(prefix, i)
        if not i or prefix > self.segments[i - 1].last:
            return 0, 0
        base = self.starts[i - 1]
        start, stop = self.segments[i - 1].narrow(prefix)
        return base + start, base + stop

    def _range_of_many(self, prefix: Key, i: int) -> tuple[int, int]:
        """Return the range of a prefix with which segment `i`, the first to do so, begins."""
        j = bisect_left(self.firsts, (*prefix, _ABOVE), i) - 1
        stop = self.starts[j] + self.segments[j].narrow(prefix)[1]
        return (self.starts[i - 1] + self.segments[i - 1].narrow(prefix)[0] if i else 0), stop

    def span(self, first: int) -> tuple[int, int]:
        """Return `range((first,))`, remembered."""
        found = self._ranges.get(first)
        if found is None:
            found = self._ranges[first] = self.range((first,))
        return found

    def has(self, first: int) -> bool:
        """Tell whether any row has this first column."""
        start, stop = self.span(first)
        return start < stop

    def gapless(self, first: int) -> int | None:
        """Return the least second column of the rows with this first column, where they have no gap.

        That is: one row for each value from there to the greatest. None where it is not like that, or not yet
        known. Cost: a dict lookup; one pass over those rows, if their ends allow it, when this is asked often.
        """
        try:
            return self._gapless[first]
        except KeyError:
            asked = self._asked[first] = self._asked.get(first, 0) + 1
        if asked >= _OFTEN:
            self._gapless[first] = self._find_gapless(*self.span(first))
        return None

    def _find_gapless(self, start: int, stop: int) -> int | None:
        count = stop - start
        if not 0 < count <= _SHAPED_ROWS:
            return None
        least = self.at(1, start)
        if self.at(1, stop - 1) - least != count - 1:
            return None
        column = self.column(1, start, stop)
        return least if bool((column[1:] > column[:-1]).all()) else None

    def whole(self, i: int, first: int) -> Int64Array:
        """Return column `i` of all rows with this first column, in one piece.

        The segments inside keep their part of it as what they decoded, so that nothing is held twice.
        """
        start, stop = self.span(first)
        known = self._wholes.get((i, first))
        found = None if known is None else known()
        if found is None:
            found = self.column(i, start, stop)
            inside = slice(bisect_left(self.starts, start), bisect_right(self.starts, stop) - 1)
            for base, segment in zip(self.starts[inside], self.segments[inside], strict=True):
                segment.adopt(i, found[base - start : base - start + segment.row_count])
            self._wholes[i, first] = ref(found)
        return found

    def tx_span(self, first: int) -> tuple[int, int]:
        """Return the earliest and the latest transaction among rows with this first column.

        The latest is that of the last column: retractions, in a run of ended rows.
        Cost: a pass over those rows the first time, a dict lookup after that.
        """
        span = self._spans.get(first)
        if span is None:
            start, stop = self.range((first,))
            span = (0, 0)
            if start < stop:
                last = self.column(self.column_count - 1, start, stop)
                span = int(self.column(3, start, stop).min()), int(last.max())
            self._spans[first] = span
        return span

    def lower(self, key: Key) -> int:
        """Return the first row that is not below `key` (one to three leading columns)."""
        i = bisect_left(self.firsts, key) - 1
        return 0 if i < 0 else self.starts[i] + self.segments[i].narrow(key)[0]

    def upper(self, key: Key) -> int:
        """Return the first row that is above `key` (one to three leading columns)."""
        j = bisect_left(self.firsts, (*key, _ABOVE)) - 1
        return 0 if j < 0 else self.starts[j] + self.segments[j].narrow(key)[1]

    def column(self, i: int, start: int = 0, stop: int | None = None) -> Int64Array:
        """Return rows start:stop of column `i`, int64; a view where one segment holds them."""
        stop = self.row_count if stop is None else stop
        if start >= stop:
            return EMPTY
        starts = self.starts
        first = bisect_right(starts, start) - 1
        if stop <= starts[first + 1]:
            base = starts[first]
            return self.segments[first].column(i, start - base, stop - base)
        last = bisect_left(starts, stop) - 1
        parts = [
            self.segments[k].column(
                i, max(start - starts[k], 0), min(stop, starts[k + 1]) - starts[k]
            )
            for k in range(first, last + 1)
        ]
        return np.concatenate(parts)

    def columns(self, start: int = 0, stop: int | None = None) -> list[Int64Array]:
        """Return rows start:stop of every column."""
        return [self.column(i, start, stop) for i in range(self.column_count)]

    def at(self, i: int, row: int) -> int:
        """Return one value of column `i`."""
        k = bisect_right(self.starts, row) - 1
        return self.segments[k].at(i, row - self.starts[k])

    def keys(self, start: int, stop: int, prefix: Key = ()) -> list[Key]:
        """Return the three key columns of a few rows, start < stop, which start with `prefix`."""
        starts = self.starts
        k = bisect_right(starts, start) - 1
        if stop <= starts[k + 1]:
            return self.segments[k].keys(start - starts[k], stop - starts[k], prefix)
        found: list[Key] = []
        while start < stop:
            base, end = starts[k], min(stop, starts[k + 1])
            found += self.segments[k].keys(start - base, end - base, prefix)
            start, k = end, k + 1
        return found

    def take(self, i: int, rows: Int64Array) -> Int64Array:
        """Return column `i` of the given rows, int64[m]; rows ascend."""
        if not len(rows):
            return EMPTY
        starts = self.starts
        first = bisect_right(starts, rows[0]) - 1
        if rows[-1] < starts[first + 1]:
            return self.segments[first].take(i, rows - starts[first] if first else rows)
        last = bisect_right(starts, rows[-1]) - 1
        cuts = np.searchsorted(rows, starts[first + 1 : last + 1]).tolist()
        parts = [
            self.segments[k].take(i, rows[start:stop] - starts[k])
            for k, start, stop in zip(
                range(first, last + 1), [0, *cuts], [*cuts, len(rows)], strict=True
            )
            if start < stop
        ]
        return np.concatenate(parts)

    def find(self, keys: Sequence[Int64Array], *, after: bool = False) -> Int64Array:
        """Find where each key row would go; `keys` has one to four columns, rows ascending."""
        if not self.row_count:
            return np.zeros(len(keys[0]), np.int64)
        if len(self.segments) == 1:
            return self.segments[0].find(keys, after=after)
        out = np.empty(len(keys[0]), np.int64)
        which = self._segments_of(keys, after=after)
        cuts = np.searchsorted(which, np.arange(len(self.segments) + 1))
        for k in np.flatnonzero(np.diff(cuts)).tolist():
            part = slice(cuts[k], cuts[k + 1])
            found = self.segments[k].find([key[part] for key in keys], after=after)
            out[part] = found + self.starts[k]
        return out

    def find_second(self, start: int, stop: int, keys: Int64Array) -> Int64Array:
        """Return the rows of start:stop whose second column is among `keys`, ascending.

        REQUIRES: the first column is the same in all of start:stop; keys ascend, distinct.

        Cost: one binary search a key, in the segments that can hold it.
        """
        starts = self.starts
        first = bisect_right(starts, start) - 1
        last = bisect_left(starts, stop) - 1
        if first == last:
            column = self.column(1, start, stop)
            return equal_rows(column, keys) + start
        edges = np.array([segment.first[1] for segment in self.segments[first + 1 : last + 1]])
        below = np.searchsorted(keys, edges, "right").tolist()
        above = np.searchsorted(keys, edges, "left").tolist()
        parts = []
        for k, low, high in zip(
            range(first, last + 1), [0, *above], [*below, len(keys)], strict=True
        ):
            if low < high:
                base = max(start, starts[k])
                column = self.column(1, base, min(stop, starts[k + 1]))
                parts.append(equal_rows(column, keys[low:high]) + base)
        return np.concatenate(parts) if parts else EMPTY

    def _segments_of(self, keys: Sequence[Int64Array], *, after: bool) -> Int64Array:
        firsts = [np.array(column, np.int64) for column in zip(*self.firsts, strict=True)]
        found = find_rows(firsts[: len(keys)], keys, after=after)
        return np.maximum(found - 1, 0)


def run_of(columns: Sequence[Int64Array]) -> Run:
    """Return a run in memory of columns that are sorted already; they are not copied."""
    if not len(columns[0]):
        return Run((), len(columns))
    return Run((wide_segment(columns),), len(columns))


def split_rows(row_count: int) -> list[tuple[int, int]]:
    """Cut rows into ranges of about SEGMENT_ROWS, none of them tiny."""
    pieces = max(1, round(row_count / SEGMENT_ROWS))
    edges = [row_count * i // pieces for i in range(pieces + 1)]
    return [(start, stop) for start, stop in pairwise(edges) if stop > start]
