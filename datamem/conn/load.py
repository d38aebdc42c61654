"""Bulk loading of columns: one new entity a row, checked and encoded a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from datamem.db.database import Db
from datamem.errors import SchemaError, TransactError
from datamem.ids import ATTR_BASE, tx_of_t
from datamem.index.heap import heap_key
from datamem.index.kernels import Int64Array
from datamem.index.words import EPOCH, words_of_doubles
from datamem.schema.attribute import Attribute
from datamem.schema.bootstrap import TX_INSTANT
from datamem.schema.types import ValueType
from datamem.schema.values import tag_of
from datamem.transact.plan import TxPlan

ROWS_A_TRANSACTION: Final = 200_000

_KIND_OF_TYPE: Final = {
    ValueType.LONG: "iu",
    ValueType.REF: "iu",
    ValueType.DOUBLE: "fiu",
    ValueType.BOOLEAN: "b",
    ValueType.INSTANT: "M",
}
_MAX_DOUBLE_INT: Final = 1 << 53
_FEW_DATOMS: Final = 4_096


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    Attributes:
        first_entity: id of the first row's entity; the others follow without a gap.
        row_count, datom_count: rows, and datoms with those of the transactions.
        first_t, last_t: the transactions it took.
    """

    first_entity: int
    row_count: int
    datom_count: int
    first_t: int
    last_t: int


def plans(
    columns: Mapping[str, Any], clock: Callable[[], int]
) -> Iterator[Callable[[Db], TxPlan]]:
    """Yield one planning function per transaction of the load, in order.

    Raises:
        TransactError: `load/unequal-columns`, `load/unknown-attribute`.
    """
    arrays = {name: _as_array(column) for name, column in columns.items()}
    counts = {len(array) for array in arrays.values()}
    if len(counts) != 1:
        lengths = {name: len(array) for name, array in arrays.items()}
        message = f"columns of a load have different lengths: {lengths}"
        raise TransactError(message, code="load/unequal-columns", lengths=lengths)
    (row_count,) = counts
    for start in range(0, row_count, ROWS_A_TRANSACTION):
        part = {name: a[start : start + ROWS_A_TRANSACTION] for name, a in arrays.items()}
        yield lambda db, part=part: plan_rows(db, part, now_us=clock())  # type: ignore[misc]


def plan_rows(db: Db, columns: Mapping[str, np.ndarray[Any, Any]], *, now_us: int) -> TxPlan:
    """Return the transaction that adds one entity per row.

    Raises:
        SchemaError: `schema/wrong-type` and its kin, with the first value that cannot be.
        TransactError: `transact/unique-conflict`; `load/needs-transact` where the schema asks
            for more than a column can tell (composite tuples, entity predicates, defaults).
    """
    row_count = len(next(iter(columns.values())))
    attributes = [_attribute(db, name) for name in columns]
    _check_simple(db, attributes)
    t = db.basis_t + 1
    instant_us = max(now_us, db.last_instant_us + 1)
    encoder = _Encoder(db)
    es, as_, vs = [_one(tx_of_t(t))], [_one(TX_INSTANT)], [_one(instant_us)]
    ids = np.arange(db.next_entity, db.next_entity + row_count, dtype=np.int64)
    for attribute, column in zip(attributes, columns.values(), strict=True):
        present, words = encoder.words(attribute, column)
        _check_unique(db, attribute, words)
        es.append(ids if present is None else ids[present])
        as_.append(np.full(len(words), attribute.id, np.int64))
        vs.append(words)
    e, a, v = _columns(es), _columns(as_), _columns(vs)
    return TxPlan(
        t=t,
        tx=tx_of_t(t),
        instant_us=instant_us,
        e=e,
        a=a,
        v=v,
        added=_columns([np.ones(len(e), np.bool_)]),
        new_values=encoder.new_values,
        next_entity=db.next_entity + row_count,
        next_attribute=db.next_attribute,
        tempids={},
        schema=db.schema,
    )


