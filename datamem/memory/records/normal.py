"""One way to store what may be said in two: children as their parent, a link once; and no memory below itself.

`:memory/children` is the reverse of `:memory/parent`, and `:entity/related` means both directions. On a
connection with a `Memory`, whoever writes the one is understood as having written the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakSet

from datamem.errors import DatamemError

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.db import Db
    from datamem.schema import Schema
    from datamem.transact.plan import TxPlan

Row = tuple[int, int, int, bool]
"""Entity, attribute, word, and whether it is asserted."""

_guarded: WeakSet[Connection] = WeakSet()


def keep_normal(conn: Connection) -> None:
    """Let every transaction of a connection be stored in one way."""
    if conn not in _guarded:
        _guarded.add(conn)
        conn.guard(lambda: normalised)


def normalised(db: Db, plan: TxPlan) -> TxPlan:
    """Return the plan with parents instead of children, and without links that are there reversed.

    Raises:
        DatamemError: `memory/two-parents`, `memory/cycle`.
    """
    children, parent, related = db.schema.derive("memory-normal", _ids)
    is_twofold = children in plan.a or related in plan.a
    if plan.empty or not (is_twofold or parent in plan.a):
        return plan
    rows = list(zip(plan.e, plan.a, plan.v, plan.added, strict=True))
    if children is not None and parent is not None:
        rows = _parents(db, rows, children, parent)
        _check_above(db, rows, parent)
    if not is_twofold:
        return plan
    if related is not None:
        rows = list(_once(db, rows, related))
    e, a, v, added = zip(*rows, strict=True)
    return replace(plan, e=e, a=a, v=v, added=added)


def _ids(schema: Schema) -> tuple[int | None, ...]:
    found = [schema.get(n) for n in (":memory/children", ":memory/parent", ":entity/related")]
    return tuple(None if one is None else one.id for one in found)


def _parents(db: Db, rows: list[Row], children: int, parent: int) -> list[Row]:
    """Return the rows with what they say of children said of the children."""
    others = [row for row in rows if row[1] != children]
    said = {(e, v): added for e, a, v, added in others if a == parent}
    for e, a, v, added in rows:
        if a == children and (v, e) not in said:
            said[v, e] = added
            others += _parent_rows(db, (v, parent, e, added))
    _check_single(others, parent)
    return others


def _check_single(rows: Iterable[Row], parent: int) -> None:
    """Refuse two parents of one child."""
    seen: set[int] = set()
    for e, a, _, added in rows:
        if a == parent and added:
            if e in seen:
                raise DatamemError(
                    f"entity {e} would have two parents",
                    code="memory/two-parents",
                    hint="name it among the children of one",
                    entity=e,
                )
            seen.add(e)


def _check_above(db: Db, rows: Iterable[Row], parent: int) -> None:
    """Refuse a parent that is the child itself or lies below it. Cost: a lookup a level above."""
    changed = [row for row in rows if row[1] == parent]
    above = {e: v for e, _, v, added in changed if added}
    ended = {(e, v) for e, _, v, added in changed if not added}
    named = set(above.values())

    def parent_of(e: int) -> int | None:
        if e in above or e >= db.next_entity:
            return above.get(e)
        return next((v for v in db.words(e, parent) if (e, v) not in ended), None)

    for child, at in above.items():
        if child >= db.next_entity and child not in named:
            continue  # new, and nothing is below it
        found, seen = parent_of(child), {child}
        while found is not None and found not in seen:
            seen.add(found)
            found = parent_of(found)
        if found == child:
            raise DatamemError(
                f"memory {at} lies below memory {child}, so it cannot be its parent",
                code="memory/cycle",
                hint="give the lower one another parent first",
                memory=child,
                parent=at,
            )


def _parent_rows(db: Db, row: Row) -> Iterator[Row]:
    """Yield what makes a parent hold, or no longer hold; an entity has one."""
    e, parent, v, added = row
    before = db.words(e, parent) if e < db.next_entity else []
    if added and v not in before:
        yield from ((e, parent, old, False) for old in before)
        yield row
    elif not added and v in before:
        yield row


def _once(db: Db, rows: Iterable[Row], related: int) -> Iterator[Row]:
    """Yield the rows without links whose reverse is there, or comes before."""
    links: set[tuple[int, int]] = set()
    for row in rows:
        e, a, v, added = row
        if a == related and added:
            known = max(e, v) < db.next_entity and db.holds(v, related, e)
            if known or (v, e) in links:
                continue
            links.add((e, v))
        yield row
