"""The hot loops of query execution: int64 arrays in, int64 arrays out, nothing else known.

Which kernel wins at which size was measured: a Python dict for a handful of rows, binary search
where one side is sorted already, a direct table where keys are dense, a packed sort otherwise. A
packed sort puts the key in the high bits of one int64 and the row number in the low bits, so that
the plain (vectorised) `np.sort` yields a stable permutation at a tenth of the price of a stable
argsort.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

SMALL: Final = 48
"""Below this many rows on both sides a Python dict beats every array kernel."""

_PACK_BITS: Final = 62
_EMPTY: Final[Int64Array] = np.empty(0, np.int64)


def pack(columns: Sequence[Int64Array]) -> tuple[Int64Array, list[tuple[int, int]]] | None:
    """Pack columns into one non-negative int64 a row that sorts as the rows do.

    Args:
        columns: int64[n] each, n > 0, at least one column.

    Returns:
        The packed keys and (minimum, bits) per column; None where 62 bits do not suffice.
    """
    ranges = []
    for column in columns:
        low = int(column.min())
        ranges.append((low, (int(column.max()) - low).bit_length()))
    keys = pack_in(columns, ranges)
    return None if keys is None else (keys, ranges)


def pack_in(
    columns: Sequence[Int64Array], ranges: Sequence[tuple[int, int]]
) -> Int64Array | None:
    """Pack columns with given (minimum, bits) each; None where 62 bits do not suffice."""
    if sum(bits for _, bits in ranges) > _PACK_BITS:
        return None
    keys = columns[0] - ranges[0][0]
    for column, (low, bits) in zip(columns[1:], ranges[1:], strict=True):
        keys = (keys << bits) | (column - low)
    return keys


def unpack(keys: Int64Array, ranges: Sequence[tuple[int, int]]) -> list[Int64Array]:
    """Undo `pack`."""
    columns = []
    for low, bits in reversed(ranges):
        columns.append((keys & ((1 << bits) - 1)) + low)
        keys = keys >> bits
    return columns[::-1]


def joint_keys(
    left: Sequence[Int64Array], right: Sequence[Int64Array]
) -> tuple[Int64Array, Int64Array]:
    """Return one key column per side; two rows get equal keys iff all their columns are equal."""
    if len(left) == 1:
        return left[0], right[0]
    if not len(left[0]) or not len(right[0]):
        return left[0], right[0]
    ranges = []
    for one, other in zip(left, right, strict=True):
        low = min(int(one.min()), int(other.min()))
        ranges.append((low, (max(int(one.max()), int(other.max())) - low).bit_length()))
    packed = pack_in(left, ranges)
    if packed is not None:
        packed_right = pack_in(right, ranges)
        assert packed_right is not None
        return packed, packed_right
    ranked = [_joint_ranks(*pair) for pair in zip(left, right, strict=True)]
    return joint_keys(*_halve([pair[0] for pair in ranked], [pair[1] for pair in ranked]))


def _joint_ranks(left: Int64Array, right: Int64Array) -> tuple[Int64Array, Int64Array]:
    _, ranks = np.unique(np.concatenate((left, right)), return_inverse=True)
    return ranks[: len(left)], ranks[len(left) :]


def _halve(
    left: list[Int64Array], right: list[Int64Array]
) -> tuple[list[Int64Array], list[Int64Array]]:
    """Merge the first two of several ranked columns into one ranked column, on both sides."""
    if len(left) <= 2:
        return left, right
    first = joint_keys(left[:2], right[:2])
    merged = _joint_ranks(*first)
    return _halve([merged[0], *left[2:]], [merged[1], *right[2:]])


def sort_order(keys: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return (sorted keys, stable permutation) of int64[n] keys."""
    count = len(keys)
    if count == 0:
        return keys, _EMPTY
    low = int(keys.min())
    bits = (count - 1).bit_length()
    if (int(keys.max()) - low).bit_length() + bits > _PACK_BITS:
        order = np.argsort(keys, kind="stable")
        return keys[order], order
    packed = (keys - low) << bits
    packed |= np.arange(count)
    packed.sort()
    return (packed >> bits) + low, packed & ((1 << bits) - 1)


def is_sorted(keys: Int64Array) -> bool:
    """Tell whether the keys never fall."""
    return bool((keys[1:] >= keys[:-1]).all())


def is_strict(keys: Int64Array) -> bool:
    """Tell whether the keys always rise, so that each is there once."""
    return bool((keys[1:] > keys[:-1]).all())


def are_equal(left: Int64Array, right: Int64Array) -> bool:
    """Tell whether two columns are equal row by row; their ends are looked at first."""
    if len(left) != len(right):
        return False
    if left is right or not len(left):
        return True
    return bool(left[0] == right[0] and left[-1] == right[-1] and (left == right).all())


def expand(starts: Int64Array, counts: Int64Array) -> tuple[Int64Array, Int64Array]:
    """List the pairs (i, starts[i] + k) for 0 <= k < counts[i], as two arrays, in order of i."""
    if len(counts) == 0 or int(counts.max()) <= 1:
        hits = np.flatnonzero(counts)
        return hits, starts[hits]
    rows = np.repeat(np.arange(len(counts)), counts)
    offsets = starts - (np.cumsum(counts) - counts)
    return rows, np.arange(len(rows)) + offsets[rows]


