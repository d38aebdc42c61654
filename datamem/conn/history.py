"""The log as data: transactions in order, each with its instant and its datoms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from datamem.conn.recent import Datoms
from datamem.db.database import Db
from datamem.db.datom import Datom
from datamem.db.time import t_of_point
from datamem.ids import tx_of_t
from datamem.index.record import TxRecord, decode_entry
from datamem.index.words import instant_of_us
from datamem.txlog.store import Store

_READ_ENTRIES = 256


@dataclass(slots=True)
class LogEntry:
    """One transaction of the log.

    Attributes:
        t: its number.
        instant: its `:db/txInstant`, UTC.
        digest: the chain's digest after it, 32 bytes; equal logs have equal digests.
    """

    t: int
    instant: datetime
    digest: bytes
    _db: Db
    _record: TxRecord
    _datoms: list[Datom] | None = field(default=None)

    @property
    def tx(self) -> int:
        """The transaction's entity id."""
        return tx_of_t(self.t)

    @property
    def columns(self) -> Datoms:
        """Its datoms as e, a, v (words) and added."""
        r = self._record
        return r.e.tolist(), r.a.tolist(), r.v.tolist(), r.added.tolist()

    @property
    def datoms(self) -> list[Datom]:
        """What it added and retracted, decoded at the first look."""
        if self._datoms is None:
            r = self._record
            tx = np.full(len(r.e), self.tx, np.int64)
            self._datoms = self._db.datoms_of(r.e, r.a, r.v, tx, r.added)
        return self._datoms

    def __repr__(self) -> str:
        return f"<LogEntry t={self.t} {self.instant.isoformat()} {len(self._record.e)} datoms>"


def read_log(store: Store, db: Db, start: Any, end: Any) -> Iterator[LogEntry]:
    """Yield transactions start <= t < end of the log, those that `db` sees."""
    first = 1 if start is None else _first_t(db, start)
    last = db.basis_t if end is None else min(_first_t(db, end) - 1, db.basis_t)
    n = _entry_of_t(store, first)
    while entries := store.read(n, _READ_ENTRIES):
        n += len(entries)
        for entry in entries:
            record = decode_entry(entry)
            if not isinstance(record, TxRecord):
                continue
            if record.t > last:
                return
            yield LogEntry(
                record.t, instant_of_us(record.instant_us), record.digest, db, record
            )


def _first_t(db: Db, point: Any) -> int:
    """Return the first t at or after a point; an instant between two is the later one."""
    t = t_of_point(db, point)
    if isinstance(point, datetime) and (t == 0 or _instant(db, t) < _aware(point)):
        return t + 1
    return max(t, 1)


def _aware(point: datetime) -> datetime:
    from datetime import UTC

    return point if point.tzinfo else point.replace(tzinfo=UTC)


def _instant(db: Db, t: int) -> datetime:
    from datamem.db.time import instant_of_t

    return instant_of_t(db, t)


def _entry_of_t(store: Store, t: int) -> int:
    """Return the number of the entry that holds transaction `t`: t plus the roots before it."""
    low, high = t, store.head() + 1
    while low < high:
        middle = (low + high) // 2
        record = decode_entry(store.read(middle, 1)[0])
        if record.t < t:
            low = middle + 1
        else:
            high = middle
    return low


def entry_at(store: Store, t: int) -> tuple[int, TxRecord]:
    """Return the number and content of the entry that holds transaction `t`."""
    n = _entry_of_t(store, t)
    record = decode_entry(store.read(n, 1)[0])
    assert isinstance(record, TxRecord)
    return n, record
