"""Sources: what patterns match against, a database value or a plain collection of tuples."""

# ruff: noqa: D102  # the protocols' methods are described where `Db` has them

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol, TypeAlias, TypeGuard
from uuid import UUID

import numpy as np

from datamem.datalog.columns.domains import Domain, Domains
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.values import LONG_MAX, LONG_MIN, normal, print_value
from datamem.datalog.faults import query_error
from datamem.edn import Keyword, Symbol, Uri
from datamem.schema.attribute import Attribute
from datamem.schema.convert import TO_CANONICAL, RefusedValue
from datamem.schema.schema import Schema
from datamem.schema.shapes import tuple_converter
from datamem.schema.types import ValueType
from datamem.schema.values import tag_of


class RowsLike(Protocol):
    """Datoms as columns."""

    @property
    def e(self) -> Int64Array: ...
    @property
    def a(self) -> Int64Array: ...
    @property
    def v(self) -> Int64Array: ...
    @property
    def tx(self) -> Int64Array: ...
    @property
    def added(self) -> BoolArray | None: ...
    @property
    def sorted_by(self) -> str | None: ...
    def __len__(self) -> int: ...


class Database(Protocol):
    """What the engine needs of a database value."""

    @property
    def schema(self) -> Schema: ...
    @property
    def is_history(self) -> bool: ...
    @property
    def heap(self) -> Any: ...
    @property
    def view(self) -> Any: ...
    def unbounded(self) -> Database: ...
    def rows(
        self, e: int | None = None, a: int | None = None, v: int | None = None
    ) -> RowsLike: ...
    def value_range(
        self, a: int, low: int | None = None, high: int | None = None
    ) -> RowsLike: ...
    def count(
        self, e: int | None = None, a: int | None = None, v: int | None = None
    ) -> int: ...
    def lookup_many(self, a: int, es: Int64Array) -> RowsLike: ...
    def lookup_values(self, a: int, vs: Int64Array) -> RowsLike: ...
    def encode(self, attribute: Attribute, value: Any) -> int | None: ...
    def decode(self, value_type: ValueType, words: Any) -> list[Any]: ...
    def resolve(self, ref: Any) -> int | None: ...
    def entity_with(self, a: int, word: int) -> int | None: ...
    def words(self, e: int, a: int) -> list[int]: ...
    def referrers(self, e: int, a: int) -> list[int]: ...
    def pull_many(self, pattern: Any, eids: Any) -> list[Any]: ...


def is_database(value: Any) -> TypeGuard[Database]:
    """Tell whether an input is a database value."""
    return hasattr(value, "rows") and hasattr(value, "schema")


_NO: Final = object()
"""Says that a type cannot hold a value."""


class DatabaseSource:
    """A database value as a source of one query."""

    __slots__ = ("_codes", "_counts", "_domains", "_whole", "db")

    def __init__(self, db: Database, domains: Domains) -> None:
        self.db = db
        self._domains = domains
        self._codes: dict[ValueType, Domain] = {}
        self._counts: dict[tuple[int | None, int | None, int | None], int] = {}
        self._whole = db if db.is_history else db.unbounded()

    def decode(self, value_type: ValueType, words: Int64Array) -> list[Any]:
        """Return the values of words."""
        return self.db.decode(value_type, words)

    def find_code(self, value: Any, tag: ValueType) -> int | None:
        """Return the heap's code of a value, if it has one; `tag` as `Domains.code` was given it."""
        return find_code(self.db, value, tag)

    def domain_of(self, value_type: ValueType) -> Domain:
        """Return the domain of a value type in this database."""
        domain = self._domains.inline(value_type)
        if domain is None:
            tag = value_type if value_type in _SHAPED else ValueType.EDN
            domain = self._codes.get(tag)
            if domain is None:
                domain = self._codes[tag] = self._domains.code(heap_key(self.db), self, tag)
        return domain

    def count(self, e: int | None, a: int | None, v: int | None) -> int:
        """Count datoms, of the present where the source is a past view: good enough to plan with.

        Each combination is asked of the database once a query.
        """
        key = (e, a, v)
        found = self._counts.get(key)
        if found is None:
            found = self._counts[key] = self._whole.count(e=e, a=a, v=v)
        return found


class TableSource:
    """A plain collection of tuples as a source."""

    __slots__ = ("columns", "domains", "size")

    def __init__(self, rows: Iterable[Any], domains: Domains, name: str) -> None:
        table = _rows_of(rows, name)
        self.size = len(table)
        width = min((len(row) for row in table), default=0)
        made = [domains.column([normal(row[i]) for row in table]) for i in range(width)]
        self.columns = [words for words, _ in made]
        self.domains = [domain for _, domain in made]


Source: TypeAlias = DatabaseSource | TableSource


