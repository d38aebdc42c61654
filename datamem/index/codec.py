"""Bytes of a heap value: one canonical encoding per value, so that equal values have equal bytes.

Scalars are their plain bytes; collections are msgpack with sorted keys, where what msgpack has no
type for (keywords, instants, big integers, …) is an extension type. The tag (the value's
`ValueType`) is stored beside the bytes, not in them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgpack
import numpy as np

from datamem.edn import BigInt, Char, EdnList, Keyword, Symbol, Tagged, Uri, edn_map, edn_set
from datamem.index.words import instant_of_us, us_of_instant
from datamem.schema.types import ValueType

_KEYWORD, _SYMBOL, _CHAR, _BIGINT, _DECIMAL, _INSTANT, _UUID, _TUPLE = range(1, 9)
_LIST, _SET, _MAP, _TAGGED, _VECTOR, _URI, _BIG = range(9, 16)

_TEXT: Final = frozenset({str})
_TEXT_TYPES: Final[dict[ValueType, Any]] = {
    ValueType.STRING: str,
    ValueType.KEYWORD: Keyword,
    ValueType.SYMBOL: Symbol,
    ValueType.URI: Uri,
    ValueType.BIGDEC: Decimal,
}


def pack_value(tag: ValueType, value: Any) -> bytes:
    """Return the canonical bytes of a canonical value of type `tag`."""
    if tag is ValueType.STRING:
        packed: bytes = value.encode("utf-8", "surrogatepass")
        return packed
    if tag in _TEXT_TYPES:
        return _text(value).encode("utf-8", "surrogatepass")
    if tag is ValueType.BIGINT:
        return _int_bytes(value)
    if tag is ValueType.UUID:
        return bytes(value.bytes)
    if tag is ValueType.BYTES:
        return bytes(value)
    if tag is ValueType.VECTOR:
        return _pack_vector(value)
    if tag is ValueType.TUPLE:
        value = list(value)
    return _packed(_plain(value))


def unpack_value(tag: ValueType, data: bytes) -> Any:
    """Return the value whose canonical bytes these are."""
    if tag is ValueType.STRING:
        return data.decode("utf-8", "surrogatepass")
    if (kind := _TEXT_TYPES.get(tag)) is not None:
        return kind(data.decode("utf-8", "surrogatepass"))
    if tag is ValueType.BIGINT:
        return BigInt(_int_of(data))
    if tag is ValueType.UUID:
        return uuid.UUID(bytes=data)
    if tag is ValueType.BYTES:
        return data
    if tag is ValueType.VECTOR:
        return _unpack_vector(data)
    value = _unpack(data)
    return tuple(value) if tag is ValueType.TUPLE else value


def _text(value: Any) -> str:
    if isinstance(value, Symbol):
        return value.text
    return str(value)


def _int_bytes(value: int) -> bytes:
    """Return two's complement, big-endian, as short as it goes."""
    return int(value).to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _int_of(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _pack_vector(value: np.ndarray[Any, Any]) -> bytes:
    packed: bytes = value.dtype.str.encode() + b"|" + value.tobytes()
    return packed


def _unpack_vector(data: bytes) -> np.ndarray[Any, Any]:
    dtype, _, body = data.partition(b"|")
    return np.frombuffer(body, np.dtype(dtype.decode()))


def _ext(code: int, value: Any) -> msgpack.ExtType:
    return msgpack.ExtType(code, msgpack.packb(value, strict_types=True))


def _plain(value: Any) -> Any:
    """Return `value` in types that msgpack writes, members of maps and sets sorted."""
    kind = type(value)
    if kind is str or kind is bool or kind is float or value is None or kind is bytes:
        return value
    if kind is int:
        return (
            value
            if -(1 << 63) <= value < (1 << 64)
            else msgpack.ExtType(_BIG, _int_bytes(value))
        )
    if kind is list:
        return [_plain(item) for item in value]
    if kind is dict and _TEXT.issuperset(map(type, value)):
        return {key: _plain(value[key]) for key in sorted(value)}
    return _plain_special(value)


def _plain_special(value: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - a line per EDN type
    match value:
        case Keyword():
            return _ext(_KEYWORD, str(value))
        case Symbol():
            return _ext(_SYMBOL, value.text)
        case Char():
            return _ext(_CHAR, str(value))
        case Uri():
            return _ext(_URI, str(value))
        case BigInt():
            return msgpack.ExtType(_BIGINT, _int_bytes(value))
        case Decimal():
            return _ext(_DECIMAL, str(value))
        case datetime():
            return _ext(_INSTANT, us_of_instant(value))
        case uuid.UUID():
            return msgpack.ExtType(_UUID, value.bytes)
        case EdnList():
            return _ext(_LIST, [_plain(item) for item in value])
        case tuple():
            return _ext(_TUPLE, [_plain(item) for item in value])
        case Tagged():
            return _ext(_TAGGED, [value.tag, _plain(value.value)])
        case np.ndarray():
            return msgpack.ExtType(_VECTOR, _pack_vector(value))
        case Mapping():
            return _ext(_MAP, _sorted_items(value))
        case AbstractSet():
            return _ext(_SET, sorted((_plain(item) for item in value), key=_packed))
        case _:
            message = f"a heap value cannot be {type(value).__name__}"
            raise TypeError(message)


def _sorted_items(value: Mapping[Any, Any]) -> list[Any]:
    items = [[_plain(key), _plain(item)] for key, item in value.items()]
    return sorted(items, key=lambda item: _packed(item[0]))


def _packed(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, strict_types=True)
    return packed


def _unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, ext_hook=_unpack_ext, strict_map_key=False, raw=False)


def _unpack_ext(code: int, data: bytes) -> Any:
    if code == _UUID:
        return uuid.UUID(bytes=data)
    if code == _VECTOR:
        return _unpack_vector(data)
    if code == _BIG:
        return _int_of(data)
    if code == _BIGINT:
        return BigInt(_int_of(data))
    return _EXT_READERS[code](_unpack(data))


_EXT_READERS: Final[dict[int, Any]] = {
    _KEYWORD: Keyword,
    _SYMBOL: Symbol,
    _CHAR: Char,
    _URI: Uri,
    _DECIMAL: Decimal,
    _INSTANT: instant_of_us,
    _TUPLE: tuple,
    _LIST: EdnList,
    _SET: edn_set,
    _MAP: edn_map,
    _TAGGED: lambda pair: Tagged(pair[0], pair[1]),
}
