"""`:db/embed` of a string attribute: where the vectors of its strings go, and who makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datamem.errors import SchemaError
from datamem.schema.names import ident_of

if TYPE_CHECKING:
    from datamem.schema.attribute import Attribute
    from datamem.schema.schema import Schema


@dataclass(frozen=True, slots=True)
class EmbedSpec:
    """What `:db/embed` says.

    Attributes:
        target: the vector attribute of the same entity.
        embedder: the name of an embedder of the connection; None: the only one it has.
    """

    target: str
    embedder: str | None = None


def embed_spec(value: Any) -> EmbedSpec | None:
    """Return what a value of `:db/embed` says; None if it says nothing that is known.

    Example:
        >>> embed_spec({":to": ":memory/embedding", ":with": "minilm"})
        EmbedSpec(target=':memory/embedding', embedder='minilm')
    """
    if isinstance(value, str):
        parts: dict[str, Any] = {"to": value}
    elif isinstance(value, Mapping):
        parts = {str(key).lstrip(":"): part for key, part in value.items()}
    else:
        return None
    target, embedder = parts.pop("to", None), parts.pop("with", None)
    if parts or not isinstance(target, str) or not isinstance(embedder, str | None):
        return None
    try:
        ident = str(ident_of(target))
    except SchemaError:
        return None
    return EmbedSpec(ident, None if embedder is None else embedder.lstrip(":"))


def embedded_attributes(schema: Schema) -> dict[int, tuple[Attribute, EmbedSpec]]:
    """Return the attributes whose strings are embedded, by id; made once for a schema."""

    def compute(schema: Schema) -> dict[int, tuple[Attribute, EmbedSpec]]:
        found = {}
        for attribute in schema:
            spec = embed_spec(attribute.embed)
            if spec is not None:
                found[attribute.id] = (attribute, spec)
        return found

    return schema.derive("embedded_attributes", compute)
