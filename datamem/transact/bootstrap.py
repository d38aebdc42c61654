"""The first transaction of every database: its own attributes as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.ids import tx_of_t
from datamem.schema import Schema
from datamem.schema.bootstrap import (
    FIRST_USER_ATTRIBUTE,
    SETTINGS,
    SETTINGS_IDENT,
    SYSTEM_ATTRIBUTES,
    TX_INSTANT,
)
from datamem.schema.facts import MANY_FACTS, facts_of_attribute
from datamem.transact.encoder import Encoder
from datamem.transact.plan import TxPlan

if TYPE_CHECKING:
    from datamem.transact.ports import DbView


def bootstrap_plan(db: DbView, *, now_us: int = 0) -> TxPlan:
    """Return the plan that puts the system attributes into an empty database.

    REQUIRES: `db.basis_t == 0`, `db.schema` is `Schema.bootstrap()`.

    Args:
        db: the database before its first transaction.
        now_us: 1970-01-01 by default, so that a history can be imported with its own dates.
    """
    encoder = Encoder(db)
    t = db.basis_t + 1
    rows = [(tx_of_t(t), TX_INSTANT, now_us)]

    def put(e: int, name: str, value: Any) -> None:
        attribute = db.schema.require(name)
        rows.append((e, attribute.id, encoder.word(attribute, attribute.check(value))))

    put(SETTINGS, ":db/ident", SETTINGS_IDENT)
    for attribute in SYSTEM_ATTRIBUTES:
        put(attribute.id, ":db/ident", attribute.ident)
        for name, value in facts_of_attribute(attribute).items():
            for item in value if name in MANY_FACTS else [value]:
                put(attribute.id, name, item)
    e, a, v = (list(column) for column in zip(*rows, strict=True))
    return TxPlan(
        t=t,
        tx=tx_of_t(t),
        instant_us=now_us,
        e=e,
        a=a,
        v=v,
        added=[True] * len(e),
        new_values=encoder.new_values,
        next_entity=db.next_entity,
        next_attribute=max(db.next_attribute, FIRST_USER_ATTRIBUTE),
        tempids={},
        schema=Schema.bootstrap(),
    )
