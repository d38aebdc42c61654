"""Arithmetic with Clojure's meaning: exact integers of any size, `/` a double, truncating `quot`."""

from __future__ import annotations

import math
import random  # noqa: TID251  # what a query draws never enters the log
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import Any, Final

from datamem.datalog.columns.values import LONG_MAX, LONG_MIN, print_value
from datamem.datalog.functions.function import Function, fn
from datamem.edn import BigInt
from datamem.errors import QueryError


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; a boolean is not."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _number(value: Any, name: str) -> Any:
    if is_number(value):
        return value
    raise QueryError(
        f"({name} …) needs numbers, and got {print_value(value)}",
        code="query/not-a-number",
        value=value,
    )


def _pair(left: Any, right: Any, name: str) -> tuple[Any, Any]:
    left, right = _number(left, name), _number(right, name)
    if isinstance(left, Decimal) and isinstance(right, float):
        return float(left), right
    if isinstance(right, Decimal) and isinstance(left, float):
        return left, float(right)
    return left, right


def _sized(value: Any) -> Any:
    """Give an integer the type of its size, so that it joins with stored ones."""
    if isinstance(value, int):
        return int(value) if LONG_MIN <= value <= LONG_MAX else BigInt(value)
    return value


def _division_by_zero(name: str, left: Any) -> QueryError:
    return QueryError(
        f"({name} {left} 0) divides by zero",
        code="query/division-by-zero",
        hint="keep zeros out with a clause before it: [(not= ?divisor 0)]",
        dividend=left,
    )


def add(*values: Any) -> Any:
    """`+`."""
    return _sized(reduce(lambda a, b: (p := _pair(a, b, "+"))[0] + p[1], values, 0))


def multiply(*values: Any) -> Any:
    """`*`."""
    return _sized(reduce(lambda a, b: (p := _pair(a, b, "*"))[0] * p[1], values, 1))


def subtract(first: Any, *rest: Any) -> Any:
    """`-`; of one argument, its negation."""
    if not rest:
        return _sized(-_number(first, "-"))
    return _sized(reduce(lambda a, b: (p := _pair(a, b, "-"))[0] - p[1], rest, first))


def divide(first: Any, *rest: Any) -> Any:
    """`/`: a double for integers."""
    values = (first, *rest) if rest else (1, first)
    return reduce(_divide, values)


def _divide(left: Any, right: Any) -> Any:
    left, right = _pair(left, right, "/")
    if right == 0:
        raise _division_by_zero("/", left)
    return left / right


def quot(left: Any, right: Any) -> Any:
    """Divide and round toward zero."""
    left, right = _pair(left, right, "quot")
    if right == 0:
        raise _division_by_zero("quot", left)
    if isinstance(left, int) and isinstance(right, int):
        whole = abs(left) // abs(right)
        return _sized(whole if (left < 0) == (right < 0) else -whole)
    return type(left + right)(math.trunc(left / right))


def rem(left: Any, right: Any) -> Any:
    """Return what `quot` leaves: the sign is the dividend's."""
    left, right = _pair(left, right, "rem")
    if right == 0:
        raise _division_by_zero("rem", left)
    return _sized(left - right * quot(left, right))


def mod(left: Any, right: Any) -> Any:
    """Return the remainder whose sign is the divisor's."""
    left, right = _pair(left, right, "mod")
    if right == 0:
        raise _division_by_zero("mod", left)
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        rest = rem(left, right)
        return rest + right if rest and (rest < 0) != (right < 0) else rest
    return _sized(left % right)


def power(base: Any, exponent: Any) -> float:
    """`pow`: a double.

    Raises:
        QueryError: `query/bad-number`, where it is too large, or no real number.
    """
    base, exponent = _number(base, "pow"), _number(exponent, "pow")
    try:
        return float(math.pow(base, exponent))
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"(pow {base} {exponent}) has no value: {error}", code="query/bad-number"
        ) from None


def _math(name: str, call: Callable[[float], Any]) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        try:
            return call(_number(value, name))
        except (ValueError, OverflowError) as error:
            raise QueryError(
                f"({name} {value}) has no value: {error}", code="query/bad-number", value=value
            ) from None

    return apply


def _test(name: str, call: Callable[[Any], bool]) -> Function:
    return fn(name, lambda value: call(_number(value, name)), 1)


def random_int(limit: int) -> int:
    """`rand-int`.

    Raises:
        QueryError: `query/bad-number`, for a limit that is no whole number above 0.
    """
    if type(limit) is not int or limit < 1:
        raise QueryError(
            f"(rand-int …) needs a whole number above 0, and got {print_value(limit)}",
            code="query/bad-number",
            value=limit,
        )
    return random.randrange(limit)  # noqa: S311  # not for secrets


def random_number(limit: Any = 1) -> float:
    """`rand`: a double from 0 to below the limit."""
    return float(random.random() * float(_number(limit, "rand")))  # noqa: S311  # not for secrets


FUNCTIONS: Final[tuple[Function, ...]] = (
    fn("+", add, 0, None),
    fn("-", subtract, 1, None),
    fn("*", multiply, 0, None),
    fn("/", divide, 1, None),
    fn("quot", quot, 2),
    fn("rem", rem, 2),
    fn("mod", mod, 2),
    fn("inc", lambda value: add(_number(value, "inc"), 1), 1),
    fn("dec", lambda value: subtract(_number(value, "dec"), 1), 1),
    fn("abs", lambda value: _sized(abs(_number(value, "abs"))), 1),
    fn("pow", power, 2),
    fn("sqrt", _math("sqrt", math.sqrt), 1),
    fn("exp", _math("exp", math.exp), 1),
    fn("log", _math("log", math.log), 1),
    fn("log10", _math("log10", math.log10), 1),
    fn("floor", _math("floor", math.floor), 1),
    fn("ceil", _math("ceil", math.ceil), 1),
    fn("round", _math("round", lambda value: math.floor(value + 0.5)), 1),
    fn("Math/sqrt", _math("sqrt", math.sqrt), 1),
    fn("Math/exp", _math("exp", math.exp), 1),
    fn("Math/log", _math("log", math.log), 1),
    fn("Math/pow", power, 2),
    fn("Math/abs", lambda value: _sized(abs(_number(value, "abs"))), 1),
    fn("long", _math("long", math.trunc), 1),
    fn("int", _math("int", math.trunc), 1),
    fn("double", _math("double", float), 1),
    fn("float", _math("float", float), 1),
    _test("zero?", lambda value: value == 0),
    _test("pos?", lambda value: value > 0),
    _test("neg?", lambda value: value < 0),
    _test("even?", lambda value: value % 2 == 0),
    _test("odd?", lambda value: value % 2 == 1),
    fn("number?", is_number, 1),
    fn("integer?", lambda value: isinstance(value, int) and not isinstance(value, bool), 1),
    fn("rand", random_number, 0, 1, pure=False),
    fn("rand-int", random_int, 1, pure=False),
)
