"""Consolidation: sessions become episodes, these themes, and these archetypes; each keeps what it came from.

A summariser may be a model and slow, so it runs before the transaction, on the newest database value; the
transaction then checks that nobody was quicker. What an episode is called follows from its session, and
only episodes without a theme, and themes without an archetype, are looked at: doing it twice, or again after a crash, adds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import numpy as np

from datamem.edn import Keyword
from datamem.index.kernels import Int64Array
from datamem.index.words import doubles_of_words, instant_of_us
from datamem.memory.memories.adding import digest_of
from datamem.memory.records.columns import first_words, members_of, words_by_entity
from datamem.memory.records.kinds import get
from datamem.memory.reflection.hierarchy import EPISODE, LEVELS, THEME
from datamem.memory.reflection.strength import memory_types
from datamem.memory.reflection.summarise import Summariser, extractive
from datamem.memory.reflection.terms import content_words

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.memory.records.context import Context

_NAMESPACE: Final = UUID("6f6d0e1c-2a53-5d43-9a35-3a5cf1d8f0b4")
"""Of the ids of what is made, so that whoever makes them again makes the same."""

Grouping = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""From the texts of memories to groups of them by place, each at most once; a group becomes one memory."""

_SIMILAR: Final = {EPISODE: 0.2, THEME: 0.1}
"""Cosine from which memories of a level share enough words; themes, being shorter than what they tell of, less."""
_IMPORTANCE: Final = 0.5
_ABSENT: Final = int(np.iinfo(np.int64).min)


def sessions_to_consolidate(
    db: Db, episodes: Db | None = None, *, min_messages: int = 2
) -> list[int]:
    """Return the ended sessions that have other messages than their episode tells of, ascending.

    Consolidating is thus a query, and may be interrupted and continued anywhere.

    Args:
        episodes: where episodes are looked for: with those that are forgotten, so that these are not
            made again. None: `db`.
        min_messages: shorter sessions wait.

    Cost: some columns, whatever the number of sessions.
    """
    status, session = db.schema.get(":session/status"), db.schema.get(":message/session")
    word = None if status is None else db.encode(status, ":ended")
    if status is None or session is None or word is None:
        return []
    ended = np.sort(db.rows(a=status.id, v=word).e)
    counts = _counts(db.rows(a=session.id).v, ended)
    told = _told(episodes or db, ended)
    found: list[int] = ended[(counts >= min_messages) & (counts != told)].tolist()
    return found


def _counts(column: Int64Array, keys: Int64Array) -> Int64Array:
    """Return how often each key stands in a column; keys ascending and distinct."""
    at = np.searchsorted(keys, column)
    inside = at < len(keys)
    hit = at[inside][keys[at[inside]] == column[inside]]
    return np.bincount(hit, minlength=len(keys)).astype(np.int64)


def _told(db: Db, sessions: Int64Array) -> Int64Array:
    """Return of how many messages the episode of each session tells; the longest of several."""
    level = db.schema.get(":memory/level")
    found = np.zeros(len(sessions), np.int64)
    if level is None or not len(sessions):
        return found
    episodes = np.sort(db.rows(a=level.id, v=EPISODE).e)
    of = first_words(db, ":memory/session", episodes, _ABSENT)
    sources = _counts(words_by_entity(db, ":memory/source-messages", episodes).e, episodes)
    at = np.minimum(np.searchsorted(sessions, of), len(sessions) - 1)
    hit = sessions[at] == of
    np.maximum.at(found, at[hit], sources[hit])
    return found


def messages_of(db: Db, session: int) -> Int64Array:
    """Return the messages of a session, in their order."""
    es = members_of(db, ":message/session", np.array([session], np.int64)).e
    times = first_words(db, ":message/timestamp", es, 0)
    return es[np.lexsort((first_words(db, ":message/sequence", es, 0), times))]


