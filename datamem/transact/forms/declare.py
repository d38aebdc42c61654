"""Maps that declare or alter attributes and entity specs, read before everything else."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from datamem.edn import Keyword
from datamem.errors import DatamemError, SchemaError
from datamem.ids import ATTR_BASE
from datamem.schema.bootstrap import (
    FIRST_USER_ATTRIBUTE,
    SCHEMA_PROPERTIES,
    SETTINGS,
    SYSTEM_BY_NAME,
)
from datamem.schema.facts import MANY_FACTS, attribute_of_facts
from datamem.schema.names import ident_of
from datamem.schema.properties import INSTALL, normalise_properties
from datamem.transact.forms.forms import Tempid, TxForms

if TYPE_CHECKING:
    from datamem.schema import Schema

_IDS: Final = frozenset({":db/id", "db/id", ":db/ident", "db/ident"})
_PROPERTY_NAMES: Final = frozenset(
    {
        str(attribute.ident)
        for attribute in SYSTEM_BY_NAME.values()
        if attribute.id in SCHEMA_PROPERTIES
    }
    | {INSTALL, ":db/dimensions", ":db/metric", ":db/metricType", ":db/index-type"}
)


def declare(items: list[Any], schema: Schema, forms: TxForms) -> list[Any]:
    """Return the items with their declarations rewritten to what is stored, at their own ids.

    A declaration is a map with a property that only attributes and specs have. Its attribute is put
    into `forms.attributes`, so that data in the same transaction may use it; a refused one becomes
    a conflict and is left out.
    """
    if not any(isinstance(item, Mapping) and _declares(item) for item in items):
        return items
    rewritten = []
    for item in items:
        if not isinstance(item, Mapping) or not _declares(item):
            rewritten.append(item)
            continue
        try:
            rewritten.append(_declare(item, schema, forms))
        except DatamemError as error:
            forms.conflicts.add_error(error, form=item)
    return rewritten


def system_attribute_error(name: object) -> SchemaError:
    """Return the refusal of a change to an attribute that every database has."""
    return SchemaError(
        f"{name} belongs to the database itself and stays as it is",
        code="schema/system-attribute",
        attribute=name,
    )


def not_an_attribute_error(entity_id: int, name: str = "properties of one") -> SchemaError:
    """Return the refusal of a property that only attributes have."""
    return SchemaError(
        f"entity {entity_id} is not an attribute and cannot have {name}",
        code="schema/not-an-attribute",
        hint="declare a new attribute with :db/ident; the mode belongs to :datamem/settings",
        entity=entity_id,
        property=name,
    )


def _declares(item: Mapping[Any, Any]) -> bool:
    return any(
        (key if key.startswith(":") else f":{key}") in _PROPERTY_NAMES
        for key in item
        if isinstance(key, str)
    )


def _declare(item: Mapping[Any, Any], schema: Schema, forms: TxForms) -> dict[Any, Any]:
    properties = normalise_properties({k: v for k, v in item.items() if k not in _IDS})
    properties.pop(INSTALL, None)
    written = item.get(":db/id", item.get("db/id"))
    ident = item.get(":db/ident", item.get("db/ident"))
    ident = None if ident is None else ident_of(ident)
    if ident is not None and written is None and _is_former(ident, schema, forms):
        written, ident = str(ident), None
    entity_id = _entity_of(item, written, ident, schema, forms)
    if SETTINGS < entity_id < FIRST_USER_ATTRIBUTE:
        raise system_attribute_error(ident or entity_id)
    if entity_id != SETTINGS:
        _note(entity_id, ident, properties, schema, forms)
    named = {} if ident is None else {":db/ident": ident}
    return {":db/id": entity_id, **named, **properties}


def _is_former(ident: Keyword, schema: Schema, forms: TxForms) -> bool:
    """Tell whether a name is a former one of an attribute, which a declaration then means."""
    known = schema.get(ident)
    return known is not None and known.ident != ident and str(ident) not in forms.attributes


def _entity_of(
    item: Mapping[Any, Any], written: Any, ident: Keyword | None, schema: Schema, forms: TxForms
) -> int:
    """Return the id of the attribute or spec that a declaration is about, a new one if need be."""
    found = _known_id(written, schema, forms)
    if found is None and ident is not None and not _is_former(ident, schema, forms):
        found = _known_id(ident, schema, forms)
    if found is None:
        if ident is None:
            raise SchemaError(
                f"{dict(item)!r} has properties of an attribute and names none",
                code="schema/no-ident",
                hint="add :db/ident",
            )
        found = forms.next_attribute
        forms.declared.add(found)
        forms.next_attribute += 1
    if isinstance(written, str | int) and _is_tempid(written):
        tempid = forms.tempids.setdefault(written, Tempid(written))
        forms.bound[tempid] = found
    return found


def _is_tempid(written: str | int) -> bool:
    return not written.startswith(":") if isinstance(written, str) else written < 0


def _known_id(written: Any, schema: Schema, forms: TxForms) -> int | None:
    if isinstance(written, int) and written > 0:
        if written < ATTR_BASE:
            raise not_an_attribute_error(written)
        return written
    if isinstance(written, str) and written.startswith(":"):
        declared = forms.attributes.get(written)
        return schema.entity_id(written) if declared is None else declared.id
    return None


def _note(
    entity_id: int,
    ident: Keyword | None,
    properties: dict[str, Any],
    schema: Schema,
    forms: TxForms,
) -> None:
    """Make the attribute known to the rest of the transaction."""
    if any(name.startswith(":db.entity/") for name in properties):
        return
    facts = dict(forms.declared_facts.get(entity_id) or schema.facts(entity_id))
    for name, value in _canonical_facts(properties).items():
        facts[name] = (*facts.get(name, ()), *value) if name in MANY_FACTS else value
    if ident is not None:
        facts[":db/ident"] = ident
    forms.declared_facts[entity_id] = facts
    attribute = attribute_of_facts(entity_id, facts)
    before = schema.get(entity_id)
    for name in {attribute.ident, before.ident if before else attribute.ident}:
        forms.attributes[str(name)] = attribute


def _canonical_facts(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties as facts; those of cardinality many become tuples."""
    facts: dict[str, Any] = {}
    for name, value in properties.items():
        attribute = SYSTEM_BY_NAME.get(Keyword(name))
        if attribute is None:
            continue
        if attribute.many:
            values = value if isinstance(value, list | tuple | AbstractSet) else [value]
            facts[name] = tuple(attribute.check(item) for item in values)
        else:
            facts[name] = attribute.check(value)
    return facts
