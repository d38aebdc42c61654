"""Columns of many kinds turned into words, checked and encoded a column at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import compress
from typing import Any, Final
from uuid import UUID

import numpy as np

from datamem.db.database import Db
from datamem.edn import Keyword
from datamem.errors import SchemaError, TransactError
from datamem.index.heap import NewValue, heap_key
from datamem.index.kernels import Int64Array
from datamem.index.words import EPOCH, words_of_doubles
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType
from datamem.schema.values import tag_of

_KIND_OF_TYPE: Final = {
    ValueType.LONG: "iu",
    ValueType.REF: "iu",
    ValueType.DOUBLE: "fiu",
    ValueType.BOOLEAN: "b",
    ValueType.INSTANT: "M",
}
_MAX_DOUBLE_INT: Final = 1 << 53
_NEVER_MISSING: Final = frozenset({str, int, bool, bytes, UUID, datetime, Keyword})


def as_array(name: str, column: Any) -> np.ndarray[Any, Any]:
    """Return a column of numpy, Arrow, pandas, polars or plain Python as one array."""
    if isinstance(column, np.ndarray) and column.ndim:
        return column
    if isinstance(column, (str, bytes, Mapping, np.ndarray)) or not isinstance(
        column, Iterable
    ):
        raise TransactError(
            f"{name} has {column!r}, which is no column of values",
            code="load/no-column",
            hint="give one value per row, as a list or an array",
            attribute=name,
        )
    if hasattr(column, "to_pylist") and not _is_numeric_arrow(column):
        return _objects(column.to_pylist())
    if hasattr(column, "to_numpy"):
        return np.asarray(
            column.to_numpy(zero_copy_only=False) if _is_arrow(column) else column.to_numpy()
        )
    values = list(column)
    kinds = set(map(type, values))
    if kinds <= {int} or kinds <= {float} or kinds <= {bool}:
        return np.array(values) if values else _objects(values)
    return _objects(values)


def _is_arrow(column: Any) -> bool:
    return hasattr(column, "null_count") and hasattr(column, "to_pylist")


def _is_numeric_arrow(column: Any) -> bool:
    return _is_arrow(column) and column.null_count == 0 and str(column.type) in {
        "int64", "int32", "int16", "int8", "double", "float", "bool", "timestamp[us]",
        "timestamp[ns]", "timestamp[ms]", "timestamp[s]",
    }  # fmt: skip


def _objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array


class ColumnEncoder:
    """Turns columns into words, collecting the values that the heap does not have."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self.new_values: list[NewValue] = []
        self._codes: dict[ValueType, dict[Any, int]] = {tag: {} for tag in ValueType}

    def words(
        self, attribute: Attribute, column: np.ndarray[Any, Any]
    ) -> tuple[np.ndarray[Any, Any] | None, Int64Array]:
        """Return which rows have a value (None: all) and the words of those that do."""
        kinds = _KIND_OF_TYPE.get(attribute.value_type, "")
        if column.dtype.kind in kinds and kinds:
            return _inline_words(attribute, column)
        values = column.tolist()
        present = None
        if not _NEVER_MISSING.issuperset(map(type, values)):
            there = [not _is_missing(value) for value in values]
            values = list(compress(values, there))
            present = _whole(np.array(there, np.bool_))
        return present, self._object_words(attribute, values)

    def value(self, attribute: Attribute, word: int) -> Any:
        """Return the value of a word, perhaps of one that is new here."""
        if attribute.is_heap and word >= self._db.heap_size:
            return self.new_values[word - self._db.heap_size][1]
        return self._db.decode(attribute.value_type, [word])[0]

    def _object_words(self, attribute: Attribute, values: list[Any]) -> Int64Array:
        if attribute.is_heap:
            codes = self._codes_of(attribute, values)
            return np.fromiter(codes, np.int64, len(values))
        check, encode = attribute.check, self._db.encode
        words = [encode(attribute, check(value)) for value in values]
        return np.array(words, np.int64)

    def _codes_of(self, attribute: Attribute, values: list[Any]) -> Iterable[int]:
        """Return the code of each value; each distinct one is checked once."""
        check = attribute.check
        if attribute.value_type is ValueType.EDN:
            pairs: dict[Any, int] = {}
            return [self._untyped_code(value, pairs) for value in map(check, values)]
        tag = attribute.value_type
        try:
            codes = dict.fromkeys(values, -1)
        except TypeError:
            return [self._code(tag, value) for value in map(check, values)]
        if len(set(map(type, values))) > 1:  # 1 and True are one key
            values = list(map(check, values))
            codes = dict.fromkeys(values, -1)
        for value in codes:
            codes[value] = self._code(tag, check(value))
        return map(codes.__getitem__, values)

    def _untyped_code(self, value: Any, known: dict[Any, int]) -> int:
        """Return a code, remembered by type and value: 1, 1.0 and True are three values."""
        tag = tag_of(value)
        try:
            code = known.get((tag, value))
        except TypeError:
            return self._code(tag, value)
        if code is None:
            code = known[tag, value] = self._code(tag, value)
        return code

    def _code(self, tag: ValueType, value: Any) -> int:
        """Return the code of a canonical value, a new one where there is none yet."""
        key = heap_key(tag, value)
        code = self._db.find_code(tag, key)
        if code is not None:
            return code
        codes = self._codes[tag]
        code = codes.get(key)
        if code is None:
            code = codes[key] = self._db.heap_size + len(self.new_values)
            self.new_values.append((tag, value, key))
        return code


