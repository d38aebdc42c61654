"""Codes are decoded in bulk as one by one, wherever their values are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datamem.index.codec import pack_value
from datamem.index.heap import Cut, LayerHeap, NewValue, RootHeap, decode_codes, heap_key
from datamem.index.heap_segment import HeapSegment, encode_segment
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
        self.value = heap.value
        self.values = heap.values


def heap_of(values: list[tuple[ValueType, Any]]) -> RootHeap:
    heap = RootHeap()
    heap.extend(keyed(values))
    return heap


def keyed(values: list[tuple[ValueType, Any]]) -> list[NewValue]:
    return [(tag, value, heap_key(tag, value)) for tag, value in values]


@given(codes=st.lists(st.integers(0, len(VALUES) - 1), max_size=200), among=st.integers(1, 62))
def test_bulk_is_one_by_one(codes: list[int], among: int) -> None:
    """Model: `heap.get` of every code; few different ones repeat, or many, in the tail or not."""
    heap = heap_of(VALUES)
    wanted = np.array([code % among for code in codes], np.int64)
    expected = [heap.get(code)[1] for code in wanted.tolist()]
    assert decode_codes(heap, wanted) == expected
    assert decode_codes(Elsewhere(heap), wanted) == expected  # type: ignore[arg-type]


def segment_of(start: int, values: list[tuple[ValueType, Any]]) -> bytes:
    tags = [tag for tag, _ in values]
    return encode_segment(start, tags, [pack_value(tag, value) for tag, value in values])


def stored_heap(cuts: list[int]) -> RootHeap:
    """Return the heap with its values in segments up to the last cut, and the others in its tail."""
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(VALUES)})]
    blobs = [segment_of(start, VALUES[start:stop]) for start, stop in pairwise(bounds)]
    heap = RootHeap([HeapSegment(memoryview(blob)) for blob in blobs])
    heap.extend(keyed(VALUES[bounds[-1] :]))
    return heap


@given(
    codes=st.lists(st.integers(0, len(VALUES) + 4), max_size=120),
    cuts=st.lists(st.integers(0, len(VALUES)), max_size=3),
    cut=st.integers(1, len(VALUES)),
)
def test_bulk_is_one_by_one_in_segments_and_layers(
    codes: list[int], cuts: list[int], cut: int
) -> None:
    """Model: the values by number; a branch has its own from where it left its parent."""
    heap = stored_heap(cuts)
    wanted = np.array([code % len(VALUES) for code in codes], np.int64)
    for _ in range(2):  # what was decoded is kept
        assert decode_codes(heap, wanted) == [VALUES[code][1] for code in wanted.tolist()]
    layer = LayerHeap(heap, Cut(t=1, entity=1, attribute=1, code=cut))
    own = [(ValueType.STRING, f"own {i}") for i in range(5)]
    layer.extend(keyed(own))
    known = [*VALUES[:cut], *own]
    wanted = np.array([code % len(known) for code in codes], np.int64)
    assert decode_codes(layer, wanted) == [known[code][1] for code in wanted.tolist()]
