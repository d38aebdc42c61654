"""The three index orders, and how (e, a, v) columns go into each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TypeVar

X = TypeVar("X")


class Order(IntEnum):
    """An index order; its value is its place in a level's runs."""

    EAVT = 0
    AEVT = 1
    AVET = 2


KEY_COLUMNS: tuple[tuple[int, int, int], ...] = ((0, 1, 2), (1, 0, 2), (1, 2, 0))
"""For each order, which of (e, a, v) stands in key column 0, 1, 2."""

COLUMN_OF: tuple[dict[str, int], ...] = tuple(
    {"eav"[which]: place for place, which in enumerate(key)} | {"tx": 3, "ended": 4}
    for key in KEY_COLUMNS
)
"""For each order, the run column that holds e, a, v, tx or the retracting transaction."""


def arrange(order: Order, eav: Sequence[X]) -> tuple[X, X, X]:
    """Put (e, a, v, …) into the order's key columns; further columns are left out."""
    i, j, k = KEY_COLUMNS[order]
    return eav[i], eav[j], eav[k]
