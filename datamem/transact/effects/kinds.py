"""Entity specs: defaults of new entities, required attributes, predicates on values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.schema import EntitySpec, Schema
from datamem.schema.bootstrap import NOW
from datamem.schema.names import near_names
from datamem.transact.conflicts import Conflicts, shown
from datamem.transact.forms.parse import find_function

if TYPE_CHECKING:
    from datamem.schema import Attribute
    from datamem.transact.effects.changes import Changes
    from datamem.transact.ports import Functions

Ensured = dict[int, tuple[EntitySpec, ...]]
"""Specs that an entity must satisfy because a form says so."""


def specs_by_kind(schema: Schema) -> dict[int, tuple[EntitySpec, ...]]:
    """Return the specs that apply to every entity with an attribute, by the attribute's id."""

    def compute(schema: Schema) -> dict[int, tuple[EntitySpec, ...]]:
        found: dict[int, tuple[EntitySpec, ...]] = {}
        for spec in schema.specs.values():
            for name in spec.kinds:
                attribute = schema.get(name)
                if attribute is not None:
                    found[attribute.id] = (*found.get(attribute.id, ()), spec)
        return found

    return schema.derive("specs_by_kind", compute)


def find_ensured(
    ensures: list[tuple[int, str]], schema: Schema, conflicts: Conflicts
) -> Ensured:
    """Return the specs that `:db/ensure` forms name."""
    found: Ensured = {}
    for e, name in ensures:
        spec = schema.spec(name)
        if spec is None:
            near = near_names(name, schema.specs)
            conflicts.add(
                "transact/unknown-spec",
                f"{name} is not an entity spec",
                f"did you mean {' or '.join(near)}?"
                if near
                else "declare its :db.entity/attrs",
                spec=name,
            )
        else:
            found[e] = (*found.get(e, ()), spec)
    return found


def fill_defaults(
    changes: Changes,
    schema: Schema,
    ensured: Ensured,
    instant: Any,
    faulty: set[tuple[int, int]],
) -> None:
    """Give new entities the defaults of attributes that their specs name and that they lack."""
    by_kind = specs_by_kind(schema)
    if not by_kind and not ensured:
        return
    given: dict[int, set[int]] = {}
    for e, a in changes.asserted:
        given.setdefault(e, set()).add(a)
    for e, attributes in given.items():
        specs = _specs_of(e, attributes, by_kind, ensured)
        if not specs or not changes.is_new(e):
            continue
        for attribute in _attributes_of(specs, schema):
            default = attribute.default
            if default is None or attribute.id in attributes or (e, attribute.id) in faulty:
                continue
            value = instant if default == NOW else default
            changes.assert_word(e, attribute, changes.encoder.word(attribute, value))


def check_required(
    changes: Changes,
    schema: Schema,
    ensured: Ensured,
    faulty: set[tuple[int, int]],
    conflicts: Conflicts,
) -> dict[int, tuple[EntitySpec, ...]]:
    """Note required attributes that entities would lack; return the specs of each entity."""
    by_kind = specs_by_kind(schema)
    applied: dict[int, tuple[EntitySpec, ...]] = {}
    if not by_kind and not ensured:
        return applied
    touched = changes.touched()
    for e in {**touched, **dict.fromkeys(ensured)}:
        if e in changes.gone:
            continue
        attributes = _attributes_after(e, touched.get(e, {}), changes)
        specs = _specs_of(e, attributes, by_kind, ensured)
        applied[e] = specs
        for spec in specs:
            _check_spec(e, spec, attributes, schema, faulty, conflicts)
    return applied


def _check_spec(
    e: int,
    spec: EntitySpec,
    attributes: set[int],
    schema: Schema,
    faulty: set[tuple[int, int]],
    conflicts: Conflicts,
) -> None:
    missing = []
    for name in spec.attrs:
        attribute = schema.get(name)
        if attribute is None or (
            attribute.id not in attributes and (e, attribute.id) not in faulty
        ):
            missing.append(name)
    if missing:
        conflicts.add(
            "transact/required-missing",
            f"entity {e} lacks {', '.join(missing)}, which {spec.ident} requires",
            "assert them, or give them a :db/default",
            entity=e,
            spec=spec.ident,
            missing=missing,
        )


def check_values(changes: Changes, functions: Functions, conflicts: Conflicts) -> None:
    """Run the predicates of attributes on every value asserted."""
    for (e, a), words in changes.asserted.items():
        attribute = changes.attribute(a)
        for name in attribute.preds:
            for word in words:
                value = changes.value(a, word)
                what = f"{attribute.ident} {shown(value)} of {e}"
                found = run_predicate(functions, name, (value,), what, conflicts)
                if not found:
                    break


def run_predicate(
    functions: Functions, name: str, arguments: tuple[Any, ...], what: str, conflicts: Conflicts
) -> bool:
    """Note a predicate that refuses, fails or is missing; return whether it could be run."""
    function = find_function(functions, name)
    if function is None:
        conflicts.add(
            "transact/unknown-predicate",
            f"the predicate {name} is not registered, so nothing can be checked by it",
            "register it with the connection",
            predicate=name,
        )
        return False
    try:
        holds, why = bool(function(*arguments)), None
    except Exception as error:  # noqa: BLE001  # whatever a predicate raises is a refusal
        holds, why = False, str(error)
    if not holds:
        conflicts.add(
            "transact/predicate-failed",
            f"{what} does not satisfy {name}" + (f": {why}" if why else ""),
            predicate=name,
            arguments=arguments,
        )
    return True


def _specs_of(
    e: int, attributes: set[int], by_kind: dict[int, tuple[EntitySpec, ...]], ensured: Ensured
) -> tuple[EntitySpec, ...]:
    found = dict.fromkeys(ensured.get(e, ()))
    for attribute_id in by_kind.keys() & attributes:
        found.update(dict.fromkeys(by_kind[attribute_id]))
    return tuple(sorted(found, key=lambda spec: spec.id))


def _attributes_of(specs: tuple[EntitySpec, ...], schema: Schema) -> list[Attribute]:
    names = dict.fromkeys(name for spec in specs for name in spec.attrs)
    return [attribute for name in names if (attribute := schema.get(name)) is not None]


def _attributes_after(e: int, touched: dict[int, None], changes: Changes) -> set[int]:
    kept = changes.attributes_before(e) - touched.keys()
    return kept | {a for a in touched if changes.after(e, a)}
