"""Vectors with metadata: the entities of a vector attribute that are nearest, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamem.db import Db
from datamem.errors import QueryError
from datamem.schema.types import ValueType
from datamem.vector import search


@dataclass(frozen=True, slots=True)
class Found:
    """One entity near a vector.

    Attributes:
        score: larger is nearer, by the attribute's metric.
        metadata: its other attributes, as `pull` gives them.
    """

    eid: int
    score: float
    metadata: dict[str, Any]


def search_vector(
    db: Db,
    collection: str,
    embedding: Sequence[float],
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the operation's own name
    k: int = 10,
) -> list[Found]:
    """Return the `k` entities of a collection that are nearest to a vector, nearest first.

    Args:
        collection: a vector attribute; its entities with their other attributes are the collection.
        filter: attribute to value; only entities that have all of them are looked at.

    Raises:
        QueryError: `vector/no-collection`; and as `datamem.vector.search`.
    """
    attribute = db.schema.get(collection)
    if attribute is None or attribute.value_type is not ValueType.VECTOR:
        raise QueryError(
            f"{collection} is no collection of vectors",
            code="vector/no-collection",
            hint="a collection is an attribute of type :db.type/vector",
            collection=collection,
        )
    among = None if not filter else _matching(db, attribute.ident, filter)
    query = np.asarray(embedding, np.float32)
    hits = search(db, attribute.ident, query, k, among=among)
    entities = hits.e.tolist()
    pulled = db.pull_many("[*]", entities)
    return [
        Found(eid, score, {n: v for n, v in about.items() if n not in {":db/id", collection}})
        for eid, score, about in zip(entities, hits.score.tolist(), pulled, strict=True)
    ]


def _matching(db: Db, collection: str, wanted: Mapping[str, Any]) -> Any:
    """Return the entities that have every attribute of a filter, int64[n], ascending."""
    names = [name if name.startswith(":") else f":{name}" for name in wanted]
    where = [["?e", collection, "_"], *(["?e", name, f"?v{i}"] for i, name in enumerate(names))]
    query = {
        ":find": [["?e", "..."]],
        ":in": ["$", *(f"?v{i}" for i in range(len(names)))],
        ":where": where,
    }
    return np.array(sorted(db.q(query, *wanted.values())), np.int64)
