"""What time it is for keys and leases: never before what the database has seen already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from datamem.conn import Connection
from datamem.db import Db
from datamem.db.time import instant_us_of_t
from datamem.errors import StateError
from datamem.index.words import us_of_instant

Ttl: TypeAlias = "timedelta | float | None"
"""How long something lives: a timedelta, or seconds; None: for ever."""


def now_of(conn: Connection, db: Db) -> int:
    """Return the connection's clock, or the newest transaction's instant if the clock went back; µs."""
    return max(conn.now_us(), db.last_instant_us)


def now_at(conn: Connection, point: int | datetime | None) -> tuple[Db, int]:
    """Return the database value at a point and what time it was then, µs since 1970; None: now."""
    db = conn.db
    if point is None:
        return db, now_of(conn, db)
    past = db.as_of(point)
    if isinstance(point, datetime):
        aware = point if point.tzinfo else point.replace(tzinfo=UTC)
        return past, us_of_instant(aware)
    return past, instant_us_of_t(db, past.t) if past.t else 0


def us_of_ttl(ttl: Ttl) -> int | None:
    """Return a time to live in µs.

    Raises:
        StateError: `kv/bad-ttl` unless it is a µs at least.
    """
    if ttl is None:
        return None
    wanted: Any = ttl
    if isinstance(wanted, timedelta):
        us = wanted // timedelta(microseconds=1)
    elif isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted < 1e12:
        us = round(wanted * 1_000_000)
    else:
        us = 0
    if us <= 0:
        raise StateError(
            f"{ttl!r} is no time to live",
            code="kv/bad-ttl",
            hint="give a positive timedelta or number of seconds",
            ttl=ttl,
        )
    return us
