"""The value heap: every value that is not its own word, interned once, named by a dense code.

Equal values have equal codes, so that equality anywhere in the database is equality of int64s. The
heap only grows. Its newest values live in a tail of Python objects; older ones in immutable
segments (`heap_segment.py`) that are mapped and decoded when somebody looks. A fork or a speculative
transaction adds its values to a layer of its own and leaves its parent's heap alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import itemgetter
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from datamem.index.codec import pack_value
from datamem.index.companions import Companions
from datamem.index.heap_segment import HeapSegment, HeapTable, digest64
from datamem.index.kernels import Int64Array
from datamem.schema.types import ValueType

TaggedValue = tuple[ValueType, Any]
NewValue = tuple[ValueType, Any, Any]
"""Type, canonical value and `heap_key` of a value that a heap is to get."""

Float32Matrix = npt.NDArray[np.float32]

_SMALL_BYTES: Final = 256
_KEPT_FOUND: Final = 4_096
_PLAIN_KEYS = frozenset(
    {
        ValueType.STRING,
        ValueType.KEYWORD,
        ValueType.URI,
        ValueType.SYMBOL,
        ValueType.BYTES,
    }
)


class Heap(Protocol):
    """What a database value needs of its heap."""

    companions: Companions

    @property
    def size(self) -> int:
        """How many codes there are; the next one."""

    def find(self, tag: ValueType, value: Any) -> int | None:
        """Return the code of an equal value, if there is one."""

    def find_key(self, tag: ValueType, key: Any) -> int | None:
        """Return the code of the value of this type with this key (`heap_key`), if there is one."""

    def get(self, code: int) -> TaggedValue:
        """Return the type and value of a code."""

    def value(self, code: int) -> Any:
        """Return the value of a code."""

    def values(self, codes: Int64Array) -> list[Any]:
        """Return the values of codes, int64[n] ascending."""

    def peek(self, code: int) -> Any:
        """Return the value of a code, without keeping a stored one in memory as `get` does."""

    def extend(self, values: Sequence[NewValue]) -> None:
        """Append values that are new here; they get the next codes."""

    def truncate(self, size: int) -> None:
        """Forget the values from code `size` on, for a commit that failed."""


def heap_key(tag: ValueType, value: Any, packed: bytes | None = None) -> Any:
    """Return what equals the key of an equal value of the same type, and no other.

    Args:
        packed: the value's canonical bytes, for who has them.
    """
    if tag in _PLAIN_KEYS:
        return value
    if tag is ValueType.UUID:
        return value.int
    return pack_value(tag, value) if packed is None else packed


def key_bytes(tag: ValueType, key: Any) -> bytes:
    """Return the canonical bytes of the value that has this key."""
    if tag in _PLAIN_KEYS:
        return pack_value(tag, key)
    if tag is ValueType.UUID:
        packed: bytes = key.to_bytes(16, "big")
        return packed
    data: bytes = key
    return data


class _Tail:
    """Values since `start`, appended to by the heap's owner only."""

    __slots__ = ("codes", "keys", "start", "tags", "values")

    def __init__(self, start: int) -> None:
        self.start = start
        self.values: list[Any] = []
        self.tags: list[ValueType] = []
        self.keys: list[Any] = []
        self.codes: dict[ValueType, dict[Any, int]] = {tag: {} for tag in ValueType}

    def extend(self, values: Iterable[NewValue]) -> None:
        code = self.start + len(self.values)
        for tag, value, key in values:
            self.codes[tag][key] = code
            self.tags.append(tag)
            self.keys.append(key)
            self.values.append(value)
            code += 1

    def truncate(self, size: int) -> None:
        """Forget the values from code `size` on, also of an `extend` that ended halfway."""
        count = max(size - self.start, 0)
        del self.values[count:]
        del self.tags[count:]
        del self.keys[count:]
        for codes in self.codes.values():
            newer = takewhile(lambda item: item[1] >= size, reversed(codes.items()))
            for key, _ in list(newer):
                del codes[key]


class _Growing:
    """A heap that appends to a tail of its own."""

    _tail: _Tail
    companions: Companions

    @property
    def size(self) -> int:
        """How many codes there are; the next one."""
        return self._tail.start + len(self._tail.values)

    def extend(self, values: Sequence[NewValue]) -> None:
        """Append new values; REQUIRES: none of them is in the heap."""
        self._tail.extend(values)

    def truncate(self, size: int) -> None:
        """Forget the values from code `size` on, for a commit that failed."""
        self._tail.truncate(size)
        self.companions.truncate(size)