def consolidate_sessions(
    context: Context,
    sessions: Iterable[Any] | None = None,
    *,
    summarise: Summariser = extractive,
    min_messages: int = 2,
) -> list[int]:
    """Make an episode of each session, or renew the one that it has; return the episodes.

    Args:
        sessions: entity ids, UUIDs or names; None for all that have ended and changed since.
        summarise: from the messages' texts to the episode's.
        min_messages: shorter sessions are left alone.

    Each session is one transaction. An episode names its messages in `:memory/source-messages`.

    Raises:
        DatamemError: `memory/unknown`; and what the summariser raises: sessions before are done.
    """
    db = context.view()
    if sessions is None:
        every = context.view(include_forgotten=True)
        chosen = sessions_to_consolidate(db, every, min_messages=min_messages)
    else:
        chosen = [get(db, "session", session) for session in sessions]
    found = []
    for session in chosen:
        messages = messages_of(db, session)
        if len(messages) < min_messages:
            continue
        texts = [text for text in texts_of(db, messages) if text]
        content = summarise(texts)
        episode_id = uuid5(_NAMESPACE, f"episode of {_name(db, session)}")
        build = partial(
            _episode_tx,
            session=session,
            messages=messages,
            content=content,
            uuid=episode_id,
            now_us=context.now_us(),
        )
        report = context.update(build, why="consolidate")
        eid = report.db_after.resolve([":memory/id", episode_id])
        assert eid is not None
        found.append(eid)
    return found


def _episode_tx(
    db: Db, session: int, messages: Int64Array, content: str, uuid: UUID, now_us: int
) -> list[Any]:
    """Return what is new about an episode; nothing if all is known."""
    eid = db.resolve([":memory/id", uuid])
    before = np.empty(0, np.int64) if eid is None else _sources(db, eid)
    said = None if eid is None else db.entity(eid).get(":memory/content")
    if said == content and np.array_equal(before, np.sort(messages)):
        return []
    entity: dict[str, Any] = {
        ":db/id": "episode",
        ":memory/id": uuid,
        ":memory/session": session,
        ":memory/type": Keyword(":episode"),
        ":memory/level": EPISODE,
        ":memory/content": content,
        ":memory/hash": digest_of(content),
        ":memory/source-messages": messages.tolist(),
    }
    if eid is None:
        times = first_words(db, ":message/timestamp", np.sort(messages), now_us)
        entity |= _owners(db, session) | _fresh(db, ":episode", min(now_us, int(times.max())))
    gone = np.setdiff1d(before, messages).tolist()
    return [entity, *([":db/retract", eid, ":memory/source-messages", e] for e in gone)]


def _fresh(db: Db, kind: str, us: int) -> dict[str, Any]:
    return {
        ":memory/created-at": instant_of_us(us),
        ":memory/initial-strength": 1.0,
        ":memory/decay-rate": memory_types(db)[kind].decay_rate,
        ":memory/importance": _IMPORTANCE,
        ":memory/priority": 5,
    }


def _owners(db: Db, session: int) -> dict[str, Any]:
    entity = db.entity(session)
    names = ("organization", "user", "agent", "project")
    return {
        f":memory/{name}": entity[f":session/{name}"].eid
        for name in names
        if f":session/{name}" in entity
    }


def _name(db: Db, e: int) -> str:
    """Return what names an entity in any database; its entity id where nothing does."""
    entity = db.entity(e)
    for name in (":session/id", ":memory/id", ":session/external-id"):
        if name in entity:
            return str(entity[name])
    return str(e)


def _sources(db: Db, memory: int) -> Int64Array:
    """Return the messages that a memory names as its sources, ascending."""
    attribute = db.schema.require(":memory/source-messages")
    return np.sort(np.array(db.words(memory, attribute.id), np.int64))


def texts_of(db: Db, es: Int64Array) -> list[str]:
    """Return the content of messages and memories in their order; "" where there is none."""
    keys = np.unique(es)
    texts: dict[int, str] = {}
    for name in (":message/content", ":memory/content"):
        words = words_by_entity(db, name, keys)
        texts.update(zip(words.e.tolist(), words.values(db), strict=True))
    return [texts.get(e, "") for e in es.tolist()]


def consolidate_memories(
    context: Context,
    level: int,
    *,
    summarise: Summariser = extractive,
    group: Grouping | None = None,
    min_members: int = 2,
) -> list[int]:
    """Make memories of the next level of those of one level that have no parent; return what is new or grew.

    Args:
        level: `EPISODE`, of which themes are made, or `THEME`, of which archetypes are.
        summarise: from the members' texts to that of what they become.
        group: which memories belong together; None for `by_shared_words`, less strictly for themes. Memories of
            different users, agents or organizations never come together.
        min_members: smaller groups wait for more.

    A memory that is like those below a theme or archetype joins it, and that is told anew.
    """
    db = context.view()
    found = []
    for members in _groups(
        db, level, group or partial(by_shared_words, similar=_SIMILAR[level])
    ):
        parents = _parents(db, members)
        waiting = members[parents < 0]
        if not len(waiting):
            continue
        above = _commonest(parents)
        if above is None and len(members) < min_members:
            continue
        uuid, told = _above(db, level, above, waiting)
        content = summarise([text for text in texts_of(db, told) if text])
        build = partial(
            _above_tx,
            level=level + 1,
            members=told,
            waiting=waiting,
            content=content,
            uuid=uuid,
            now_us=context.now_us(),
        )
        report = context.update(build, why="consolidate")
        eid = report.db_after.resolve([":memory/id", uuid])
        if eid is not None:
            found.append(eid)
    return found


