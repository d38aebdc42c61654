"""Why an item was recalled, in words: the way from the question to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.memory.recall.result import Recall


def paths_of(recall: Recall, at: int) -> Iterator[str]:
    """Yield what led to a candidate, by its place in the pool."""
    e = int(recall.ranking.pool.e[at])
    if recall.is_fallback:
        yield "nothing matches the question: it is among the newest, most important and last used"
        return
    yield from _words(recall, e)
    yield from _vectors(recall, e)
    yield from _names(recall, at)
    yield from _times(recall, at)
    yield from _entities(recall, e)
    yield from _neighbours(recall, at)
    yield from _session(recall, at)


def _words(recall: Recall, e: int) -> Iterator[str]:
    having = [term for term, es in recall.by_term.items() if e in es]
    if having:
        yield f"its words: {', '.join(having)}"


def _vectors(recall: Recall, e: int) -> Iterator[str]:
    at = np.flatnonzero(recall.found.vectors.e == e)
    if len(at):
        similarity = recall.found.vectors.score[at[0]]
        yield f"similar in meaning: {similarity:.2f}, number {at[0] + 1} of the nearest"


def _names(recall: Recall, at: int) -> Iterator[str]:
    pool = recall.ranking.pool
    who = int(pool.who[at])
    if who in recall.question.named.people:
        verb = "said by" if pool.is_message[at] else "about"
        yield f"{verb} {name_of(recall.db, who)}, whom the question names"


def _times(recall: Recall, at: int) -> Iterator[str]:
    us = int(recall.ranking.pool.us[at])
    if any(start <= us < stop for start, stop in recall.question.spans):
        yield "within a time that the question names"
    elif recall.ranking.signals[at][3] > 0.1:
        yield "near a time that the question names"


def _entities(recall: Recall, e: int) -> Iterator[str]:
    mentions = recall.found.mentions
    for thing in mentions.thing[mentions.e == e].tolist():
        is_named = thing in recall.question.named.things
        how = "which" if is_named else "related to what"
        yield f"mentions {name_of(recall.db, thing)}, {how} the question names"


def _neighbours(recall: Recall, at: int) -> Iterator[str]:
    pool = recall.ranking.pool
    for place, given in recall.neighbours(at)[:1]:
        distance = int(pool.place[place] - pool.place[at])
        where = "before" if distance < 0 else "after"
        turns = "turn" if abs(distance) == 1 else "turns"
        yield f"{abs(distance)} {turns} {where} it is {pool.e[place]}, which gave it {given:.2f}"


def _session(recall: Recall, at: int) -> Iterator[str]:
    ranking = recall.ranking
    if ranking.pool.session[at] == ranking.pool.e[at]:
        return
    place = int(ranking.session_of[at])
    rank = int((ranking.sessions > ranking.sessions[place]).sum()) + 1
    yield f"in session {ranking.pool.session[at]}, number {rank} of {len(ranking.sessions)}"


def name_of(db: Db, e: int) -> str:
    """Return the name of a user, agent or entity; "" where it has none."""
    if e < 0:
        return ""
    entity = db.entity(e)
    names = (":user/name", ":agent/name", ":entity/name")
    return str(next((entity[name] for name in names if name in entity), ""))
