"""The kinds of entity that an agent's memory has, and how each is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from datamem.errors import DatamemError

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.db.entity import Entity


def kind_of(entity: Entity) -> str:
    """Return the namespace of an entity's identity; of most of its attributes where it has none.

    Example:
        >>> from datamem import connect
        >>> conn = connect()
        >>> _ = conn.transact([{"cup/size": 2, "cup/colour": "blue", "shelf": 1}])
        >>> kind_of(conn.db.entity(1))
        'cup'
    """
    counts: dict[str, int] = {}
    for name in entity:
        namespace, _, last = name.lstrip(":").rpartition("/")
        if last == "id" and namespace != "db":
            return namespace
        counts[namespace] = counts.get(namespace, 0) + 1
    counts.pop("db", None)
    return max(counts, key=lambda name: counts[name], default="")


def identity_for(kind: str, name: Any) -> tuple[str, UUID | str]:
    """Return the attribute and value by which a name given by a user means an entity of a kind.

    A UUID, or text that is one, is the `:kind/id`; any other text the `:kind/external-id`.

    Raises:
        DatamemError: `memory/bad-name`.

    Example:
        >>> identity_for("session", "conv-1")
        (':session/external-id', 'conv-1')
    """
    if kind == "organization" and isinstance(name, str):
        return ":organization/id", name
    if isinstance(name, UUID):
        return f":{kind}/id", name
    if isinstance(name, str) and name:
        found = _uuid_of(name)
        return (f":{kind}/external-id", name) if found is None else (f":{kind}/id", found)
    message = f"{name!r} names no {kind}"
    hint = "give a UUID, the name it was imported under, or a record"
    raise DatamemError(message, code="memory/bad-name", hint=hint, kind=kind, name=name)


def _uuid_of(text: str) -> UUID | None:
    if len(text) not in {32, 36}:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def find(db: Db, kind: str, ref: Any) -> int | None:
    """Return the entity id that a record, entity, id or name means in `db`, or None.

    An integer is an entity id, and must be of the kind.

    Raises:
        DatamemError: `memory/bad-name` for what cannot name anything.
    """
    eid = getattr(ref, "eid", ref)
    if isinstance(eid, int) and not isinstance(eid, bool):
        attribute = db.schema.get(f":{kind}/id")
        return eid if attribute is not None and db.words(eid, attribute.id) else None
    name, value = identity_for(kind, ref)
    attribute = db.schema.get(name)
    if attribute is None:
        return None
    word = db.encode(attribute, attribute.check(value))
    return None if word is None else db.entity_with(attribute.id, word)


def get(db: Db, kind: str, ref: Any) -> int:
    """Return the entity id that a reference means.

    Raises:
        DatamemError: `memory/unknown` where there is no such entity in `db`.
    """
    eid = find(db, kind, ref)
    if eid is None:
        raise DatamemError(
            f"there is no {kind} {_shown(ref)}",
            code="memory/unknown",
            hint=f"it may be deleted, expired or outside the scope; make a {kind} first",
            kind=kind,
            ref=_shown(ref),
        )
    return eid


def _shown(ref: Any) -> str:
    return str(ref) if isinstance(ref, str | int | UUID) else repr(ref)
