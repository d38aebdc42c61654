"""Stored heap values: immutable blobs of bytes by code, and tables from digest to code.

Both are caches of the log, and bodies of pages with checksums (`checked.py`). Segment (little-endian): first
code (u64), count (u64), offsets u64[count + 1], tags u8[count], bytes. Table: bucket bits (u64),
count (u64), bucket starts u32[2^bits + 1], padding to 8, digests u64[count] ascending, codes u64[count].
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from datamem.index.checked import CheckedBytes, seal_pages
from datamem.index.codec import unpack_value
from datamem.index.kernels import Int64Array
from datamem.schema.types import ValueType

_SEGMENT_MAGIC: Final = b"DMHEAP02"
_TABLE_MAGIC: Final = b"DMHTAB02"
_HEAD_BYTES: Final = 16
_TAGS: Final = {int(tag): tag for tag in ValueType}
_UNREAD: Final = object()


_STATES: Final = {
    int(tag): hashlib.blake2b(digest_size=8, salt=bytes((tag,))) for tag in ValueType
}
"""To be copied: quicker than to make one each time."""


def digest64(tag: int, data: bytes | memoryview) -> int:
    """Return the 64-bit digest by which a stored value is found; BLAKE2b, salted with the type's tag."""
    state = _STATES[tag].copy()
    state.update(data)
    return int.from_bytes(state.digest(), "little")


class HeapSegment:
    """Values of the codes `start` up to `stop`, decoded one by one when asked for."""

    def __init__(self, data: memoryview, name: str = "") -> None:
        self.name = name
        """Of its blob."""
        self._checked = CheckedBytes(data, _SEGMENT_MAGIC, name)
        self._checked.need(0, _HEAD_BYTES)
        body = self._checked.body
        self.start, count = (int(n) for n in np.frombuffer(body[:_HEAD_BYTES], "<u8"))
        self.stop = self.start + count
        self._tags_at = _HEAD_BYTES + 8 * (count + 1)
        self._bytes_at = self._tags_at + count
        self._offsets = body[_HEAD_BYTES : self._tags_at].cast("Q")
        self._values: list[Any] = []

    def get(self, code: int) -> tuple[ValueType, Any]:
        """Return the type and value of a code of this segment.

        Raises:
            StorageError: `storage/corrupt-blob`, here and wherever bytes are read.
        """
        return self._tag(code - self.start), self.value(code)

    def value(self, code: int) -> Any:
        """Return the value of a code of this segment, decoded at its first look."""
        values = self._kept()
        i = code - self.start
        value = values[i]
        if value is _UNREAD:
            value = values[i] = unpack_value(self._tag(i), self._data(i))
        return value

    def _kept(self) -> list[Any]:
        """Return the values that were decoded, by their place."""
        if not self._values:
            self._values = [_UNREAD] * (self.stop - self.start)
        return self._values

    def values(self, codes: Int64Array) -> list[Any]:
        """Return the values of codes of this segment, decoded at their first look as `get` does.

        Cost: about 0.1 µs a value that was looked at before.
        """
        kept = self._kept()
        found = list(map(kept.__getitem__, (codes - self.start).tolist()))
        if any(value is _UNREAD for value in found):
            return [self.value(code) for code in codes.tolist()]
        return found

    def peek(self, code: int) -> Any:
        """Return the value of a code of this segment, decoded anew."""
        i = code - self.start
        return unpack_value(self._tag(i), self._data(i))

    def texts(self, codes: Int64Array) -> list[str]:
        """Return the strings of codes of this segment, ascending; decoded anew, and not kept.

        REQUIRES: every code is a string's.

        Cost: about 0.4 µs a string, and the verification of all pages between the first and the last.
        """
        at = codes - self.start
        self._checked.need(_HEAD_BYTES + 8 * int(at[0]), _HEAD_BYTES + 8 * (int(at[-1]) + 2))
        offsets = np.frombuffer(self._offsets, "<u8").astype(np.int64) + self._bytes_at
        starts, stops = offsets[at].tolist(), offsets[at + 1].tolist()
        self._checked.need(starts[0], stops[-1])
        body = self._checked.body
        return [
            str(body[start:stop], "utf-8", "surrogatepass")
            for start, stop in zip(starts, stops, strict=True)
        ]

    def _tag(self, i: int) -> ValueType:
        at = self._tags_at + i
        if not self._checked.is_whole:
            self._checked.need(at, at + 1)
        return _TAGS[self._checked.body[at]]

    def equals(self, code: int, tag: ValueType, data: bytes) -> bool:
        """Tell whether the code's value has this type and these canonical bytes."""
        i = code - self.start
        return self._tag(i) is tag and self._data(i) == data

    def digests(self) -> list[int]:
        """Return the digest of every value, in code order."""
        body = self._checked.body
        self._checked.need(0, len(body))
        tags = body[self._tags_at : self._bytes_at].tolist()
        offsets = (np.frombuffer(self._offsets, "<u8") + self._bytes_at).tolist()
        return [
            digest64(tag, body[start:stop])
            for tag, (start, stop) in zip(tags, pairwise(offsets), strict=True)
        ]

    def _data(self, i: int) -> bytes:
        checked, offsets = self._checked, self._offsets
        if not checked.is_whole:
            at = _HEAD_BYTES + 8 * i
            checked.need(at, at + 16)
            checked.need(self._bytes_at + offsets[i], self._bytes_at + offsets[i + 1])
        return bytes(
            checked.body[self._bytes_at + offsets[i] : self._bytes_at + offsets[i + 1]]
        )


