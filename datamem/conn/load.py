"""Bulk loading of columns: one new entity a row, checked and encoded a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from datamem.conn.columns import ColumnEncoder, as_array
from datamem.db.database import Db
from datamem.errors import TransactError
from datamem.ids import ATTR_BASE, TX_BASE, tx_of_t
from datamem.index.kernels import Int64Array
from datamem.schema.attribute import Attribute
from datamem.schema.bootstrap import TX_INSTANT
from datamem.schema.types import ValueType
from datamem.transact.plan import TxPlan, plan_column

ROWS_A_TRANSACTION: Final = 200_000


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    Attributes:
        first_entity: id of the first row's entity; the others follow without a gap, also where the
            load took several transactions and others came between.
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

    The first transaction takes the ids of all rows, so that rows may refer to each other and nobody
    else's entities come between.

    Raises:
        TransactError: `load/no-column`, `load/unequal-columns`.
    """
    arrays = {name: as_array(name, column) for name, column in columns.items()}
    row_count = _row_count(arrays)
    first = 0

    def plan(db: Db, start: int) -> TxPlan:
        nonlocal first
        if start == 0:
            first = db.next_entity
        stop = min(start + ROWS_A_TRANSACTION, row_count)
        part = {name: array[start:stop] for name, array in arrays.items()}
        ids = np.arange(first + start, first + stop, dtype=np.int64)
        return plan_rows(db, part, ids, next_entity=first + row_count, now_us=clock())

    for start in range(0, row_count, ROWS_A_TRANSACTION):
        yield partial(plan, start=start)


def _row_count(arrays: Mapping[str, np.ndarray[Any, Any]]) -> int:
    """Return the length that all columns have."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise TransactError(
            f"columns of a load have different lengths: {lengths}"
            if lengths
            else "a load needs a column",
            code="load/unequal-columns",
            lengths=lengths,
        )
    return next(iter(lengths.values()))


def plan_rows(
    db: Db,
    columns: Mapping[str, np.ndarray[Any, Any]],
    ids: Int64Array,
    *,
    next_entity: int,
    now_us: int,
) -> TxPlan:
    """Return the transaction that adds one entity per row.

    Args:
        ids: of the rows' entities, int64[n].
        next_entity: the counter afterwards, at least; references must be below it.

    Raises:
        SchemaError: `schema/wrong-type` and its kin, with the first value that cannot be.
        TransactError: `transact/unique-conflict`, `transact/bad-entity`, `load/unknown-attribute`,
            `load/same-attribute`; `load/needs-transact` where the schema asks for more than a
            column can tell (composite tuples, entity predicates, defaults).
    """
    attributes = [_attribute(db, name) for name in columns]
    _check_simple(db, attributes)
    t = db.basis_t + 1
    instant_us = max(now_us, db.last_instant_us + 1)
    encoder = ColumnEncoder(db)
    es, as_, vs = [_one(tx_of_t(t))], [_one(TX_INSTANT)], [_one(instant_us)]
    next_entity = max(db.next_entity, next_entity)
    for attribute, column in zip(attributes, columns.values(), strict=True):
        present, words = encoder.words(attribute, column)
        if present is not None:
            _check_optional(db, attribute, attributes)
        if attribute.value_type is ValueType.REF:
            _check_references(db, attribute, words, next_entity)
        _check_unique(db, attribute, words, encoder)
        es.append(ids if present is None else ids[present])
        as_.append(np.full(len(words), attribute.id, np.int64))
        vs.append(words)
    e, a, v = plan_column(es), plan_column(as_), plan_column(vs)
    return TxPlan(
        t=t,
        tx=tx_of_t(t),
        instant_us=instant_us,
        e=e,
        a=a,
        v=v,
        added=plan_column([np.ones(len(e), np.bool_)]),
        new_values=encoder.new_values,
        next_entity=next_entity,
        next_attribute=db.next_attribute,
        tempids={},
        schema=db.schema,
    )


def _one(word: int) -> Int64Array:
    return np.array([word], np.int64)


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
    if len(names) < len(attributes):
        idents = [attribute.ident for attribute in attributes]
        twice = next(ident for ident in idents if idents.count(ident) > 1)
        raise TransactError(
            f"two columns are for {twice}",
            code="load/same-attribute",
            hint="load one column; more values of the same rows take conn.transact",
            attribute=twice,
        )
    for attribute in db.schema:
        if names & set(attribute.tuple_attrs):
            raise _needs_transact(f"{attribute.ident} is made of several of its columns")
    for spec in db.schema.specs.values():
        if names & set(spec.kinds) and (spec.preds or not set(spec.attrs) <= names):
            raise _needs_transact(f"entity spec {spec.ident} asks for more than its columns")
    for attribute in attributes:
        if attribute.preds or attribute.tuple_attrs:
            raise _needs_transact(f"{attribute.ident} has a predicate or is a composite")


def _check_optional(db: Db, attribute: Attribute, attributes: Sequence[Attribute]) -> None:
    """Refuse a column with gaps if a kind of entity requires its attribute."""
    names = {other.ident for other in attributes}
    for spec in db.schema.specs.values():
        if names & set(spec.kinds) and attribute.ident in spec.attrs:
            raise _needs_transact(f"{attribute.ident} has rows without a value")


def _check_references(
    db: Db, attribute: Attribute, words: Int64Array, next_entity: int
) -> None:
    """Refuse references to what is neither an entity nor one of the rows."""
    is_user = (words > 0) & (words < next_entity)
    is_tx = (words > TX_BASE) & (words <= tx_of_t(db.basis_t + 1))
    is_attribute = (words >= ATTR_BASE) & (words < db.next_attribute)
    bad = words[~(is_user | is_tx | is_attribute)]
    if len(bad):
        raise TransactError(
            f"{attribute.ident} refers to {bad[0]}, which is no entity and no row of the load",
            code="transact/bad-entity",
            hint="rows get the ids from db.next_entity on",
            attribute=attribute.ident,
            value=int(bad[0]),
        )


def _needs_transact(why: str) -> TransactError:
    return TransactError(
        f"a column load cannot check this: {why}",
        code="load/needs-transact",
        hint="use conn.transact with maps",
    )


def _check_unique(
    db: Db, attribute: Attribute, words: Int64Array, encoder: ColumnEncoder
) -> None:
    if not attribute.unique:
        return
    ordered = np.sort(words)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    known = db.lookup_values(attribute.id, np.unique(ordered)).v if not len(twice) else twice
    if len(known):
        word = int(known[0])
        value = encoder.value(attribute, word)
        raise TransactError(
            f"{attribute.ident} is unique, and {value!r} would be there twice",
            code="transact/unique-conflict",
            hint="load only new rows, or upsert them with conn.transact",
            attribute=attribute.ident,
            value=value,
        )
