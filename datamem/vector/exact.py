"""Exact nearest neighbours: gather the visible vectors, score them all, keep the best.

Right under every view, since it reads what the view shows; 0.5 ms for 10,000 vectors of 384
dimensions. Approximate indexes (usearch) serve larger attributes and are held to this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from datamem.errors import QueryError
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute

Matrix = npt.NDArray[np.float32]


class Neighbour(NamedTuple):
    """A stored vector near a query.

    Attributes:
        e: the entity that has it.
        score: larger is nearer: cosine similarity, inner product, or minus the l2 or
            Hamming distance, as the attribute's metric says.
    """

    e: int
    score: float


def nearest(
    db: Db, attribute: str, query: Any, k: int, *, among: Iterable[int] | None = None
) -> list[Neighbour]:
    """Return the `k` nearest of an attribute's vectors that the view shows, nearest first.

    Args:
        db: any database value; a past one searches what it held then.
        attribute: a vector attribute.
        query: the vector to compare with, of the attribute's dimensions.
        k: how many, at least 1; fewer come back when there are fewer.
        among: only these entities.

    Raises:
        QueryError: `vector/not-a-vector-attribute`, `vector/bad-k`.
        SchemaError: `schema/wrong-type` for a query of other dimensions, or not finite.
    """
    known = _vector_attribute(db, attribute)
    if k < 1:
        raise QueryError(f"k is {k}, and must be at least 1", code="vector/bad-k", k=k)
    wanted = known.check(query)
    if among is None:
        rows = db.rows(a=known.id)
    else:
        rows = db.lookup_many(known.id, np.unique(np.fromiter(among, np.int64)))
    if not len(rows):
        return []
    matrix: Matrix = np.stack(db.decode(ValueType.VECTOR, rows.v)).astype(
        np.float32, copy=False
    )
    scores = _scores(known, matrix, wanted)
    best = np.argsort(-scores, kind="stable")[:k]
    return [
        Neighbour(e, s)
        for e, s in zip(rows.e[best].tolist(), scores[best].tolist(), strict=True)
    ]


def _vector_attribute(db: Db, name: str) -> Attribute:
    attribute = db.schema.get(name)
    if attribute is None or attribute.vector is None:
        raise QueryError(
            f"{name} is not a vector attribute",
            code="vector/not-a-vector-attribute",
            hint="declare it with :db.type/vector and :db/dimension",
            attribute=name,
        )
    return attribute


def _scores(attribute: Attribute, matrix: Matrix, query: Matrix) -> npt.NDArray[np.float32]:
    """Return float32[n], larger is nearer."""
    assert attribute.vector is not None
    scores: npt.NDArray[np.float32]
    match attribute.vector.metric:
        case "cosine":
            lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
            scores = (matrix @ query) / np.maximum(lengths, np.float32(1e-30))
        case "inner-product":
            scores = matrix @ query
        case "l2":
            scores = -np.linalg.norm(matrix - query, axis=1)
        case "hamming":
            scores = -np.count_nonzero(matrix != query, axis=1).astype(np.float32)
    return scores
