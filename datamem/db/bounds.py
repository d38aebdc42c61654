"""Value ranges: as two inclusive bounds, or written as Datalevin writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

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


def parse_range(start: Any, end: Any) -> ValueRange:
    """Return the range that `index_range` was asked for.

    Raises:
        DatamemError: `index/bad-range`.
    """
    name = start[0] if isinstance(start, (list, tuple)) and start else None
    if end is not None or not isinstance(name, str):
        return ValueRange(start, end)
    kind = name.removeprefix(":")
    reverse = kind.endswith("-back")
    kind = kind.removesuffix("-back")
    spec = _SPECS.get(kind)
    if spec is None or len(start) != spec[0] + 1:
        message = f"{start!r} is no range of values"
        raise DatamemError(
            message,
            code="index/bad-range",
            hint="write [:closed a b], [:open a b], [:at-least a], [:less-than b], [:all], …",
            range=start,
        )
    count, open_low, open_high = spec
    low = start[1] if count == 2 or (count == 1 and kind not in _UPPER_ONLY) else None
    high = start[-1] if count == 2 or kind in _UPPER_ONLY else None
    return ValueRange(low, high, open_low, open_high, reverse)


def word_bounds(attribute: Attribute, wanted: ValueRange) -> tuple[int, int] | None:
    """Return the inclusive word bounds of a range of an inline type, None if nothing is in it.

    Numbers compare by exact value, whatever their types: longs between 1.5 and 2.5 are 2.
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
        case ValueType.INSTANT if isinstance(value, (datetime, np.datetime64)):
            return us_of_instant(attribute.check(value)), True
        case ValueType.BOOLEAN if isinstance(value, bool):
            return int(value), True
        case ValueType.LONG | ValueType.REF if _is_number(value):
            if isinstance(value, float) and math.isinf(value):
                return (_MAX_WORD + 1 if value > 0 else _MIN_WORD), False
            least = math.ceil(value)
            return least, least == value
        case ValueType.DOUBLE if _is_number(value):
            return _double_ceiling(value)
    message = f"{value!r} does not compare with values of {attribute.ident}"
    raise DatamemError(
        message,
        code="index/bad-range",
        hint=f"its type is {attribute.value_type.keyword}",
        attribute=attribute.ident,
        value=value,
    )


def _double_ceiling(value: Any) -> tuple[int, bool]:
    try:
        nearest = float(value)
    except OverflowError:
        return (_MAX_WORD if value > 0 else _MIN_WORD), False
    word = word_of_double(nearest)
    if nearest == value:
        return word, True
    return (word if nearest > value else word + 1), False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
