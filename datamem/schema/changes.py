"""The next schema, from the datoms of a transaction; replaying a log gives the same schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.edn import identity_of
from datamem.ids import ATTR_BASE
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE, SETTINGS
from datamem.schema.facts import MANY_FACTS, Facts, attribute_of_facts, bad_attribute
from datamem.schema.persistent import PersistentMap, with_entries
from datamem.schema.schema import Schema
from datamem.schema.specs import EntitySpec, spec_of_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from datamem.schema.attribute import Attribute

SchemaRow = tuple[int, int, Any, bool]
"""(entity in the attribute partition, id of a system attribute, canonical value, added)."""


def from_datoms(rows: Iterable[SchemaRow]) -> Schema:
    """Return the schema of all datoms that hold in the attribute partition, in any order."""
    return apply_changes(Schema.bootstrap(), rows)


def apply_changes(schema: Schema, rows: Iterable[SchemaRow]) -> Schema:
    """Return the schema after one transaction's datoms; `schema` itself stays as it is.

    Args:
        schema: the schema before.
        rows: datoms of the attribute partition; those of other entities are passed over, and the
            system's own are known already. Order does not matter: retractions go first.

    Raises:
        SchemaError: `schema/bad-attribute` and kin, when the facts describe no attribute.

    Cost: O(rows), not O(attributes).
    """
    changed = _changed_facts(schema, rows)
    if not changed:
        return schema
    items = {
        i: item for i, facts in changed.items() if (item := _item_of(i, facts)) is not None
    }
    gone = [entity_id for entity_id in changed if entity_id not in items]
    strict = schema.strict
    if SETTINGS in changed:
        mode = changed[SETTINGS].get(":datamem/mode")
        strict = mode is not None and mode.endswith("strict")
    return Schema(
        with_entries(schema.facts_by_id, changed),
        with_entries(schema.items, items, gone),
        _names_after(schema, items, gone),
        strict=strict,
    )


def _changed_facts(schema: Schema, rows: Iterable[SchemaRow]) -> dict[int, dict[str, Any]]:
    changed: dict[int, dict[str, Any]] = {}
    for entity_id, attribute_id, value, added in sorted(rows, key=lambda row: row[3]):
        if entity_id < ATTR_BASE or ATTR_BASE < entity_id < FIRST_USER_ATTRIBUTE:
            continue
        facts = changed.get(entity_id)
        if facts is None:
            facts = changed[entity_id] = dict(schema.facts(entity_id))
        attribute = schema.get(attribute_id)
        if attribute is None:
            continue
        _apply_fact(facts, attribute.ident, value, added=added)
    return changed


def _apply_fact(facts: dict[str, Any], name: str, value: Any, *, added: bool) -> None:
    if name in MANY_FACTS:
        same = identity_of(value)
        others = tuple(old for old in facts.get(name, ()) if identity_of(old) != same)
        values = (*others, value) if added else others
        facts[name] = values
        if not values:
            del facts[name]
    elif added:
        facts[name] = value
    else:
        facts.pop(name, None)


def _item_of(entity_id: int, facts: Facts) -> Attribute | EntitySpec | None:
    if entity_id == SETTINGS or not facts:
        return None
    is_spec = any(name.startswith(":db.entity/") for name in facts)
    if ":db/ident" not in facts:
        raise bad_attribute(f"entity {entity_id}", "it has no :db/ident")
    return spec_of_facts(entity_id, facts) if is_spec else attribute_of_facts(entity_id, facts)


def _names_after(
    schema: Schema, items: Mapping[int, Attribute | EntitySpec], gone: Iterable[int]
) -> PersistentMap[str, int]:
    """Return the map of names: idents first, former idents where no ident took them since."""
    before = schema.items
    names = schema.names
    removed = [before[i].ident for i in (*items, *gone) if i in before]
    for entity_id in gone:
        removed += getattr(before.get(entity_id), "aliases", ())
    names = with_entries(
        names, {}, [name for name in removed if names.get(name) in {*items, *gone}]
    )
    idents = {str(item.ident): entity_id for entity_id, item in items.items()}
    aliases = {
        str(alias): entity_id
        for entity_id, item in items.items()
        for alias in getattr(item, "aliases", ())
        if alias not in names
    }
    return with_entries(names, {**aliases, **idents})
