"""What to recall where nothing matches: the newest, the most important and the last used memories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from datamem.index.kernels import EMPTY, Int64Array
from datamem.index.select import in_sorted
from datamem.index.sets import ascending
from datamem.memory.recall.pool import Found, pool_of
from datamem.memory.recall.question import Question
from datamem.memory.recall.ranking import Ranking, fuse, session_starts, signals_of
from datamem.memory.recall.weights import Weights
from datamem.memory.records.columns import first_words

if TYPE_CHECKING:
    from datamem.db.database import Db

_MOST: Final = 64
"""Candidates by each of `_BY`."""
_BY: Final = (
    ":memory/created-at",
    ":memory/importance",
    ":memory/last-recall",
    ":memory/last-reviewed",
)
_RECENCY: Final = 0.02
"""What recency counts at least, where nothing tells the candidates apart but that."""


def rank_unmatched(
    db: Db, question: Question, *, weights: Weights, now_us: int, among: Int64Array | None
) -> Ranking:
    """Return memories that are worth knowing whatever was asked, or messages where there are none.

    They are ranked by strength, recency and importance. All scores are below 0, where no match can be.

    Args:
        among: only these entities.

    Cost: a column for each thing that they are chosen by.
    """
    pool = pool_of(db, _candidates(db, among))
    signals = signals_of(db, question, Found(), pool, now_us)
    starts = session_starts(pool.session)
    ranking = fuse(pool, signals, starts, np.zeros(len(starts)), _by_themselves(weights))
    below = 1.0 + sum(ranking.own_weights.tolist())
    return replace(
        ranking,
        score=ranking.score - below,
        sessions=ranking.sessions - below,
        unmatched=-below,
    )


def _by_themselves(weights: Weights) -> Weights:
    """Return the weights where nothing is shared with neighbours or sessions."""
    return replace(
        weights,
        recency=max(weights.recency, _RECENCY),
        previous=0.0,
        next=0.0,
        second_previous=0.0,
        second_next=0.0,
        kept=0.0,
        session=0.0,
        session_words=0.0,
    )


def _candidates(db: Db, among: Int64Array | None) -> Int64Array:
    found = ascending(np.concatenate([_greatest(db, name, among) for name in _BY]))
    memories = found[first_words(db, ":memory/content", found, -1) >= 0]
    return memories if len(memories) else _greatest(db, ":message/timestamp", among)


def _greatest(db: Db, name: str, among: Int64Array | None) -> Int64Array:
    """Return the entities with the greatest values of an attribute, ascending."""
    attribute = db.schema.get(name)
    if attribute is None:
        return EMPTY
    rows = db.value_range(attribute.id)
    e, v = rows.e, rows.v
    if among is not None:
        keep = in_sorted(e, among)
        e, v = e[keep], v[keep]
    if len(e) > _MOST:
        e = e[np.argpartition(v, len(v) - _MOST)[len(v) - _MOST :]]
    return np.sort(e)
