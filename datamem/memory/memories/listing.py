"""Lists of memories by what they have, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.index.kernels import Int64Array
from datamem.index.sets import ascending, common
from datamem.index.words import us_of_instant
from datamem.memory.records.context import Context
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


def list_memories(
    context: Context,
    wanted: Mapping[str, Any],
    *,
    tags: Sequence[str],
    since: datetime | timedelta | None,
    limit: int | None,
    db: Db | None,
) -> list[Record]:
    """Return the memories with these values; a pair is a kind and a reference of that kind.

    Cost: of the memories that have the rarest value, not of all.
    """
    seen = context.seen(db)
    found = _having(seen, wanted, tags)
    created = seen.schema.require(":memory/created-at")
    if since is not None:
        low = us_of_instant(_start(context, since))
        recent = ascending(seen.value_range(created.id, low=low).e)
        found = recent if found is None else common(found, recent)
    if found is None:
        found = ascending(seen.rows(a=seen.schema.require(":memory/id").id).e)
    newest = newest_first(seen, created.id, found, limit)
    return [context.record(seen, e, "memory") for e in newest.tolist()]


def _start(context: Context, since: datetime | timedelta) -> datetime:
    if isinstance(since, timedelta):
        return context.now() - since
    return since if since.tzinfo else since.replace(tzinfo=UTC)


def _having(db: Db, wanted: Mapping[str, Any], tags: Sequence[str]) -> Int64Array | None:
    """Return the memories that have every value, ascending; None where nothing is wanted."""
    pairs = [(name, value) for name, value in wanted.items() if _is_wanted(value)]
    pairs += [(":memory/tags", tag) for tag in tags]
    found: Int64Array | None = None
    for name, value in pairs:
        attribute = db.schema.require(name)
        given = get(db, *value) if isinstance(value, tuple) else attribute.check(value)
        word = db.encode(attribute, given)
        rows = np.empty(0, np.int64) if word is None else db.rows(a=attribute.id, v=word).e
        found = ascending(rows) if found is None else common(found, ascending(rows))
    return found


def _is_wanted(value: Any) -> bool:
    return value is not None and not (isinstance(value, tuple) and value[1] is None)


def newest_first(
    db: Db, attribute_id: int, entities: Int64Array, limit: int | None = None
) -> Int64Array:
    """Return entities by an instant that they have, newest first; those without one come last.

    Args:
        entities: ascending and distinct.
        limit: at most so many.
    """
    rows = db.lookup_many(attribute_id, entities)
    instants = np.full(len(entities), np.iinfo(np.int64).min)
    instants[np.searchsorted(entities, rows.e)] = rows.v
    if limit is not None and 0 < limit < len(entities):
        least = np.partition(instants, len(entities) - limit)[len(entities) - limit]
        entities, instants = entities[instants >= least], instants[instants >= least]
    return entities[np.lexsort((-entities, -instants))][:limit]
