"""Nearness: how rows are kept for a metric, and how they score against a query; larger is nearer."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from datamem.schema.types import VectorSpec

Matrix: TypeAlias = npt.NDArray[np.float32]
"""float32[n, dimensions], or float32[dimensions] for one vector."""

Scores: TypeAlias = npt.NDArray[np.float32]


def as_rows(vectors: Matrix, spec: VectorSpec) -> Matrix:
    """Return vectors as a matrix keeps them: of length one where only their direction counts.

    Args:
        vectors: float32[n, dimensions], or one vector.
        spec: of their attribute.
    """
    if spec.metric != "cosine":
        return vectors
    if vectors.ndim == 1:
        one: Matrix = vectors * np.float32(1.0 / math.sqrt(_square(vectors)))
        return one
    wide = vectors.astype(np.float64)
    lengths = np.sqrt(np.sum(wide * wide, axis=-1, keepdims=True))
    rows: Matrix = (wide / np.maximum(lengths, np.finfo(np.float64).tiny)).astype(np.float32)
    return rows


def _square(vector: Matrix) -> float:
    """Return the square of a vector's length, also where float32 cannot hold it."""
    square = float(vector @ vector)
    if 1e-30 < square < 1e30:
        return square
    wide = vector.astype(np.float64)
    return float(wide @ wide) or math.ulp(0.0)


def score_rows(rows: Matrix, query: Matrix, spec: VectorSpec) -> Scores:
    """Return float32[n]: cosine similarity, inner product, or minus the l2 or Hamming distance.

    Args:
        rows: float32[n, dimensions], as `as_rows` gives them.
        query: float32[dimensions], likewise.
        spec: of their attribute.
    """
    scores: Scores
    match spec.metric:
        case "cosine" | "inner-product":
            scores = np.vecdot(rows, query)  # on one thread: a product waits for busy cores
        case "l2":
            apart = rows - query
            scores = -np.sqrt(np.vecdot(apart, apart))
        case "hamming":
            scores = -np.count_nonzero(rows != query, axis=1).astype(np.float32)
    return scores


def best_rows(scores: Scores, k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the `k` largest scores, largest first; of equals, the first ones.

    Cost: one pass, and a sort of about `k`.
    """
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        chosen = np.flatnonzero(scores >= least)
    else:
        chosen = np.arange(len(scores))
    order = np.argsort(-scores[chosen], kind="stable")[:k]
    best: npt.NDArray[np.int64] = chosen[order]
    return best