class RootHeap(_Growing):
    """The heap of a connection: stored segments, then a tail in memory.

    The owner extends it under the commit lock; any thread may read it at any time.
    """

    def __init__(
        self, segments: Sequence[HeapSegment] = (), tables: Sequence[HeapTable] = ()
    ) -> None:
        self.segments = tuple(segments)
        self.tables = tuple(tables)
        self._tail = _Tail(self.segments[-1].stop if self.segments else 0)
        self._found: dict[tuple[ValueType, Any], int] = {}
        self.companions = Companions()

    @property
    def stored_size(self) -> int:
        """How many codes are in segments."""
        return self._tail.start

    def find(self, tag: ValueType, value: Any) -> int | None:
        """Return the code of an equal value, if there is one."""
        return self.find_key(tag, heap_key(tag, value))

    def find_key(self, tag: ValueType, key: Any) -> int | None:
        """Return the code of the value of this type with this key, if there is one.

        Cost: 0.2 µs in the tail; else 1 µs, and 1 µs a table for a value that nobody asked for lately.
        """
        code = self._tail.codes[tag].get(key)
        if code is None and self.tables:
            code = self._found.get((tag, key))
            if code is None:
                code = self._find_stored(tag, key)
        return code

    def _find_stored(self, tag: ValueType, key: Any) -> int | None:
        data = key_bytes(tag, key)
        digest = digest64(tag, data)
        for table in reversed(self.tables):
            for code in table.codes(digest):
                if self._segment(code).equals(code, tag, data):
                    self._remember(tag, key, len(data), code)
                    return code
        return None

    def _remember(self, tag: ValueType, key: Any, byte_count: int, code: int) -> None:
        """Keep where a stored value was found; a small one, since such are asked for again."""
        if byte_count <= _SMALL_BYTES:
            if len(self._found) >= _KEPT_FOUND:
                self._found = {}
            self._found[tag, key] = code

    def get(self, code: int) -> TaggedValue:
        """Return the type and value of a code."""
        tail = self._tail
        if code >= tail.start:
            return tail.tags[code - tail.start], tail.values[code - tail.start]
        return self._segment(code).get(code)

    def value(self, code: int) -> Any:
        """Return the value of a code."""
        tail = self._tail
        if code >= tail.start:
            return tail.values[code - tail.start]
        return self._segment(code).value(code)

    def peek(self, code: int) -> Any:
        """Return the value of a code, without keeping a stored one in memory as `get` does."""
        tail = self._tail
        if code >= tail.start:
            return tail.values[code - tail.start]
        return self._segment(code).peek(code)

    def values(self, codes: Int64Array) -> list[Any]:
        """Return the values of codes, int64[n] ascending."""
        tail = self._tail
        cut = int(np.searchsorted(codes, tail.start))
        found: list[Any] = []
        start = 0
        for segment in self.segments:
            stop = min(int(np.searchsorted(codes, segment.stop)), cut)
            if stop > start:
                found += segment.values(codes[start:stop])
                start = stop
        return found + [tail.values[at] for at in (codes[cut:] - tail.start).tolist()]

    def texts(self, codes: Int64Array) -> list[str]:
        """Return the strings of codes, ascending; stored ones are read and not kept."""
        found: list[str] = []
        start = 0
        for segment in self.segments:
            stop = int(np.searchsorted(codes, segment.stop))
            if stop > start:
                found += segment.texts(codes[start:stop])
            start = stop
        return found + [self.get(code)[1] for code in codes[start:].tolist()]

    def tail_bytes(self, size: int) -> tuple[list[ValueType], list[bytes]]:
        """Return types and canonical bytes of the values that no segment holds yet, below code `size`."""
        tail = self._tail
        tags = tail.tags[: size - tail.start]
        return tags, list(map(key_bytes, tags, tail.keys))

    def adopt(self, segment: HeapSegment, tables: Sequence[HeapTable]) -> None:
        """Take over a stored segment of the tail's oldest values.

        Readers see the tail or the segment, whichever they reach first: both say the same.
        """
        self.segments = (*self.segments, segment)
        self.tables = tuple(tables)
        tail = _Tail(segment.stop)
        kept = segment.stop - self._tail.start
        old = self._tail
        tail.extend(zip(old.tags[kept:], old.values[kept:], old.keys[kept:], strict=True))
        self._tail = tail

    def _segment(self, code: int) -> HeapSegment:
        segments = self.segments
        low, high = 0, len(segments) - 1
        while low < high:
            middle = (low + high) // 2
            if code < segments[middle].stop:
                high = middle
            else:
                low = middle + 1
        return segments[low]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a branch leaves its parent.

    Attributes:
        t: the last transaction that both share.
        entity, attribute: the first ids, and `code` the first code, that each gives out by itself.
    """

    t: int
    entity: int
    attribute: int
    code: int


class LayerHeap(_Growing):
    """A heap that continues another from a cut on, without writing to it."""

    def __init__(self, parent: Heap, cut: Cut) -> None:
        self.parent = parent
        self.cut = cut
        self._tail = _Tail(cut.code)
        self.companions = Companions(parent.companions, cut.code)

    def find(self, tag: ValueType, value: Any) -> int | None:
        """Return the code of an equal value, if there is one."""
        return self.find_key(tag, heap_key(tag, value))

    def find_key(self, tag: ValueType, key: Any) -> int | None:
        """Return the code of the value of this type with this key, if there is one."""
        code = self._tail.codes[tag].get(key)
        if code is not None:
            return code
        code = self.parent.find_key(tag, key)
        return code if code is not None and code < self._tail.start else None

    def get(self, code: int) -> TaggedValue:
        """Return the type and value of a code."""
        tail = self._tail
        if code >= tail.start:
            return tail.tags[code - tail.start], tail.values[code - tail.start]
        return self.parent.get(code)

    def value(self, code: int) -> Any:
        """Return the value of a code."""
        tail = self._tail
        if code >= tail.start:
            return tail.values[code - tail.start]
        return self.parent.value(code)

    def values(self, codes: Int64Array) -> list[Any]:
        """Return the values of codes, int64[n] ascending."""
        tail = self._tail
        below = int(np.searchsorted(codes, tail.start))
        own = [tail.values[at] for at in (codes[below:] - tail.start).tolist()]
        return self.parent.values(codes[:below]) + own

    def peek(self, code: int) -> Any:
        """Return the value of a code, without keeping a stored one in memory as `get` does."""
        tail = self._tail
        if code >= tail.start:
            return tail.values[code - tail.start]
        return self.parent.peek(code)


_FEW: Final = 8


def decode_codes(heap: Heap, codes: Int64Array) -> list[Any]:
    """Return the values of codes, int64[n]; each distinct code is decoded once.

    Cost: about 15 ns a value where few different ones repeat, 60 ns in the tail, 0.2 µs for a stored one;
    stored values are decoded at their first look.
    """
    count = len(codes)
    if count < _FEW:
        return [heap.value(code) for code in codes.tolist()]
    low, high = int(codes.min()), int(codes.max())
    tail = getattr(heap, "_tail", None)
    if high - low < count // 2:
        offsets = codes - low
        if tail is not None and low >= tail.start:
            known = tail.values[low - tail.start : high - tail.start + 1]
        else:
            used = np.flatnonzero(np.bincount(offsets))
            known = [None] * (high - low + 1)
            for at, value in zip(used.tolist(), heap.values(used + low), strict=True):
                known[at] = value
        found: list[Any] = np.fromiter(known, object, len(known))[offsets].tolist()
        return found
    if tail is not None and low >= tail.start:
        return list(itemgetter(*(codes - tail.start).tolist())(tail.values))
    order = np.argsort(codes)
    values = np.empty(count, object)
    values[order] = np.fromiter(heap.values(codes[order]), object, count)
    decoded: list[Any] = values.tolist()
    return decoded


def heap_texts(heap: Heap, codes: Int64Array) -> list[str]:
    """Return the strings of codes, int64[n] ascending; what is stored is read and not kept.

    REQUIRES: every code is a string's.

    Cost: about 0.4 µs a string.
    """
    if isinstance(heap, RootHeap):
        return heap.texts(codes)
    if isinstance(heap, LayerHeap):
        below = int(np.searchsorted(codes, heap.cut.code))
        own = [heap.get(code)[1] for code in codes[below:].tolist()]
        return heap_texts(heap.parent, codes[:below]) + own
    return decode_codes(heap, codes)


def heap_vectors(heap: Heap, codes: Int64Array, dimensions: int) -> Float32Matrix:
    """Return the vectors of codes, float32[n, dimensions]; stored ones are read and not kept.

    REQUIRES: every code is a vector's, of these dimensions.

    Cost: about 2 µs a vector.
    """
    found = np.empty((len(codes), dimensions), np.float32)
    for row, code in enumerate(codes.tolist()):
        found[row] = heap.peek(code)
    return found
