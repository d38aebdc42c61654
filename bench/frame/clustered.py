"""Clustered vectors, as embeddings are: a thousand topics, noise around each; and what is nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

WIDTH = 384
CLUSTERS = 1_000
_PART = 65_536


class Clustered:
    """Vectors by number.

    Attributes:
        rows: float32[n, 384].
        label: int64[n], the cluster of each.
    """

    def __init__(self, count: int, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self._centres = rng.standard_normal((CLUSTERS, WIDTH)).astype(np.float32)
        self.label = rng.integers(0, CLUSTERS, count)
        self.rows: Matrix = np.empty((count, WIDTH), np.float32)
        for at in range(0, count, _PART):
            label = self.label[at : at + _PART]
            noise = rng.standard_normal((len(label), WIDTH)).astype(np.float32)
            self.rows[at : at + _PART] = self._centres[label] + np.float32(0.6) * noise

    def queries(self, count: int, seed: int = 3) -> Matrix:
        """Return vectors near stored ones, float32[count, 384]."""
        rng = np.random.default_rng(seed)
        picked = rng.integers(0, len(self.rows), count)
        noise = rng.standard_normal((count, WIDTH)).astype(np.float32)
        found: Matrix = self.rows[picked] + np.float32(0.3) * noise
        return found


class Truth:
    """The exact cosine of every row with some queries, made once."""

    def __init__(self, data: Clustered, queries: Matrix) -> None:
        self.queries = queries
        self._scores = np.empty((len(queries), len(data.rows)), np.float32)
        for at in range(0, len(data.rows), _PART):
            part = data.rows[at : at + _PART]
            lengths = np.sqrt(np.einsum("ij,ij->i", part, part))
            self._scores[:, at : at + _PART] = (queries @ part.T) / lengths

    def best(self, query: int, allowed: Numbers | slice, k: int = 10) -> list[int]:
        """Return the `k` best of the allowed rows for a query by number."""
        scores = self._scores[query, allowed]
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        chosen: list[int] = (best if isinstance(allowed, slice) else allowed[best]).tolist()
        return chosen


def nearest(rows: Matrix, numbers: Numbers, query: Matrix, k: int = 10) -> list[int]:
    """Return the `k` of the numbered rows with the largest cosine, by gathering and scoring all."""
    some = rows[numbers]
    scores = (some @ query) / np.sqrt(np.einsum("ij,ij->i", some, some))
    best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
    found: list[int] = numbers[best[np.argsort(-scores[best])]].tolist()
    return found


def recall(found: list[Any], wanted: list[Any]) -> float:
    """Return which part of what was wanted was found."""
    return len(set(found) & set(wanted)) / len(wanted) if wanted else 1.0
