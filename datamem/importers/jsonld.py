"""Entities as JSON-LD: attributes are IRIs, references are links, instants have their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from datamem.importers.export import export_entities
from datamem.importers.jsonvalues import to_json_value
from datamem.schema.types import ValueType

ENTITY: Final = "urn:datamem:entity:"
ATTRIBUTE: Final = "urn:datamem:attribute:"
_XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_TYPES: Final = {
    ValueType.INSTANT: f"{_XSD}dateTime",
    ValueType.URI: f"{_XSD}anyURI",
    ValueType.BIGDEC: f"{_XSD}decimal",
    ValueType.BIGINT: f"{_XSD}integer",
    ValueType.BYTES: f"{_XSD}base64Binary",
}


def jsonld_context(db: Any) -> dict[str, Any]:
    """Return the `@context`: a term for each attribute of the user's, typed where JSON has no type."""
    context: dict[str, Any] = {}
    for attribute in db.schema:
        if attribute.ident.startswith((":db/", ":db.", ":datamem/")):
            continue
        name = attribute.ident.lstrip(":")
        term: dict[str, str] = {"@id": f"{ATTRIBUTE}{name}"}
        if attribute.value_type is ValueType.REF:
            term["@type"] = "@id"
        elif attribute.value_type in _TYPES:
            term["@type"] = _TYPES[attribute.value_type]
        elif attribute.value_type in {ValueType.DOC, ValueType.EDN, ValueType.TUPLE}:
            term["@type"] = "@json"
        context[name] = term
    return context


def jsonld_nodes(db: Any) -> Iterator[dict[str, Any]]:
    """Yield a node object for every entity of the view, in the order of entity ids."""
    documents = {
        a.ident
        for a in db.schema
        if a.value_type in {ValueType.DOC, ValueType.EDN, ValueType.TUPLE}
    }
    for pulled in export_entities(db):
        node: dict[str, Any] = {"@id": f"{ENTITY}{pulled.pop(':db/id')}"}
        for ident, value in pulled.items():
            name = ident.lstrip(":")
            node[name] = to_json_value(value) if ident in documents else _node_value(value)
        yield node


def _node_value(value: Any) -> Any:
    """Return a value as JSON-LD has it: a link for an entity, a list of values for many."""
    if isinstance(value, Mapping) and ":db/id" in value:
        return f"{ENTITY}{value[':db/id']}"
    if isinstance(value, list | set | frozenset):
        return [_node_value(item) for item in value]
    return to_json_value(value)
