"""A log entry: one transaction as columns, or the publication of an index root.

A transaction's entry holds resolved datoms only (ids assigned, functions run, defaults filled), as word
columns, with the values its codes stand for; so every reader of the log gets the same codes,
and replaying is copying. The digest chain (`datamem.txlog.chain`) runs over one leaf per new heap value
and one per datom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from struct import Struct
from typing import Any, Final

import msgpack
import numpy as np

from datamem.errors import StorageError
from datamem.index.codec import unpack_value
from datamem.index.heap import NewValue, heap_key, key_bytes
from datamem.index.kernels import BoolArray, Int64Array
from datamem.schema.types import ValueType
from datamem.txlog.chain import (
    SALT_BYTES,
    leaf_digests,
    leaf_salts,
    next_digest,
    table_digests,
)

RECORD_VERSION: Final = 1
_TRANSACTION, _ROOT = 1, 2
_DATOM: Final = Struct("<qqqB")
_DATOM_ROW: Final = np.dtype([("e", "<i8"), ("a", "<i8"), ("v", "<i8"), ("added", "u1")])
_VALUE_HEAD: Final = Struct("<QB")
_HEADER: Final = Struct("<QqQQQ")
_BULK: Final = 256


@dataclass(frozen=True, slots=True)
class TxRecord:
    """One transaction as the log has it.

    Attributes:
        t: its number.
        instant_us: when, µs since 1970; also the value of its `:db/txInstant`.
        seed: of its salts.
        digest: the chain's digest after it.
        next_entity, next_attribute: the counters after it.
        first_code: code of the first new heap value.
        tags: type of each new value.
        packed: canonical bytes of each new value.
        e, a, v: int64[n].
        added: bool[n].
    """

    t: int
    instant_us: int
    seed: bytes
    digest: bytes
    next_entity: int
    next_attribute: int
    first_code: int
    tags: bytes
    packed: list[bytes]
    e: Int64Array
    a: Int64Array
    v: Int64Array
    added: BoolArray

    def values(self) -> list[NewValue]:
        """Return the new heap values, decoded."""
        found: list[NewValue] = []
        for number, data in zip(self.tags, self.packed, strict=True):
            tag = ValueType(number)
            value = unpack_value(tag, data)
            found.append((tag, value, heap_key(tag, value, data)))
        return found


@dataclass(frozen=True, slots=True)
class RootRecord:
    """The publication of an index root: the transaction it was taken after, and its blob."""

    t: int
    blob: str


def encode_transaction(
    previous: bytes,
    head: tuple[int, int, int, int, int],
    seed: bytes,
    values: Sequence[NewValue],
    datoms: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[bool]],
) -> tuple[bytes, bytes]:
    """Return a transaction's log entry and the chain's digest after it.

    Args:
        previous: the chain's digest before.
        head: (t, instant in µs, next_entity, next_attribute, first_code).
        seed: random bytes for the salts.
        values: the new heap values, in code order.
        datoms: e, a, v and added, n each.
    """
    tags = bytes([tag for tag, _, _ in values])
    packed = [key_bytes(tag, key) for tag, _, key in values]
    columns = _columns(datoms)
    digest = _digest(previous, head, seed, (tags, packed), datoms)
    body: list[Any] = [
        RECORD_VERSION,
        _TRANSACTION,
        *head,
        seed,
        digest,
        tags,
        packed,
        *columns,
    ]
    entry: bytes = msgpack.packb(body)
    return entry, digest


def _columns(datoms: tuple[Sequence[int], ...]) -> list[bytes]:
    count = len(datoms[0])
    if count < _BULK:
        pack = _words_of(count).pack
        return [*(pack(*column) for column in datoms[:3]), bytes(datoms[3])]
    return [
        *(np.asarray(column, "<i8").tobytes() for column in datoms[:3]),
        np.asarray(datoms[3], np.uint8).tobytes(),
    ]


@cache
def _words_of(count: int) -> Struct:
    """Return the layout of so many words, at most `_BULK`."""
    return Struct(f"<{count}q")


def _digest(
    previous: bytes,
    head: tuple[int, int, int, int, int],
    seed: bytes,
    values: tuple[bytes, list[bytes]],
    datoms: tuple[Any, ...],
) -> bytes:
    items = [
        _VALUE_HEAD.pack(head[4] + i, tag) + data
        for i, (tag, data) in enumerate(zip(*values, strict=True))
    ]
    count = len(datoms[0])
    salts = leaf_salts(seed, len(items) + count)
    if count < _BULK:
        items += map(_DATOM.pack, *datoms)
        return next_digest(previous, _HEADER.pack(*head), leaf_digests(salts, items))
    cut = len(items) * SALT_BYTES
    leaves = leaf_digests(salts[:cut], items)
    leaves += table_digests(salts[cut:], _datom_table(datoms))
    return next_digest(previous, _HEADER.pack(*head), leaves)


def _datom_table(datoms: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """Return the datoms as `_DATOM` packs them, a row each."""
    table = np.empty(len(datoms[0]), _DATOM_ROW)
    for name, column in zip(_DATOM_ROW.names or (), datoms, strict=True):
        table[name] = column
    return table


def encode_root_entry(t: int, blob: str) -> bytes:
    """Return the log entry that publishes an index root."""
    entry: bytes = msgpack.packb([RECORD_VERSION, _ROOT, t, blob])
    return entry


def decode_entry(entry: bytes) -> TxRecord | RootRecord:
    """Return what a log entry says.

    Raises:
        StorageError: `storage/newer-format` for an unknown version or kind.
    """
    body = msgpack.unpackb(entry)
    version, kind = body[0], body[1]
    if version != RECORD_VERSION or kind not in {_TRANSACTION, _ROOT}:
        message = f"a log entry has version {version} and kind {kind}, which this program does not know"
        raise StorageError(message, code="storage/newer-format", hint="upgrade datamem")
    if kind == _ROOT:
        return RootRecord(body[2], body[3])
    t, instant_us, next_entity, next_attribute, first_code = body[2:7]
    seed, digest, tags, packed = body[7:11]
    e, a, v = (np.frombuffer(column, "<i8") for column in body[11:14])
    added = np.frombuffer(body[14], np.bool_)
    return TxRecord(
        t, instant_us, seed, digest, next_entity, next_attribute, first_code, tags, packed,
        e, a, v, added,
    )  # fmt: skip


def check_digest(previous: bytes, record: TxRecord) -> bool:
    """Tell whether the record's digest follows from the one before and from what it holds."""
    head = (
        record.t, record.instant_us, record.next_entity, record.next_attribute, record.first_code,
    )  # fmt: skip
    datoms = (record.e.tolist(), record.a.tolist(), record.v.tolist(), record.added.tolist())
    return record.digest == _digest(
        previous, head, record.seed, (record.tags, record.packed), datoms
    )