def _inline_words(
    attribute: Attribute, column: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any] | None, Int64Array]:
    value_type = attribute.value_type
    present = None
    if column.dtype.kind == "M":
        present = ~np.isnat(column)
        column = column[present]
        _check_years(attribute, column)
        column = column.astype("M8[us]").astype(np.int64)
    elif column.dtype.kind == "f":
        present = ~np.isnan(column)
        column = column[present]
    if attribute.enum or attribute.min is not None or attribute.max is not None:
        _check_limits(attribute, column)
    if value_type is ValueType.DOUBLE:
        return _whole(present), words_of_doubles(_exact_doubles(attribute, column))
    if column.dtype.kind == "u" and len(column) and int(column.max()) >= 1 << 63:
        attribute.check(int(column.max()))
    return _whole(present), column.astype(np.int64)


def _check_years(attribute: Attribute, column: np.ndarray[Any, Any]) -> None:
    years = column.astype("M8[Y]").astype(np.int64) + 1970
    bad = column[(years < 1) | (years > 9999)]
    if len(bad):
        raise SchemaError(
            f"{attribute.ident} is an instant, and {bad[0]} is not in the years 1 to 9999",
            code="schema/out-of-range",
            attribute=attribute.ident,
            value=str(bad[0]),
        )


def _is_missing(value: Any) -> bool:
    """Tell whether a value stands for none: None, NaN, and the NaT and NA of numpy and pandas."""
    if isinstance(value, (float, np.floating, np.datetime64)):
        return bool(value != value)  # noqa: PLR0124 - only NaN and NaT are not themselves
    return value is None or type(value).__name__ in {"NAType", "NaTType"}


def _whole(present: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any] | None:
    return None if present is None or present.all() else present


def _check_limits(attribute: Attribute, column: np.ndarray[Any, Any]) -> None:
    """Check the distinct values, which raises for the first that the attribute refuses."""
    for value in np.unique(column).tolist():
        if attribute.value_type is ValueType.INSTANT:
            attribute.check(EPOCH + np.timedelta64(value, "us").astype(object))
        else:
            attribute.check(value)


def _exact_doubles(
    attribute: Attribute, column: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    if column.dtype.kind in "iu" and len(column):
        wide = int(max(abs(int(column.min())), abs(int(column.max()))))
        if wide > _MAX_DOUBLE_INT:
            message = f"{attribute.ident} is a double, and {wide} is no exact double"
            raise SchemaError(message, code="schema/wrong-type", attribute=attribute.ident)
    if column.dtype.kind == "f" and np.isinf(column).any():
        attribute.check(float("inf"))
    return column.astype(np.float64)
