"""What a search is asked: its attribute, its query and how many, checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import QueryError
from datamem.vector.metrics import Matrix, as_rows

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute


_LEAST: Final = 1e-30
_MOST: Final = 1e30


def vector_attribute(db: Db, name: Any) -> Attribute:
    """Return an attribute that holds vectors.

    Raises:
        QueryError: `vector/not-a-vector-attribute`.
    """
    attribute = db.schema.get(name) if isinstance(name, (str, int)) else None
    if attribute is None or attribute.vector is None:
        raise QueryError(
            f"{name} is not a vector attribute",
            code="vector/not-a-vector-attribute",
            hint="declare it with :db.type/vector and :db/dimension",
            attribute=name,
        )
    return attribute


def query_row(attribute: Attribute, query: Any) -> Matrix:
    """Return what is searched for as rows are kept, float32[dimensions].

    Raises:
        SchemaError: what the attribute could not hold.
    """
    spec = attribute.vector
    assert spec is not None
    if type(query) is np.ndarray and query.dtype == np.float32 and spec.dtype != "b1":
        square = float(query @ query) if query.shape == (spec.dimensions,) else 0.0
        if _LEAST < square < _MOST:  # finite, and not all zeros: nothing left to check
            if spec.metric != "cosine":
                return query
            row: Matrix = query * np.float32(1.0 / math.sqrt(square))
            return row
    return as_rows(attribute.check(query), spec)


def check_ef(ef: Any) -> None:
    """Refuse a number of candidates that no search can keep.

    Raises:
        QueryError: `vector/bad-ef` for anything but None or a whole number from 1 on.
    """
    if ef is not None and (not isinstance(ef, int) or isinstance(ef, bool) or ef < 1):
        raise QueryError(
            f"ef is {ef}, and must be at least 1",
            code="vector/bad-ef",
            hint="64 is usual; more is slower and finds better",
            ef=ef,
        )


def check_count(k: Any) -> int:
    """Return how many hits are asked for.

    Raises:
        QueryError: `vector/bad-k` for anything but a whole number from 1 on.
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise QueryError(
            f"k is {k}, and must be at least 1",
            code="vector/bad-k",
            hint="ask for one neighbour or more",
            k=k,
        )
    return k
