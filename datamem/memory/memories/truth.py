"""When memories are true, apart from when they were known: superseding and contradicting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from datamem.errors import DatamemError
from datamem.memory.memories.adding import digest_of, facts_of, item_of
from datamem.memory.memories.embeddings import embedded
from datamem.memory.memories.links import relation_form
from datamem.memory.records.context import Context, Forms, instant, keyword, names_of
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db

_INHERITED = (
    "type",
    "user",
    "agent",
    "session",
    "project",
    "organization",
    "app",
    "tags",
    "contexts",
    "importance",
)
"""What a new memory has from the one whose place it takes, unless told otherwise."""


def supersede(
    context: Context,
    old: Any,
    new: Any,
    options: Mapping[str, Any],
    *,
    at: datetime | timedelta | None,
    why: str | None,
) -> Record:
    """End an old memory where a new one begins, in one transaction.

    Raises:
        DatamemError: `memory/superseded` if the old one has ended already, `memory/bad-interval` if it
            began later, `memory/bad-instant`.
    """
    when = instant(at, context.now_us()) or context.now()
    vector = embedded(context.conn, context.embedder, new) if isinstance(new, str) else {}

    def build(db: Db) -> Forms:
        before = get(db, "memory", old)
        _check_interval(db, before, when)
        forms: Forms = [[":db/add", before, ":fact/valid-to", when]]
        if isinstance(new, str):
            after: int | str = "new"
            forms.append({**_new_memory(context, db, before, new, options, when), **vector})
        else:
            after = get(db, "memory", new)
            forms.append([":db/add", after, ":fact/valid-from", when])
        forms.append(relation_form(context, after, before, ":supersedes"))
        return forms

    report = context.update(build, why=why)
    db = context.within(report.db_after)
    eid = report.tempids.get("new") or get(db, "memory", new)
    return context.record(db, eid, "memory", is_new="new" in report.tempids)


def _check_interval(db: Db, eid: int, when: datetime) -> None:
    entity = db.entity(eid)
    assert entity is not None
    ended, began = entity.get(":fact/valid-to"), entity.get(":fact/valid-from")
    if ended is not None and ended <= when:
        raise DatamemError(
            f"the memory was true only until {ended:%Y-%m-%d %H:%M}",
            code="memory/superseded",
            hint="supersede the memory that took its place",
            valid_to=ended,
        )
    if began is not None and began >= when:
        raise DatamemError(
            f"the memory is true from {began:%Y-%m-%d %H:%M} on, so it cannot end before",
            code="memory/bad-interval",
            hint="give a later instant as `at`, or revise it",
            valid_from=began,
            at=when,
        )


def _new_memory(
    context: Context,
    db: Db,
    before: int,
    content: str,
    options: Mapping[str, Any],
    when: datetime,
) -> dict[str, Any]:
    entity = db.entity(before)
    assert entity is not None
    item = item_of({**options, "content": content})
    inherited = {
        f":memory/{name}": getattr(entity[f":memory/{name}"], "eid", entity[f":memory/{name}"])
        for name in _INHERITED
        if f":memory/{name}" in entity
    }
    facts = facts_of(options, context.now_us(), lambda kind, ref: get(db, kind, ref))
    if options.get("type"):
        facts[":memory/type"] = keyword(options["type"])
    return {
        ":db/id": "new",
        **names_of("memory", options.get("id")),
        **context.owners("memory"),
        ":memory/content": item.content,
        ":memory/hash": digest_of(item.content),
        ":memory/priority": entity.get(":memory/priority", 5),
        ":memory/created-at": context.now(),
        **inherited,
        ":fact/valid-from": when,
        **facts,
    }


def contradictions(context: Context) -> list[Record]:
    """Return the relationships `:contradicts` between memories that are both remembered and true."""
    db = context.view()
    attribute = db.schema.require(":relationship/type")
    word = db.encode(attribute, attribute.check(":contradicts"))
    if word is None:
        return []
    found = db.referrers(word, attribute.id)
    return [context.record(db, e, "relationship") for e in sorted(found)]