def _columns(parts: Sequence[np.ndarray[Any, Any]]) -> Any:
    """Return one column: an array, which is sequence enough for a plan, or a list if it is short."""
    column = np.concatenate(parts)
    return column.tolist() if len(column) <= _FEW_DATOMS else column


def _one(word: int) -> Int64Array:
    return np.array([word], np.int64)


def _as_array(column: Any) -> np.ndarray[Any, Any]:
    """Return a column of numpy, Arrow, pandas, polars or plain Python as one array."""
    if isinstance(column, np.ndarray):
        return column
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


def _attribute(db: Db, name: str) -> Attribute:
    attribute = db.schema.get(name)
    if attribute is None or attribute.id < ATTR_BASE + 1000:
        message = (
            f"{name} is not an attribute of the schema, so a column cannot be loaded into it"
        )
        raise TransactError(
            message,
            code="load/unknown-attribute",
            hint="declare it in a transaction first, with its :db/valueType",
            attribute=name,
        )
    return attribute


def _check_simple(db: Db, attributes: Sequence[Attribute]) -> None:
    """Refuse what needs the checks of a whole transaction."""
    names = {attribute.ident for attribute in attributes}
    for attribute in db.schema:
        if names & set(attribute.tuple_attrs):
            raise _needs_transact(f"{attribute.ident} is made of several of its columns")
    for spec in db.schema.specs.values():
        if names & set(spec.kinds) and (spec.preds or not set(spec.attrs) <= names):
            raise _needs_transact(f"entity spec {spec.ident} asks for more than its columns")
    for attribute in attributes:
        if attribute.preds or attribute.tuple_attrs:
            raise _needs_transact(f"{attribute.ident} has a predicate or is a composite")


def _needs_transact(why: str) -> TransactError:
    return TransactError(
        f"a column load cannot check this: {why}",
        code="load/needs-transact",
        hint="use conn.transact with maps",
    )


def _check_unique(db: Db, attribute: Attribute, words: Int64Array) -> None:
    if not attribute.unique:
        return
    ordered = np.sort(words)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    known = db.lookup_values(attribute.id, np.unique(ordered)).v if not len(twice) else twice
    if len(known):
        word = int(known[0])
        value = db.decode(attribute.value_type, [word])[0] if word < db.heap_size else None
        raise TransactError(
            f"{attribute.ident} is unique, and {value!r} would be there twice",
            code="transact/unique-conflict",
            hint="load only new rows, or upsert them with conn.transact",
            attribute=attribute.ident,
            value=value,
        )


class _Encoder:
    """Turns columns into words, collecting the values that the heap does not have."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self.new_values: list[tuple[ValueType, Any]] = []
        self._codes: dict[ValueType, dict[Any, int]] = {tag: {} for tag in ValueType}

    def words(
        self, attribute: Attribute, column: np.ndarray[Any, Any]
    ) -> tuple[np.ndarray[Any, Any] | None, Int64Array]:
        """Return which rows have a value (None: all) and the words of those that do."""
        kinds = _KIND_OF_TYPE.get(attribute.value_type, "")
        if column.dtype.kind in kinds and kinds:
            return _inline_words(attribute, column)
        values = column.tolist()
        present = np.array([value is not None for value in values], np.bool_)
        if not present.all():
            values = [value for value in values if value is not None]
        words = self._object_words(attribute, values)
        return (None if present.all() else present), words

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
        code = self._db.heap.find(tag, value)
        if code is not None and code < self._db.heap_size:
            return code
        codes = self._codes[tag]
        key = heap_key(tag, value)
        code = codes.get(key)
        if code is None:
            code = codes[key] = self._db.heap_size + len(self.new_values)
            self.new_values.append((tag, value))
        return code


def _inline_words(
    attribute: Attribute, column: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any] | None, Int64Array]:
    value_type = attribute.value_type
    present = None
    if column.dtype.kind == "M":
        present = ~np.isnat(column)
        column = column[present].astype("M8[us]").astype(np.int64)
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
