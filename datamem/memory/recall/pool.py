"""Candidates of a recall: what the searches found, and who stands beside it in the same sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from datamem.db.hits import Hits, no_hits
from datamem.index.kernels import EMPTY, BoolArray, Int64Array
from datamem.index.select import in_sorted
from datamem.index.sets import ascending
from datamem.memory.recall.dates import Span
from datamem.memory.recall.question import Question
from datamem.memory.records.columns import (
    first_words,
    has_words,
    members_of,
    speakers_of,
    words_by_entity,
)
from datamem.text import search as search_words
from datamem.text import search_each
from datamem.vector import search as search_vectors

if TYPE_CHECKING:
    from datamem.db.database import Db

Float64Array = npt.NDArray[np.float64]

TEXTS: Final = (":message/content", ":message/caption", ":memory/content")
"""The attributes whose words are searched."""
_PER_SESSION: Final = 32
"""Sessions whose other messages become candidates as well."""
_TERM_HITS: Final = 64
_RELATED: Final = 0.5
"""What a mention counts of something that is only related to what the question names."""
_ABSENT: Final = -1


class Mentions(NamedTuple):
    """What mentions the things that a question names, or things that are related to these.

    Attributes:
        e: int64[n], messages and memories, ascending, distinct.
        thing: int64[n], which entity each mentions.
        score: float64[n], 1.0 for what is named, less for what is related to it.
    """

    e: Int64Array
    thing: Int64Array
    score: Float64Array


_NO_MENTIONS: Final = Mentions(EMPTY, EMPTY, np.empty(0))


@dataclass(frozen=True, slots=True)
class Found:
    """What the searches found.

    Attributes:
        words: by BM25 of all terms together.
        vectors: by similarity.
        mentions: what mentions a thing that the question names, or that is related to one.
        dated: entities of a time that the question names, ascending; some, where there are many.
        about: memories of people whom the question names, ascending; the newest, where there are many. Where
            nothing else was found, what was said last by them or with them.
    """

    words: Hits = field(default_factory=no_hits)
    vectors: Hits = field(default_factory=no_hits)
    mentions: Mentions = field(default_factory=lambda: _NO_MENTIONS)
    dated: Int64Array = field(default_factory=lambda: EMPTY)
    about: Int64Array = field(default_factory=lambda: EMPTY)

    def entities(self) -> Int64Array:
        """Return all entities that some search found, ascending."""
        every = (self.words.e, self.vectors.e, self.mentions.e, self.dated, self.about)
        return ascending(np.concatenate(every))


def find_candidates(
    db: Db, question: Question, *, count: int, among: Int64Array | None = None
) -> Found:
    """Ask the indexes: words, vectors, people and things that are named, times.

    Args:
        count: hits of each search.
        among: only these entities.
    """
    texts = searched_texts(db)
    words = no_hits()
    if question.terms and texts:
        words = search_words(db, texts, " ".join(question.terms), count, among=among)
    vectors = no_hits()
    if question.vector is not None and question.attribute is not None:
        vectors = search_vectors(db, question.attribute, question.vector, count, among=among)
    mentions = _mentions(db, question.named.things, among)
    dated = _dated(db, question.spans, count, among)
    found = Found(words, vectors, mentions, dated)
    people = question.named.people
    if not len(people):
        return found
    about = _newest(members_of(db, ":memory/user", people).e, count, among)
    if not len(about) and not len(found.entities()):
        sessions = ascending(members_of(db, ":session/user", people).e)
        said = members_of(db, ":message/sender", people).e
        around = members_of(db, ":message/session", sessions).e
        about = _newest(np.concatenate((said, around)), count, among)
    return replace(found, about=about)


def _newest(es: Int64Array, count: int, among: Int64Array | None) -> Int64Array:
    """Return the newest of some entities, ascending; the newest have the highest ids."""
    known = ascending(es if among is None else es[in_sorted(es, among)])
    return known[-count:]


def searched_texts(db: Db) -> list[str]:
    """Return those of `TEXTS` that some entity has."""
    known = [attribute for name in TEXTS if (attribute := db.schema.get(name)) is not None]
    return [attribute.ident for attribute in known if db.count(a=attribute.id)]


def entities_by_term(
    db: Db, terms: Sequence[str], among: Int64Array | None = None
) -> dict[str, Int64Array]:
    """Return for each term the entities that have it, ascending; the best where there are many."""
    texts = searched_texts(db)
    if not texts:
        return {}
    found = search_each(db, texts, terms, _TERM_HITS, among=among)
    return {term: ascending(hits.e) for term, hits in zip(terms, found, strict=True)}


def _mentions(db: Db, things: Int64Array, among: Int64Array | None) -> Mentions:
    if not len(things):
        return _NO_MENTIONS
    named = words_by_entity(db, ":entity/mentions", things)
    around = words_by_entity(db, ":entity/mentions", _related(db, things))
    es = np.concatenate((named.v, around.v))
    thing = np.concatenate((named.e, around.e))
    score = np.repeat((1.0, _RELATED), (len(named.v), len(around.v)))
    if among is not None:
        keep = np.isin(es, among)
        es, thing, score = es[keep], thing[keep], score[keep]
    found, first = np.unique(es, return_index=True)
    return Mentions(found, thing[first], score[first])


def _related(db: Db, things: Int64Array) -> Int64Array:
    """Return the entities that are something to the given ones, or these to them, ascending."""
    found = [
        words_by_entity(db, ":entity/related", things).v,
        members_of(db, ":entity/related", things).e,
    ]
    ends = (":relation/source", ":relation/target")
    for one, other in (ends, ends[::-1]):
        relations = members_of(db, one, things).e
        found.append(words_by_entity(db, other, relations).v)
    return np.setdiff1d(np.concatenate(found), things)


def _dated(db: Db, spans: Sequence[Span], count: int, among: Int64Array | None) -> Int64Array:
    """Return what was said or made in some spans of time, at most so many of each span."""
    found = [EMPTY]
    for name in (":message/timestamp", ":memory/created-at"):
        attribute = db.schema.get(name)
        for start, stop in spans if attribute is not None else ():
            assert attribute is not None
            es = db.value_range(attribute.id, start, stop - 1).e
            found.append((es if among is None else np.intersect1d(es, among))[:count])
    return ascending(np.concatenate(found))


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates as columns: session after session, in each its turns, then its memories.

    Attributes:
        e: int64[n], distinct.
        is_message: bool[n].
        session: int64[n]; an entity without one is its own.
        place: int64[n], its place in the session; 0 where it has none.
        us: int64[n], when it was said or made; 0 where that is unknown.
        who: int64[n], who said it or whom it is about; -1 where nobody is known.
        by_entity: int64[n], the permutation by which `e` ascends.
    """

    e: Int64Array
    is_message: BoolArray
    session: Int64Array
    place: Int64Array
    us: Int64Array
    who: Int64Array
    by_entity: Int64Array

    def __len__(self) -> int:
        return len(self.e)

    def spread(self, es: Int64Array, values: Float64Array) -> Float64Array:
        """Return float64[n]: the sum of each candidate's values, 0.0 for those not among `es`."""
        at = np.searchsorted(self.e, es, sorter=self.by_entity)
        at = self.by_entity[np.minimum(at, len(self.e) - 1)]
        hit = self.e[at] == es
        found = np.bincount(at[hit], values[hit], minlength=len(self.e))
        return found.astype(np.float64, copy=False)


