"""EDN and JSON Lines files of entities: ids remapped, stubs resolved, imported once.

Accepted: maps one after the other; a vector, list or set of maps; rows of one map each, as a query
with `(pull ?e [*])` prints them; in JSON the same with objects and arrays. `:db/id`s of the file are
names within the file and nothing else. An entity is the same one at the next import by its unique
attribute, or, where it has none, by `:import/key`, made of the source and its place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from datamem.edn import Keyword, read_all
from datamem.errors import EdnError, ImportFileError
from datamem.importers.batch import Batch, EntityMap
from datamem.importers.graph import DB_ID, EntityGraph, Node
from datamem.importers.jsonfile import (
    decode_text,
    parse_json,
    parse_json_lines,
    read_bytes,
    refuse_shape,
)

MAX_ENTITIES: Final = 1000
"""Entities of one transaction."""

_TX_INSTANT: Final = Keyword(":db/txInstant")


def read_edn_maps(path: Path) -> list[Mapping[Any, Any]]:
    """Return the entity maps of an EDN file.

    Raises:
        ImportFileError: `import/unreadable`, `import/not-text`, `import/bad-edn`,
            `import/wrong-shape`.
    """
    text = decode_text(read_bytes(path), path)
    try:
        forms = read_all(text)
    except EdnError as error:
        raise ImportFileError(
            f"{path}: {error.message}",
            code="import/bad-edn",
            hint=error.hint,
            file=str(path),
            line=error.data.get("line"),
            column=error.data.get("column"),
        ) from error
    return list(_maps(forms, path))


def read_json_maps(path: Path) -> list[Mapping[Any, Any]]:
    """Return the entity objects of a JSON or JSON Lines file.

    Raises:
        ImportFileError: `import/unreadable`, `import/not-text`, `import/bad-json`,
            `import/wrong-shape`.
    """
    text = decode_text(read_bytes(path), path)
    if path.suffix.lower() == ".json":
        return list(_maps([parse_json(text, path)], path))
    return [
        item
        for line, value in parse_json_lines(text, path)
        for item in _maps([value], path, line)
    ]


def _maps(
    forms: Iterable[Any], path: Path, line: int | None = None
) -> Iterator[Mapping[Any, Any]]:
    """Yield the maps, whether they stand alone, in a collection, or in rows of one."""
    for form in forms:
        if isinstance(form, Mapping):
            yield form
        elif isinstance(form, list | tuple | set | frozenset):
            for row in form:
                yield _map_of_row(row, path, line)
        else:
            refuse_shape(path, f"{form!r:.60}", "a map or a collection of maps", line)


def _map_of_row(row: Any, path: Path, line: int | None) -> Mapping[Any, Any]:
    if isinstance(row, list | tuple) and len(row) == 1:
        row = row[0]
    if not isinstance(row, Mapping):
        if isinstance(row, list | tuple) and row and str(row[0]).startswith(":db/"):
            refuse_shape(path, "a transaction form", "an entity (use datamem transact)", line)
        refuse_shape(path, f"{row!r:.60}", "a map, or a row of one map", line)
    return row


def undeclared_attributes(maps: Iterable[Mapping[Any, Any]], schema: Any) -> list[EntityMap]:
    """Return declarations for unknown attributes whose first value would not tell what they are.

    These are references (a map is their value) and attributes of cardinality many (a collection
    is); the type of the rest is inferred from their values, as in every transaction.
    """
    found: dict[Keyword, EntityMap] = {}
    for attribute, value in _pairs(maps):
        if schema.get(attribute) is None and attribute != DB_ID:
            many = isinstance(value, list | tuple | set | frozenset)
            items = list(value) if many else [value]
            if many or isinstance(value, Mapping):
                is_ref = bool(items) and all(isinstance(item, Mapping) for item in items)
                found.setdefault(
                    attribute, _declaration(attribute, items, many=many, is_ref=is_ref)
                )
    return list(found.values())


def _pairs(maps: Iterable[Any]) -> Iterator[tuple[Keyword, Any]]:
    for item in maps:
        if isinstance(item, Mapping):
            for name, value in item.items():
                if "/_" not in name:
                    yield Keyword(name), value
                yield from _pairs(value if isinstance(value, list | tuple) else [value])


def _declaration(
    attribute: Keyword, items: Sequence[Any], *, many: bool, is_ref: bool
) -> EntityMap:
    kinds = {type(item) for item in items}
    simple = {str: "string", Keyword: "keyword", int: "long", float: "double", bool: "boolean"}
    only = kinds.pop() if len(kinds) == 1 else None
    value_type = "ref" if is_ref else simple.get(only, "edn") if only is not None else "edn"
    return {
        Keyword(":db/ident"): attribute,
        Keyword(":db/valueType"): Keyword(f":db.type/{value_type}"),
        Keyword(":db/cardinality"): Keyword(f":db.cardinality/{'many' if many else 'one'}"),
    }


def entity_batches(graph: EntityGraph, source: str) -> list[Batch]:
    """Return the graph as batches of at most `MAX_ENTITIES` entities.

    An entity that another batch describes is named by its identity alone, so that batches may
    refer to each other in both directions.
    """
    graph.name_nodes(source)
    nodes = [node for node in graph.nodes if _TX_INSTANT not in node.values]
    chunks = [nodes[i : i + MAX_ENTITIES] for i in range(0, len(nodes), MAX_ENTITIES)]
    return [_batch(chunk) for chunk in chunks]


def _batch(chunk: Sequence[Node]) -> Batch:
    described = set(chunk)
    mentioned = {
        value: None
        for node in chunk
        for values in node.values.values()
        for value in values
        if isinstance(value, Node) and value not in described
    }
    entities = [_named(node) for node in mentioned] + [_described(node) for node in chunk]
    return Batch(tuple(entities), mention_count=len(mentioned), keep_known=True)


def _named(node: Node) -> EntityMap:
    assert node.identity is not None
    attribute, value = node.identity
    return {DB_ID: _tempid(node), attribute: value}


def _described(node: Node) -> EntityMap:
    entity = _named(node)
    for attribute, values in node.values.items():
        forms = [_tempid(value) if isinstance(value, Node) else value for value in values]
        entity[attribute] = forms if len(forms) > 1 else forms[0]
    return entity


def _tempid(node: Node) -> str:
    return f"import-{node.number}"
