"""The nearest entities as a list: the search that Python programs call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from datamem.vector.search import search

if TYPE_CHECKING:
    from datamem.db.database import Db


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
    db: Db,
    attribute: str,
    query: Any,
    k: int,
    *,
    among: Iterable[int] | None = None,
    ef: int | None = None,
    exact: bool | None = None,
) -> list[Neighbour]:
    """Return the `k` nearest of an attribute's vectors that the view shows, nearest first.

    Args:
        db, attribute, query, k, ef, exact: as `search` takes them.
        among: only these entities, in any order.

    Raises:
        DatamemError: as `search` does.
    """
    only = None if among is None else np.unique(np.fromiter(among, np.int64))
    hits = search(db, attribute, query, k, among=only, ef=ef, exact=exact)
    return [Neighbour(e, s) for e, s in zip(hits.e.tolist(), hits.score.tolist(), strict=True)]