def _rows_of(rows: Any, name: str) -> list[Sequence[Any]]:
    if isinstance(rows, Mapping):
        return list(rows.items())
    if isinstance(rows, Iterable) and not isinstance(rows, str | bytes):
        table = list(rows)
        if all(isinstance(row, Sequence) and not isinstance(row, str) for row in table):
            return table
    raise query_error(
        f"the source {name} is neither a database nor a collection of tuples, but {_shown(rows)}",
        code="query/not-a-source",
        hint="a connection's database is conn.db"
        if is_database(getattr(rows, "db", None))
        else "the inputs of a query follow :in, whose first is $, the database",
        source=name,
    )


def _shown(value: Any) -> str:
    text = print_value(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def heap_key(db: Database) -> int:
    """Return a number that two databases share iff their value codes mean the same."""
    return id(getattr(db, "heap", db))


_AS_THEY_ARE: Final = frozenset({str, Keyword, UUID, np.ndarray})
_CONVERTERS: Final = TO_CANONICAL | {ValueType.TUPLE: tuple_converter(None)}


def find_code(db: Database, value: Any, tag: ValueType = ValueType.EDN) -> int | None:
    """Return the code of a value in a database's heap, where untyped values of all types are too.

    Args:
        db: whose heap.
        value: of any type.
        tag: TUPLE or DOC for a value of that type; else each value has the type that it shows.

    A heap may have grown since this database value was made: a code that it does not know is in none
    of its rows, so it joins with nothing, and another value of the same heap may know it.
    """
    kind = type(value)
    try:
        if tag is ValueType.EDN and kind in _AS_THEY_ARE:
            tag = tag_of(value)
        else:
            value = _CONVERTERS[tag](value)
            tag = tag_of(value) if tag is ValueType.EDN else tag
        code: int | None = db.heap.find(tag, value)
    except (TypeError, ValueError, RefusedValue):
        return None
    return code


def coerce(value_type: ValueType, value: Any) -> Any:
    """Return the value as an attribute of this type would hold it, exactly; else `NO_VALUE`.

    Nothing is rounded: 2.0 is the long 2, 2.5 is no long. A plain string is a keyword where
    keywords are wanted.
    """
    value = normal(value)
    match value_type:
        case ValueType.KEYWORD:
            return _as_keyword(value)
        case ValueType.LONG | ValueType.REF:
            return _as_long(value)
        case ValueType.DOUBLE:
            return _as_double(value)
        case ValueType.BIGINT | ValueType.BIGDEC:
            return _canonical(value_type, _as_whole(value))
        case ValueType.VECTOR:
            return value
        case _:
            pass
    kinds = _KINDS.get(value_type)
    if kinds is not None and (
        not isinstance(value, kinds) or _is_other_text(value_type, value)
    ):
        return _NO
    return _canonical(value_type, value)


_KINDS: Final[dict[ValueType, tuple[type, ...]]] = {
    ValueType.BOOLEAN: (bool,),
    ValueType.INSTANT: (datetime,),
    ValueType.STRING: (str,),
    ValueType.URI: (Uri,),
    ValueType.SYMBOL: (Symbol,),
    ValueType.UUID: (UUID,),
    ValueType.BYTES: (bytes, bytearray, memoryview),
}
"""What values of a type are in Python; a text that reads as one is none."""


def _is_other_text(value_type: ValueType, value: Any) -> bool:
    return value_type is ValueType.STRING and isinstance(value, Keyword | Uri)


def _canonical(value_type: ValueType, value: Any) -> Any:
    try:
        return _CONVERTERS[value_type](value)
    except RefusedValue:
        return _NO


NO_VALUE: Final = _NO

_SHAPED: Final = frozenset({ValueType.TUPLE, ValueType.DOC})
"""Types whose values look like untyped ones, and have codes of their own."""


def as_vector(value: Any) -> Any:
    """Return a list of numbers as float32[n], as heaps keep vectors; anything else as it is."""
    if isinstance(value, np.ndarray):
        is_vector = value.ndim == 1 and value.dtype.kind in "fiu"
        return np.asarray(value, np.float32) + np.float32(0) if is_vector else value
    if isinstance(value, list | tuple) and value and _is_number(value[0]):
        try:
            return np.asarray(value, np.float32) + np.float32(0)
        except (TypeError, ValueError, OverflowError):
            return value
    return normal(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_keyword(value: Any) -> Any:
    if isinstance(value, Keyword) or not isinstance(value, str):
        return value
    text = value if value.startswith(":") else f":{value}"
    return Keyword(text) if len(text) > 1 and " " not in text else _NO


def _as_whole(value: Any) -> Any:
    """Return a number as an int where it is whole, else as the decimal that it is exactly."""
    if isinstance(value, float) and math.isfinite(value):
        value = Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    return value


def _as_long(value: Any) -> Any:
    if type(value) is int:
        return value if LONG_MIN <= value <= LONG_MAX else _NO
    whole = _as_whole(value)
    is_int = isinstance(whole, int) and not isinstance(whole, bool)
    return int(whole) if is_int and LONG_MIN <= whole <= LONG_MAX else _NO


def _as_double(value: Any) -> Any:
    if isinstance(value, float):
        return value
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return _NO
    try:
        return float(value) if float(value) == value else _NO
    except OverflowError:
        return _NO
