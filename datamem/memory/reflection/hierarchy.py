"""The levels of memory: raw, episode, theme, archetype; who is above and below whom.

`:memory/parent` is the only thing stored: the children of a memory are who names it as parent.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from datamem.edn import Keyword
from datamem.index.kernels import Int64Array
from datamem.index.words import doubles_of_words, instant_of_us
from datamem.memory.records.columns import first_words, members_of, words_by_entity
from datamem.memory.records.kinds import get
from datamem.memory.reflection.strength import strengths

if TYPE_CHECKING:
    from datamem.db.database import Db

LEVELS: Final = ("raw", "episode", "theme", "archetype")
RAW, EPISODE, THEME, ARCHETYPE = range(4)
_SHOWN: Final = (":memory/id", ":memory/type", ":memory/content", ":memory/level")


def children(db: Db, memory: Any) -> list[int]:
    """Return the memories whose parent a memory is, by entity id."""
    parent = np.array([get(db, "memory", memory)], np.int64)
    found: list[int] = members_of(db, ":memory/parent", parent).e.tolist()
    return found


def ancestors(db: Db, memory: Any) -> list[int]:
    """Return the parent of a memory, its parent, and so on to the root."""
    found: list[int] = []
    attribute = db.schema.get(":memory/parent")
    above = [get(db, "memory", memory)]
    while attribute is not None:
        above = [e for e in db.words(above[0], attribute.id) if e not in found]
        if not above:
            break
        found.append(above[0])
    return found


def descendants(db: Db, memory: Any) -> Int64Array:
    """Return all memories below one, ascending. Cost: one lookup a level."""
    seen = np.array([get(db, "memory", memory)], np.int64)
    level, root = seen, seen
    while len(level):
        level = np.setdiff1d(members_of(db, ":memory/parent", level).e, seen)
        seen = np.union1d(seen, level)
    return np.setdiff1d(seen, root)


def tree(db: Db, memory: Any, depth: int | None = None) -> dict[Any, Any]:
    """Return a memory with its children below it, as nested dicts.

    Args:
        depth: levels to show, the memory itself is one; None for all.

    Raises:
        DatamemError: `memory/unknown`.
    """
    root = get(db, "memory", memory)
    pattern = [Keyword(name) for name in _SHOWN]

    def node(e: int, left: int | None, above: frozenset[int]) -> dict[Any, Any]:
        found = dict(db.pull(pattern, e) or {})
        below = [] if left == 1 else [c for c in children(db, e) if c not in above]
        deeper = None if left is None else left - 1
        shown = [node(child, deeper, above | {e}) for child in below]
        return {Keyword(":db/id"): e} | found | {Keyword(":memory/children"): shown}

    return node(root, depth, frozenset())


class RollUp(NamedTuple):
    """What lies below a memory, in figures.

    Attributes:
        memories: how many, the memory itself not counted.
        by_level: how many of each level; without a level is raw.
        messages: distinct messages that it and those below were distilled from.
        start, end: when the first and the last of those memories and messages came; None without any.
        importance: of the most important memory below or at it.
        strength: of the strongest, at the instant asked for.
    """

    memories: int
    by_level: dict[str, int]
    messages: int
    start: datetime | None
    end: datetime | None
    importance: float
    strength: float


def roll_up(db: Db, memory: Any, at: datetime | int | None = None) -> RollUp:
    """Return what lies below a memory. Cost: one lookup a level and a column a figure."""
    root = get(db, "memory", memory)
    below = descendants(db, root)
    every = np.union1d(below, np.array([root], np.int64))
    levels = first_words(db, ":memory/level", below, 0)
    messages = np.unique(words_by_entity(db, ":memory/source-messages", every).v)
    instants = np.concatenate(
        [
            words_by_entity(db, ":memory/created-at", every).v,
            words_by_entity(db, ":message/timestamp", messages).v,
        ]
    )
    importance = doubles_of_words(words_by_entity(db, ":memory/importance", every).v)
    return RollUp(
        len(below),
        {name: n for i, name in enumerate(LEVELS) if (n := int((levels == i).sum()))},
        len(messages),
        instant_of_us(int(instants.min())) if len(instants) else None,
        instant_of_us(int(instants.max())) if len(instants) else None,
        float(importance.max()) if len(importance) else 0.0,
        float(strengths(db, every, at).max()),
    )
