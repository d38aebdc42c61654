"""Embeddings by model: one vector attribute a model, so at most one vector of it for each entity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import DatamemError
from datamem.vector import nearest

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.db import Db

DEFAULT: Final = ":memory/embedding"
"""The attribute for vectors of 1536 dimensions whose model nobody names."""
_NEAR: Final = 5


@dataclass(frozen=True, slots=True)
class Vectors:
    """Where the vectors of a model are.

    Attributes:
        attribute: their attribute.
        dimensions: how long they are.
    """

    attribute: str
    dimensions: int


def model_name(embedder: Any) -> str:
    """Return what an embedder calls itself."""
    named = getattr(embedder, "name", None) or getattr(embedder, "__name__", None)
    return str(named or type(embedder).__name__)


def attribute_for(model: str) -> str:
    """Return the attribute that holds a model's vectors.

    Example:
        >>> attribute_for("sentence-transformers/all-MiniLM-L6-v2")
        ':embedding/sentence-transformers-all-minilm-l6-v2'
    """
    return f":embedding/{re.sub(r'[^a-z0-9]+', '-', model.lower()).strip('-') or 'model'}"


def find_vectors(db: Db, model: str | None) -> Vectors | None:
    """Return where the vectors of a model are, None where there are none yet."""
    attribute = db.schema.get(DEFAULT if model is None else attribute_for(model))
    if attribute is None or attribute.vector is None:
        return None
    return Vectors(attribute.ident, attribute.vector.dimensions)


def vectors_of(conn: Connection, model: str | None, dimensions: int) -> Vectors:
    """Return where the vectors of a model are, declaring the attribute at its first use.

    Raises:
        DatamemError: `memory/wrong-dimensions` if its vectors have another length.
    """
    found = find_vectors(conn.db, model)
    if found is None and model is not None:
        conn.transact(_declaration(model, dimensions))
        found = find_vectors(conn.db, model)
    if found is None or found.dimensions != dimensions:
        raise DatamemError(
            f"vectors of {model or 'no named model'} have "
            f"{found.dimensions if found else 0} dimensions, and this one has {dimensions}",
            code="memory/wrong-dimensions",
            hint="name the model: each model has an attribute of its own",
            model=model,
            dimensions=dimensions,
        )
    return found


def _declaration(model: str, dimensions: int) -> list[dict[str, Any]]:
    ident = attribute_for(model)
    return [
        {
            ":db/ident": ident,
            ":db/valueType": ":db.type/vector",
            ":db/cardinality": ":db.cardinality/one",
            ":db/dimension": dimensions,
            ":db/metric-type": ":db.metric/cosine",
            ":db/doc": f"Embeddings by {model}",
        },
        {
            ":embedding-model/name": model[:64],
            ":embedding-model/attribute": ident,
            ":embedding-model/dimensions": dimensions,
        },
    ]


def embed(embedder: Any, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the vectors of texts, float32[n, d].

    Raises:
        DatamemError: `memory/bad-embedder` if the embedder returns anything else.
    """
    found = np.asarray(embedder(texts), np.float32)
    if found.ndim != 2 or len(found) != len(texts):
        raise DatamemError(
            f"the embedder {model_name(embedder)} returned shape {found.shape} for {len(texts)} texts",
            code="memory/bad-embedder",
            hint="an embedder takes a list of n texts and returns float32[n, d]",
            shape=found.shape,
        )
    return found


def embedded(conn: Connection, embedder: Any, text: str) -> dict[str, Any]:
    """Return the vector of a text under the attribute of its model; nothing without an embedder.

    It may declare the attribute, so it is not for functions that a transaction calls.
    """
    if embedder is None:
        return {}
    vector = embed(embedder, [text])[0]
    attribute = vectors_of(conn, model_name(embedder), len(vector)).attribute
    return {attribute: vector} if vector.any() else {}


def near_duplicate(db: Db, vectors: Vectors, vector: Any, similar: float) -> list[int]:
    """Return the entities whose vector has at least this cosine with `vector`, nearest first."""
    if vector is None or not np.any(vector):
        return []
    found = nearest(db, vectors.attribute, vector, _NEAR)
    return [neighbour.e for neighbour in found if neighbour.score >= similar]
