"""Hot loops over sorted int64 columns: arrays in, arrays out.

A row is spread over several columns; "sorted" means by the first, then the second, and so on.
Sorting packs columns into one int64 wherever their ranges allow, since one plain `np.sort` is ten
times faster than a stable argsort of the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

EMPTY: Int64Array = np.empty(0, np.int64)
_PACK_BITS = 62
_RADIX_BITS = 32
_MANY = 512
"""Of so many rows it is worth finding out more."""
_APART = 16
"""So many times fewer rows than all are few."""
_SCAN_RATIO = 12
"""A binary search costs about as much as passing over this many rows."""


def sort_order(columns: Sequence[Int64Array]) -> Int64Array:
    """Return the permutation that sorts the rows, equal rows in their given order.

    Args:
        columns: int64[n] each, most significant first.

    Cost: a pass or two when the columns' ranges fit 32 bits, one `np.sort` when with the row number they fit 62,
    nothing for rows that are in order. Else a few rows whose first column is far from the others' are sorted
    apart, and a last column that no two rows need is left out; else a lexsort.
    """
    row_count = len(columns[0])
    if row_count < 2:
        return np.arange(row_count, dtype=np.int64)
    packed, width = _pack(columns)
    if packed is None:
        return _sort_apart(columns)
    if row_count >= _MANY:
        if bool((packed[1:] >= packed[:-1]).all()):
            return np.arange(row_count, dtype=np.int64)
        if width <= _RADIX_BITS:
            return _radix_order(packed, width)
    bits = row_count.bit_length()
    if width + bits > _PACK_BITS:
        return _sort_apart(columns)
    packed <<= bits
    packed += np.arange(row_count, dtype=np.int64)
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


def _pack(columns: Sequence[Int64Array]) -> tuple[Int64Array | None, int]:
    """Pack columns into one int64, and say how wide it is; None if they do not fit."""
    lows = [int(column.min()) for column in columns]
    widths = [
        (int(column.max()) - low).bit_length()
        for column, low in zip(columns, lows, strict=True)
    ]
    if sum(widths) > _PACK_BITS:
        return None, 0
    packed = columns[0] - lows[0]
    for column, low, width in zip(columns[1:], lows[1:], widths[1:], strict=True):
        packed <<= width
        packed += column - low
    return packed, sum(widths)


def _radix_order(packed: Int64Array, width: int) -> Int64Array:
    """Sort by 16 bits at a time, the lowest first, which numpy does without comparing."""
    order = np.argsort(packed.astype(np.uint16), kind="stable")
    if width > 16:
        order = order[np.argsort((packed >> 16).astype(np.uint16)[order], kind="stable")]
    return order


def _sort_apart(columns: Sequence[Int64Array]) -> Int64Array:
    """Sort rows that do not fit: small first columns before great ones, where either are few; or by fewer columns."""
    first = columns[0]
    low, high = int(first.min()), int(first.max())
    is_great = first > low + (high - low >> 1)
    great_count = int(is_great.sum())
    if 0 < min(great_count, len(first) - great_count) * _APART <= len(first):
        sides = np.flatnonzero(~is_great), np.flatnonzero(is_great)
        return np.concatenate(
            [rows[sort_order([column[rows] for column in columns])] for rows in sides]
        )
    if len(columns) > 1:
        order = sort_order(columns[:-1])
        if not _have_twice([column[order] for column in columns[:-1]]):
            return order
    return np.lexsort(tuple(reversed(columns))).astype(np.int64, copy=False)


def _have_twice(columns: Sequence[Int64Array]) -> bool:
    """Tell whether two neighbouring rows are equal."""
    same = columns[0][1:] == columns[0][:-1]
    for column in columns[1:]:
        same &= column[1:] == column[:-1]
    return bool(same.any())


def find_rows(
    columns: Sequence[Int64Array], keys: Sequence[Int64Array], *, after: bool = False
) -> Int64Array:
    """Find where each key row would go among sorted rows.

    Args:
        columns: int64[n] each, sorted.
        keys: int64[m] each, as many columns, in any order of rows.
        after: behind equal rows instead of before them.

    Returns:
        int64[m] positions in 0..n.

    Cost: O(m log n) in about 2 log n array operations; no pass over the columns.
    """
    low = np.zeros(len(keys[0]), np.int64)
    high = np.full(len(keys[0]), len(columns[0]), np.int64)
    last = len(columns) - 1
    for i, (column, key) in enumerate(zip(columns, keys, strict=True)):
        if i == 0:
            start = np.searchsorted(column, key, "right" if after and not last else "left")
            stop = start if not last else np.searchsorted(column, key, "right")
            low, high = start.astype(np.int64), stop.astype(np.int64)
        else:
            start = _bisect(column, key, low, high, after=after and i == last)
            high = start if i == last else _bisect(column, key, start, high, after=True)
            low = start
    return low


def _bisect(
    column: Int64Array, key: Int64Array, low: Int64Array, high: Int64Array, *, after: bool
) -> Int64Array:
    """Binary search each key in its own range of `column`."""
    low, high = low.copy(), high.copy()
    if not len(column):
        return low
    last = len(column) - 1
    while True:
        open_ = low < high
        if not open_.any():
            return low
        middle = (low + high) >> 1
        value = column[np.minimum(middle, last)]
        go_right = open_ & ((value <= key) if after else (value < key))
        low = np.where(go_right, middle + 1, low)
        high = np.where(open_ & ~go_right, middle, high)


def match_rows(columns: Sequence[Int64Array], keys: Sequence[Int64Array]) -> Int64Array:
    """Find the row equal to each key row, or -1; the rows are sorted.

    Where several rows are equal, the first is meant.
    """
    row_count = len(columns[0])
    if not row_count:
        return np.full(len(keys[0]), -1, np.int64)
    positions = find_rows(columns, keys)
    inside = np.minimum(positions, row_count - 1)
    equal = positions < row_count
    for column, key in zip(columns, keys, strict=True):
        equal &= column[inside] == key
    return np.where(equal, positions, -1)


def equal_rows(column: Int64Array, keys: Int64Array) -> Int64Array:
    """Return the rows of a sorted column that equal one of the keys, ascending.

    Args:
        column: int64[n], ascending.
        keys: int64[m], ascending, distinct.

    Cost: one binary search a key, a second one only where keys have several rows; where the keys
    are many and dense, one pass over the part of the column that they span. Where the column has neither gaps
    nor repetitions as far as the keys reach, a key is looked for where it then is, and not searched.
    """
    if not len(column) or not len(keys):
        return EMPTY
    first, last = int(keys[0]), int(keys[-1])
    if len(keys) * _SCAN_RATIO > len(column) and last - first < 4 * len(column) + 1024:
        start = int(np.searchsorted(column, keys[0]))
        stop = int(np.searchsorted(column, keys[-1], "right"))
        table = np.zeros(last - first + 1, np.bool_)
        table[keys - first] = True
        found: Int64Array = np.flatnonzero(table[column[start:stop] - first]) + start
        return found
    least = int(column[0])
    if first >= least and last - least < len(column):
        at: Int64Array = keys - least
        if _are_alone(column, keys, at):
            return at
    low = np.searchsorted(column, keys)
    hit = column[np.minimum(low, len(column) - 1)] == keys
    rows: Int64Array = low[hit]
    after = np.minimum(rows + 1, len(column) - 1)
    if not (column[after] == column[rows])[rows < len(column) - 1].any():
        return rows
    return expand_ranges(rows, np.searchsorted(column, column[rows], "right"))


def _are_alone(column: Int64Array, keys: Int64Array, at: Int64Array) -> bool:
    """Tell whether each key has the one row `at` of a sorted column, 0 <= at < n."""
    if not bool((column[at] == keys).all()):
        return False
    after, before = np.minimum(at + 1, len(column) - 1), np.maximum(at - 1, 0)
    is_alone = (column[after] != keys) | (after == at)
    is_alone &= (column[before] != keys) | (before == at)
    return bool(is_alone.all())


def expand_ranges(starts: Int64Array, stops: Int64Array) -> Int64Array:
    """Return all positions of the half-open ranges, int64[sum of lengths], range after range.

    Example:
        >>> expand_ranges(np.array([2, 9]), np.array([4, 10])).tolist()
        [2, 3, 9]
    """
    lengths = stops - starts
    total = int(lengths.sum())
    if not total:
        return EMPTY
    ends = np.cumsum(lengths)
    found: Int64Array = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return found


def merge_order(positions: Int64Array, row_count: int) -> tuple[BoolArray, Int64Array]:
    """Tell where rows to insert land when they go before `positions` of `row_count` rows.

    Args:
        positions: int64[m], sorted: before which old row each new row goes.

    Returns:
        (old, new): bool[n+m] true where an old row stays, and int64[m] where the new ones go.
    """
    new = positions + np.arange(len(positions), dtype=np.int64)
    old = np.ones(row_count + len(positions), np.bool_)
    old[new] = False
    return old, new


def insert_rows(
    column: Int64Array, values: Int64Array, old: BoolArray, new: Int64Array
) -> Int64Array:
    """Merge one column as `merge_order` says."""
    merged = np.empty(len(old), np.int64)
    merged[old] = column
    merged[new] = values
    return merged


def pair_intervals(
    e: Int64Array, a: Int64Array, v: Int64Array, tx: Int64Array, added: BoolArray
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Pair assertions with the retractions that end them.

    Args:
        e, a, v, tx: int64[n], the datoms of a stretch of the log in its order.
        added: bool[n].

    Returns:
        (asserted, ended_by, orphans): row numbers of all assertions; for each of them the row
        number of the retraction that ends it, or -1; and the retractions that end something
        older than the stretch. Retracting and asserting one fact in one transaction is no
        datom at all, so within one fact the rows alternate.
    """
    order = sort_order((e, a, v, tx))
    same = np.zeros(len(order), np.bool_)
    same[1:] = (
        (e[order[1:]] == e[order[:-1]])
        & (a[order[1:]] == a[order[:-1]])
        & (v[order[1:]] == v[order[:-1]])
    )
    ordered = added[order]
    ends_previous = same & ~ordered
    ended_by = np.full(len(e), -1, np.int64)
    where = np.flatnonzero(ends_previous)
    ended_by[order[where - 1]] = order[where]
    asserted = np.flatnonzero(added)
    orphans = np.sort(order[~same & ~ordered])
    return asserted, ended_by[asserted], orphans