def _commonest(parents: Int64Array) -> int | None:
    """Return the parent that most of a group has already; the oldest of several."""
    known, counts = np.unique(parents[parents >= 0], return_counts=True)
    return int(known[counts.argmax()]) if len(known) else None


def _above(
    db: Db, level: int, above: int | None, waiting: Int64Array
) -> tuple[UUID, Int64Array]:
    """Return the id of a theme or archetype, and all memories of a level that it is to tell of."""
    if above is None:
        name = f"{LEVELS[level + 1]} of {_name(db, int(waiting[0]))}"
        return uuid5(_NAMESPACE, name), waiting
    uuid: UUID = db.entity(above)[":memory/id"]
    known = members_of(db, ":memory/parent", np.array([above], np.int64)).e
    return uuid, np.union1d(waiting, known)


def _parents(db: Db, es: Int64Array) -> Int64Array:
    return first_words(db, ":memory/parent", es, -1)


def _groups(db: Db, level: int, group: Grouping) -> list[Int64Array]:
    """Return groups of the memories of a level; only those of one owner come together."""
    attribute = db.schema.get(":memory/level")
    if attribute is None:
        return []
    members = np.sort(db.rows(a=attribute.id, v=level).e)
    owners = np.stack(
        [
            first_words(db, f":memory/{name}", members, _ABSENT)
            for name in ("organization", "user", "agent")
        ]
    )
    found = []
    for owner in np.unique(owners, axis=1).T:
        own = members[(owners == owner[:, None]).all(axis=0)]
        texts = texts_of(db, own)
        found += [np.sort(own[np.array(places, np.int64)]) for places in group(texts) if places]
    return found


def _above_tx(
    db: Db,
    level: int,
    members: Int64Array,
    waiting: Int64Array,
    content: str,
    uuid: UUID,
    now_us: int,
) -> list[Any]:
    """Return a theme or archetype and who joins it; nothing if those waiting have a parent meanwhile."""
    if (_parents(db, waiting) >= 0).all():
        return []
    importance = doubles_of_words(words_by_entity(db, ":memory/importance", members).v)
    kind = f":{LEVELS[level]}"
    entity: dict[str, Any] = {
        ":db/id": "above",
        ":memory/id": uuid,
        ":memory/type": Keyword(kind),
        ":memory/level": level,
        ":memory/content": content,
        ":memory/hash": digest_of(content),
    }
    first = db.entity(int(members[0]))
    for name in ("organization", "user", "agent"):
        if f":memory/{name}" in first:
            entity[f":memory/{name}"] = first[f":memory/{name}"].eid
    if db.resolve([":memory/id", uuid]) is None:
        entity |= _fresh(db, kind, now_us)
        entity[":memory/importance"] = float(max(importance, default=_IMPORTANCE))
    joins = [[":db/add", e, ":memory/parent", "above"] for e in waiting.tolist()]
    return [entity, *joins]


def by_shared_words(
    texts: Sequence[str], *, similar: float = _SIMILAR[EPISODE]
) -> list[list[int]]:
    """Group texts that share their telling words: linked where the cosine of their words is enough.

    Words weigh by how few of the texts have them. Groups are what links connect, in the order of
    their first text; every text is in exactly one.

    Example:
        >>> by_shared_words(
        ...     ["the dog Rex ran", "rain in May", "Rex the dog barked"], similar=0.2
        ... )
        [[0, 2], [1]]
    """
    counts = [Counter(content_words(text)) for text in texts]
    places = {word: i for i, word in enumerate(sorted({w for of in counts for w in of}))}
    weights = np.zeros((len(texts), len(places) + 1))
    for row, of in enumerate(counts):
        for word, n in of.items():
            weights[row, places[word]] = n
    weights *= np.log1p(len(texts) / np.maximum(1, (weights > 0).sum(axis=0)))
    weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
    linked = weights @ weights.T >= similar
    group = np.arange(len(texts))
    for row in range(len(texts)):
        met = np.unique(group[linked[row]])
        group[np.isin(group, met)] = met.min(initial=row)
    return [np.flatnonzero(group == first).tolist() for first in np.unique(group).tolist()]
