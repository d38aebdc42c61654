"""Pulled maps as a graph: one node an entity, however often and wherever a file mentions it.

An export is rows of pulled maps: an entity stands at the top, or nested in the one it is a component
of, or as a stub (`{:db/id 17}`) wherever something refers to it. `EntityGraph` gathers all of that
under one node an entity, with references as nodes and reverse attributes turned round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

from datamem.edn import Keyword
from datamem.schema.names import forward_of
from datamem.schema.types import ValueType

DB_ID: Final = Keyword(":db/id")
IMPORT_KEY: Final = Keyword(":import/key")

Identity: TypeAlias = tuple[Keyword, Any]
"""A unique-identity attribute and its value."""


@dataclass(eq=False, slots=True)
class Node:
    """An entity of the file.

    Attributes:
        identity: what makes it the same entity at the next import; set by the graph at last.
        values: attribute to its values; a Node where the value is a reference.
    """

    number: int
    file_id: int | None
    identity: Identity | None = None
    values: dict[Keyword, list[Any]] = field(default_factory=dict)

    def put(self, attribute: Keyword, value: Any) -> None:
        """Add a value, once: the same entity may be written in several places."""
        found = self.values.setdefault(attribute, [])
        if not any(
            item is value or (type(item) is type(value) and item == value) for item in found
        ):
            found.append(value)


class EntityGraph:
    """All entities that a file mentions, in the order of their first mention."""

    def __init__(
        self, schema: Any, convert: Callable[[Any, ValueType], Any] = lambda value, _: value
    ) -> None:
        """Start empty.

        Args:
            schema: of the database that the file goes into; says what is a reference.
            convert: makes a scalar of the file one of a value type; for JSON.
        """
        self.nodes: list[Node] = []
        self._schema = schema
        self._convert = convert
        self._by_file_id: dict[int, Node] = {}
        self._by_identity: dict[Identity, Node] = {}

    def add(self, entity: Mapping[Any, Any]) -> Node:
        """Add a pulled map, with everything nested in it."""
        pairs = [(Keyword(name), value) for name, value in entity.items()]
        node = self._node_of(pairs)
        for attribute, value in pairs:
            if attribute == DB_ID or value is None:
                continue
            forward = forward_of(attribute)
            if forward is None:
                self._add_values(node, attribute, value)
            else:
                self._add_reverse(node, Keyword(forward), value)
        return node

    def _node_of(self, pairs: list[tuple[Keyword, Any]]) -> Node:
        identity = self._identity_in(pairs)
        file_id = next((value for attribute, value in pairs if attribute == DB_ID), None)
        node = self._by_file_id.get(file_id) if isinstance(file_id, int) else None
        if node is None and identity is not None and file_id is None:
            node = self._by_identity.get(identity)
        if node is None:
            node = self._new_node(file_id if isinstance(file_id, int) else None)
        if identity is not None:
            node.identity = node.identity or identity
            self._by_identity.setdefault(identity, node)
        return node

    def _new_node(self, file_id: int | None) -> Node:
        node = Node(len(self.nodes), file_id)
        self.nodes.append(node)
        if file_id is not None:
            self._by_file_id[file_id] = node
        return node

    def _identity_in(self, pairs: list[tuple[Keyword, Any]]) -> Identity | None:
        for name, value in pairs:
            attribute = self._schema.get(name)
            if attribute is not None and attribute.unique == "identity":
                converted = self._convert(value, attribute.value_type)
                if isinstance(converted, str | int | UUID):
                    return name, converted
        return None

    def _add_values(self, node: Node, name: Keyword, value: Any) -> None:
        attribute = self._schema.get(name)
        if attribute is None:
            node.put(name, self._reference_or_value(value))
            return
        many = attribute.many and isinstance(value, list | tuple | set | frozenset)
        for item in value if many else [value]:
            if attribute.value_type is ValueType.REF:
                node.put(name, self._reference(item))
            else:
                node.put(name, self._convert(item, attribute.value_type))

    def _add_reverse(self, node: Node, forward: Keyword, value: Any) -> None:
        for item in value if isinstance(value, list | tuple | set | frozenset) else [value]:
            child = self._reference(item)
            if isinstance(child, Node):
                child.put(forward, node)

    def _reference(self, item: Any) -> Any:
        """Return the node of a nested map or of an id of the file; a lookup ref stays one."""
        if isinstance(item, Mapping):
            return self.add(item)
        if isinstance(item, int) and not isinstance(item, bool):
            return self._by_file_id.get(item) or self._new_node(item)
        return item

    def _reference_or_value(self, value: Any) -> Any:
        return self.add(value) if isinstance(value, Mapping) else value

    def name_nodes(self, source: str) -> None:
        """Give every node without identity one that derives from the source and its id there."""
        for node in self.nodes:
            if node.identity is None:
                name = node.number if node.file_id is None else node.file_id
                kind = "row" if node.file_id is None else "id"
                node.identity = (IMPORT_KEY, f"{source}/{kind}/{name}")


def attributes_in(forms: Iterable[Any]) -> set[Keyword]:
    """Return every attribute that the maps name, forwards."""
    found: set[Keyword] = set()
    for form in forms:
        if isinstance(form, Mapping):
            for name, value in form.items():
                attribute = Keyword(name)
                found.add(Keyword(forward_of(attribute) or attribute))
                nested = value if isinstance(value, list | tuple | set | frozenset) else [value]
                found |= attributes_in(nested)
    return found - {DB_ID}
