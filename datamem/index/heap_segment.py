"""Stored heap values: immutable blobs of bytes by code, and tables from digest to code.

Segment blob (little-endian): magic, first code (u64), count (u64), offsets u64[count + 1], tags
u8[count], bytes. Table blob: magic, bucket bits (u64), count (u64), bucket starts u32[2^bits + 1],
digests u64[count] ascending, codes u64[count]. Both are caches of the log.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from datamem.errors import StorageError
from datamem.index.codec import pack_value, unpack_value
from datamem.schema.types import ValueType

_SEGMENT_MAGIC: Final = b"DMHEAP01"
_TABLE_MAGIC: Final = b"DMHTAB01"
_TAGS: Final = {int(tag): tag for tag in ValueType}
_UNREAD: Final = object()


def digest64(tag: ValueType, data: bytes) -> int:
    """Return the 64-bit digest by which a stored value is found."""
    state = hashlib.blake2b(data, digest_size=8, salt=bytes((tag,)))
    return int.from_bytes(state.digest(), "little")


class HeapSegment:
    """Values of the codes `start` up to `stop`, decoded one by one when asked for."""

    def __init__(self, data: memoryview) -> None:
        _check_magic(data, _SEGMENT_MAGIC)
        self.start, count = (int(n) for n in np.frombuffer(data[8:24], "<u8"))
        self.stop = self.start + count
        tags_at = 24 + 8 * (count + 1)
        self._offsets = data[24:tags_at].cast("Q")
        self._tags = data[tags_at : tags_at + count]
        self._bytes = data[tags_at + count :]
        self._values: list[Any] = []

    def get(self, code: int) -> tuple[ValueType, Any]:
        """Return the type and value of a code of this segment."""
        values = self._values
        if not values:
            values = self._values = [_UNREAD] * (self.stop - self.start)
        i = code - self.start
        tag = _TAGS[self._tags[i]]
        value = values[i]
        if value is _UNREAD:
            value = values[i] = unpack_value(tag, self._data(i))
        return tag, value

    def equals(self, code: int, tag: ValueType, data: bytes) -> bool:
        """Tell whether the code's value has this type and these canonical bytes."""
        i = code - self.start
        return _TAGS[self._tags[i]] is tag and self._data(i) == data

    def digests(self) -> list[int]:
        """Return the digest of every value, in code order."""
        return [
            digest64(_TAGS[self._tags[i]], self._data(i)) for i in range(self.stop - self.start)
        ]

    def _data(self, i: int) -> bytes:
        return bytes(self._bytes[self._offsets[i] : self._offsets[i + 1]])


class HeapTable:
    """Codes by digest, for finding a stored value without decoding any other."""

    def __init__(self, data: memoryview) -> None:
        _check_magic(data, _TABLE_MAGIC)
        bits, self.count = (int(n) for n in np.frombuffer(data[8:24], "<u8"))
        self._shift = 64 - bits
        digests_at = 24 + 4 * ((1 << bits) + 1)
        digests_at += -digests_at % 8
        codes_at = digests_at + 8 * self.count
        self._starts = data[24 : 24 + 4 * ((1 << bits) + 1)].cast("I")
        self._digests = data[digests_at:codes_at].cast("Q")
        self._codes = data[codes_at : codes_at + 8 * self.count].cast("Q")

    def codes(self, digest: int) -> list[int]:
        """Return the codes whose values have this digest; nearly always none or one."""
        bucket = digest >> self._shift
        stop = self._starts[bucket + 1]
        i = bisect_left(self._digests, digest, self._starts[bucket], stop)
        found = []
        while i < stop and self._digests[i] == digest:
            found.append(self._codes[i])
            i += 1
        return found

    def columns(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return (digests uint64[n], codes uint64[n])."""
        return np.frombuffer(self._digests, np.uint64), np.frombuffer(self._codes, np.uint64)


def encode_segment(start: int, values: Sequence[tuple[ValueType, Any]]) -> bytes:
    """Return the blob of a segment that holds `values` as codes from `start` on."""
    packed = [pack_value(tag, value) for tag, value in values]
    offsets = np.zeros(len(packed) + 1, "<u8")
    np.cumsum([len(data) for data in packed], out=offsets[1:])
    tags = bytes(tag for tag, _ in values)
    head = np.array([start, len(packed)], "<u8").tobytes()
    return b"".join((_SEGMENT_MAGIC, head, offsets.tobytes(), tags, *packed))


def encode_table(digests: np.ndarray[Any, Any], codes: np.ndarray[Any, Any]) -> bytes:
    """Return the blob of a table; digests and codes are uint64[n] in any order."""
    order = np.argsort(digests, kind="stable")
    digests, codes = digests[order], codes[order]
    bits = min(max(len(digests).bit_length() - 3, 1), 24)
    edges = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    starts = np.append(np.searchsorted(digests, edges), len(digests)).astype("<u4")
    head = _TABLE_MAGIC + np.array([bits, len(digests)], "<u8").tobytes() + starts.tobytes()
    padding = b"\0" * (-len(head) % 8)
    return b"".join(
        (head, padding, digests.astype("<u8").tobytes(), codes.astype("<u8").tobytes())
    )


def merge_tables(tables: Sequence[HeapTable]) -> bytes:
    """Return the blob of one table that holds what `tables` hold."""
    columns = [table.columns() for table in tables]
    return encode_table(
        np.concatenate([digests for digests, _ in columns]),
        np.concatenate([codes for _, codes in columns]),
    )


def _check_magic(data: memoryview, magic: bytes) -> None:
    if bytes(data[:8]) != magic:
        message = f"a heap blob begins with {bytes(data[:8])!r}, not {magic!r}"
        raise StorageError(message, code="storage/corrupt-blob")
