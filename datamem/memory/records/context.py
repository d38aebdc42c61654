"""What every part of an agent's memory shares: the connection, the scope, and how it reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from datamem.clock import random_bytes
from datamem.db.entity import Entity
from datamem.errors import DatamemError
from datamem.index.words import instant_of_us
from datamem.memory.records.kinds import identity_for
from datamem.memory.records.record import Record
from datamem.memory.scope.scope import Scope
from datamem.memory.scope.view import ValidAt, instant_us_of, remembered

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.db import Db, TxReport

Build = Callable[["Db"], list[Any]]
"""From the newest value, as the scope sees it, to tx-data."""
Forms = list[Any]

_OWNERS: Final = ("organization", "user", "agent", "session")


class Context:
    """A connection and a scope; immutable.

    Attributes:
        conn: the connection to write through.
        scope: what may be seen and written.
        embedder: from texts to vectors, or None.
    """

    def __init__(self, conn: Connection, scope: Scope, embedder: Any = None) -> None:
        self.conn = conn
        self.scope = scope
        self.embedder = embedder
        named = {f":tx/{name}": getattr(scope, name) for name in _OWNERS}
        self._authors = {name: eid for name, eid in named.items() if eid is not None}

    # Reading

    @property
    def db(self) -> Db:
        """The newest value within the scope, with what is forgotten."""
        return self.scope.of(self.conn.db)

    def view(
        self,
        *,
        as_of: int | datetime | None = None,
        valid_at: ValidAt = None,
        include_forgotten: bool = False,
    ) -> Db:
        """Return what is remembered in the scope; see `Memory.view`."""
        db = self.conn.db if as_of is None else self.conn.db.as_of(as_of)
        now_us = self.now_us() if as_of is None else instant_us_of(db, as_of)
        seen = remembered(
            db, now_us=now_us, valid_at=valid_at, include_forgotten=include_forgotten
        )
        return self.scope.of(seen)

    def remembered(self, db: Db) -> Db:
        """Return what of the newest value is remembered now; for what `update` builds."""
        return self.scope.of(remembered(db, now_us=self.now_us()))

    def seen(self, db: Db | None) -> Db:
        """Return what a method reads that may be given a view: as the scope sees it; None: what is remembered."""
        return self.view() if db is None else self.within(db)

    def record(self, db: Db, eid: int, kind: str, *, is_new: bool = False) -> Record:
        """Return an entity as a record; `db` may be wider than the scope."""
        return Record(Entity(self.within(db), eid), kind, is_new=is_new)

    def within(self, db: Db) -> Db:
        """Return a value of the database as the scope sees it."""
        return self.scope.of(db)

    # Writing

    def now_us(self) -> int:
        """Return the connection's clock, µs since 1970."""
        return self.conn.now_us()

    def now(self) -> datetime:
        """Return the connection's clock as an instant."""
        return instant_of_us(self.conn.now_us())

    def update(self, build: Build, *, why: str | None = None) -> TxReport:
        """Commit what `build` says of the newest value; with who writes, and why, on the transaction.

        Raises:
            DatamemError: `scope/outside` for what is not the scope's; as `Connection.transact`.
        """
        check = None if self.scope.is_everything else self.scope.check_plan
        return self.conn.update(
            lambda db: build(self.scope.of(db)), self.authors(why), check=check
        )

    def transact(self, tx_data: Forms, *, why: str | None = None) -> TxReport:
        """Commit tx-data that does not depend on the newest value."""
        return self.update(lambda _: tx_data, why=why)

    def authors(self, why: str | None = None) -> Mapping[str, Any] | None:
        """Return what the transaction says of itself; None where that is nothing."""
        said = self._authors if why is None else {**self._authors, ":tx/why": why}
        return said or None

    def owners(self, kind: str, names: Sequence[str] = _OWNERS) -> dict[str, Any]:
        """Return the owners that a new entity of a kind gets from the scope."""
        known = self.conn.db.schema
        found = {f":{kind}/{name}": getattr(self.scope, name) for name in (*names, "app")}
        return {
            name: value
            for name, value in found.items()
            if value is not None and known.get(name) is not None
        }


def new_id() -> UUID:
    """Return a random UUID."""
    return UUID(bytes=random_bytes(16), version=4)


def names_of(kind: str, ref: Any) -> dict[str, Any]:
    """Return the identities of an entity to be made: a UUID of its own, or the name that is given.

    Raises:
        DatamemError: `memory/bad-name`.
    """
    if ref is None:
        return {f":{kind}/id": new_id()}
    name, value = identity_for(kind, ref)
    return {name: value} if name.endswith("/id") else {f":{kind}/id": new_id(), name: value}


def present(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def keywords(names: Any) -> list[str]:
    """Return tags or the like, given as one or several names with or without colon, as keywords."""
    several = [names] if isinstance(names, str) else list(names)
    return [name if name.startswith(":") else f":{name}" for name in several]


def keyword(name: str) -> str:
    """Return a name as a keyword."""
    return name if name.startswith(":") else f":{name}"


def instant(value: datetime | timedelta | None, now_us: int) -> datetime | None:
    """Return an instant that is given as one (UTC where it names no zone), or as time from now.

    Raises:
        DatamemError: `memory/bad-instant`.
    """
    if value is None or isinstance(value, datetime):
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, timedelta):
        return instant_of_us(now_us) + value
    raise DatamemError(
        f"{value!r} is no instant",
        code="memory/bad-instant",
        hint="give a datetime, or a timedelta from now",
        value=value,
    )
