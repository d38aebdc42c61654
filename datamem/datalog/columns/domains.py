"""Domains: what the words of a column mean, and how words move between domains.

Words of one domain compare by int. Longs and refs share a domain, since both are whole numbers;
no other two inline types ever meet as equals. Values made by functions or given by callers are
interned in a table that lives as long as the query (`ObjectDomain`). Where a variable meets two
domains, the words of one are converted once, in bulk, through their distinct values.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.values import identity, is_long
from datamem.schema.types import ValueType

_SIGN: Final = 0x7FFF_FFFF_FFFF_FFFF
_NAN: Final = 0x7FF8_0000_0000_0000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Decoder(Protocol):
    """What a result needs of the database that its codes come from."""

    def decode(self, value_type: ValueType, words: Int64Array) -> list[Any]:
        """Return the values of words."""


class HeapSource(Decoder, Protocol):
    """What a domain of codes needs of the database that they come from."""

    def find_code(self, value: Any, tag: ValueType) -> int | None:
        """Return the code of a value, if the heap holds it as `tag` says."""


class Domain:
    """The meaning of a column's words; one instance per query, compared by identity.

    Attributes:
        objects: the query's domain for values that have no other common domain.
        ordered: words order as their values do.
    """

    __slots__ = ("objects",)
    ordered = False
    rank = 0
    name = "?"

    def __init__(self, objects: ObjectDomain | None) -> None:
        self.objects: Domain = self if objects is None else objects

    def decode(self, words: Int64Array) -> list[Any]:
        """Return the value of each word."""
        raise NotImplementedError  # abstract

    def encode(self, value: Any) -> int | None:
        """Return the word of a value; None where this domain has no such value."""
        raise NotImplementedError  # abstract

    def cast(self, words: Int64Array, target: Domain) -> tuple[Int64Array, BoolArray]:
        """Return the words of the same values in `target`, and which of them there are.

        Cost: one decode and one encode per distinct word.
        """
        if target is self:
            return words, np.ones(len(words), np.bool_)
        few, places = kernels.map_distinct(words)
        coded = [target.encode(value) for value in self.decode(few)]
        table = np.array([0 if word is None else word for word in coded], np.int64)
        known = np.array([word is not None for word in coded], np.bool_)
        return table[places], known[places]


class IntDomain(Domain):
    """Longs and entity ids."""

    __slots__ = ()
    ordered = True
    rank = 3
    name = "int"

    def decode(self, words: Int64Array) -> list[Any]:
        """Return Python ints."""
        values: list[Any] = words.tolist()
        return values

    def encode(self, value: Any) -> int | None:
        """Accept 64-bit ints only: neither 1.0 nor True is 1 here."""
        return value if is_long(value) else None


class DoubleDomain(Domain):
    """Doubles, as order-preserving words."""

    __slots__ = ()
    ordered = True
    rank = 3
    name = "double"

    def decode(self, words: Int64Array) -> list[Any]:
        """Return Python floats."""
        values: list[Any] = doubles(words).tolist()
        return values

    def encode(self, value: Any) -> int | None:
        """Accept floats only."""
        return int(double_words(np.array([value]))[0]) if type(value) is float else None


class BooleanDomain(Domain):
    """Booleans, 0 and 1."""

    __slots__ = ()
    ordered = True
    rank = 3
    name = "boolean"

    def decode(self, words: Int64Array) -> list[Any]:
        """Return Python bools."""
        values: list[Any] = (words != 0).tolist()
        return values

    def encode(self, value: Any) -> int | None:
        """Accept bools only."""
        return int(value) if value is True or value is False else None


class InstantDomain(Domain):
    """Instants, µs since 1970."""

    __slots__ = ()
    ordered = True
    rank = 3
    name = "instant"

    def decode(self, words: Int64Array) -> list[Any]:
        """Return aware UTC datetimes."""
        return [_EPOCH + us * _MICROSECOND for us in words.tolist()]

    def encode(self, value: Any) -> int | None:
        """Accept datetimes; a naive one is UTC."""
        if not isinstance(value, datetime):
            return None
        delta = (value if value.tzinfo is not None else value.replace(tzinfo=UTC)) - _EPOCH
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


class CodeDomain(Domain):
    """Codes of one database's value heap: of tuples, of documents, or of all other values."""

    __slots__ = ("heap", "tag")
    rank = 2
    name = "code"

    def __init__(self, objects: ObjectDomain, heap: HeapSource, tag: ValueType) -> None:
        super().__init__(objects)
        self.heap = heap
        self.tag = tag

    def decode(self, words: Int64Array) -> list[Any]:
        """Return the heap's values."""
        return self.heap.decode(ValueType.EDN, words)

    def encode(self, value: Any) -> int | None:
        """Find the value's code; None where the heap does not hold it."""
        return self.heap.find_code(value, self.tag)


