"""Sets of ids as ascending columns."""

from __future__ import annotations

import numpy as np

from datamem.index.kernels import Int64Array


def ascending(e: Int64Array) -> Int64Array:
    """Return the distinct ids of a column, ascending; the column itself where it is that already.

    Cost: one comparison of neighbours where nothing is to be done, else a sort; `np.unique` hashes, which
    takes five times as long for a hundred thousand.

    Example:
        >>> ascending(np.array([3, 1, 3]))
        array([1, 3])
    """
    if len(e) < 2 or bool((e[1:] > e[:-1]).all()):
        return e
    ordered = np.sort(e)
    is_first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    found: Int64Array = ordered[is_first]
    return found


def common(a: Int64Array, b: Int64Array) -> Int64Array:
    """Return what two ascending columns have in common.

    Example:
        >>> common(np.array([1, 3, 5]), np.array([3, 4, 5]))
        array([3, 5])
    """
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    if not len(few):
        return few
    at = np.minimum(np.searchsorted(many, few), len(many) - 1)
    found: Int64Array = few[many[at] == few]
    return found
