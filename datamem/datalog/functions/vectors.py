"""Nearness of two vectors: stored ones, lists of numbers or arrays, a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from datamem.datalog.functions.function import Function
from datamem.errors import QueryError

Matrix = npt.NDArray[np.float64]


def _cosine(left: Matrix, right: Matrix) -> Matrix:
    squares = np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right)
    if not squares.all():
        raise QueryError(
            "a vector of zeros has no direction, so it is like no other",
            code="vector/no-direction",
            hint="compare by l2-distance or dot-product",
        )
    similar: Matrix = np.einsum("ij,ij->i", left, right) / np.sqrt(squares)
    return similar


def _dot(left: Matrix, right: Matrix) -> Matrix:
    products: Matrix = np.einsum("ij,ij->i", left, right)
    return products


def _distance(left: Matrix, right: Matrix) -> Matrix:
    apart = left - right
    distances: Matrix = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    return distances


def _by_column(
    compare: Callable[[Matrix, Matrix], Matrix],
) -> Callable[[Sequence[Any], Sequence[Any]], list[float]]:
    """Return a comparison of two vectors as one of two lists of vectors."""

    def call(left: Sequence[Any], right: Sequence[Any]) -> list[float]:
        if not len(left):
            return []
        rows = [_rows(side) for side in (left, right)]
        if rows[0].shape != rows[1].shape:
            raise _different(rows[0].shape[1], rows[1].shape[1])
        found: list[float] = compare(*rows).tolist()
        return found

    return call


def _rows(vectors: Sequence[Any]) -> Matrix:
    """Return vectors as float64[n, dimensions]."""
    widths = {np.shape(vector) for vector in vectors}
    if len(widths) > 1 and all(len(width) == 1 for width in widths):
        few = sorted(width[0] for width in widths)
        raise _different(few[0], few[-1])
    try:
        rows = np.asarray(vectors, np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.ndim != 2 or any(isinstance(vector, str) for vector in vectors):
        raise QueryError(
            "vectors are compared, and this is none",
            code="vector/not-a-vector",
            hint="give stored vectors, lists of numbers or arrays",
        )
    if not np.isfinite(rows).all():
        raise QueryError(
            "a vector has a component that is not finite",
            code="vector/not-a-vector",
            hint="clean it: NaN is like nothing",
        )
    return rows


def _different(one: int, other: int) -> QueryError:
    return QueryError(
        f"vectors of {one} and of {other} dimensions cannot be compared",
        code="vector/different-dimensions",
        hint="compare what one model made",
    )


def _function(name: str, compare: Callable[[Matrix, Matrix], Matrix]) -> Function:
    return Function(name, _by_column(compare), 2, 2, pure=True, vectorised=True)


FUNCTIONS: Final = (
    _function("vec-similarity", _cosine),
    _function("cosine-similarity", _cosine),
    _function("dot-product", _dot),
    _function("l2-distance", _distance),
)
