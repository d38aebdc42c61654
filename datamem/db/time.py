"""Points in time: a t, a transaction's entity id, or an instant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.errors import DatamemError
from datamem.ids import ATTR_BASE, TX_BASE, t_of_tx, tx_of_t
from datamem.index.words import instant_of_us, us_of_instant

if TYPE_CHECKING:
    from datamem.db.database import Db


def t_of_point(db: Db, point: Any) -> int:
    """Return the t that a t, a transaction's entity id, or an instant means.

    Raises:
        DatamemError: `db/bad-point`.
    """
    if isinstance(point, datetime):
        return t_of_instant(db, point)
    if isinstance(point, np.integer):
        point = int(point)
    if isinstance(point, int) and not isinstance(point, bool) and 0 <= point < ATTR_BASE:
        return t_of_tx(point) if point >= TX_BASE else point
    message = f"{point!r} is no point in time"
    raise DatamemError(
        message,
        code="db/bad-point",
        hint="give a t (0, 1, 2, …), a transaction's entity id, or a datetime",
        point=point,
    )


def t_of_instant(db: Db, instant: datetime) -> int:
    """Return the last t whose `:db/txInstant` is not later; 0 if all are.

    A datetime without a zone is UTC. Cost: log2(t) lookups.
    """
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    wanted = us_of_instant(aware)
    low, high = 0, db.basis_t
    while low < high:
        middle = (low + high + 1) // 2
        if instant_us_of_t(db, middle) <= wanted:
            low = middle
        else:
            high = middle - 1
    return low


def instant_us_of_t(db: Db, t: int) -> int:
    """Return when transaction `t` happened, µs since 1970."""
    attribute = db.schema.get(":db/txInstant")
    assert attribute is not None
    return db.unbounded().words(tx_of_t(t), attribute.id)[0]


def instant_of_t(db: Db, t: int) -> datetime:
    """Return when transaction `t` happened."""
    return instant_of_us(instant_us_of_t(db, t))
