"""Composite tuples: always what their components are, whoever writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.transact.conflicts import Conflicts, shown
from datamem.transact.effects.changes import composites_of

if TYPE_CHECKING:
    from datamem.schema import Attribute, Schema
    from datamem.transact.effects.changes import Changes


def maintain_tuples(changes: Changes, schema: Schema, conflicts: Conflicts) -> None:
    """Bring every composite tuple up to date with its components.

    A composite that the transaction adds to the schema is filled in for all entities that have one
    of its components. A component without value is nil in the tuple; a tuple of nothing but nil is
    no value.
    """
    composites = composites_of(schema)
    if not composites:
        return
    affected: dict[tuple[int, Attribute], None] = {}
    for e, a in (*changes.asserted, *changes.retracted):
        for composite in composites.get(a, ()):
            affected[e, composite] = None
        attribute = changes.attribute(a)
        if attribute.tuple_attrs:
            affected[e, attribute] = None
    for composite in {c for several in composites.values() for c in several}:
        if changes.db.schema.get(composite.id) is None:
            affected.update(_fill(composite, changes, schema))
    for e, composite in affected:
        _maintain(e, composite, changes, schema, conflicts)


def _fill(
    composite: Attribute, changes: Changes, schema: Schema
) -> dict[tuple[int, Attribute], None]:
    found: dict[tuple[int, Attribute], None] = {}
    for name in composite.tuple_attrs:
        component = schema.require(name)
        if changes.db.schema.get(component.id) is not None:
            for e in changes.db.rows(a=component.id).e.tolist():
                found[e, composite] = None
    return found


def _maintain(
    e: int, composite: Attribute, changes: Changes, schema: Schema, conflicts: Conflicts
) -> None:
    values = _component_values(e, composite, changes, schema)
    slot = e, composite.id
    written = changes.asserted.pop(slot, {})
    changes.retracted.pop(slot, None)
    if values is not None:
        word = changes.encoder.word(composite, values)
        changes.assert_word(e, composite, word)
    else:
        word = None
        for old in changes.before(e, composite.id):
            changes.retract_known(e, composite.id, old)
    if written and word not in written:
        value = changes.value(composite.id, next(iter(written)))
        conflicts.add(
            "transact/tuple-mismatch",
            f"{composite.ident} of {e} is made of its components, {shown(values)}, "
            f"and cannot be {shown(value)}",
            "assert the components",
            entity=e,
            attribute=composite.ident,
            value=value,
            expected=values,
        )


def _component_values(
    e: int, composite: Attribute, changes: Changes, schema: Schema
) -> tuple[Any, ...] | None:
    values: list[Any] = []
    for name in composite.tuple_attrs:
        component = schema.require(name)
        words = changes.after(e, component.id)
        values.append(changes.encoder.value(component, words[0]) if words else None)
    return None if all(value is None for value in values) else tuple(values)
