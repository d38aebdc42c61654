"""Filters of a recall: which entities it may return, as one ascending column."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import QueryError
from datamem.index.kernels import Int64Array
from datamem.index.sets import ascending, common
from datamem.index.words import us_of_instant
from datamem.memory.records.columns import words_by_entity

if TYPE_CHECKING:
    from datamem.db.database import Db

KINDS: Final = ("message", "memory")
FILTERS: Final = ("kinds", "types", "tags", "levels", "since", "until", "among")


def among_of(
    db: Db,
    *,
    kinds: Iterable[str] = KINDS,
    types: Iterable[str] | None = None,
    tags: Iterable[str] | None = None,
    levels: Iterable[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    among: Iterable[int] | None = None,
) -> Int64Array | None:
    """Return the entities that pass all filters, ascending; None if every one does.

    Args:
        kinds: "message", "memory" or both.
        types, tags, levels: of memories; a message has none of them.
        since, until: said or made from then on, and before then.
        among: entity ids.

    Cost: a column a filter. The searches then look only at what passes.
    """
    parts: list[Int64Array] = []
    kinds = _checked(kinds)
    if set(kinds) != set(KINDS):
        parts.append(words_by_entity(db, f":{kinds[0]}/content").e)
    if types is not None:
        parts.append(_having(db, ":memory/type", [_keyword(one) for one in types]))
    if tags is not None:
        parts.append(_having(db, ":memory/tags", [_keyword(one) for one in tags]))
    if levels is not None:
        parts.append(_having(db, ":memory/level", list(levels)))
    if since is not None or until is not None:
        parts.append(_between(db, since, until))
    if among is not None:
        parts.append(ascending(np.fromiter(among, np.int64)))
    if not parts:
        return None
    first, *others = (ascending(part) for part in parts)
    for other in others:
        first = common(first, other)
    return first


def _checked(kinds: Iterable[str]) -> list[str]:
    given = [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [kind for kind in given if kind not in KINDS]
    if unknown or not given:
        raise QueryError(
            f"{unknown or given} is no kind of thing to recall",
            code="recall/bad-kind",
            hint="message, memory, or both",
            kinds=given,
        )
    return given


def _keyword(name: str) -> str:
    return name if name.startswith(":") else f":{name}"


def _having(db: Db, name: str, values: Iterable[Any]) -> Int64Array:
    attribute = db.schema.get(name)
    found = [np.empty(0, np.int64)]
    for value in values:
        word = None if attribute is None else db.encode(attribute, attribute.check(value))
        if word is not None and attribute is not None:
            found.append(db.rows(a=attribute.id, v=word).e)
    return np.concatenate(found)


def _between(db: Db, since: datetime | None, until: datetime | None) -> Int64Array:
    low = None if since is None else _us(since)
    high = None if until is None else _us(until) - 1
    found = [np.empty(0, np.int64)]
    for name in (":message/timestamp", ":memory/created-at"):
        attribute = db.schema.get(name)
        if attribute is not None:
            found.append(db.value_range(attribute.id, low, high).e)
    return np.concatenate(found)


def _us(at: datetime) -> int:
    return us_of_instant(at if at.tzinfo else at.replace(tzinfo=UTC))
