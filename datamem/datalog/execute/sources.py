"""Sources: what patterns match against, a database value or a plain collection of tuples."""

# ruff: noqa: D102  # the protocols' methods are described where `Db` has them

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias, TypeGuard

import numpy as np

from datamem.datalog.columns.domains import Domain, Domains
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.values import LONG_MAX, LONG_MIN, is_long, normal
from datamem.datalog.faults import query_error
from datamem.edn import BigInt, Keyword
from datamem.errors import DatamemError
from datamem.schema.attribute import Attribute
from datamem.schema.schema import Schema
from datamem.schema.types import HEAP_TYPES, ValueType
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

    __slots__ = ("_code", "_counts", "_domains", "_whole", "db")

    def __init__(self, db: Database, domains: Domains) -> None:
        self.db = db
        self._domains = domains
        self._code = domains.code(heap_key(db), self)
        self._counts: dict[tuple[int | None, int | None, int | None], int] = {}
        self._whole = db if db.is_history else db.unbounded()

    def decode(self, value_type: ValueType, words: Int64Array) -> list[Any]:
        """Return the values of words."""
        return self.db.decode(value_type, words)

    def find_code(self, value: Any) -> int | None:
        """Return the heap's code of a value of a heap type, if it has one."""
        return find_code(self.db, value)

    def domain_of(self, value_type: ValueType) -> Domain:
        """Return the domain of a value type in this database."""
        return self._domains.inline(value_type) or self._code

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
        f"the source {name} is neither a database nor a collection of tuples",
        code="query/not-a-source",
        hint="the inputs of a query follow :in, whose first is $, the database",
        source=name,
    )


def heap_key(db: Database) -> int:
    """Return a number that two databases share iff their value codes mean the same."""
    return id(getattr(db, "heap", db))


def find_code(db: Database, value: Any) -> int | None:
    """Return the code of a value in a database's heap, where untyped values of all types are too.

    A heap may have grown since this database value was made: a code that it does not know is in none
    of its rows, so it joins with nothing, and another value of the same heap may know it.
    """
    value = _heap_value(value)
    try:
        code: int | None = db.heap.find(tag_of(value), value)
    except (TypeError, ValueError, DatamemError):
        return None
    return code


def _heap_value(value: Any) -> Any:
    if type(value) is int and not is_long(value):
        return BigInt(value)
    return tuple(value) if isinstance(value, list) else value


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
        case ValueType.BOOLEAN:
            return value if isinstance(value, bool) else _NO
        case ValueType.INSTANT:
            return value if isinstance(value, datetime) else _NO
        case ValueType.BIGINT:
            is_int = isinstance(value, int) and not isinstance(value, bool)
            return BigInt(value) if is_int else _NO
        case _:
            pass
    return value


NO_VALUE: Final = _NO


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


def _as_long(value: Any) -> Any:
    if isinstance(value, bool):
        return _NO
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and LONG_MIN <= value <= LONG_MAX:
        return int(value)
    return _NO


def _as_double(value: Any) -> Any:
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value) if float(value) == value else _NO
        except OverflowError:
            return _NO
    return _NO


def is_code_type(value_type: ValueType) -> bool:
    """Tell whether words of this type are heap codes."""
    return value_type in HEAP_TYPES
