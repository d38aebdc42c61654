"""usearch's graphs of near neighbours, with what goes wrong in them kept out.

A graph covers a stretch of rows; its keys are row numbers and nothing is ever removed from it. Once it
is published it is only searched: usearch ends the process when somebody adds to a mapped graph, and
adding beside a search is not something that it promises. Its distances are used where it keeps float32;
otherwise hits are scored again from the matrix. (Measured on usearch 2.26.)
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

import numpy as np

from datamem.index.kernels import Int64Array
from datamem.schema.types import VectorSpec
from datamem.vector.metrics import Matrix, Scores

EXPANSION: Final = 64
"""How many candidates a search keeps, unless it asks for more: usearch's own default."""

_METRICS: Final = {"cosine": "cos", "inner-product": "ip", "l2": "l2sq", "hamming": "hamming"}
_MOST: Final = 127


def has_graph(spec: VectorSpec) -> bool:
    """Tell whether vectors of this kind can be in a graph: bits by Hamming distance, numbers by others."""
    return (spec.metric == "hamming") == (spec.dtype == "b1")


class Graph:
    """A graph over rows start:stop of a matrix.

    Attributes:
        start, stop: its rows.
        scale: the largest component that eight bits stand for, where it keeps eight bits.
        is_mapped: it was opened from a file and must never be added to.
    """

    __slots__ = (
        "_expansion",
        "_index",
        "_lock",
        "_search_many",
        "is_mapped",
        "scale",
        "spec",
        "start",
        "stop",
    )

    def __init__(
        self, spec: VectorSpec, index: Any, start: int, stop: int, scale: float
    ) -> None:
        self.spec = spec
        self._index = index
        self._search_many = index._compiled.search_many  # noqa: SLF001 - without two wrappers
        self._expansion = index.expansion_search
        self.start, self.stop = start, stop
        self.scale = scale
        self.is_mapped = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.stop - self.start

    def search(self, query: Matrix, k: int, ef: int | None = None) -> Int64Array:
        """Return the numbers of about the `k` nearest rows, int64[at most k]; nearest first."""
        return self.near(query, k, ef)[0]

    def near(
        self, query: Matrix, k: int, ef: int | None = None
    ) -> tuple[Int64Array, Scores | None]:
        """Return about the `k` nearest rows, nearest first, and their scores where those are exact.

        Args:
            query: float32[dimensions], as the matrix keeps rows.
            k: at least 1.
            ef: how many candidates to keep while searching; more is slower and finds better.

        Returns:
            (int64[at most k] numbers, float32 scores to the rounding of float32; None where the graph
            keeps coarser components).
        """
        expansion = max(EXPANSION if ef is None else ef, 1)
        asked = self._encoded(query.reshape(1, -1))
        with self._lock:
            if self._expansion != expansion:
                self._index.expansion_search = self._expansion = expansion
            keys, distances, counts, *_ = self._search_many(
                asked, count=min(k, self.stop - self.start), threads=1
            )
        rows: Int64Array = keys.view(np.int64)[0, : counts[0]]
        if self.spec.dtype != "f32":
            return rows, None
        return rows, self._scores(distances[0, : counts[0]])

    def _scores(self, distances: Scores) -> Scores:
        if self.spec.metric == "l2":
            return -np.sqrt(distances)
        return np.float32(1.0) - distances

    def add(self, rows: Matrix, threads: int = 1) -> None:
        """Add the rows that follow; REQUIRES: the graph is not published, nor mapped."""
        assert not self.is_mapped
        keys = np.arange(self.stop, self.stop + len(rows), dtype=np.uint64)
        self._index.add(keys, self._encoded(rows), threads=threads)
        self.stop += len(rows)

    def grown(self) -> Graph:
        """Return a copy that may be added to; the graph itself goes on being searched."""
        return Graph(self.spec, self._index.copy(), self.start, self.stop, self.scale)

    def save(self, path: Path) -> None:
        """Write the graph to a file."""
        self._index.save(str(path))

    def _encoded(self, rows: Matrix) -> Any:
        """Return rows as usearch is given them: it casts to eight bits in ways that lose lengths."""
        match self.spec.dtype:
            case "b1":
                return np.packbits(rows.astype(np.uint8), axis=-1)
            case "i8":
                scale: Any = self.scale
                if self.spec.metric == "cosine":
                    scale = np.max(np.abs(rows), axis=-1, keepdims=True)
                    scale = np.maximum(scale, np.finfo(np.float32).tiny)
                steps = np.rint(rows * (_MOST / scale))
                return np.clip(steps, -_MOST, _MOST).astype(np.int8)
            case _:
                pass
        return rows if rows.flags.c_contiguous else np.ascontiguousarray(rows)


def new_graph(spec: VectorSpec, start: int, sample: Matrix) -> Graph:
    """Return a graph without rows.

    Args:
        spec: of the attribute; dtype and metric are always told, since usearch chooses by CPU.
        start: the first row that will be added.
        sample: some of its rows, from which eight-bit components get their scale.
    """
    from usearch.index import Index  # an optional weight of 60 MB: only who searches much pays

    index = Index(
        ndim=spec.dimensions,
        metric=_METRICS[spec.metric],
        dtype=spec.dtype,
        expansion_search=EXPANSION,
        enable_key_lookups=False,
    )
    scale = float(np.abs(sample).max(initial=0.0)) or 1.0
    return Graph(spec, index, start, start, scale)


def open_graph(
    spec: VectorSpec, path: Path, start: int, stop: int, scale: float
) -> Graph | None:
    """Map a graph's file; None where it is not what it was taken for.

    REQUIRES: the file's checksum has been verified: usearch ends the process on a flipped bit. The
    metric is ours to remember, since a loaded file keeps the metric of the object.
    """
    from usearch.index import Index

    index: Any = Index.restore(str(path), view=True, enable_key_lookups=False)
    if index is None or index.ndim != spec.dimensions or len(index) != stop - start:
        return None
    if index.metric_kind.name.lower() != _METRICS[spec.metric]:
        return None
    graph = Graph(spec, index, start, stop, scale)
    graph.is_mapped = True
    return graph