def distinct(keys: Int64Array) -> Int64Array:
    """Return the distinct keys in ascending order."""
    if len(keys) < 2:
        return keys
    if len(keys) < SMALL:
        return np.array(sorted(set(keys.tolist())), np.int64)
    low, high = int(keys.min()), int(keys.max())
    if high - low <= 4 * len(keys):
        table = np.zeros(high - low + 1, np.bool_)
        table[keys - low] = True
        return np.flatnonzero(table) + low
    if not is_sorted(keys):
        keys = np.sort(keys)
    return keys[_first_of_run(keys)]


def _first_of_run(keys: Int64Array) -> BoolArray:
    first = np.empty(len(keys), np.bool_)
    first[0] = True
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first


def distinct_rows(columns: Sequence[Int64Array]) -> list[Int64Array]:
    """Return the distinct rows of columns int64[n] each, in ascending order where they pack."""
    if len(columns) == 1:
        return [distinct(columns[0])]
    if not columns or len(columns[0]) < 2:
        return list(columns)
    if len(columns[0]) < SMALL:
        rows = sorted(set(zip(*(column.tolist() for column in columns), strict=True)))
        return [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    packed = pack(columns)
    if packed is not None:
        keys = np.sort(packed[0])
        return unpack(keys[_first_of_run(keys)], packed[1])
    order = np.lexsort(tuple(columns[::-1]))
    first = np.zeros(len(order), np.bool_)
    first[0] = True
    ordered = [column[order] for column in columns]
    for column in ordered:
        first[1:] |= column[1:] != column[:-1]
    return [column[first] for column in ordered]


def key_groups(
    columns: Sequence[Int64Array], count: int
) -> tuple[Int64Array, list[Int64Array], Int64Array]:
    """Number the groups of equal rows, and count them.

    Args:
        columns: int64[count] each; no column at all means one group.
        count: the number of rows.

    Returns:
        (group of each row, the columns of the groups' keys, rows of each group).

    Cost: one table lookup a row where keys are dense, and none where every key in their range is
    there; else a sort.
    """
    if not columns or not count:
        groups = min(count, 1)
        return np.zeros(count, np.int64), [_EMPTY] * len(columns), np.full(groups, count)
    packed = pack(columns)
    if packed is not None:
        keys, ranges = packed
        if 1 << sum(bits for _, bits in ranges) <= 8 * count + 64:
            counts = np.bincount(keys)
            used = np.flatnonzero(counts)
            if len(used) < len(counts):
                table = np.empty(len(counts), np.int64)
                table[used] = np.arange(len(used))
                keys, counts = table[keys], counts[used]
            return keys, unpack(used, ranges), counts
    groups_of, firsts, group_count = group_rows(columns, count)
    counts = np.bincount(groups_of, minlength=group_count)
    return groups_of, [column[firsts] for column in columns], counts


def group_rows(columns: Sequence[Int64Array], count: int) -> tuple[Int64Array, Int64Array, int]:
    """Number the groups of equal rows.

    Args:
        columns: int64[count] each; no column at all means one group.
        count: the number of rows.

    Returns:
        (group of each row, one row of each group, number of groups).
    """
    if count == 0:
        return _EMPTY, _EMPTY, 0
    if not columns:
        return np.zeros(count, np.int64), np.zeros(1, np.int64), 1
    packed = pack(columns)
    if packed is None:
        ranked = [np.unique(column, return_inverse=True)[1] for column in columns]
        keys = ranked[0]
        for column in ranked[1:]:
            keys = keys * (int(column.max()) + 1) + column
            keys = np.unique(keys, return_inverse=True)[1]
    else:
        keys = packed[0]
    return _group_keys(keys)


def _group_keys(keys: Int64Array) -> tuple[Int64Array, Int64Array, int]:
    count = len(keys)
    width = int(keys.max()) + 1
    if width <= 4 * count + 64:
        table = np.full(width, -1)
        table[keys[::-1]] = np.arange(count - 1, -1, -1)
        used = np.flatnonzero(table >= 0)
        firsts = table[used]
        table[used] = np.arange(len(used))
        return table[keys], firsts, len(used)
    ordered, order = sort_order(keys)
    starts = _first_of_run(ordered)
    groups = np.empty(count, np.int64)
    groups[order] = np.cumsum(starts) - 1
    return groups, order[starts], int(starts.sum())


def map_distinct(words: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return (distinct words, position of each word among them)."""
    if len(words) == 0:
        return words, _EMPTY
    groups, firsts, _ = _group_keys_of_words(words)
    return words[firsts], groups


def _group_keys_of_words(words: Int64Array) -> tuple[Int64Array, Int64Array, int]:
    low = int(words.min())
    if (int(words.max()) - low).bit_length() > _PACK_BITS:
        _, firsts, groups = np.unique(words, return_index=True, return_inverse=True)
        return groups, firsts, len(firsts)
    return _group_keys(words - low)


def concat(parts: Sequence[Int64Array]) -> Int64Array:
    """Concatenate, without a copy where one part is all there is."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else _EMPTY


def array(values: Sequence[Any]) -> Int64Array:
    """Make an int64 column of Python ints."""
    return np.array(values, np.int64)
