"""Joining: which rows of two key columns go together, by the way that sizes and orders allow."""

from __future__ import annotations

import numpy as np

from datamem.datalog.columns.kernels import (
    SMALL,
    BoolArray,
    Int64Array,
    are_equal,
    expand,
    is_strict,
    sort_order,
)
from datamem.index.kernels import EMPTY


class JoinPlan:
    """The matches of two key columns, counted before they are listed.

    Attributes:
        size: how many pairs `pairs()` will give; known without making them.
        in_order: the pairs ascend by their left row.
    """

    __slots__ = ("_counts", "_direct", "_order", "_starts", "in_order", "size")

    def __init__(
        self,
        left: Int64Array,
        right: Int64Array,
        *,
        left_sorted: bool = False,
        right_sorted: bool = False,
    ) -> None:
        self._direct: tuple[Int64Array | None, Int64Array | None] | None = None
        self._order: Int64Array | None = None
        self._starts = self._counts = EMPTY
        self.in_order = True
        self.size = 0
        if not len(left) or not len(right):
            self._direct = (EMPTY, EMPTY)
        elif len(left) < SMALL and len(right) < SMALL:
            rows = _dict_join(left, right)
            self._direct, self.size = rows, len(rows[0])
        elif are_equal(left, right) and is_strict(left):
            self._direct, self.size = (None, None), len(left)
        else:
            self._count(left, right, left_sorted=left_sorted, right_sorted=right_sorted)

    def _count(
        self, left: Int64Array, right: Int64Array, *, left_sorted: bool, right_sorted: bool
    ) -> None:
        if not right_sorted and len(left) * 4 < len(right) and is_strict(left):
            self._count_few(left, right)
            return
        low, high = _bounds(right, is_ascending=right_sorted)
        is_narrow = high - low <= 4 * (len(left) + len(right))
        if is_narrow and not (right_sorted and len(left) * 16 < len(right)):
            self._count_dense(left, right, low, high - low + 1, right_sorted=right_sorted)
        else:
            swapped = left_sorted and not right_sorted and len(right) < 4 * len(left)
            if swapped:
                self.in_order = False
                left, right, right_sorted = right, left, True
            if not right_sorted:
                right, self._order = sort_order(right)
            self._starts, self._counts = _search(left, right)
        if self._direct is None:
            self.size = int(self._counts.sum())

    def _count_few(self, left: Int64Array, right: Int64Array) -> None:
        """Find for each right row its only left row; ascending left keys need no sort of the right."""
        low, width = int(left[0]), int(left[-1]) - int(left[0]) + 1
        if width <= 4 * len(right):
            table = np.full(width + 1, -1)
            table[left - low] = np.arange(len(left))
            slots, inside = _slots(right, low, width)
            rows = table[slots]
            hits = rows >= 0
        else:
            rows, inside = np.minimum(np.searchsorted(left, right), len(left) - 1), None
            hits = left[rows] == right
        if inside is not None:
            hits &= inside
        self.in_order = False
        if bool(hits.all()):
            self._direct, self.size = (rows, None), len(rows)
        else:
            found = np.flatnonzero(hits)
            self._direct, self.size = (rows[found], found), len(found)

    def _count_dense(
        self, left: Int64Array, right: Int64Array, low: int, width: int, *, right_sorted: bool
    ) -> None:
        """Count through tables indexed by key: no search, no comparison."""
        slots, inside = _slots(left, low, width)
        if right_sorted and width == len(right) and is_strict(right):
            self._match_once(slots, inside)
            return
        right_slots = right - low
        table = np.full(width + 1, -1)
        table[right_slots] = np.arange(len(right))
        if bool((table[right_slots] == np.arange(len(right))).all()):
            rows = table[slots]
            hits = rows >= 0
            self._match_once(rows, hits if inside is None else hits & inside)
            return
        counts = np.bincount(right_slots, minlength=width + 1)
        starts = np.cumsum(counts) - counts
        if not right_sorted:
            _, self._order = sort_order(right)
        self._starts = starts[slots]
        self._counts = counts[slots]
        if inside is not None:
            self._counts = self._counts * inside

    def _match_once(self, rows: Int64Array, hits: BoolArray | None) -> None:
        """Each left row has one right row, or none where `hits` is false."""
        if hits is None or bool(hits.all()):
            self._direct, self.size = (None, rows), len(rows)
        else:
            found = np.flatnonzero(hits)
            self._direct, self.size = (found, rows[found]), len(found)

    def left_counts(self, left_count: int) -> Int64Array:
        """Return how many pairs each of the `left_count` left rows is in."""
        if self._direct is None and self.in_order:
            return self._counts
        rows, _ = self.matches()
        if rows is None:
            return np.ones(left_count, np.int64)
        return np.bincount(rows, minlength=left_count)

    def matches(self) -> tuple[Int64Array | None, Int64Array | None]:
        """Return `pairs()`, None standing for every row of a side in its order."""
        if self._direct is not None:
            return self._direct
        rows, found = expand(self._starts, self._counts)
        if self._order is not None:
            found = self._order[found]
        return (rows, found) if self.in_order else (found, rows)

    def pairs(self) -> tuple[Int64Array, Int64Array]:
        """Return the matching (left rows, right rows), ordered by the left row where it can be."""
        left, right = self.matches()
        every = np.arange(self.size)
        return every if left is None else left, every if right is None else right


def _bounds(keys: Int64Array, *, is_ascending: bool) -> tuple[int, int]:
    """Return the least and the greatest key."""
    if is_ascending:
        return int(keys[0]), int(keys[-1])
    return int(keys.min()), int(keys.max())


def _slots(keys: Int64Array, low: int, width: int) -> tuple[Int64Array, BoolArray | None]:
    """Return table slots for keys; slots outside the table become `width`, an empty one."""
    key_low, key_high = int(keys.min()), int(keys.max())
    if key_low >= low and key_high < low + width:
        return keys - low, None
    inside = (keys >= low) & (keys < low + width)
    return np.where(inside, keys - low, width), inside


def _search(left: Int64Array, right: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return where each left key starts in sorted `right` and how often it is there."""
    starts = np.searchsorted(right, left, "left")
    stops = np.searchsorted(right, left, "right")
    return starts, stops - starts


def _dict_join(left: Int64Array, right: Int64Array) -> tuple[Int64Array, Int64Array]:
    table: dict[int, list[int]] = {}
    for row, key in enumerate(right.tolist()):
        table.setdefault(key, []).append(row)
    left_rows: list[int] = []
    right_rows: list[int] = []
    for row, key in enumerate(left.tolist()):
        found = table.get(key)
        if found is not None:
            right_rows += found
            left_rows += [row] * len(found)
    return np.array(left_rows, np.int64), np.array(right_rows, np.int64)


def member_mask(keys: Int64Array, members: Int64Array) -> BoolArray:
    """Tell for each key whether it is among `members`."""
    if not len(keys) or not len(members):
        return np.zeros(len(keys), np.bool_)
    if len(keys) < SMALL and len(members) < SMALL:
        known = set(members.tolist())
        return np.array([key in known for key in keys.tolist()], np.bool_)
    low, high = int(members.min()), int(members.max())
    if high - low <= 8 * (len(keys) + len(members)):
        width = high - low + 1
        table = np.zeros(width + 1, np.bool_)
        table[members - low] = True
        return table[_slots(keys, low, width)[0]]
    return np.isin(keys, members)
