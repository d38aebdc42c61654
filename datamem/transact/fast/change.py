"""The fast way for changing single values of one entity that exists: counters, states, a status.

The entity is named by its id, or by an identity that the map says besides (an upsert). Either way gives
the same plan as the general stages, or None as soon as it meets anything else, as `plain` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.errors import DatamemError
from datamem.ids import tx_of_t
from datamem.schema.bootstrap import TX_INSTANT
from datamem.transact.encoder import Encoder
from datamem.transact.fast.plain import Column, NotPlain, Table
from datamem.transact.plan import TxPlan

if TYPE_CHECKING:
    from datamem.transact.ports import DbView

_IDS = frozenset({":db/id", "db/id"})


def resolve_change(items: list[Any], db: DbView, now_us: int) -> TxPlan | None:
    """Return the plan of one map with the id of an entity and plain values, None for all else."""
    if len(items) != 1 or type(items[0]) is not dict:
        return None
    form: dict[Any, Any] = items[0]
    e = form.get(":db/id")
    if type(e) is not int or not 0 < e < db.next_entity:
        return None
    try:
        return _change(form, e, db, now_us)
    except (NotPlain, DatamemError):
        return None


def resolve_upsert(items: list[Any], db: DbView, now_us: int) -> TxPlan | None:
    """Return the plan of one map of plain values whose one identity some entity has, None for all else."""
    if len(items) != 1 or type(items[0]) is not dict or not _IDS.isdisjoint(items[0]):
        return None
    form: dict[Any, Any] = items[0]
    try:
        e = _entity_named(form, db)
        return None if e is None else _change(form, e, db, now_us)
    except (NotPlain, DatamemError):
        return None


def _entity_named(form: dict[Any, Any], db: DbView) -> int | None:
    """Return the entity that has the one unique value of a map, if that names it."""
    table: Table = db.schema.derive("plain_table", Table)
    found = None
    for name, value in form.items():
        column = table.columns.get(name) or table.column(name)
        if value is None or not column.is_unique:
            continue
        attribute = column.attribute
        if found is not None or attribute.unique != "identity" or attribute.many:
            return None
        word = db.encode(attribute, column.check(value))
        found = None if word is None else db.entity_with(attribute.id, word)
        if found is None:
            return None
    return found


def _change(form: dict[Any, Any], e: int, db: DbView, now_us: int) -> TxPlan | None:
    table: Table = db.schema.derive("plain_table", Table)
    before = dict(db.entity_words(e))
    if not before or not table.kinds.keys().isdisjoint(before):
        return None
    encoder = Encoder(db)
    instant_us = max(now_us, db.last_instant_us + 1)
    seen: set[int] = set()
    rows = [(tx_of_t(db.basis_t + 1), TX_INSTANT, instant_us, True)]
    for name, value in form.items():
        if name in _IDS or value is None:
            continue
        column = table.columns.get(name) or table.column(name)
        if column.is_many or column.is_ref or column.id in table.kinds:
            return None
        if column.id in seen:  # under its other name
            return None
        seen.add(column.id)
        word, old = _word(column, value, encoder), before.get(column.id)
        if word != old:
            if column.is_unique:
                return None
            rows += [] if old is None else [(e, column.id, old, False)]
            rows.append((e, column.id, word, True))
    return None if len(rows) == 1 else _plan(rows, db, encoder)


def _word(column: Column, value: Any, encoder: Encoder) -> int:
    checked = column.check(value)
    return (
        encoder.word(column.attribute, checked) if column.make is None else column.make(checked)
    )


def _plan(rows: list[tuple[int, int, int, bool]], db: DbView, encoder: Encoder) -> TxPlan:
    e, a, v, added = zip(*rows, strict=True)
    return TxPlan(
        t=db.basis_t + 1,
        tx=tx_of_t(db.basis_t + 1),
        instant_us=v[0],
        e=e,
        a=a,
        v=v,
        added=added,
        new_values=encoder.new_values,
        next_entity=db.next_entity,
        next_attribute=db.next_attribute,
        tempids={},
        schema=db.schema,
    )
