"""Searching an attribute's vectors as a database value shows them: columns of hits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.db.hits import Hits, no_hits
from datamem.index.kernels import Int64Array
from datamem.schema.types import ValueType
from datamem.vector.exact import _scores, _vector_attribute

if TYPE_CHECKING:
    from datamem.db.database import Db


def search(
    db: Db,
    attribute: str,
    query: Any,
    k: int = 10,
    *,
    among: Int64Array | None = None,
    ef: int | None = None,  # noqa: ARG001 - exact search has no such knob
    exact: bool | None = None,  # noqa: ARG001 - it always is
) -> Hits:
    """Return the `k` nearest of an attribute's vectors that the view shows, nearest first."""
    known = _vector_attribute(db, attribute)
    wanted = known.check(query)
    rows = db.rows(a=known.id) if among is None else db.lookup_many(known.id, among)
    if not len(rows):
        return no_hits()
    matrix = np.stack(db.decode(ValueType.VECTOR, rows.v)).astype(np.float32, copy=False)
    scores = _scores(known, matrix, wanted)
    best = np.argsort(-scores, kind="stable")[:k]
    return Hits(rows.e[best], rows.v[best], rows.tx[best], scores[best].astype(np.float64))
