"""Value ranges: as two inclusive bounds, or written as Datalevin writes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.edn import BigInt
from datamem.errors import DatamemError
from datamem.index.words import us_of_instant, word_of_double
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.schema.attribute import Attribute

_MIN_WORD: Final = -(1 << 63)
_MAX_WORD: Final = (1 << 63) - 1

_SPECS: Final[dict[str, tuple[int, bool, bool]]] = {
    "all": (0, False, False),
    "at-least": (1, False, False),
    "greater-than": (1, True, False),
    "at-most": (1, False, False),
    "less-than": (1, False, True),
    "closed": (2, False, False),
    "closed-open": (2, False, True),
    "open-closed": (2, True, False),
    "open": (2, True, True),
}
_UPPER_ONLY: Final = {"at-most", "less-than"}

_NUMBERS: Final = {
    ValueType.LONG,
    ValueType.DOUBLE,
    ValueType.BIGINT,
    ValueType.BIGDEC,
    ValueType.REF,
}
_COLLECTIONS: Final = {ValueType.TUPLE, ValueType.VECTOR, ValueType.DOC, ValueType.EDN}


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Bounds of a range of values.

    Attributes:
        low, high: as given; None is no bound.
        open_low, open_high: whether the bound itself is left out.
        reverse: from high to low.
    """

    low: Any = None
    high: Any = None
    open_low: bool = False
    open_high: bool = False
    reverse: bool = False


def parse_range(attribute: Attribute, start: Any, end: Any) -> ValueRange:
    """Return the range that `index_range` was asked for, with bounds that compare.

    Raises:
        DatamemError: `index/bad-range`.
        SchemaError: `schema/wrong-type` for a bound that the attribute's type cannot hold.
    """
    wanted = _spelled(start, end)
    if wanted is None:
        _check_no_vector(attribute, start)
        wanted = ValueRange(start, end)
    low, high = (bound_value(attribute, value) for value in (wanted.low, wanted.high))
    return replace(wanted, low=low, high=high)


def _spelled(start: Any, end: Any) -> ValueRange | None:
    """Return the range that a vector such as `[:closed a b]` spells, None if it spells none."""
    if end is not None or not isinstance(start, (list, tuple)) or not start:
        return None
    name = start[0].removeprefix(":") if isinstance(start[0], str) else ""
    kind = name.removesuffix("-back")
    spec = _SPECS.get(kind)
    if spec is None or len(start) != spec[0] + 1:
        return None
    count, open_low, open_high = spec
    low = start[1] if count == 2 or (count == 1 and kind not in _UPPER_ONLY) else None
    high = start[-1] if count == 2 or kind in _UPPER_ONLY else None
    if kind == name:
        return ValueRange(low, high, open_low, open_high)
    if count == 2:  # backwards it begins at the high bound
        return ValueRange(high, low, open_high, open_low, reverse=True)
    return ValueRange(low, high, open_low, open_high, reverse=True)


def _check_no_vector(attribute: Attribute, start: Any) -> None:
    """Refuse a vector where the values are no vectors: it is a range with a mistake in it."""
    if isinstance(start, (list, tuple)) and attribute.value_type not in _COLLECTIONS:
        message = f"{start!r} is no range of values"
        raise DatamemError(
            message,
            code="index/bad-range",
            hint="write [:closed a b], [:open a b], [:at-least a], [:less-than b], [:all], …",
            range=start,
        )


def bound_value(attribute: Attribute, value: Any) -> Any:
    """Return a value that compares with those of an attribute, whatever its limits allow.

    Numbers stay as they are: they compare by exact value, whatever their types.

    Raises:
        DatamemError: `index/bad-range` for no number where the values are numbers.
        SchemaError: `schema/wrong-type`.
    """
    if value is None:
        return None
    if attribute.value_type in _NUMBERS:
        number = value.item() if isinstance(value, np.generic) else value
        if not _is_number(number):
            raise _incomparable(attribute, value)
        return number
    without = replace(attribute, enum=(), min=None, max=None, min_length=None, max_length=None)
    return without.check(value)


def place_value(attribute: Attribute, value: Any) -> Any:
    """Return a value as the attribute would hold it; a number it cannot hold stays as it is.

    Raises:
        DatamemError: as `bound_value`.
    """
    value = bound_value(attribute, value)
    convert = _CONVERT.get(attribute.value_type)
    if convert is None:
        return value
    try:
        held = convert(value)
    except (OverflowError, ValueError):
        return value
    return held if held == value else value


_CONVERT: Final[dict[ValueType, Callable[[Any], Any]]] = {
    ValueType.LONG: int,
    ValueType.BIGINT: BigInt,
    ValueType.DOUBLE: float,
    ValueType.BIGDEC: Decimal,
}


def _incomparable(attribute: Attribute, value: Any) -> DatamemError:
    return DatamemError(
        f"{value!r} does not compare with values of {attribute.ident}",
        code="index/bad-range",
        hint=f"its type is {attribute.value_type.keyword}",
        attribute=attribute.ident,
        value=value,
    )


def word_bounds(attribute: Attribute, wanted: ValueRange) -> tuple[int, int] | None:
    """Return the inclusive word bounds of a range of an inline type, None if nothing is in it.

    REQUIRES: bounds as `bound_value` gives them. Longs between 1.5 and 2.5 are 2.
    """
    low, high = _MIN_WORD, _MAX_WORD
    if wanted.low is not None:
        low, exact = _ceiling(attribute, wanted.low)
        low += exact and wanted.open_low
    if wanted.high is not None:
        high, exact = _ceiling(attribute, wanted.high)
        high -= not exact or wanted.open_high
    return (max(low, _MIN_WORD), min(high, _MAX_WORD)) if low <= high else None


def _ceiling(attribute: Attribute, value: Any) -> tuple[int, bool]:
    """Return the least word not below a value, and whether it is the value's own."""
    match attribute.value_type:
        case ValueType.INSTANT:
            return us_of_instant(value), True
        case ValueType.BOOLEAN:
            return int(value), True
        case ValueType.DOUBLE:
            return _double_ceiling(value)
        case _:
            return _long_ceiling(value)


def _long_ceiling(value: Any) -> tuple[int, bool]:
    if not isinstance(value, int) and math.isinf(value):
        return (_MAX_WORD + 1 if value > 0 else _MIN_WORD), False
    least = math.ceil(value)
    return least, least == value


def _double_ceiling(value: Any) -> tuple[int, bool]:
    try:
        nearest = float(value)
    except OverflowError:
        nearest = math.inf if value > 0 else -math.inf
    word = word_of_double(nearest)
    if nearest == value:
        return word, True
    return (word if nearest > value else word + 1), False


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return False
    return not value.is_nan() if isinstance(value, Decimal) else value == value  # noqa: PLR0124  # NaN
