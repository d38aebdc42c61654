"""What a search is asked: its attribute, its query and how many, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.errors import QueryError

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute


def vector_attribute(db: Db, name: Any) -> Attribute:
    """Return an attribute that holds vectors.

    Raises:
        QueryError: `vector/not-a-vector-attribute`.
    """
    attribute = db.schema.get(name) if isinstance(name, str | int) else None
    if attribute is None or attribute.vector is None:
        raise QueryError(
            f"{name} is not a vector attribute",
            code="vector/not-a-vector-attribute",
            hint="declare it with :db.type/vector and :db/dimension",
            attribute=name,
        )
    return attribute


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