def make_pool(db: Db, found: Found, among: Int64Array | None = None) -> Pool:
    """Return what was found, and the other messages of the sessions where most was found."""
    es = found.entities()
    sessions = sessions_of(db, es)
    if sessions is es:
        return pool_of(db, es, es)
    others = members_of(db, ":message/session", _best_sessions(found, es, sessions))
    e, session = others.e, others.v
    if among is not None:
        keep = in_sorted(e, among)
        e, session = e[keep], session[keep]
    every, first = np.unique(np.concatenate((es, e)), return_index=True)
    return pool_of(db, every, np.concatenate((sessions, session))[first])


def sessions_of(db: Db, es: Int64Array) -> Int64Array:
    """Return the session of each message or memory; the entity itself where it has none.

    That is `es` itself where nothing at all has a session.
    """
    known = [name for name in (":message/session", ":memory/session") if has_words(db, name)]
    if not known:
        return es
    sessions = first_words(db, known[0], es, _ABSENT)
    for name in known[1:]:
        sessions = np.maximum(sessions, first_words(db, name, es, _ABSENT))
    return np.where(sessions == _ABSENT, es, sessions)


def _best_sessions(found: Found, es: Int64Array, sessions: Int64Array) -> Int64Array:
    """Return the sessions with the best hits by each search, ascending."""
    chosen: list[int] = []
    for hits in (found.words, found.vectors):
        at = np.searchsorted(es, hits.e)
        ranked = dict.fromkeys(sessions[at].tolist())
        chosen += list(ranked)[:_PER_SESSION]
    return ascending(np.array(chosen, np.int64))


def pool_of(db: Db, es: Int64Array, session: Int64Array | None = None) -> Pool:
    """Return candidates as a pool.

    Args:
        es: ascending, distinct.
        session: of each, where `sessions_of` them is known.
    """
    session = sessions_of(db, es) if session is None else session
    is_message = first_words(db, ":memory/content", es, _ABSENT) == _ABSENT
    messages, memories = es[is_message], es[~is_message]

    def column(of_messages: Int64Array, of_memories: Int64Array) -> Int64Array:
        if not len(of_memories) or not len(of_messages):
            return of_messages if len(of_messages) else of_memories
        both = np.empty(len(es), np.int64)
        both[is_message], both[~is_message] = of_messages, of_memories
        return both

    place = column(
        first_words(db, ":message/sequence", messages, 0), np.zeros(len(memories), np.int64)
    )
    us = column(
        first_words(db, ":message/timestamp", messages, 0),
        first_words(db, ":memory/created-at", memories, 0),
    )
    who = column(speakers_of(db, messages), first_words(db, ":memory/user", memories, _ABSENT))
    by_entity = np.arange(len(es))
    if session is es:
        return Pool(es, is_message, session, place, us, who, by_entity)
    order = _order(session, is_message, place, us)
    by_entity[order] = by_entity.copy()
    return Pool(
        es[order],
        is_message[order],
        session[order],
        place[order],
        us[order],
        who[order],
        by_entity,
    )


def _order(
    session: Int64Array, is_message: BoolArray, place: Int64Array, us: Int64Array
) -> Int64Array:
    """Return the order of a pool, for candidates by entity: what is equal stays in that order."""
    if not bool(is_message.all()):
        return np.lexsort((us, place, ~is_message, session))
    order = np.argsort(session, kind="stable")
    in_turn = place[order]
    starts = session[order[1:]] != session[order[:-1]]
    if bool((starts | (in_turn[1:] > in_turn[:-1])).all()):
        return order  # turns have ids in the order of their places, as they mostly have
    return np.lexsort((us, place, session))
