"""What values mean to the reference evaluator: which are equal, which come first, what is made of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from datamem.edn import BigInt, Keyword

_NUMBERS = ("long", "bigint", "float", "Decimal")
_LONG = range(-(1 << 63), 1 << 63)
_RANKS = (
    "NoneType",
    "bool",
    "number",
    "datetime",
    "Keyword",
    "Symbol",
    "str",
    "UUID",
    "bytes",
    "list",
)


def _kind(value: Any) -> str:
    """Return the type of a value as queries know it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "bigint" if isinstance(value, BigInt) or value not in _LONG else "long"
    if isinstance(value, list | tuple):
        return "list"
    return type(value).__name__


def key_of(value: Any) -> Any:
    """Return a key that equal values share: of one type, and the same."""
    if isinstance(value, list | tuple):
        return "list", tuple(map(key_of, value))
    if isinstance(value, set | frozenset):
        return "set", frozenset(map(key_of, value))
    if isinstance(value, dict):
        return "dict", frozenset((key_of(k), key_of(v)) for k, v in value.items())
    if isinstance(value, float) and math.isnan(value):
        return "float", "nan"
    return _kind(value), value


def order_of(value: Any) -> Any:
    """Return a key by which all values have one order; numbers of all types together."""
    kind = _kind(value)
    if kind in _NUMBERS:
        return _RANKS.index("number"), (1, 0) if value != value else (0, value)  # noqa: PLR0124  # NaN
    if kind == "list":
        return _RANKS.index(kind), [order_of(item) for item in value]
    if kind in ("NoneType", "Symbol"):
        return _RANKS.index(kind), str(value)
    return _RANKS.index(kind), value


def sort_of(value: Any) -> Any:
    """Return a key by which rows are sorted: numbers that are equal go by their type."""
    return order_of(value), _type_of(value)


def _type_of(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_type_of(item) for item in value]
    kind = _kind(value)
    return _NUMBERS.index(kind) if kind in _NUMBERS else 0


def held_as(value_type: str, value: Any) -> Any:  # a table of types
    """Return a constant as an attribute of a type holds it, as it is where it never can."""
    is_number = type(value) in (int, BigInt, float, Decimal) and math.isfinite(value)
    match value_type:
        case "long" | "ref" | "bigint" if is_number and Fraction(value).denominator == 1:
            return BigInt(value) if value_type == "bigint" else int(value)
        case "double" if is_number and abs(value) < 1 << 1023 and float(value) == value:
            return float(value)
        case "bigdec" if is_number:
            return Decimal(value)
        case "keyword" if type(value) is str and value.strip(":"):
            return Keyword(value if value.startswith(":") else f":{value}")
    return value


# functions


def _number(value: Any) -> Any:
    """Return a number; Python adds texts and truths as well, and multiplies them."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(value)
    return value


def _pairs(test: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    return lambda *values: all(test(order_of(a), order_of(b)) for a, b in pairwise(values))


def _arithmetic(call: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def apply(left: Any, right: Any) -> Any:
        left, right = _number(left), _number(right)
        if isinstance(left, float) or isinstance(right, float):
            left, right = float(left), float(right)
        made = call(left, right)
        return int(made) if isinstance(made, int) and made in _LONG else made

    return apply


def _regular(like: str) -> str:
    parts = {"%": ".*", "_": "."}
    return "".join(parts.get(letter) or re.escape(letter) for letter in like)


def _quotient(left: Any, right: Any) -> int:
    return math.trunc(Fraction(left, right))


PREDICATES: dict[str, Callable[..., bool]] = {
    "<": _pairs(lambda a, b: a < b),
    ">": _pairs(lambda a, b: a > b),
    "<=": _pairs(lambda a, b: a <= b),
    ">=": _pairs(lambda a, b: a >= b),
    "=": _pairs(lambda a, b: a == b),
    "not=": lambda *values: not PREDICATES["="](*values),
    "starts-with?": lambda text, start: text.startswith(start),
    "like": lambda text, like: re.fullmatch(_regular(like), text, re.DOTALL) is not None,
    "re-find": lambda regular, text: re.search(regular, text) is not None,
    "re-matches": lambda regular, text: re.fullmatch(regular, text) is not None,
    "nil?": lambda value: value is None,
    "some?": lambda value: value is not None,
    "true?": lambda value: value is True,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": _arithmetic(lambda a, b: a + b),
    "*": _arithmetic(lambda a, b: a * b),
    "-": _arithmetic(lambda a, b: a - b),
    "/": lambda a, b: a / b,
    "quot": _quotient,
    "mod": lambda a, b: a % b,
    "inc": lambda a: a + 1,
    "identity": lambda a: a,
    "ground": lambda a: a,
    "str": lambda *parts: "".join(map(str, parts)),
    "vector": lambda *parts: list(parts),
    "tuple": lambda *parts: list(parts),
    "untuple": lambda parts: parts,
    "count": len,
    "not": lambda a: a in (None, False),
}


# aggregates


def _total(values: list[Any]) -> Any:
    numbers = list(map(_number, values))
    if any(isinstance(value, float) for value in numbers):
        return _finite(numbers, lambda: float(sum(map(Fraction, numbers))))
    return sum(numbers)


def _finite(numbers: list[Any], exact: Callable[[], float]) -> float:
    """Return an exact result, or what doubles make of numbers without end."""
    return exact() if all(map(math.isfinite, numbers)) else sum(map(float, numbers))


def _mean(values: list[Any]) -> float:
    total = _total(values)
    return float(total / len(values))


def _median(values: list[Any]) -> float:
    ordered = sorted(map(_number, values))
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return _finite(middle, lambda: float(sum(map(Fraction, middle)) / len(middle)))


def _variance(values: list[Any]) -> float:
    numbers = list(map(_number, values))
    if not all(map(math.isfinite, numbers)):
        return math.nan
    exact = [Fraction(value) for value in numbers]
    center = sum(exact) / len(exact)
    return float(sum((value - center) ** 2 for value in exact) / len(exact))


def _least(values: list[Any], count: int | None = None) -> Any:
    ordered = sorted(values, key=sort_of)
    return ordered[0] if count is None else ordered[:count]


def _most(values: list[Any], count: int | None = None) -> Any:
    ordered = sorted(values, key=sort_of)
    return ordered[-1] if count is None else ordered[len(ordered) - min(count, len(ordered)) :]


AGGREGATES: dict[str, Callable[..., Any]] = {
    "count": len,
    "count-distinct": lambda values: len(set(map(key_of, values))),
    "sum": _total,
    "avg": _mean,
    "median": _median,
    "variance": _variance,
    "stddev": lambda values: math.sqrt(_variance(values)),
    "min": _least,
    "max": _most,
}
