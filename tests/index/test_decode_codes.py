"""Codes are decoded in bulk as one by one, wherever their values are."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datamem.index.heap import RootHeap, decode_codes
from datamem.schema.types import ValueType

VALUES: list[tuple[ValueType, Any]] = [
    *((ValueType.STRING, f"text {i}") for i in range(40)),
    (ValueType.EDN, [1, [2]]),
    (ValueType.TUPLE, ("a", 1)),
    *((ValueType.KEYWORD, f":word/{i}") for i in range(20)),
]


class Elsewhere:
    """A heap whose values are in no tail, as stored ones are."""

    def __init__(self, heap: RootHeap) -> None:
        self.get = heap.get


def heap_of(values: list[tuple[ValueType, Any]]) -> RootHeap:
    heap = RootHeap()
    heap.extend(values)
    return heap


@given(codes=st.lists(st.integers(0, len(VALUES) - 1), max_size=200), among=st.integers(1, 62))
def test_bulk_is_one_by_one(codes: list[int], among: int) -> None:
    """Model: `heap.get` of every code; few different ones repeat, or many, in the tail or not."""
    heap = heap_of(VALUES)
    wanted = np.array([code % among for code in codes], np.int64)
    expected = [heap.get(code)[1] for code in wanted.tolist()]
    assert decode_codes(heap, wanted) == expected
    assert decode_codes(Elsewhere(heap), wanted) == expected  # type: ignore[arg-type]
