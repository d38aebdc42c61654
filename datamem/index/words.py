"""One int64 per value: what a word means, type by type.

Refs, longs, instants (µs since 1970, UTC) and booleans are their own words. Doubles use the
order-preserving bit transform. Every other value is a code of the heap (`heap.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from datamem.schema.types import ValueType

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SIGN: Final = 0x7FFF_FFFF_FFFF_FFFF
_MICROSECOND: Final = timedelta(microseconds=1)
_pack_double = struct.Struct("<d").pack
_unpack_long = struct.Struct("<q").unpack
_pack_long = struct.Struct("<q").pack
_unpack_double = struct.Struct("<d").unpack


def word_of_double(value: float) -> int:
    """Return an int64 that sorts as the double does; 0.0 and -0.0 are one word.

    Example:
        >>> word_of_double(-1.5) < word_of_double(0.0) < word_of_double(2.5)
        True
    """
    word: int = _unpack_long(_pack_double(value + 0.0))[0]
    return word if word >= 0 else word ^ _SIGN


def double_of_word(word: int) -> float:
    """Return the double whose word this is."""
    value: float = _unpack_double(_pack_long(word if word >= 0 else word ^ _SIGN))[0]
    return value


def doubles_of_words(words: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return float64[n] for words of doubles, int64[n]."""
    return np.where(words >= 0, words, words ^ _SIGN).view(np.float64)


def words_of_doubles(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return int64[n] words for float64[n]."""
    words = (values + 0.0).view(np.int64)
    return np.where(words >= 0, words, words ^ _SIGN)


def us_of_instant(value: datetime) -> int:
    """Return µs since 1970 for an aware datetime."""
    delta = value - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def instant_of_us(us: int) -> datetime:
    """Return the UTC datetime of µs since 1970."""
    return EPOCH + us * _MICROSECOND


def _word_of_int(value: Any) -> int:
    return int(value)


INLINE: Final[dict[ValueType, Callable[[Any], int]]] = {
    ValueType.REF: _word_of_int,
    ValueType.LONG: _word_of_int,
    ValueType.BOOLEAN: _word_of_int,
    ValueType.INSTANT: us_of_instant,
    ValueType.DOUBLE: word_of_double,
}
"""Types whose words are made from the value alone, with the function that makes them."""


def decode_inline(value_type: ValueType, words: npt.NDArray[np.int64]) -> list[Any]:
    """Return the Python values of words of an inline type."""
    if value_type is ValueType.DOUBLE:
        doubles: list[Any] = doubles_of_words(words).tolist()
        return doubles
    if value_type is ValueType.BOOLEAN:
        return [word != 0 for word in words.tolist()]
    if value_type is ValueType.INSTANT:
        return [EPOCH + us * _MICROSECOND for us in words.tolist()]
    plain: list[Any] = words.tolist()
    return plain
