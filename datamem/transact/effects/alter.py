"""What may be altered in an attribute, and what its data forbid.

While no datom ever used an attribute, everything may change. Afterwards its type, the shape of its
tuples and the dimensions of its vectors stay; what narrows it (cardinality one, uniqueness, a range, an
enumeration) is possible where the present data allow it; the rest is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import SchemaError
from datamem.schema import Attribute, EntitySpec, Schema, ValueType
from datamem.transact.conflicts import Conflicts, shown

if TYPE_CHECKING:
    from datamem.transact.effects.changes import Changes
    from datamem.transact.ports import DbView

_SHAPE: Final = (
    ("value_type", ":db/valueType"),
    ("tuple_attrs", ":db/tupleAttrs"),
    ("tuple_types", ":db/tupleTypes"),
    ("tuple_type", ":db/tupleType"),
)
_LIMITS: Final = ("enum", "min", "max", "min_length", "max_length", "vector")


def check_attribute(
    old: Attribute | None,
    new: Attribute | None,
    schema: Schema,
    db: DbView,
    conflicts: Conflicts,
) -> None:
    """Note why an attribute cannot become another, if it cannot.

    Args:
        old: None for a new attribute.
        new: None for one that is retracted.
        schema: the schema afterwards.

    Cost: nothing is read for a new attribute or one that only widens; else its datoms, once.
    """
    if new is not None:
        _check_components(new, schema, conflicts)
    if old is None or not _is_narrowed(old, new) or not _ever_used(old, db):
        return
    if new is None:
        _refuse(old, "it has data, and cannot be retracted", "keep it, or rename it", conflicts)
        return
    for name, shown_name in _SHAPE:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            _refuse(
                old,
                f"it has data, and {shown_name} cannot change",
                "declare another attribute and copy the values",
                conflicts,
                before=before,
                after=after,
            )
            return
    if old.vector and new.vector and old.vector.dimensions != new.vector.dimensions:
        _refuse(old, "it has vectors, and :db/dimension cannot change", None, conflicts)
        return
    _check_data(old, new, db, conflicts)


def _is_narrowed(old: Attribute, new: Attribute | None) -> bool:
    """Tell whether data could forbid the change."""
    if new is None or (old.many and not new.many) or (new.unique and not old.unique):
        return True
    names = [name for name, _ in _SHAPE] + list(_LIMITS)
    return any(getattr(old, name) != getattr(new, name) for name in names)


def _ever_used(attribute: Attribute, db: DbView) -> bool:
    return len(db.rows(a=attribute.id)) > 0 or len(db.history().rows(a=attribute.id)) > 0


def _check_data(old: Attribute, new: Attribute, db: DbView, conflicts: Conflicts) -> None:
    rows = db.rows(a=old.id)
    if old.many and not new.many:
        entities, counts = np.unique(rows.e, return_counts=True)
        several = entities[counts > 1].tolist()
        if several:
            _refuse(
                old,
                f"{len(several)} entities have several values, so it cannot become one",
                f"retract all but one, of {shown(several)} for example",
                conflicts,
                entities=several[:100],
            )
    if new.unique and not old.unique:
        _check_duplicates(old, new, rows.v, db, conflicts)
    if any(getattr(old, name) != getattr(new, name) for name in _LIMITS):
        _check_values(old, new, rows.v, db, conflicts)


def _check_duplicates(
    old: Attribute, new: Attribute, words: Any, db: DbView, conflicts: Conflicts
) -> None:
    distinct, counts = np.unique(words, return_counts=True)
    values = db.decode(old.value_type, distinct[counts > 1].tolist())
    if new.tuple_attrs:
        values = [value for value in values if None not in value]
    if values:
        _refuse(
            old,
            f"{len(values)} values belong to several entities, so it cannot become unique",
            f"{shown(values[0])} is one of them",
            conflicts,
            values=values[:100],
        )


def _check_values(
    old: Attribute, new: Attribute, words: Any, db: DbView, conflicts: Conflicts
) -> None:
    for value in db.decode(old.value_type, np.unique(words).tolist()):
        try:
            new.check(value)
        except SchemaError as error:
            why = f"its data have {shown(value)}: {error.message}"
            _refuse(old, why, error.hint, conflicts, value=value)
            return


def _check_components(new: Attribute, schema: Schema, conflicts: Conflicts) -> None:
    for name in new.tuple_attrs:
        component = schema.get(name)
        why = None
        if component is None:
            why = f"{name} is not an attribute"
        elif component.many:
            why = f"{name} has cardinality many"
        elif component.tuple_attrs or component.value_type is ValueType.VECTOR:
            why = f"{name} is itself a tuple or a vector"
        if why is not None:
            conflicts.add(
                "schema/bad-attribute",
                f"{new.ident} cannot be made of {name}: {why}",
                "a composite tuple is made of attributes with cardinality one",
                attribute=new.ident,
                component=name,
            )


def check_spec(
    spec: EntitySpec, schema: Schema, db: DbView, changes: Changes, conflicts: Conflicts
) -> None:
    """Note entities of the spec's kinds that the database has and that lack what it requires."""
    for kind_name in spec.kinds:
        kind = db.schema.get(kind_name)
        if kind is None:
            continue
        entities = np.unique(db.rows(a=kind.id).e)
        entities = entities[~np.isin(entities, list(changes.touched()))]
        for name in spec.attrs:
            required = schema.get(name)
            if required is None:
                continue
            lacking = np.setdiff1d(entities, db.rows(a=required.id).e).tolist()
            if lacking:
                conflicts.add(
                    "schema/contradicts-data",
                    f"{spec.ident} requires {name}, and {len(lacking)} entities "
                    f"with {kind_name} lack it",
                    f"give them one first, {shown(lacking)} for example",
                    spec=spec.ident,
                    attribute=name,
                    entities=lacking[:100],
                )


def _refuse(
    attribute: Attribute, why: str, hint: str | None, conflicts: Conflicts, **data: Any
) -> None:
    conflicts.add(
        "schema/contradicts-data",
        f"{attribute.ident} cannot be altered so: {why}",
        hint,
        attribute=attribute.ident,
        **data,
    )
