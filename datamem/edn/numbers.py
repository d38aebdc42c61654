"""Numbers of any size, from text and to text."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Final

from datamem.edn.forms import BigInt, Form
from datamem.edn.grammar import NUMBER
from datamem.errors import EdnError

_PIECE_DIGITS: Final = 600  # below every limit that Python may put on int(text) and str(int)
_DIGITS_MAX: Final = 1_000_000
_SAFE_BITS: Final = 1_900
_NOT_FINITE: Final = {"##Inf": math.inf, "##-Inf": -math.inf, "##NaN": math.nan}


def read_number(token: str) -> Form:
    """Return the int, BigInt, float or Decimal that the token writes.

    As in Clojure, `5.` is 5.0. A leading zero is refused: it would mean octal in one reader and
    decimal in another.

    Raises:
        EdnError: `edn/bad-token`, `edn/number-out-of-range` (a double that would become infinite),
            `edn/too-large` (more than a million digits).
    """
    match = NUMBER.fullmatch(token)
    if match is None:
        raise EdnError(
            f"{token[:60]} is not a number",
            code="edn/bad-token",
            hint="numbers look like 42, -7, 42N, 1.5, 1e9 or 1.50M, without leading zeros",
        )
    if len(token) > _DIGITS_MAX:
        raise EdnError(f"a number has more than {_DIGITS_MAX} digits", code="edn/too-large")
    if match["exact"]:
        return _read_decimal(token)
    if match["big"]:
        return BigInt(_int_of(token[:-1]))
    return _read_double(token) if match["real"] else _int_of(token)


def read_not_finite(token: str) -> float:
    """Return what `##Inf`, `##-Inf` or `##NaN` means.

    Raises:
        EdnError: `edn/bad-token`, for any other `##`.
    """
    if token not in _NOT_FINITE:
        raise EdnError(
            f"{token[:60]} is unknown", code="edn/bad-token", hint="use ##Inf, ##-Inf or ##NaN"
        )
    return _NOT_FINITE[token]


def print_int(number: int) -> str:
    """Return the digits of an integer of any size."""
    if number.bit_length() <= _SAFE_BITS:
        return int.__repr__(number)
    sign = "-" if number < 0 else ""
    return sign + _digits_of(abs(number)).lstrip("0")


def print_float(number: float) -> str:
    """Return the shortest text that reads as the same double."""
    if math.isfinite(number):
        return float.__repr__(number)
    if math.isnan(number):
        return "##NaN"
    return "##Inf" if number > 0 else "##-Inf"


def print_decimal(number: Decimal) -> str:
    """Return the decimal with its `M`.

    Raises:
        EdnError: `edn/unprintable`, since EDN has no decimal NaN or infinity.
    """
    if not number.is_finite():
        raise EdnError(f"EDN cannot write the decimal {number}", code="edn/unprintable")
    return f"{number}M"


def _read_double(token: str) -> float:
    number = float(token)
    if math.isinf(number):
        raise EdnError(
            f"{token[:60]} does not fit a double",
            code="edn/number-out-of-range",
            hint="add M for a decimal, or write ##Inf",
        )
    return number


def _read_decimal(token: str) -> Decimal:
    try:
        return Decimal(token[:-1])
    except InvalidOperation:
        raise EdnError(
            f"{token[:60]} has an exponent no decimal can hold", code="edn/number-out-of-range"
        ) from None


def _int_of(digits: str) -> int:
    """Convert by halves: Python's own conversion refuses long texts, and is quadratic."""
    if len(digits) <= _PIECE_DIGITS:
        return int(digits)
    if digits[0] in "+-":
        return -_int_of(digits[1:]) if digits[0] == "-" else _int_of(digits[1:])
    low_count = len(digits) // 2
    scale: int = 10**low_count
    return _int_of(digits[:-low_count]) * scale + _int_of(digits[-low_count:])


def _digits_of(number: int) -> str:
    """Convert by halves; the result may start with zeros."""
    if number.bit_length() <= _SAFE_BITS:
        return int.__repr__(number)
    low_count = number.bit_length() * 3 // 20  # about half of the decimal digits
    high, low = divmod(number, 10**low_count)
    return _digits_of(high) + _digits_of(low).zfill(low_count)
