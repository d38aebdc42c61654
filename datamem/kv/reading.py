"""Reading single attributes of single entities by name: what every call here is made of."""

from __future__ import annotations

from typing import Any

from datamem.db import Db
from datamem.index.words import INLINE, instant_of_us
from datamem.schema.types import ValueType


def entity_of(db: Db, attribute: str, value: str) -> int | None:
    """Return the entity with this value of a unique text attribute, None also where none is declared.

    Cost: a few µs.
    """
    found = db.schema.get(attribute)
    if found is None:
        return None
    word = db.encode(found, value)
    return None if word is None else db.entity_with(found.id, word)


def value_of(db: Db, e: int, attribute: str) -> Any:
    """Return the value of a cardinality-one attribute of an entity, or None."""
    found = db.schema.get(attribute)
    if found is None:
        return None
    words = db.words(e, found.id)
    return db.decode(found.value_type, words[:1])[0] if words else None


def values_of(db: Db, e: int) -> dict[str, Any]:
    """Return the values of an entity by attribute; the last where it has many.

    Cost: some 10 µs for ten attributes.
    """
    schema, heap = db.schema, db.heap
    values: dict[str, Any] = {}
    for a, word in db.entity_words(e):
        attribute = schema.get(a)
        if attribute is None:
            continue
        kind = attribute.value_type
        if kind is ValueType.INSTANT:
            values[attribute.ident] = instant_of_us(word)
        elif kind in {ValueType.LONG, ValueType.REF}:
            values[attribute.ident] = word
        elif kind in INLINE or kind in {ValueType.EDN, ValueType.DOC}:
            values[attribute.ident] = db.decode(kind, [word])[0]
        else:
            values[attribute.ident] = heap.get(word)[1]
    return values


def refs_of(db: Db, e: int, attribute: str) -> tuple[int, ...]:
    """Return the entities that a ref attribute with many values refers to, ascending."""
    found = db.schema.get(attribute)
    return () if found is None else tuple(sorted(db.words(e, found.id)))
