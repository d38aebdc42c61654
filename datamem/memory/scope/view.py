"""The view of what is remembered: without what was forgotten, has expired, or is no longer true."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from datamem.db.time import instant_us_of_t
from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.index.kernels import BoolArray, Int64Array
from datamem.index.sets import ascending
from datamem.index.words import us_of_instant
from datamem.memory.scope.owners import known_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datamem.db import Db
    from datamem.schema import Schema

ValidAt = datetime | Literal["ever"] | None
"""When a fact must have been true: None is not ended at the view's own instant."""

_GONE: Final = (":memory/forgotten-at", ":record/deleted-at", ":memory/archived-at")
_EXPIRES: Final = (":memory/expires-at", ":agent-state/expires-at")
_FROM: Final = (":fact/valid-from",)
_TO: Final = (":fact/valid-to",)


def remembered(
    db: Db, *, now_us: int, valid_at: ValidAt = None, include_forgotten: bool = False
) -> Db:
    """Return `db` without entities that are forgotten, deleted, archived, expired, or not true.

    What a retraction of such an entity would take along (`:db/onDelete :cascade`) is left out with it: the
    messages of a deleted session, the memories of a deleted user. Everything else stays as it is.

    Args:
        now_us: the instant at which expiry is judged, and validity where `valid_at` is None.
        valid_at: show only facts that were true then: from `:fact/valid-from` to before `:fact/valid-to`.
            None leaves out those that have ended by now; "ever" leaves out none.
        include_forgotten: show also what is forgotten, deleted, archived or expired.

    Cost: some index lookups; a table of all entities if anything is hidden, and nothing if not.
    """
    hidden = hidden_entities(
        db, now_us=now_us, valid_at=valid_at, include_forgotten=include_forgotten
    )
    if not len(hidden):
        return db
    key = "memory hidden"
    known = db.cache.get(key)
    if known is None or not np.array_equal(known[0], hidden):
        known = db.cache[key] = hidden, db.showing(_Hides(db, _with_parts(db, hidden)))
    found: Db = known[1]
    return found


def hidden_entities(
    db: Db, *, now_us: int, valid_at: ValidAt = None, include_forgotten: bool = False
) -> Int64Array:
    """Return the entities that `remembered` leaves out for their own sake, ascending."""
    found = [_NOTHING]
    if not include_forgotten:
        found += [db.rows(a=a).e for a in _used(db, _GONE)]
        found += [db.value_range(a, high=now_us).e for a in _used(db, _EXPIRES)]
    found += _untrue(db, now_us, valid_at)
    parts = [part for part in found if len(part)]
    return ascending(np.concatenate(parts)) if parts else _NOTHING


_NOTHING: Final = np.empty(0, np.int64)


def _used(db: Db, names: tuple[str, ...]) -> list[int]:
    """Return the ids of those of the attributes that some entity has, or had."""
    return [a for a in known_attributes(db.schema, names) if db.count(a=a)]


def _untrue(db: Db, now_us: int, valid_at: ValidAt) -> Iterator[Int64Array]:
    if valid_at == "ever":
        return
    instant_us = now_us if valid_at is None else _us_of(valid_at)
    for a in _used(db, _TO):
        yield db.value_range(a, high=instant_us).e
    if valid_at is not None:
        for a in _used(db, _FROM):
            yield db.value_range(a, low=instant_us + 1).e


def _us_of(valid_at: Any) -> int:
    if not isinstance(valid_at, datetime):
        raise DatamemError(
            f"valid_at is {valid_at!r}",
            code="memory/bad-instant",
            hint='give a datetime, "ever", or None',
            value=valid_at,
        )
    return us_of_instant(valid_at if valid_at.tzinfo else valid_at.replace(tzinfo=UTC))


def _with_parts(db: Db, entities: Int64Array) -> Int64Array:
    """Return the entities and all that would be retracted with them."""
    cascades: tuple[int, ...] = db.schema.derive("memory-cascades", _cascades)
    used = [a for a in cascades if db.count(a=a)]
    found = newest = entities
    while len(newest) and used:
        parts = [db.lookup_values(a, newest).e for a in used]
        newest = np.setdiff1d(np.concatenate(parts), found)
        found = np.union1d(found, newest)
    return found


def _cascades(schema: Schema) -> tuple[int, ...]:
    return tuple(attribute.id for attribute in schema if attribute.on_delete == "cascade")


class _Hides:
    """Whether entities are not among the hidden ones: one lookup in a table each."""

    def __init__(self, db: Db, hidden: Int64Array) -> None:
        self._shown = np.ones(db.next_entity + 1, np.bool_)
        self._shown[hidden] = False

    def __call__(self, e: Int64Array) -> BoolArray:
        if len(e) and int(e.max()) >= TX_BASE:
            e = np.where(e < TX_BASE, e, 0)
        return self._shown[e]


def instant_us_of(db: Db, as_of: int | datetime) -> int:
    """Return the instant of a value as of a point, µs: the point, or that of its newest transaction."""
    if isinstance(as_of, datetime):
        return us_of_instant(as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC))
    return max(instant_us_of_t(db, db.t), 0)
