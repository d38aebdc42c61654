"""The next database value: what a resolved transaction makes of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from datamem.db.database import Db
from datamem.db.view import NOW
from datamem.ids import tx_of_t
from datamem.index.freeze import freeze, with_datoms
from datamem.index.heap import Cut, LayerHeap, NewValue
from datamem.index.index import Index, Layer
from datamem.index.novelty import Novelty
from datamem.schema.schema import Schema

_MAX_LAYERS = 3


class Plan(Protocol):
    """A resolved transaction, as `datamem.transact` makes it."""

    t: int
    tx: int
    instant_us: int
    e: Sequence[int]
    a: Sequence[int]
    v: Sequence[int]
    added: Sequence[bool]
    new_values: Sequence[NewValue]
    next_entity: int
    next_attribute: int
    schema: Schema


def advance(db: Db, plan: Plan) -> Db:
    """Return the value after a transaction, appending to the novelty and heap that `db` holds.

    Only the owner of both may call this, on its newest value; older values do not change. For a
    value that others share, take `branch(db)` first.
    """
    db.heap.extend(plan.new_values)
    index = with_datoms(db.index, (plan.e, plan.a, plan.v, plan.added), plan.tx)
    return Db(
        index,
        db.heap,
        plan.schema,
        basis_t=plan.t,
        counters=(plan.next_entity, plan.next_attribute),
        last_instant_us=plan.instant_us,
    )


def branch(db: Db) -> Db:
    """Return the present of `db` with a novelty and a heap layer of its own on top.

    What is committed to `db` meanwhile and later is not seen. Cost: some 10 µs; all data is shared.
    """
    index = db.index.snapshot(tx_of_t(db.basis_t))
    if len(index.layers) >= _MAX_LAYERS:
        index = freeze(index)
    index = replace(index, layers=(*index.layers, Layer(Novelty(), 0, 0)))
    cut = Cut(db.basis_t, db.next_entity, db.next_attribute, db.heap_size)
    return with_index(db, index, LayerHeap(db.heap, cut))


def with_index(db: Db, index: Index, heap: Any = None) -> Db:
    """Return the present of `db` over another index that holds the same datoms."""
    return Db(
        index,
        db.heap if heap is None else heap,
        db.schema,
        basis_t=db.basis_t,
        counters=(db.next_entity, db.next_attribute),
        last_instant_us=db.last_instant_us,
        view=NOW,
    )
