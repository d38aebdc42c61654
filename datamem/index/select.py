"""Selecting rows by many keys at once."""

from __future__ import annotations

import numpy as np

from datamem.index.kernels import BoolArray, Int64Array

_TABLE_SPAN = 1 << 24


def in_sorted(values: Int64Array, keys: Int64Array) -> BoolArray:
    """Tell which values are among the keys; the keys ascend.

    Cost: a table lookup where the keys span little, else a binary search per value.
    """
    if not len(keys) or not len(values):
        return np.zeros(len(values), np.bool_)
    low, high = int(keys[0]), int(keys[-1])
    if 8 * len(values) > len(keys) and high - low < max(_TABLE_SPAN, 4 * len(values)):
        table = np.zeros(high - low + 2, np.bool_)
        table[keys - low] = True
        inside = (values >= low) & (values <= high)
        return table[np.where(inside, values - low, high - low + 1)]
    positions = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    found: BoolArray = keys[positions] == values
    return found
