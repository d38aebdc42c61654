"""The next place in a session: one more than the greatest, found without reading the whole session again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamem.ids import tx_of_t

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.index.companions import Companions


class Sequences:
    """The greatest sequence of sessions that were asked about; kept beside the heap.

    Only ever asked while nobody else writes, with the newest value.
    """

    def __init__(self, _: Companions) -> None:
        self._seen: dict[int, tuple[int, int]] = {}
        self._next: dict[int, tuple[int, int, int]] = {}

    def truncate(self, size: int) -> None:  # noqa: ARG002 - of any size
        """Forget everything: a commit failed, and what it would have added may never be."""
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._next.clear()

    def expect(self, session: int, t: int, e: int, last: int) -> None:
        """Note that transaction `t` may make `e` the message with the sequence `last`."""
        self._next[session] = t, e, last

    def last(self, db: Db, session: int) -> int:
        """Return the greatest `:message/sequence` of the session's messages, 0 if there is none.

        Cost: two lookups if the newest transaction is the one that was expected; else about 20 µs, and one
        lookup for each message since the last call.
        """
        expected = self._next.get(session)
        if expected is not None and expected[0] == db.basis_t and self._came(db, session):
            last = expected[2]
        else:
            last = self._read(db, session)
        self._seen[session] = db.basis_t, last
        return last

    def _came(self, db: Db, session: int) -> bool:
        """Tell whether the message that was expected is there, and nothing newer."""
        _, e, last = self._next[session]
        if db.next_entity != e + 1:
            return False
        of_session, sequence = (db.schema.require(f":message/{n}").id for n in _NAMES)
        return db.words(e, of_session) == [session] and db.words(e, sequence) == [last]

    def _read(self, db: Db, session: int) -> int:
        of_session, sequence = (db.schema.require(f":message/{n}").id for n in _NAMES)
        t, last = self._seen.get(session, (0, 0))
        rows = db.rows(a=of_session, v=session)
        e = rows.e
        if 0 < t <= db.basis_t:
            e = e[rows.tx > tx_of_t(t)]
        if len(e):
            e.sort()
            found = db.lookup_many(sequence, e).v
            last = max(last, int(found.max(initial=0)))
        return last


_NAMES = ("session", "sequence")


def sequences_of(db: Db) -> Sequences:
    """Return the sequences of a database's sessions; `db` is the newest value."""
    return db.heap.companions.get("memory sequences", Sequences)
