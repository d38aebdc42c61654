"""Values: what type a value has by itself, and one total order over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np

from datamem.edn import BigInt, Char, EdnList, Keyword, Symbol, Tagged, Uri
from datamem.schema.types import ValueType

MIN_LONG: Final = -(1 << 63)
MAX_LONG: Final = (1 << 63) - 1

_TAG_BY_TYPE: Final[dict[type, ValueType]] = {
    bool: ValueType.BOOLEAN,
    float: ValueType.DOUBLE,
    datetime: ValueType.INSTANT,
    Keyword: ValueType.KEYWORD,
    str: ValueType.STRING,
    Symbol: ValueType.SYMBOL,
    UUID: ValueType.UUID,
    bytes: ValueType.BYTES,
    BigInt: ValueType.BIGINT,
    Decimal: ValueType.BIGDEC,
    Uri: ValueType.URI,
    np.ndarray: ValueType.VECTOR,
}


def tag_of(value: object) -> ValueType:
    """Return the type that a canonical value has where no attribute gives it one.

    Maps, lists, sets, characters and tagged values are EDN. `True` is a boolean, never a long.

    Example:
        >>> tag_of(True), tag_of(1), tag_of(1.0), tag_of(2**63)
        (<ValueType.BOOLEAN: 4>, <ValueType.LONG: 2>, <ValueType.DOUBLE: 3>, <ValueType.BIGINT: 11>)
    """
    kind = type(value)
    if kind is int:
        return ValueType.LONG if MIN_LONG <= value <= MAX_LONG else ValueType.BIGINT  # type: ignore[operator]  # an int
    return _TAG_BY_TYPE.get(kind, ValueType.EDN)


_GROUP: Final[dict[type, int]] = {
    type(None): 0,
    bool: 1,
    int: 2,
    BigInt: 2,
    float: 2,
    Decimal: 2,
    datetime: 3,
    Keyword: 4,
    Symbol: 5,
    str: 6,
    Char: 7,
    UUID: 8,
    Uri: 9,
    bytes: 10,
}
_PLAIN: Final = frozenset({bool, datetime, Keyword, Symbol, str, Char, UUID, Uri, bytes})


def order_key(value: object) -> tuple[Any, ...]:
    """Return a key by which any two canonical values can be sorted.

    By kind first: nil, booleans, numbers, instants, keywords, symbols, strings (by code point),
    characters, uuids, uris, bytes, vectors and tuples, lists, maps, sets, numeric vectors, tagged.
    Numbers of all types compare by exact value; equal ones go long, bigint, double, decimal.
    Sequences compare item by item. Sets and maps compare as their sorted items.

    Example:
        >>> sorted(["b", 2, True, 1.5, None, "a"], key=order_key)
        [None, True, 1.5, 2, 'a', 'b']
    """
    kind = type(value)
    group = _GROUP.get(kind)
    if group == 2:
        return 2, value, _NUMBER_RANK[kind]
    if kind in _PLAIN:
        return group, value
    if value is None:
        return (0,)
    return _order_key_of_many(value)


_NUMBER_RANK: Final[dict[type, int]] = {int: 0, BigInt: 1, float: 2, Decimal: 3}


def _order_key_of_many(value: object) -> tuple[Any, ...]:
    key: tuple[Any, ...]
    match value:
        case EdnList():
            key = 12, tuple(order_key(item) for item in value)
        case list() | tuple():
            key = 11, tuple(order_key(item) for item in value)
        case Mapping():
            items = [(order_key(name), order_key(item)) for name, item in value.items()]
            key = 13, tuple(sorted(items))
        case AbstractSet():
            key = 14, tuple(sorted(order_key(item) for item in value))
        case np.ndarray():
            key = 15, tuple(value.tolist())
        case Tagged():
            key = 16, value.tag, order_key(value.value)
        case _:
            key = 17, type(value).__name__, repr(value)
    return key
