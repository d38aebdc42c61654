"""Whose an entity is, and of what it is a part: read off the names of the schema's attributes.

An attribute that is called `:…/organization`, `:…/app`, `:…/user`, `:…/agent` or `:…/session` names an
owner of the entity that has it. What is an organisation, user, agent or session itself is its own owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datamem.schema import Schema

DIMENSIONS: Final = ("organization", "app", "user", "agent", "session")

_ALSO: Final = {"user": (":session/participants",)}
"""Attributes that name an owner under another name."""

PART_OF: Final = (
    ":message/session",
    ":tool-call/message",
    ":memory/session",
    ":task/session",
    ":file-snapshot/session",
    ":agent-state/agent",
    ":agent-state/session",
    ":source/project",
    ":source-table/source",
    ":source-field/table",
    ":relationship/source",
    ":relationship/target",
    ":relation/source",
    ":relation/target",
    ":candidate/recall",
    ":access/memory",
    ":run/session",
    ":run/agent",
    ":event/run",
    ":trace/run",
)
"""References to what an entity is a part of: a scope has it only if it has that."""

EVERYBODYS: Final = (":memory-type/name", ":embedding-model/name")
"""Identities of entities that belong to nobody, and that everybody may read."""


def owner_attributes(schema: Schema, dimension: str) -> tuple[int, ...]:
    """Return the ids of the attributes that name an owner of one dimension."""
    found: dict[str, tuple[int, ...]] = schema.derive("memory-owners", _owner_attributes)
    return found[dimension]


def _owner_attributes(schema: Schema) -> dict[str, tuple[int, ...]]:
    return {dimension: tuple(_named(schema, dimension)) for dimension in DIMENSIONS}


def _named(schema: Schema, dimension: str) -> Iterator[int]:
    wanted = ValueType.STRING if dimension == "app" else ValueType.REF
    for attribute in schema:
        namespace, _, name = attribute.ident.lstrip(":").rpartition("/")
        is_owner = name == dimension or attribute.ident in _ALSO.get(dimension, ())
        if is_owner and namespace != "tx" and attribute.value_type is wanted:
            yield attribute.id


def known_attributes(schema: Schema, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the ids of those of the attributes that the schema has."""
    found = (schema.get(name) for name in names)
    return tuple(attribute.id for attribute in found if attribute is not None)
