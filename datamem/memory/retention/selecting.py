"""Which memories a retention policy is about."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from datamem.index.kernels import EMPTY, Int64Array
from datamem.index.sets import ascending
from datamem.memory.reflection.strength import strengths

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.memory.records.record import Record

_HOUR_US = timedelta(hours=1) // timedelta(microseconds=1)
_LEAST_PRIORITY = 5
"""What a memory without priority counts as."""


def purgeable(db: Db, policy: Record, now_us: int) -> Int64Array:
    """Return the memories that expired, or were forgotten, long enough ago; and expired agent states."""
    before_us = now_us - _age_us(policy)
    parts = [
        _until(db, name, before_us) for name in (":memory/expires-at", ":memory/forgotten-at")
    ]
    memories = _of_types(db, policy, ascending(np.concatenate(parts)))
    states = EMPTY if policy.types else _until(db, ":agent-state/expires-at", before_us)
    return np.union1d(memories, states)


def archivable(db: Db, policy: Record, now_us: int) -> Int64Array:
    """Return the memories of archived sessions and, if the policy names an age, those that are older."""
    before_us = now_us - _age_us(policy)
    sessions = ascending(_until(db, ":session/archived-at", before_us))
    found = db.lookup_values(db.schema.require(":memory/session").id, sessions).e
    if policy.older_than_hours is not None:
        found = np.concatenate([found, _until(db, ":memory/created-at", before_us)])
    return _of_types(db, policy, ascending(found))


def evictable(db: Db, policy: Record, now_us: int) -> Int64Array:
    """Return the memories to give up until the rest is within the policy's limits.

    The least priority goes first, then the weakest, then the oldest; memories of the priority that the
    policy keeps never go.
    """
    found = _of_types(
        db, policy, ascending(db.rows(a=db.schema.require(":memory/content").id).e)
    )
    priority = _column(db, ":memory/priority", found, _LEAST_PRIORITY)
    weakest_first = np.lexsort((found, strengths(db, found, now_us), priority))
    found, priority = found[weakest_first], priority[weakest_first]
    excess = _excess(policy, found)
    may_go = priority < (policy.keep_priority or np.iinfo(np.int64).max)
    if policy.max_bytes is None:
        return np.sort(found[may_go][:excess])
    sizes = _sizes(db, found[may_go])
    too_many_bytes = _total(db, found) - policy.max_bytes
    by_bytes = (
        int(np.searchsorted(np.cumsum(sizes), too_many_bytes)) + 1 if too_many_bytes > 0 else 0
    )
    return np.sort(found[may_go][: max(excess, by_bytes)])


def _excess(policy: Record, found: Int64Array) -> int:
    return 0 if policy.max_memories is None else max(len(found) - policy.max_memories, 0)


def _sizes(db: Db, memories: Int64Array) -> Int64Array:
    """Return the UTF-8 length of the content of each memory, in their order."""
    attribute = db.schema.require(":memory/content")
    ascending = np.sort(memories)
    texts = db.decode(attribute.value_type, db.lookup_many(attribute.id, ascending).v)
    sizes = np.array([len(text.encode("utf-8", "surrogatepass")) for text in texts], np.int64)
    found: Int64Array = sizes[np.searchsorted(ascending, memories)]
    return found


def _total(db: Db, memories: Int64Array) -> int:
    return int(_sizes(db, memories).sum())


def _age_us(policy: Record) -> int:
    return int((policy.older_than_hours or 0.0) * _HOUR_US)


def _until(db: Db, name: str, us: int) -> Int64Array:
    return db.value_range(db.schema.require(name).id, high=us).e


def _of_types(db: Db, policy: Record, memories: Int64Array) -> Int64Array:
    """Return those of the memories that are of the policy's types, ascending."""
    if not policy.types:
        return memories
    attribute = db.schema.require(":memory/type")
    words = [db.encode(attribute, attribute.check(name)) for name in policy.types]
    known = np.array([word for word in words if word is not None], np.int64)
    rows = db.lookup_many(attribute.id, memories)
    return rows.e[np.isin(rows.v, known)]


def _column(db: Db, name: str, memories: Int64Array, missing: int) -> Int64Array:
    rows = db.lookup_many(db.schema.require(name).id, memories)
    words = np.full(len(memories), missing, np.int64)
    words[np.searchsorted(memories, rows.e)] = rows.v
    return words