class HeapTable:
    """Codes by digest, for finding a stored value without decoding any other."""

    def __init__(self, data: memoryview, name: str = "") -> None:
        self.name = name
        """Of its blob."""
        self._checked = CheckedBytes(data, _TABLE_MAGIC, name)
        self._checked.need(0, _HEAD_BYTES)
        body = self._checked.body
        bits, self.count = (int(n) for n in np.frombuffer(body[:_HEAD_BYTES], "<u8"))
        self._shift = 64 - bits
        starts_stop = _HEAD_BYTES + 4 * ((1 << bits) + 1)
        self._digests_at = starts_stop + -starts_stop % 8
        self._codes_at = self._digests_at + 8 * self.count
        self._starts = body[_HEAD_BYTES:starts_stop].cast("I")
        self._digests = body[self._digests_at : self._codes_at].cast("Q")
        self._codes = body[self._codes_at : self._codes_at + 8 * self.count].cast("Q")

    def codes(self, digest: int) -> list[int]:
        """Return the codes whose values have this digest; nearly always none or one.

        Raises:
            StorageError: `storage/corrupt-blob`.
        """
        bucket = digest >> self._shift
        if not self._checked.is_whole:
            self._verify(bucket)
        start, stop = self._starts[bucket], self._starts[bucket + 1]
        i = bisect_left(self._digests, digest, start, stop)
        found = []
        while i < stop and self._digests[i] == digest:
            found.append(self._codes[i])
            i += 1
        return found

    def _verify(self, bucket: int) -> None:
        """Verify what a bucket is read from."""
        need = self._checked.need
        at = _HEAD_BYTES + 4 * bucket
        need(at, at + 8)
        start, stop = 8 * self._starts[bucket], 8 * self._starts[bucket + 1]
        need(self._digests_at + start, self._digests_at + stop)
        need(self._codes_at + start, self._codes_at + stop)

    def verify(self) -> None:
        """Verify all of it, so that nothing has to be verified later.

        Raises:
            StorageError: `storage/corrupt-blob`.

        Cost: 0.5 ms a megabyte.
        """
        self._checked.need(0, len(self._checked.body))

    def columns(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return (digests uint64[n], codes uint64[n])."""
        self.verify()
        return np.frombuffer(self._digests, np.uint64), np.frombuffer(self._codes, np.uint64)


def encode_segment(start: int, tags: Sequence[ValueType], packed: Sequence[bytes]) -> bytes:
    """Return the blob of a segment that holds values, by types and canonical bytes, from `start` on."""
    offsets = np.zeros(len(packed) + 1, "<u8")
    np.cumsum(list(map(len, packed)), out=offsets[1:])
    head = np.array([start, len(packed)], "<u8").tobytes()
    return seal_pages(_SEGMENT_MAGIC, b"".join((head, offsets.tobytes(), bytes(tags), *packed)))


def encode_table(digests: np.ndarray[Any, Any], codes: np.ndarray[Any, Any]) -> bytes:
    """Return the blob of a table; digests and codes are uint64[n] in any order."""
    order = np.argsort(digests, kind="stable")
    digests, codes = digests[order], codes[order]
    bits = min(max(len(digests).bit_length() - 3, 1), 24)
    edges = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    starts = np.append(np.searchsorted(digests, edges), len(digests)).astype("<u4")
    head = np.array([bits, len(digests)], "<u8").tobytes() + starts.tobytes()
    padding = b"\0" * (-len(head) % 8)
    columns = digests.astype("<u8").tobytes(), codes.astype("<u8").tobytes()
    return seal_pages(_TABLE_MAGIC, b"".join((head, padding, *columns)))


def merge_tables(tables: Sequence[HeapTable]) -> bytes:
    """Return the blob of one table that holds what `tables` hold."""
    columns = [table.columns() for table in tables]
    return encode_table(
        np.concatenate([digests for digests, _ in columns]),
        np.concatenate([codes for _, codes in columns]),
    )
