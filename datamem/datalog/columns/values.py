"""Values inside queries: which are equal, how they order across types, what they print as.

Python's own equality is not the database's: `True == 1 == 1.0` there. Here a value's identity is its
type and its exact value, while comparisons in predicates are numeric and exact across number types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from datamem.edn import BigInt, EdnList, Keyword, Symbol

LONG_MIN: Final = -(1 << 63)
LONG_MAX: Final = (1 << 63) - 1

_NUMBER_RANK: Final = 2
_RANKS: Final[dict[type, int]] = {
    type(None): 0,
    bool: 1,
    int: _NUMBER_RANK,
    BigInt: _NUMBER_RANK,
    float: _NUMBER_RANK,
    Decimal: _NUMBER_RANK,
    Fraction: _NUMBER_RANK,
    datetime: 3,
    Keyword: 4,
    Symbol: 5,
    str: 6,
    UUID: 7,
    bytes: 8,
}
_SEQUENCE_RANK: Final = 9
_MAP_RANK: Final = 10
_SET_RANK: Final = 11
_OTHER_RANK: Final = 12


def is_long(value: Any) -> bool:
    """Tell whether a value is a 64-bit integer (a boolean is not)."""
    return type(value) is int and LONG_MIN <= value <= LONG_MAX


def identity(value: Any) -> Any:
    """Return a hashable key that is equal for values of the same type and value, and no others."""
    kind = type(value)
    if kind is str or kind is Keyword or kind is UUID or kind is bool or kind is datetime:
        return kind, value
    if kind is int:
        return (kind, value) if LONG_MIN <= value <= LONG_MAX else (BigInt, value)
    if kind is float:
        return kind, value if value == value else "nan"  # noqa: PLR0124
    if isinstance(value, list | tuple):
        items = tuple(identity(item) for item in value)
        return EdnList if kind is EdnList else list, items
    if isinstance(value, Mapping):
        return dict, frozenset((identity(k), identity(v)) for k, v in value.items())
    if isinstance(value, AbstractSet):
        return frozenset, frozenset(identity(item) for item in value)
    try:
        hash(value)
    except TypeError:
        return kind, id(value)
    return kind, value


def order_key(value: Any) -> tuple[int, Any]:
    """Return a key that orders all values: by type first, numbers together and exactly."""
    rank = _RANKS.get(type(value))
    if rank is not None:
        if rank == _NUMBER_RANK:
            return rank, _number_key(value)
        if rank in (0, 5):
            return rank, str(value)
        return rank, _instant_key(value) if rank == 3 else value
    return _composite_key(value)


def _number_key(value: Any) -> tuple[int, Any]:
    return (1, 0) if value != value else (0, value)  # noqa: PLR0124


def _instant_key(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _composite_key(value: Any) -> tuple[int, Any]:
    match value:
        case bool() | int() | float():
            return order_key(plain_number(value))
        case list() | tuple():
            return _SEQUENCE_RANK, [order_key(item) for item in value]
        case Mapping():
            items = sorted((order_key(k), order_key(v)) for k, v in value.items())
            return _MAP_RANK, items
        case AbstractSet():
            return _SET_RANK, sorted(order_key(item) for item in value)
        case str():
            return _RANKS[str], str(value)
        case _:
            pass
    return _OTHER_RANK, (type(value).__name__, repr(value))


_NUMBERS: Final = (int, BigInt, float, Decimal, Fraction)


def sort_key(value: Any) -> tuple[Any, Any]:
    """Return a key that no two different values share: `order_key`, and equal numbers by their type."""
    return order_key(value), _type_key(value)


def _type_key(value: Any) -> Any:
    """Return what tells values of one `order_key` apart."""
    kind = type(value)
    if kind in _NUMBERS:
        return _NUMBERS.index(kind)
    if isinstance(value, list | tuple):
        return kind is EdnList, [_type_key(item) for item in value]
    return 0


def plain_number(value: Any) -> Any:
    """Return the builtin number of a subclass (numpy scalars, enums of ints)."""
    if isinstance(value, bool):
        return bool(value)
    return int(value) if isinstance(value, int) else float(value)


def normal(value: Any) -> Any:
    """Return a caller's value as the engine keeps it: numpy scalars unwrapped, instants in UTC."""
    kind = type(value)
    if kind is str or kind is int or kind is Keyword or kind is bool or kind is float:
        return value
    if kind is datetime:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if kind is date:
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    return value


def equal(left: Any, right: Any) -> bool:
    """Tell whether two values are equal: numbers by exact value, everything else by type too."""
    if type(left) is type(right) and not isinstance(left, list | tuple | Mapping | AbstractSet):
        return bool(left == right) or (left != left and right != right)  # noqa: PLR0124  # NaN
    return order_key(left) == order_key(right)


def less(left: Any, right: Any) -> bool:
    """Tell whether `left` comes before `right` in the total order of all values."""
    if type(left) is type(right) and type(left) in (int, str):
        return bool(left < right)
    return order_key(left) < order_key(right)


def print_value(value: Any) -> str:
    """Print a value as EDN, or as Python does where EDN cannot."""
    if isinstance(value, re.Pattern):
        return f'#"{value.pattern}"'
    from datamem.edn import print_edn  # explain and errors only

    try:
        return print_edn(value)
    except Exception:  # noqa: BLE001  # any object may be a constant
        return repr(value)
