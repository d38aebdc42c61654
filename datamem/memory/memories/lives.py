"""Forgetting, expiring, restoring and deleting, of memories and of anything else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from datamem.memory.records.context import Context, Forms, instant
from datamem.memory.records.kinds import find, get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db

_SOFT: Final = {"memory": ":memory/forgotten-at"}


def get_memory(context: Context, ref: Any, db: Db | None) -> Record | None:
    """Return a memory that the view has, or None."""
    return get_record(context, "memory", ref, db)


def get_record(context: Context, kind: str, ref: Any, db: Db | None = None) -> Record | None:
    """Return an entity of a kind that the view has, or None."""
    seen = context.seen(db)
    eid = find(seen, kind, ref)
    return None if eid is None else context.record(seen, eid, kind)


def forget(context: Context, ref: Any, *, why: str | None) -> None:
    """Mark a memory as forgotten."""
    soft_delete(context, "memory", ref, why=why)


def soft_delete(context: Context, kind: str, ref: Any, *, why: str | None) -> None:
    """Mark an entity as deleted; one that is already stays as it is."""
    marker = _SOFT.get(kind, ":record/deleted-at")

    def build(db: Db) -> Forms:
        eid = get(db, kind, ref)
        entity = db.entity(eid)
        known = entity is not None and marker in entity
        return [] if known else [[":db/add", eid, marker, context.now()]]

    context.update(build, why=why)


def restore(context: Context, ref: Any, *, why: str | None) -> Record:
    """Take the marks of a memory away: forgotten, deleted, expired."""
    return undelete(context, "memory", ref, why=why)


def undelete(context: Context, kind: str, ref: Any, *, why: str | None) -> Record:
    """Take the marks of an entity away: forgotten, deleted, and an expiry that has come."""

    def build(db: Db) -> Forms:
        eid = get(db, kind, ref)
        entity = db.entity(eid)
        assert entity is not None
        markers = {_SOFT.get(kind, ":record/deleted-at"), ":record/deleted-at"}
        forms: Forms = [[":db/retract", eid, name] for name in markers if name in entity]
        expiry = f":{kind}/expires-at"
        expires: datetime | None = entity.get(expiry) if db.schema.get(expiry) else None
        if expires is not None and expires <= context.now():
            forms.append([":db/retract", eid, expiry])
        return forms

    report = context.update(build, why=why)
    db = context.within(report.db_after)
    return context.record(db, get(db, kind, ref), kind)


def expire(
    context: Context, ref: Any, at: datetime | timedelta | None, *, why: str | None
) -> Record:
    """Set when a memory expires; None is now."""
    now_us = context.now_us()
    when = instant(timedelta(0) if at is None else at, now_us)
    report = context.update(
        lambda db: [[":db/add", get(db, "memory", ref), ":memory/expires-at", when]], why=why
    )
    db = context.within(report.db_after)
    return context.record(db, get(db, "memory", ref), "memory")


def delete(context: Context, kind: str, ref: Any, *, why: str | None) -> None:
    """Retract an entity; what refers to it follows as the schema's `:db/onDelete` says."""
    context.update(lambda db: [[":db/retractEntity", get(db, kind, ref)]], why=why)
