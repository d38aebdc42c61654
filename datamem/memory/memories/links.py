"""Relationships between memories: typed, at most one of a type from one memory to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import DatamemError
from datamem.memory.records.context import Context, Forms, present
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db

_SIDES: Final = {"out": ("source",), "in": ("target",), "both": ("source", "target")}


def relation_form(
    context: Context, source: int | str, target: int | str, kind: str, metadata: Any = None
) -> dict[str, Any]:
    """Return the tx-data of a relationship; source and target may be tempids."""
    return present(
        {
            **context.owners("relationship", ("organization",)),
            ":db/id": f"relationship {source} {target} {kind}",
            ":relationship/source": source,
            ":relationship/target": target,
            ":relationship/type": kind,
            ":relationship/metadata": metadata,
        }
    )


def find_relation(db: Db, source: int, target: int, kind: str) -> int | None:
    """Return the relationship of a type between two memories, or None."""
    source_of, target_of = (
        db.schema.require(f":relationship/{n}").id for n in ("source", "target")
    )
    type_of = db.schema.require(":relationship/type")
    word = db.encode(type_of, type_of.check(kind))
    for e in db.referrers(source, source_of):
        if db.words(e, target_of) == [target] and db.words(e, type_of.id) == [word]:
            return e
    return None


def relate(
    context: Context,
    source: Any,
    target: Any,
    kind: str,
    metadata: Mapping[str, Any] | None,
    *,
    why: str | None,
) -> Record:
    """Add a relationship.

    Raises:
        DatamemError: `memory/related` if there is one, `memory/related-to-itself`.
    """

    def build(db: Db) -> Forms:
        ends = get(db, "memory", source), get(db, "memory", target)
        _check_new(db, *ends, kind)
        return [relation_form(context, *ends, kind, metadata)]

    report = context.update(build, why=why)
    eid = next(iter(report.tempids.values()))
    return context.record(context.within(report.db_after), eid, "relationship", is_new=True)


def _check_new(db: Db, source: int, target: int, kind: str) -> None:
    if source == target:
        raise DatamemError(
            "a memory cannot be related to itself",
            code="memory/related-to-itself",
            hint="name another memory",
        )
    if find_relation(db, source, target, kind) is not None:
        raise DatamemError(
            f"the first memory {kind} the second already",
            code="memory/related",
            hint="there is one relationship of a type from one memory to another; unrelate it first",
            type=kind,
        )


def unrelate(context: Context, source: Any, target: Any, kind: str) -> bool:
    """Retract a relationship; return whether there was one."""
    found = False

    def build(db: Db) -> Forms:
        nonlocal found
        relation = find_relation(db, get(db, "memory", source), get(db, "memory", target), kind)
        found = relation is not None
        return [[":db/retractEntity", relation]] if found else []

    context.update(build)
    return found


def related(
    context: Context, ref: Any, kind: str | None, direction: str, db: Db | None
) -> list[Record]:
    """Return the relationships of a memory, oldest first.

    Raises:
        DatamemError: `memory/bad-direction`.
    """
    if direction not in _SIDES:
        raise DatamemError(
            f"{direction!r} is no direction of relationships",
            code="memory/bad-direction",
            hint='give "out", "in" or "both"',
            direction=direction,
        )
    seen = context.view(valid_at="ever") if db is None else context.within(db)
    eid = get(seen, "memory", ref)
    found: set[int] = set()
    for side in _SIDES[direction]:
        found.update(seen.referrers(eid, seen.schema.require(f":relationship/{side}").id))
    records = [context.record(seen, e, "relationship") for e in sorted(found)]
    return [record for record in records if kind is None or record.type == kind]
