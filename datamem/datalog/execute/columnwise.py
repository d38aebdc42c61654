"""Comparisons and arithmetic on whole columns, exact or not at all.

Each function answers None where the words alone cannot give the exact answer; the caller then goes
through Python values, once per distinct arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain, Domains, double_words, doubles
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.values import LONG_MAX, LONG_MIN
from datamem.datalog.functions.arithmetic import is_number

Column: TypeAlias = tuple[Int64Array, Domain]
Operand: TypeAlias = Column | Any
"""A column, or a constant value."""

_COMPARE: Final[dict[str, Callable[[Any, Any], BoolArray]]] = {
    "=": np.equal,
    "==": np.equal,
    "not=": np.not_equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "before?": np.less,
    "after?": np.greater,
}
_FLIP: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "before?": ">", "after?": "<"}
_EXACT_DOUBLE: Final = 1 << 53
_COLLECTIONS: Final = (list, tuple, dict, frozenset)
"""Whose items may be equal numbers of two types."""


def is_column(operand: Operand) -> bool:
    """Tell a column from a constant."""
    return isinstance(operand, tuple) and len(operand) == 2 and isinstance(operand[1], Domain)


def compare_columns(name: str, left: Operand, right: Operand) -> BoolArray | None:
    """Compare two operands, at least one of them a column; None where words do not suffice."""
    if name not in _COMPARE:
        return None
    if not is_column(left):
        if not is_column(right):
            return None
        return compare_columns(_FLIP.get(name, name), right, left)
    if is_column(right):
        return _column_with_column(name, left, right)
    return _column_with_constant(name, left, right)


def _column_with_column(name: str, left: Column, right: Column) -> BoolArray | None:
    (one, domain), (other, other_domain) = left, right
    compare = _COMPARE[name]
    if domain is other_domain:
        if domain.ordered:
            return compare(one, other)
        if name in ("=", "==", "not=", "!="):
            same: BoolArray = one == other
            if _may_hide_numbers(domain, one[~same]):
                return None
            return same if name in ("=", "==") else ~same
        return None
    kinds = {domain.name, other_domain.name}
    if kinds == {"int", "double"}:
        floats = [_as_doubles(words, d) for words, d in (left, right)]
        if floats[0] is not None and floats[1] is not None:
            return compare(floats[0], floats[1])
    return None


def _may_hide_numbers(domain: Domain, words: Int64Array) -> bool:
    """Tell whether codes that differ might still be equal numbers of two types, or hold such."""
    return any(
        is_number(value) or isinstance(value, _COLLECTIONS)
        for value in domain.decode(kernels.distinct(words))
    )


def _as_doubles(words: Int64Array, domain: Domain) -> Any:
    if domain.name == "double":
        numbers = doubles(words)
        return None if np.isnan(numbers).any() else numbers
    if len(words) and max(int(words.max()), -int(words.min())) > _EXACT_DOUBLE:
        return None
    return words.astype(np.float64)


def _column_with_constant(name: str, column: Column, value: Any) -> BoolArray | None:
    words, domain = column
    compare: Callable[[Any, Any], BoolArray] = _COMPARE[name]
    match domain.name:
        case "int" if is_number(value):
            return _ints_with_number(name, words, value)
        case "double" if isinstance(value, float) or (is_number(value) and _fits(value)):
            word = domain.encode(float(value))
            return None if value != value else compare(words, word)  # noqa: PLR0124
        case "instant" if isinstance(value, datetime):
            return compare(words, domain.encode(value))
        case "boolean" if isinstance(value, bool):
            return compare(words, int(value))
        case "code" | "object" if name in ("=", "==", "not=", "!="):
            return _codes_with_constant(name, words, domain, value)
    return None


def _fits(value: Any) -> bool:
    return isinstance(value, int) and -_EXACT_DOUBLE <= value <= _EXACT_DOUBLE


def _codes_with_constant(
    name: str, words: Int64Array, domain: Domain, value: Any
) -> BoolArray | None:
    if is_number(value) or isinstance(value, _COLLECTIONS):
        return None
    word = domain.encode(value)
    same = np.zeros(len(words), np.bool_) if word is None else words == word
    return same if name in ("=", "==") else ~same


def _ints_with_number(name: str, words: Int64Array, value: Any) -> BoolArray | None:
    if value != value:  # noqa: PLR0124  # NaN
        return None
    if isinstance(value, float) and math.isinf(value):
        low = value < 0
        true = (name in ("<", "<=", "before?")) != low if name not in ("=", "==") else False
        return np.full(len(words), name in ("not=", "!=") or true)
    whole = math.floor(value)
    if whole != value:
        # between two integers: x < 2.5 is x <= 2, x > 2.5 is x > 2
        name = {"<": "<=", "before?": "<=", ">=": ">", "after?": ">"}.get(name, name)
        if name in ("=", "==", "not=", "!="):
            return np.full(len(words), name in ("not=", "!="))
    if not LONG_MIN <= whole <= LONG_MAX:
        return None
    return _COMPARE[name](words, whole)


def calculate(name: str, operands: list[Operand], domains: Domains) -> Column | None:
    """Add, subtract, multiply or divide two operands; None where int64 or doubles do not suffice."""
    if name not in ("+", "-", "*", "/") or len(operands) != 2:
        return None
    pairs = [_numeric(operand, domains) for operand in operands]
    left, right = pairs
    if left is None or right is None:
        return None
    if left[1] is domains.integer and right[1] is domains.integer and name != "/":
        return _integers(name, left[0], right[0], domains)
    floats = [_as_doubles(words, domain) for words, domain in (left, right)]
    if floats[0] is None or floats[1] is None:
        return None
    if name == "/" and bool((floats[1] == 0).any()):
        return None
    operation = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[name]
    with np.errstate(over="ignore", invalid="ignore"):
        result = operation(floats[0], floats[1])
    return double_words(result), domains.double


def _numeric(operand: Operand, domains: Domains) -> Column | None:
    if is_column(operand):
        return operand if operand[1].name in ("int", "double") else None
    if type(operand) is float:
        return double_words(np.array([operand])), domains.double
    if type(operand) is int and LONG_MIN <= operand <= LONG_MAX:
        return np.array([operand], np.int64), domains.integer
    return None


def _integers(
    name: str, left: Int64Array, right: Int64Array, domains: Domains
) -> Column | None:
    bounds = [_magnitude(left), _magnitude(right)]
    limit = bounds[0] * bounds[1] if name == "*" else bounds[0] + bounds[1]
    if limit > LONG_MAX:
        return None
    operation = {"+": np.add, "-": np.subtract, "*": np.multiply}[name]
    return operation(left, right), domains.integer


def _magnitude(words: Int64Array) -> int:
    return max(abs(int(words.max())), abs(int(words.min()))) if len(words) else 0
