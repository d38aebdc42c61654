"""Asking: from a question to the items that answer it, over any database value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import QueryError
from datamem.index.kernels import Int64Array
from datamem.memory.recall.fallback import rank_unmatched
from datamem.memory.recall.filters import FILTERS, among_of
from datamem.memory.recall.pool import find_candidates, make_pool
from datamem.memory.recall.question import read_question
from datamem.memory.recall.ranking import Ranking, rank
from datamem.memory.recall.result import Recall
from datamem.memory.recall.weights import DEFAULT, Weights

if TYPE_CHECKING:
    from datamem.db.database import Db

CANDIDATES: Final = 200
"""Hits that each search contributes."""


def recall(
    db: Db,
    query: str,
    *,
    now_us: int,
    k: int = 10,
    embedder: Any = None,
    vector: Any = None,
    weights: Mapping[str, float] | Weights | None = None,
    candidates: int = CANDIDATES,
    fallback: bool = True,
    **filters: Any,
) -> Recall:
    """Return the messages and memories of a database value that answer a question, best first.

    Args:
        db: any value: of the past, of a scope, filtered; nothing else is seen.
        query: a question or some words.
        now_us: the instant of strengths and of "yesterday".
        k: how many at most.
        embedder: embeds the query, if vectors of its model are stored; None compares words only.
        vector: the query's embedding by that embedder, where it is known already.
        weights: changes to the weights by name.
        candidates: hits of each search; more find more, and take longer.
        fallback: whether to return the strongest, most important and newest memories where nothing matches.
        **filters: as `datamem.memory.recall.filters.among_of` takes them.

    Raises:
        QueryError: `recall/bad-query`, `recall/bad-option`, `recall/bad-k`, `recall/bad-weight`,
            `recall/bad-kind`.
    """
    _check(query, k, candidates, filters)
    chosen_weights = DEFAULT.changed(weights)
    question = read_question(db, query, now_us=now_us, embedder=embedder, vector=vector)
    among = among_of(db, **filters)
    found = find_candidates(db, question, count=max(candidates, k), among=among)
    pool = make_pool(db, found, among)
    how: dict[str, Any] = {"weights": chosen_weights, "now_us": now_us, "among": among}
    if fallback and not len(pool):
        ranking = rank_unmatched(db, question, **how)
    else:
        ranking = rank(db, question, found, pool, **how)
    return Recall(db, question, found, ranking, best_of(ranking, k), now_us)


def _check(query: Any, k: int, candidates: int, filters: Mapping[str, Any]) -> None:
    if not isinstance(query, str):
        raise QueryError(
            f"the question is {query!r}, and can only be a text", code="recall/bad-query"
        )
    if k < 1 or candidates < 1:
        raise QueryError(
            f"k is {k} and candidates {candidates}, and both must be at least 1",
            code="recall/bad-k",
            k=k,
        )
    if unknown := sorted(set(filters) - set(FILTERS)):
        raise QueryError(
            f"a recall has no option {unknown[0]}",
            code="recall/bad-option",
            hint=f"its filters are {', '.join(FILTERS)}; others are k, weights, candidates, fallback",
            options=unknown,
        )


def best_of(ranking: Ranking, k: int) -> Int64Array:
    """Return the places of the `k` best candidates in the pool, best first."""
    score = ranking.score
    if len(score) <= k:
        return np.argsort(-score, kind="stable")
    part = np.argpartition(-score, k)[:k]
    return part[np.lexsort((part, -score[part]))]