class HeapCodes(Domain):
    """Codes of a database's heap in a result: they are decoded, and nothing else.

    REQUIRES: they are codes of strings, keywords or UUIDs, of values that nobody can change.
    """

    __slots__ = ("heap",)
    name = "code"

    def __init__(self, heap: Decoder) -> None:
        super().__init__(None)
        self.heap = heap

    def decode(self, words: Int64Array) -> list[Any]:
        """Return the heap's values."""
        return self.heap.decode(ValueType.STRING, words)


class ObjectDomain(Domain):
    """Python values that functions made or callers gave, interned for one query."""

    __slots__ = ("_codes", "_values")
    rank = 1
    name = "object"

    def __init__(self) -> None:
        super().__init__(None)
        self._values: list[Any] = []
        self._codes: dict[Any, int] = {}

    def decode(self, words: Int64Array) -> list[Any]:
        """Return the very objects that were interned."""
        values = self._values
        return [values[word] for word in words.tolist()]

    def encode(self, value: Any) -> int:
        """Intern a value: any value has a word here."""
        key = identity(value)
        code = self._codes.get(key)
        if code is None:
            code = len(self._values)
            self._codes[key] = code
            self._values.append(value)
        return code


class Domains:
    """All domains of one query."""

    __slots__ = ("_codes", "_of_type", "boolean", "double", "instant", "integer", "objects")

    def __init__(self) -> None:
        self.objects = ObjectDomain()
        self.integer = IntDomain(self.objects)
        self.double = DoubleDomain(self.objects)
        self.boolean = BooleanDomain(self.objects)
        self.instant = InstantDomain(self.objects)
        self._codes: dict[tuple[int, ValueType], CodeDomain] = {}
        self._of_type: dict[ValueType, Domain] = {
            ValueType.REF: self.integer,
            ValueType.LONG: self.integer,
            ValueType.DOUBLE: self.double,
            ValueType.BOOLEAN: self.boolean,
            ValueType.INSTANT: self.instant,
        }

    def code(self, key: int, heap: HeapSource, tag: ValueType) -> CodeDomain:
        """Return the domain of the codes of a heap.

        Args:
            key: tells heaps apart.
            heap: the heap.
            tag: TUPLE or DOC for codes of that type, EDN for those of all others.
        """
        domain = self._codes.get((key, tag))
        if domain is None:
            domain = self._codes[key, tag] = CodeDomain(self.objects, heap, tag)
        return domain

    def inline(self, value_type: ValueType) -> Domain | None:
        """Return the domain of a type whose values are their own words, or None."""
        return self._of_type.get(value_type)

    def column(self, values: Sequence[Any]) -> tuple[Int64Array, Domain]:
        """Make a column of Python values: inline where one type holds them all."""
        domain = self._of_values(values)
        words = [domain.encode(value) for value in values]
        return np.array(words, np.int64), domain

    def _of_values(self, values: Sequence[Any]) -> Domain:
        kinds = {type(value) for value in values}
        if len(kinds) != 1:
            return self.objects
        kind = kinds.pop()
        if kind is int:
            return self.integer if all(is_long(value) for value in values) else self.objects
        return {float: self.double, bool: self.boolean, datetime: self.instant}.get(
            kind, self.objects
        )


def unify(left: Domain, right: Domain) -> Domain:
    """Return the domain in which two different domains meet: the more specific one."""
    return left if left.rank >= right.rank else right


def doubles(words: Int64Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return float64[n] for the words of doubles."""
    return np.where(words >= 0, words, words ^ _SIGN).view(np.float64)


def double_words(values: np.ndarray[Any, np.dtype[np.float64]]) -> Int64Array:
    """Return int64[n] words of float64[n]; 0.0 and -0.0 have one word, and so have all NaN, the greatest."""
    numbers = np.asarray(values, np.float64) + 0.0
    words = numbers.view(np.int64)
    made = np.where(words >= 0, words, words ^ _SIGN)
    if (unordered := np.isnan(numbers)).any():
        made[unordered] = _NAN
    return made
