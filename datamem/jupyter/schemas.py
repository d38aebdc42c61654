"""The shape of a database: its kinds of entities, and which refer to which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from datamem.jupyter.labels import kind_of
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db.database import Db

_SYSTEM: Final = (":db/", ":db.", ":datamem/")
_SAMPLE: Final = 200
"""References of an attribute that are followed to see what they lead to."""


@dataclass
class SchemaGraph:
    """Kinds of entities and the references between them.

    Attributes:
        kinds: kind to its attributes, as (name, type).
        edges: (from kind, attribute, to kind); only references that the data has.
    """

    kinds: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    edges: list[tuple[str, str, str]] = field(default_factory=list)

    def to_mermaid(self) -> str:
        """Return an entity-relationship diagram in Mermaid's language."""
        lines = ["erDiagram"]
        for kind, attributes in self.kinds.items():
            lines.append(f"  {_word(kind)} {{")
            lines += [f"    {type_} {_word(name)}" for name, type_ in attributes]
            lines.append("  }")
        lines += [
            f"  {_word(a)} }}o--o{{ {_word(b)} : {_word(via)}" for a, via, b in self.edges
        ]
        return "\n".join(lines)

    def to_dot(self) -> str:
        """Return the kinds and references in Graphviz's language."""
        lines = ["digraph {", "  node [shape=record];"]
        for kind, attributes in self.kinds.items():
            rows = r"\l".join(f"{name}: {type_}" for name, type_ in attributes)
            lines.append(f'  "{kind}" [label="{{{kind}|{rows}\\l}}"];')
        lines += [f'  "{a}" -> "{b}" [label="{via}"];' for a, via, b in self.edges]
        return "\n".join([*lines, "}"])


def schema_graph(db: Db, *, only_used: bool = True) -> SchemaGraph:
    """Return the kinds of entities of a view, a kind being a namespace of attributes.

    Args:
        db: any view; what a reference leads to is seen from its data.
        only_used: leave out attributes that nothing has.
    """
    found = SchemaGraph()
    for attribute in sorted(db.schema, key=lambda a: str(a.ident)):
        ident = str(attribute.ident)
        if ident.startswith(_SYSTEM) or (only_used and not len(db.rows(a=attribute.id))):
            continue
        space, _, name = ident.lstrip(":").partition("/")
        type_ = attribute.value_type.keyword.removeprefix(":db.type/")
        found.kinds.setdefault(space, []).append((name, type_))
        if attribute.value_type is ValueType.REF:
            targets = set(db.rows(a=attribute.id).v[:_SAMPLE].tolist())
            kinds = {kind_of(db, target) for target in targets}
            found.edges += [(space, name, kind) for kind in sorted(kinds) if kind]
    for _, _, kind in found.edges:
        found.kinds.setdefault(kind, [])
    return found


def _word(text: str) -> str:
    return text.replace("-", "_").replace(".", "_")
