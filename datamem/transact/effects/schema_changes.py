"""Changes of the schema: completed, turned into the next schema, and held against the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.ids import ATTR_BASE
from datamem.schema import Attribute, EntitySpec, Schema, SchemaRow, apply_changes
from datamem.schema.bootstrap import (
    ALIAS,
    FIRST_USER_ATTRIBUTE,
    IDENT,
    MODE,
    SCHEMA_PROPERTIES,
    SETTINGS,
    SYSTEM_BY_NAME,
    VALUE_TYPE,
    system_id,
)
from datamem.transact.effects.alter import check_attribute, check_spec
from datamem.transact.forms.declare import not_an_attribute_error, system_attribute_error

if TYPE_CHECKING:
    from datamem.transact.conflicts import Conflicts
    from datamem.transact.effects.changes import Changes
    from datamem.transact.ports import DbView

_SPEC_PROPERTIES = frozenset(
    a.id for a in SYSTEM_BY_NAME.values() if a.ident.startswith(":db.entity/")
)
_MODES = (":open", ":strict")


def change_schema(changes: Changes, db: DbView, conflicts: Conflicts) -> Schema:
    """Return the schema after the changes, having added what they imply.

    A new attribute without type is untyped, without cardinality has one; a renamed one keeps its
    former name. What the rules or the data forbid becomes a conflict.
    """
    touched = {e: set(names) for e, names in changes.touched().items() if e >= ATTR_BASE}
    found_before = len(conflicts)
    _check_places(changes, conflicts)
    if not touched:
        return db.schema
    for e, attributes in touched.items():
        if SETTINGS < e < FIRST_USER_ATTRIBUTE:
            conflicts.add_error(system_attribute_error(db.schema.require(e).ident))
        elif e > SETTINGS:
            _complete(e, attributes, changes)
            _keep_name(e, changes)
    try:
        schema = apply_changes(db.schema, _rows(changes))
    except DatamemError as error:
        conflicts.add_error(error)
        return db.schema
    for e in touched:
        if e >= FIRST_USER_ATTRIBUTE:
            _check(db.schema.items.get(e), schema.items.get(e), schema, db, changes, conflicts)
    return schema if len(conflicts) == found_before else db.schema


def _check_places(changes: Changes, conflicts: Conflicts) -> None:
    """Note properties of attributes on entities that are none, and a mode that does not exist."""
    for (e, a), words in changes.asserted.items():
        if a not in SCHEMA_PROPERTIES:
            continue
        name = changes.attribute(a).ident
        if e < ATTR_BASE or (a == MODE) != (e == SETTINGS):
            conflicts.add_error(not_an_attribute_error(e, name))
        elif a == MODE and (mode := changes.value(a, next(iter(words)))) not in _MODES:
            conflicts.add(
                "schema/unknown-mode",
                f"{mode} is not a mode",
                "use :open or :strict",
                mode=mode,
            )


def _complete(e: int, attributes: set[int], changes: Changes) -> None:
    if e in changes.db.schema.items or attributes & _SPEC_PROPERTIES:
        return
    for a, fact in (
        (VALUE_TYPE, ":db.type/edn"),
        (system_id("db/cardinality"), ":db.cardinality/one"),
    ):
        if a not in attributes:
            attribute = changes.db.schema.require(a)
            changes.assert_word(e, attribute, changes.encoder.word(attribute, Keyword(fact)))


def _keep_name(e: int, changes: Changes) -> None:
    """Note the former ident of an attribute that gets another, so that it still resolves."""
    slot = e, IDENT
    if slot not in changes.asserted or slot not in changes.retracted:
        return
    alias = changes.db.schema.require(ALIAS)
    for word in list(changes.retracted[slot]):
        changes.assert_word(e, alias, word)


def _rows(changes: Changes) -> list[SchemaRow]:
    return [
        (e, a, changes.value(a, word), added)
        for e, a, word, added in changes.rows()
        if e >= ATTR_BASE
    ]


def _check(
    before: Attribute | EntitySpec | None,
    after: Attribute | EntitySpec | None,
    schema: Schema,
    db: DbView,
    changes: Changes,
    conflicts: Conflicts,
) -> None:
    if isinstance(after, EntitySpec):
        check_spec(after, schema, db, changes, conflicts)
        return
    old = before if isinstance(before, Attribute) else None
    if old is not None or after is not None:
        check_attribute(old, after, schema, db, conflicts)
