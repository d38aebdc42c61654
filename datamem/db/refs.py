"""Naming an entity: an id, an ident, or a lookup ref `[attribute value]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.edn import Keyword
from datamem.errors import DatamemError, EdnError, SchemaError
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute


def resolve_entity(db: Db, ref: Any) -> int | None:
    """Return the entity id that `ref` names as of the value's view, or None if nothing has it.

    Raises:
        SchemaError: `lookup-ref/not-unique`, `lookup-ref/unknown-attribute`.
        DatamemError: `entity/bad-reference` for what is no way to name an entity.
    """
    if type(ref) is int:
        return ref
    if isinstance(ref, (list, tuple)) and len(ref) == 2:
        return _resolve_lookup(db, ref[0], ref[1])
    if isinstance(ref, str):
        return _resolve_ident(db, ref)
    if isinstance(ref, (int, np.integer)) and not isinstance(ref, bool):
        return int(ref)
    entity_id = getattr(ref, "eid", None)
    if isinstance(entity_id, int):
        return entity_id
    raise _bad_reference(ref)


def _bad_reference(ref: Any) -> DatamemError:
    return DatamemError(
        f"{ref!r} does not name an entity",
        code="entity/bad-reference",
        hint="use an entity id, an ident such as :status/active, or [attribute value]",
        reference=ref,
    )


def _resolve_ident(db: Db, text: str) -> int | None:
    attribute = db.schema.get(text)
    if attribute is not None:
        return attribute.id
    ident = db.schema.get(":db/ident")
    if ident is None:
        return None
    try:
        word = db.encode(ident, Keyword(text))
    except EdnError:
        raise _bad_reference(text) from None
    return None if word is None else _holder(db, ident.id, word)


def _resolve_lookup(db: Db, name: Any, value: Any) -> int | None:
    attribute = db.schema.get(name) if isinstance(name, (str, int)) else None
    if attribute is None:
        message = f"{name} is not an attribute, so {[name, value]} names no entity"
        raise SchemaError(
            message,
            code="lookup-ref/unknown-attribute",
            hint="a lookup ref is [attribute value] with a unique attribute",
            attribute=name,
            value=value,
        )
    if not attribute.unique:
        message = f"{name} is not unique, so {[name, value]} cannot name one entity"
        raise SchemaError(
            message,
            code="lookup-ref/not-unique",
            hint="add :db/unique to the attribute, or query for the entity",
            attribute=name,
            value=value,
        )
    word = lookup_word(db, attribute, value)
    return None if word is None else _holder(db, attribute.id, word)


def _holder(db: Db, a: int, word: int) -> int | None:
    """Return who has a unique value; in a history, who has it at its end or had it last."""
    if not db.is_history:
        return db.entity_with(a, word)
    holder = db.unfiltered().entity_with(a, word)
    if holder is not None:
        return holder
    rows = db.rows(a=a, v=word)
    return int(rows.e[rows.tx.argmax()]) if len(rows) else None


def lookup_word(db: Db, attribute: Attribute, value: Any) -> int | None:
    """Return the word of a value a person wrote; None if no entity can have it.

    A value of the right type that the attribute's limits refuse is nobody's.

    Raises:
        SchemaError: `schema/wrong-type`.
    """
    if value is None:
        return None
    if attribute.value_type is ValueType.REF:
        return resolve_entity(db, value)
    try:
        return db.encode(attribute, db.schema.canonical(attribute, value))
    except SchemaError as error:
        if error.code == "schema/wrong-type":
            raise
        return None
