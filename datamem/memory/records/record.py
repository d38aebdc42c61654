"""A record: one entity of an agent's memory, read by short names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from datamem.db.entity import Entity
from datamem.memory.records.kinds import kind_of

if TYPE_CHECKING:
    from datamem.db import Db


class Record:
    """One entity of a kind, as one database value has it; read-only, and read when asked.

    `record.created_at` is `:session/created-at` of a session. What the schema knows but the entity does
    not have is None, or an empty list where there may be several; references are records.

    Two records are equal if they are the same entity at the same moment of the same database.

    Attributes:
        entity: the entity as a mapping by full attribute names.
        kind: its namespace: "memory", "session", …
        is_new: whether the call that returned it made it.

    Example:
        >>> from datamem import connect
        >>> from datamem.memory import Memory
        >>> memory = Memory(connect()).add("Ada takes her tea black", tags=["tea"])
        >>> memory.content, memory.tags, memory.summary
        ('Ada takes her tea black', [':tea'], None)
    """

    __slots__ = ("entity", "is_new", "kind")

    def __init__(self, entity: Entity, kind: str, *, is_new: bool = False) -> None:
        self.entity = entity
        self.kind = kind
        self.is_new = is_new

    @property
    def eid(self) -> int:
        """The entity id in its database."""
        return self.entity.eid

    @property
    def db(self) -> Db:
        """The database value that it is read from."""
        return self.entity.db

    @property
    def id(self) -> UUID | str | None:
        """What names it in any database: `:<kind>/id`."""
        found: UUID | str | None = self.entity.get(f":{self.kind}/id")
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        ident = self._ident(name)
        attribute = self.db.schema.get(ident)
        if attribute is None:
            message = f"a {self.kind} has no {name}: the schema knows no {ident}"
            raise AttributeError(message)
        value = self.entity.get(ident)
        if value is None:
            return [] if attribute.many else None
        return _as_record(value)

    def _ident(self, name: str) -> str:
        dashed = name.rstrip("_").replace("_", "-")
        if name.startswith("is_") and self.db.schema.get(f":{self.kind}/{dashed}") is None:
            return f":{self.kind}/{dashed.removeprefix('is-')}?"
        return f":{self.kind}/{dashed}"

    def __getitem__(self, name: str) -> Any:
        """Return the value of an attribute by its full name; KeyError where there is none."""
        return _as_record(self.entity[name])

    def as_dict(self) -> dict[str, Any]:
        """Return what it has, under the attributes' full names; references as ids."""
        return {name: _as_plain(self.entity[name]) for name in self.entity if name != ":db/id"}

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Record) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[int, int, int, int]:
        return id(self.db.heap), self.db.basis_t, self.db.newest_tx, self.eid

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id or self.eid}>"


def _as_record(value: Any) -> Any:
    if isinstance(value, Entity):
        return Record(value, kind_of(value))
    if isinstance(value, list) and value and isinstance(value[0], Entity):
        return [_as_record(item) for item in value]
    return value


def _as_plain(value: Any) -> Any:
    if isinstance(value, Entity):
        kind = kind_of(value)
        return value.get(f":{kind}/id", value.eid)
    if isinstance(value, list):
        return [_as_plain(item) for item in value]
    return value
