"""Ranking: signals of each candidate, the scores of its neighbours and of its session, fused.

All of it is arithmetic over columns of a few hundred candidates:

    own     = sum of weight * signal                              signals between 0 and 1
    shared  = own + sum of weight * own of the turns before and after; of a memory, weight * own
    session = best shared of the session + weight * BM25 of the session
    score   = shared + weight * session
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datamem.index.kernels import Int64Array
from datamem.index.words import doubles_of_words, word_of_double
from datamem.memory.recall.dates import nearness
from datamem.memory.recall.pool import Found, Pool, entities_by_term, sessions_of
from datamem.memory.recall.question import Question
from datamem.memory.recall.weights import OWN, Weights
from datamem.memory.records.columns import first_words
from datamem.memory.reflection.strength import (
    HOUR_US,
    TAXONOMY,
    UNKNOWN_TYPE,
    Decay,
    decay_of,
    relative_strengths,
)

if TYPE_CHECKING:
    from datamem.db.database import Db

Float64Array = npt.NDArray[np.float64]

_SATURATION, _LENGTH_PART = 1.2, 0.75
"""k1 and b of BM25, as the text index has them."""
_NEUTRAL: Final = 0.5
_MESSAGES: Final = -2
"""The kind of all messages, whose strength is that of interactions."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates with all their scores, in the pool's order.

    Attributes:
        pool: the candidates.
        signals: float64[n, 8], between 0 and 1, in the order of `OWN`.
        own_weights: float64[8], as they were used.
        own: float64[n], the weighted signals.
        shared: float64[n], with what neighbours share.
        starts: int64[m], where in the pool each session starts.
        sessions: float64[m], the score of each session.
        session_words: float64[m], its BM25, divided by the best.
        score: float64[n].
        weights: as they were used.
        unmatched: what is part of every score where nothing matches the question, below 0; else 0.
    """

    pool: Pool
    signals: Float64Array
    own_weights: Float64Array
    own: Float64Array
    shared: Float64Array
    starts: Int64Array
    sessions: Float64Array
    session_words: Float64Array
    score: Float64Array
    weights: Weights
    unmatched: float = 0.0

    @property
    def session_of(self) -> Int64Array:
        """The session of each candidate, by place in `sessions`, int64[n]."""
        marks = np.zeros(len(self.pool), np.int64)
        marks[self.starts] = 1
        return np.cumsum(marks) - 1


def rank(
    db: Db,
    question: Question,
    found: Found,
    pool: Pool,
    *,
    weights: Weights,
    now_us: int,
    among: Int64Array | None = None,
) -> Ranking:
    """Return the candidates with their scores.

    Cost: about 1 ms for a thousand of them, and a search a term where there are sessions to score.
    """
    signals = signals_of(db, question, found, pool, now_us)
    starts = session_starts(pool.session)
    words = np.zeros(len(starts))
    if len(starts) < len(pool) and weights.session and weights.session_words:
        by_term = entities_by_term(db, question.terms, among)
        words = _session_words(db, pool, by_term, starts)
    return fuse(pool, signals, starts, words, weights)


def fuse(
    pool: Pool,
    signals: Float64Array,
    starts: Int64Array,
    session_words: Float64Array,
    weights: Weights,
) -> Ranking:
    """Return the scores that signals give by some weights; the arguments as in `Ranking`."""
    own_weights = _own_weights(weights, has_vectors=bool(signals[:, 1].any()))
    own = signals @ own_weights
    shared = own + _from_neighbours(pool, own, weights)
    best = np.maximum.reduceat(shared, starts) if len(starts) else np.empty(0)
    sessions = best + weights.session_words * session_words
    lengths = np.diff(np.append(starts, len(pool)))
    score = shared + weights.session * np.repeat(sessions, lengths)
    return Ranking(
        pool, signals, own_weights, own, shared, starts, sessions, session_words, score, weights
    )


def _own_weights(weights: Weights, *, has_vectors: bool) -> Float64Array:
    by_name = weights.as_dict()
    if not has_vectors:
        by_name["words"] += by_name["vectors"]
    return np.array([by_name[name] for name in OWN])


def signals_of(
    db: Db, question: Question, found: Found, pool: Pool, now_us: int
) -> Float64Array:
    """Return the signals of each candidate, float64[n, 8] between 0 and 1."""
    words, vectors = found.words, found.vectors
    columns = np.zeros((len(OWN), len(pool)))
    if not len(pool):
        return columns.T
    if len(words.e):
        scores = pool.spread(words.e, words.score)
        columns[0] = scores / max(float(scores.max()), 1e-12)
    if len(vectors.e):
        columns[1] = pool.spread(vectors.e, _min_max(vectors.score))
    named = question.named
    if len(named.people):
        columns[2] = np.isin(pool.who, named.people)
    if question.spans:
        columns[3] = nearness(question.spans, pool.us)
    if len(found.mentions.e):
        columns[4] = pool.spread(found.mentions.e, found.mentions.score)
    memories = _memories(pool)
    columns[5] = _relative_strength(db, pool, memories, now_us)
    columns[6] = _recency(pool.us)
    columns[7] = _importance(db, pool, memories)
    return columns.T


def _min_max(scores: Float64Array) -> Float64Array:
    """Return scores, best first, between 0 and 1; all 1 where they are equal."""
    low, high = float(scores[-1]), float(scores[0])
    return (scores - low) / (high - low) if high > low else np.ones(len(scores))


def _relative_strength(db: Db, pool: Pool, memories: Int64Array, now_us: int) -> Float64Array:
    strength = np.ones(len(pool))
    count = len(pool) - len(memories)
    if count:
        is_message = pool.is_message
        rate = TAXONOMY.get(":interaction", UNKNOWN_TYPE).decay_rate / HOUR_US
        decay = Decay(
            pool.e[is_message],
            np.ones(count),
            np.full(count, rate),
            pool.us[is_message],
            np.full(count, _MESSAGES),
        )
        strength[is_message] = relative_strengths(decay, now_us)
    if len(memories):
        decay = decay_of(db, pool.e[memories], created_us=pool.us[memories])
        strength[memories] = relative_strengths(decay, now_us)
    return strength


def _recency(us: Int64Array) -> Float64Array:
    low, high = int(us.min()), int(us.max())
    found: Float64Array = (us - low) / max(high - low, 1)
    return found


def _importance(db: Db, pool: Pool, memories: Int64Array) -> Float64Array:
    found = np.full(len(pool), _NEUTRAL)
    if len(memories):
        neutral = word_of_double(_NEUTRAL)
        words = first_words(db, ":memory/importance", pool.e[memories], neutral)
        found[memories] = np.clip(doubles_of_words(words), 0.0, 1.0)
    return found


def _memories(pool: Pool) -> Int64Array:
    """Return where in the pool the memories are, in the order of their ids."""
    return pool.by_entity[~pool.is_message[pool.by_entity]]


def neighbour(pool: Pool, distance: int) -> Int64Array:
    """Return where in the pool the turn so many places later (earlier if negative) is; -1 if nowhere."""
    count = len(pool)
    at = np.arange(count) + distance
    inside = (at >= 0) & (at < count)
    at = np.where(inside, at, 0)
    same = inside & (pool.session[at] == pool.session)
    same &= pool.place[at] - pool.place == distance
    return np.where(same, at, -1)


def kernel(weights: Weights) -> tuple[tuple[int, float], ...]:
    """Return how far a neighbour is, and what it counts."""
    return (
        (-1, weights.previous),
        (1, weights.next),
        (-2, weights.second_previous),
        (2, weights.second_next),
    )


def _from_neighbours(pool: Pool, own: Float64Array, weights: Weights) -> Float64Array:
    """Return what the turns before and after share with each turn; of a memory, a part of its own."""
    kept: Float64Array = weights.kept * own
    if not pool.is_message.any():
        return kept
    found = np.zeros(len(pool))
    for distance, before, after in (
        (1, weights.previous, weights.next),
        (2, weights.second_previous, weights.second_next),
    ):
        is_near = pool.session[distance:] == pool.session[:-distance]
        is_near &= pool.place[distance:] - pool.place[:-distance] == distance
        found[distance:] += before * np.where(is_near, own[:-distance], 0.0)
        found[:-distance] += after * np.where(is_near, own[distance:], 0.0)
    return np.where(pool.is_message, found, kept)


def session_starts(session: Int64Array) -> Int64Array:
    """Return where in a pool each session starts."""
    if not len(session):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], session[1:] != session[:-1])))


def _session_words(
    db: Db, pool: Pool, by_term: dict[str, Int64Array], starts: Int64Array
) -> Float64Array:
    """Return the BM25 of each session, divided by the best, float64[m].

    A session is a document whose words are the terms that its items have, each item once: so the
    hits of each term are all that is needed, and no text is read.
    """
    if not by_term:
        return np.zeros(len(starts))
    names = pool.session[starts]
    lengths = np.diff(np.append(starts, len(pool))).astype(np.float64)
    norm = _SATURATION * (1 - _LENGTH_PART + _LENGTH_PART * lengths / lengths.mean())
    hits = np.concatenate(list(by_term.values()))
    term = np.repeat(np.arange(len(by_term)), [len(es) for es in by_term.values()])
    known, of_known = np.unique(hits, return_inverse=True)
    sessions, of_session = np.unique(sessions_of(db, known), return_inverse=True)
    shape = len(by_term), len(sessions)
    cells = term * shape[1] + of_session[of_known]
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    at = np.minimum(np.searchsorted(names, sessions), len(names) - 1)
    is_candidate = names[at] == sessions
    every = len(sessions) + len(names) - int(is_candidate.sum())
    having = (counts > 0).sum(axis=1)
    idf = np.log1p((every - having + 0.5) / (having + 0.5))
    here = np.zeros((shape[0], len(names)))
    here[:, at[is_candidate]] = counts[:, is_candidate]
    total: Float64Array = idf @ (here * (_SATURATION + 1) / (here + norm))
    total /= max(float(total.max()), 1e-12)
    return total
