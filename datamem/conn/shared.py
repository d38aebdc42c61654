"""What two databases share that live apart: the part of their logs whose chain is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamem.conn.history import entry_at
from datamem.db.lineage import NOTHING
from datamem.index.heap import Cut
from datamem.index.record import TxRecord

if TYPE_CHECKING:
    from datamem.conn.connection import Connection


def shared_cut(a: Connection, b: Connection) -> Cut:
    """Return where the logs of two databases part, a copy and its original or two branches in directories.

    The chain's digest after a transaction covers all before it, so equal digests are equal logs; ids and codes
    up to there mean the same in both.

    Cost: reads two records of each log for every doubling of its length.
    """
    low, high = 0, min(a.db.basis_t, b.db.basis_t)
    while low < high:
        middle = (low + high + 1) // 2
        if _record(a, middle).digest == _record(b, middle).digest:
            low = middle
        else:
            high = middle - 1
    if not low:
        return NOTHING
    last = _record(a, low)
    return Cut(low, last.next_entity, last.next_attribute, last.first_code + len(last.tags))


def _record(conn: Connection, t: int) -> TxRecord:
    return entry_at(conn._store, t)[1]  # noqa: SLF001 - of this package
