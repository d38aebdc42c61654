"""The first transaction of every database: the system attributes, as datoms about themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from datamem.db.database import Db
from datamem.ids import tx_of_t
from datamem.index.heap import RootHeap
from datamem.index.index import Index
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE, SETTINGS, SETTINGS_IDENT, TX_INSTANT
from datamem.schema.facts import facts_of_attribute
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType


def empty_db(heap: RootHeap) -> Db:
    """Return the value before the first transaction; it only knows the system attributes."""
    return Db(
        Index(),
        heap,
        Schema.bootstrap(),
        basis_t=0,
        counters=(1, FIRST_USER_ATTRIBUTE),
        last_instant_us=-1,
    )


@dataclass(slots=True)
class BootstrapPlan:
    """The resolved first transaction, at 1970-01-01."""

    t: int = 1
    tx: int = tx_of_t(1)
    instant_us: int = 0
    e: list[int] = field(default_factory=list)
    a: list[int] = field(default_factory=list)
    v: list[int] = field(default_factory=list)
    added: list[bool] = field(default_factory=list)
    new_values: list[tuple[ValueType, Any]] = field(default_factory=list)
    next_entity: int = 1
    next_attribute: int = FIRST_USER_ATTRIBUTE
    tempids: dict[Any, int] = field(default_factory=dict)
    schema: Schema = field(default_factory=Schema.bootstrap)
    empty: bool = False

    def add(self, db: Db, e: int, name: str, value: Any) -> None:
        """Add one datom; a value that the heap does not have yet gets the next code."""
        attribute = db.schema.require(name)
        canonical = attribute.check(value)
        word = db.encode(attribute, canonical)
        if word is None:
            tagged = (attribute.value_type, canonical)
            if tagged not in self.new_values:
                self.new_values.append(tagged)
            word = db.heap_size + self.new_values.index(tagged)
        self.e.append(e)
        self.a.append(attribute.id)
        self.v.append(word)
        self.added.append(True)


def bootstrap_plan(db: Db) -> BootstrapPlan:
    """Return the first transaction of an empty database."""
    plan = BootstrapPlan()
    plan.e, plan.a, plan.v, plan.added = [plan.tx], [TX_INSTANT], [0], [True]
    plan.add(db, SETTINGS, ":db/ident", SETTINGS_IDENT)
    for attribute in Schema.bootstrap():
        plan.add(db, attribute.id, ":db/ident", attribute.ident)
        for name, value in facts_of_attribute(attribute).items():
            plan.add(db, attribute.id, name, value)
    return plan
