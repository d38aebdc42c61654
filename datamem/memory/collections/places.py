"""Where a session's next turn goes and whose it is: read once, then followed through what is committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import DatamemError
from datamem.index.sets import ascending
from datamem.memory.scope.owners import PART_OF, known_attributes

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.db import Db
    from datamem.index.companions import Companions
    from datamem.memory.scope.scope import Scope
    from datamem.schema import Schema

_MOST_SESSIONS: Final = 10_000
_MOST_BEHIND: Final = 1_000
"""After so many transactions that nobody asked about, sessions are read again."""
_OWNERS: Final = ("organization", "user", "agent")


@dataclass(slots=True)
class Place:
    """What is known of a session that has not ended.

    Attributes:
        session: its entity id.
        last: the greatest sequence of its messages; 0 where there is none.
        common: what each of its messages has: the session, and the session's owners.
        scopes: whose checks have allowed such a message; they allow the next.
    """

    session: int
    last: int
    common: Mapping[str, int]
    scopes: set[Scope] = field(default_factory=set)


class Places:
    """The places of sessions, beside the heap of a connection.

    Every transaction since the last call is looked at once. One that says something of a session, or of
    its owners, lets the session be read again; a new message moves its place on.

    Only ever asked while nobody else writes, with the newest value.
    """

    def __init__(self, _: Companions) -> None:
        self._t = 0
        self._schema: Schema | None = None
        self._of_session = self._sequence = -1
        self._known: dict[int, Place] = {}
        self._needed_by: dict[int, set[int]] = {}
        """From an entity to the sessions whose places follow from what it says."""

    def truncate(self, size: int) -> None:  # noqa: ARG002 - of any size
        """Forget everything: a commit failed, and what it would have added may never be."""
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._known, self._needed_by = {}, {}

    def known(self, conn: Connection, db: Db, session: int) -> Place | None:
        """Return the place of a session if it is known at the newest value; some µs a transaction since."""
        self._follow(conn, db)
        return self._known.get(session)

    def place(self, conn: Connection, db: Db, session: int) -> Place:
        """Return the place of a session at the newest value, of which nothing is hidden.

        Raises:
            DatamemError: `session/ended`.
        """
        found = self.known(conn, db, session)
        if found is None:
            common = {":message/session": session, **_owners(db, session)}
            found = Place(session, self._greatest(db, session), common)
            if len(self._known) >= _MOST_SESSIONS:
                self.close()
            for e in common.values():
                self._needed_by.setdefault(e, set()).add(session)
            self._known[session] = found
        return found

    def allow(self, db: Db, place: Place, scope: Scope) -> None:
        """Note that a scope's check allowed a message that says nothing but `place.common` of others.

        The next need not be checked, unless the verdict followed from more than the session and its owners.
        """
        wholes = known_attributes(db.schema, PART_OF)
        said = (a for e in place.common.values() for a, _ in db.entity_words(e))
        if not any(a in wholes for a in said):
            place.scopes.add(scope)

    def _follow(self, conn: Connection, db: Db) -> None:
        """Take in what was committed since the last call."""
        if db.schema is not self._schema or db.basis_t - self._t > _MOST_BEHIND:
            self.close()
            self._schema = db.schema
            self._of_session = db.schema.require(":message/session").id
            self._sequence = db.schema.require(":message/sequence").id
        elif self._t != db.basis_t and self._known:
            for _, columns in conn.changes_since(self._t):
                self._take_in(*columns)
        self._t = db.basis_t

    def _take_in(self, e: Any, a: Any, v: Any, added: Any) -> None:
        if not isinstance(e, list | tuple):
            self.close()
            return
        if not self._needed_by.keys().isdisjoint(e):
            for one in self._needed_by.keys() & set(e):
                self._forget(self._needed_by.get(one, ()))
        if self._of_session in a or self._sequence in a:
            self._take_in_messages(zip(e, a, v, added, strict=True))

    def _take_in_messages(self, rows: Iterable[tuple[int, int, int, bool]]) -> None:
        """Move places on; forget all unless these are simply new messages with a sequence."""
        sessions: dict[int, int] = {}
        sequences: dict[int, int] = {}
        for e, a, v, is_added in rows:
            if a in {self._of_session, self._sequence}:
                if not is_added:
                    self.close()
                    return
                (sessions if a == self._of_session else sequences)[e] = v
        if sessions.keys() != sequences.keys():
            self.close()
            return
        for e, session in sessions.items():
            place = self._known.get(session)
            if place is not None:
                place.last = max(place.last, sequences[e])

    def _forget(self, sessions: Iterable[int]) -> None:
        for session in tuple(sessions):
            place = self._known.pop(session, None)
            for e in () if place is None else place.common.values():
                self._needed_by[e].discard(session)
                if not self._needed_by[e]:
                    del self._needed_by[e]

    def _greatest(self, db: Db, session: int) -> int:
        messages = ascending(db.rows(a=self._of_session, v=session).e)
        return int(db.lookup_many(self._sequence, messages).v.max(initial=0))


def _owners(db: Db, session: int) -> dict[str, int]:
    """Return whose the messages of a session are, and refuse one that has ended."""
    found = dict(db.entity_words(session))
    schema = db.schema
    status = schema.require(":session/status")
    word = found.get(status.id)
    if word is not None and db.decode(status.value_type, [word])[0] == ":ended":
        raise DatamemError(
            "the session has ended, and takes no more messages",
            code="session/ended",
            hint="begin another session",
            session=session,
        )
    owners = {name: found.get(schema.require(f":session/{name}").id) for name in _OWNERS}
    return {f":message/{name}": owner for name, owner in owners.items() if owner is not None}


def places_of(db: Db) -> Places:
    """Return the places of a database's sessions; `db` is the newest value."""
    return db.heap.companions.get("memory places", Places)
