"""Audit: when an entity was made and last changed, and by whom, from the transactions that did it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.db.time import instant_of_t
from datamem.ids import t_of_tx
from datamem.memory.memories.revising import authors_of
from datamem.memory.records.context import Context
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


@dataclass(frozen=True, slots=True)
class Audit:
    """Who did what to an entity first and last.

    Attributes:
        created_at, updated_at: instants of its first and newest transaction.
        created_by, updated_by: the user or, where there is none, agent that the transaction names.
        change_count: transactions that said anything of it.
    """

    created_at: datetime
    created_by: Record | None
    updated_at: datetime
    updated_by: Record | None
    change_count: int


def audit(context: Context, kind: str, ref: Any) -> Audit:
    """Return the audit fields of an entity; retractions count as changes."""
    db = context.db
    eid = get(db, kind, ref)
    txs = np.unique(db.history().rows(e=eid).tx).tolist()
    first, last = t_of_tx(txs[0]), t_of_tx(txs[-1])
    return Audit(
        instant_of_t(db, first),
        _author(context, db, first),
        instant_of_t(db, last),
        _author(context, db, last),
        len(txs),
    )


def _author(context: Context, db: Db, t: int) -> Record | None:
    said = authors_of(db, t)
    for kind in ("user", "agent"):
        eid = said.get(f":tx/{kind}")
        if eid is not None:
            return context.record(db, eid, kind)
    return None
