"""Rows near a query, by graphs and by scoring what is in none, with how far that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from datamem.index.kernels import Int64Array
from datamem.vector.graph import Graph
from datamem.vector.matrix import RowMatrix
from datamem.vector.metrics import Matrix, Scores, best_rows, score_rows

NO_BOUND: Final = -np.inf
"""The bound where every row is there."""


class Near(NamedTuple):
    """Rows near a query.

    Attributes:
        codes: int64[n], distinct.
        scores: float32[n].
        bound: every row that is not here scores no more, as far as the graphs find them.
    """

    codes: Int64Array
    scores: Scores
    bound: float


class NearRows(NamedTuple):
    """As `Near`, by row number."""

    rows: Int64Array
    scores: Scores
    bound: float


class Found(NamedTuple):
    """Rows that a view sees, in no order; int64[n], but for float32[n] scores."""

    rows: Int64Array
    e: Int64Array
    scores: Scores


FEW: Final = Found(*(np.empty(0, np.int64),) * 2, np.empty(0, np.float32))
"""Says that a view sees too few of the rows that graphs find near."""


def near_rows(
    graphs: Sequence[Graph],
    matrix: RowMatrix,
    count: int,
    query: Matrix,
    k: int,
    ef: int | None,
) -> NearRows:
    """Return the best rows of each graph and of those in none, all with exact scores.

    Args:
        graphs: over ascending stretches of rows.
        matrix: the rows.
        count: how many of them there are.
        query: as rows are kept.
        k: how many of each.
        ef: see `Graph.search`.
    """
    start = graphs[-1].stop if graphs else 0
    if start == count and len(graphs) == 1:
        return _of_graph(graphs[0], matrix, query, k, ef)
    found = [_of_graph(graph, matrix, query, k, ef) for graph in graphs]
    if start < count or not found:
        found.append(_of_tail(matrix, query, k, start, count))
    if len(found) == 1:
        return found[0]
    return NearRows(
        np.concatenate([near.rows for near in found]),
        np.concatenate([near.scores for near in found]),
        max(near.bound for near in found),
    )


def _of_graph(
    graph: Graph, matrix: RowMatrix, query: Matrix, k: int, ef: int | None
) -> NearRows:
    rows, scores = graph.near(query, k, ef)
    if scores is None:
        scores = score_rows(matrix.read(rows), query, graph.spec)
        bound = float(scores.min(initial=np.inf))
    else:
        bound = float(scores[-1]) if len(scores) else np.inf
    if len(rows) >= len(graph):
        bound = NO_BOUND
    return NearRows(rows, scores, bound)


def _of_tail(matrix: RowMatrix, query: Matrix, k: int, start: int, count: int) -> NearRows:
    if start == count:
        return NearRows(np.empty(0, np.int64), np.empty(0, np.float32), NO_BOUND)
    scores = matrix.all_scores(query, start, count)
    best = best_rows(scores, k)
    bound = NO_BOUND if k >= count - start else float(scores[best[-1]])
    return NearRows(best + start, scores[best], bound)
