"""Comparisons and truth: exact across number types, a total order over all values."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from datamem.datalog.columns.values import equal, less, order_key
from datamem.datalog.functions.function import Function, fn


def all_equal(*values: Any) -> bool:
    """Tell whether all values are equal; numbers compare by exact value across types."""
    return all(equal(left, right) for left, right in pairwise(values))


def not_equal(*values: Any) -> bool:
    """Tell whether the values are not all equal."""
    return not all_equal(*values)


def ascending(*values: Any) -> bool:
    """`<`: tell whether each value is less than the next."""
    return all(less(left, right) for left, right in pairwise(values))


def descending(*values: Any) -> bool:
    """`>`."""
    return all(less(right, left) for left, right in pairwise(values))


def not_descending(*values: Any) -> bool:
    """`<=`."""
    return all(not less(right, left) for left, right in pairwise(values))


def not_ascending(*values: Any) -> bool:
    """`>=`."""
    return all(not less(left, right) for left, right in pairwise(values))


def compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1."""
    return -1 if less(left, right) else int(less(right, left))


def truthy(value: Any) -> bool:
    """Tell whether a value counts as true: anything but nil and false."""
    return value is not None and value is not False


def all_of(*values: Any) -> Any:
    """`and`: the first falsy value, else the last."""
    last: Any = True
    for last in values:
        if not truthy(last):
            break
    return last


def any_of(*values: Any) -> Any:
    """`or`: the first truthy value, else the last."""
    last = None
    for last in values:
        if truthy(last):
            break
    return last


def least(*values: Any) -> Any:
    """`min` of arguments."""
    return min(values, key=order_key)


def greatest(*values: Any) -> Any:
    """`max` of arguments."""
    return max(values, key=order_key)


FUNCTIONS: Final[tuple[Function, ...]] = (
    fn("=", all_equal, 1, None),
    fn("==", all_equal, 1, None),
    fn("not=", not_equal, 1, None),
    fn("!=", not_equal, 1, None),
    fn("<", ascending, 1, None),
    fn(">", descending, 1, None),
    fn("<=", not_descending, 1, None),
    fn(">=", not_ascending, 1, None),
    fn("before?", ascending, 1, None),
    fn("after?", descending, 1, None),
    fn("compare", compare, 2),
    fn("identical?", equal, 2),
    fn("min", least, 1, None),
    fn("max", greatest, 1, None),
    fn("true?", lambda value: value is True, 1),
    fn("false?", lambda value: value is False, 1),
    fn("nil?", lambda value: value is None, 1),
    fn("some?", lambda value: value is not None, 1),
    fn("not", lambda value: not truthy(value), 1),
    fn("and", all_of, 0, None),
    fn("or", any_of, 0, None),
    fn("if", lambda test, then, other=None: then if truthy(test) else other, 2, 3),
    fn("identity", lambda value: value, 1),
    fn("ground", lambda value: value, 1),
)
