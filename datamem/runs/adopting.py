"""Adopting a branch: what it changed since the two parted, onto the parent, with conflicts found first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from datamem.conn import Connection
from datamem.db.database import Db
from datamem.db.datom import Datom
from datamem.db.diff import diff
from datamem.db.difference import entity_name
from datamem.db.report import TxReport
from datamem.errors import DatamemError
from datamem.ids import ATTR_BASE, TX_BASE
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

Preference: TypeAlias = Literal["fork", "parent"] | None


class ForkError(DatamemError):
    """A branch that cannot be adopted as it is."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """An attribute that both have changed since they parted, to different values.

    Attributes:
        entity: its id in the parent, and `name` what names it there.
        before, fork, parent: the values when they parted, and now on either side; None for no value.
    """

    entity: int
    name: Any
    attribute: str
    before: Any
    fork: Any
    parent: Any

    def __str__(self) -> str:
        return (
            f"{self.name or self.entity} {self.attribute}: "
            f"{self.before!r} is {self.fork!r} in the fork and {self.parent!r} here"
        )


def adopt_facts(
    conn: Connection, base: Db, branch: Db, *, run: int, prefer: Preference = None
) -> TxReport:
    """Commit to `conn` what `branch` has changed since `base`, in one transaction.

    Entities that the branch made get new ids; where the parent has since made one with the same identity,
    they are the same. Attributes that only the branch has are declared first.

    Args:
        run: entity of the branch's run, which the transaction then belongs to.

    Raises:
        ForkError: `fork/conflict`.
        TransactError: as any transaction.
    """
    found = diff(base, branch)
    removed, added = found.removed, found.added
    known = conn.db.schema
    missing = [
        {":db/ident": ident, **facts}
        for ident, facts in branch.schema.to_data().items()
        if known.get(ident) is None
    ]
    if missing:
        conn.transact(missing)
    mine = [datom for datom in added if datom.e < TX_BASE]
    gone = [datom for datom in removed if datom.e < TX_BASE]

    def build(db: Db) -> list[list[Any]]:
        adoption = _Adoption(base, branch, db)
        conflicts = list(adoption.conflicts(gone, mine))
        if conflicts and prefer is None:
            raise _conflict_error(conflicts)
        skipped = {(c.entity, c.attribute) for c in conflicts} if prefer == "parent" else set()
        author = [":db/add", "datomic.tx", ":tx/run", adoption.entity(run)]
        return [author, *adoption.tx_data(gone, mine, skipped)]

    return conn.update(build)


def _conflict_error(conflicts: list[Conflict]) -> ForkError:
    count = len(conflicts)
    return ForkError(
        f"{count} {'change' if count == 1 else 'changes'} of the fork cannot be adopted, since the "
        f"parent has changed the same: {'; '.join(map(str, conflicts[:3]))}",
        code="fork/conflict",
        hint='adopt(prefer="fork") or adopt(prefer="parent") says whose values stay',
        conflicts=[
            {
                "code": "fork/conflict",
                "message": str(c),
                **{name: getattr(c, name) for name in _PARTS},
            }
            for c in conflicts
        ],
    )


_PARTS = ("entity", "name", "attribute", "before", "fork", "parent")


class _Adoption:
    """The branch's facts in the numbers of the parent as it is now."""

    def __init__(self, base: Db, branch: Db, parent: Db) -> None:
        self._base = base
        self._branch = branch
        self._parent = parent
        self._known: dict[int, Any] = {}

    def entity(self, e: int) -> Any:
        """Return an id of the parent, or a tempid for what is new there."""
        if e not in self._known:
            self._known[e] = self._find(e)
        return self._known[e]

    def _find(self, e: int) -> Any:
        if e >= ATTR_BASE:
            return self._branch.ident(e)
        if e < self._first_new() or e >= TX_BASE:
            return e
        for a, word in self._branch.entity_words(e):
            attribute = self._branch.schema.get(a)
            if attribute is not None and attribute.unique and attribute.is_heap:
                [value] = self._branch.decode(attribute.value_type, [word])
                found = self._parent.resolve([attribute.ident, value])
                if found is not None:
                    return found
        return f"fork-{e}"

    def _first_new(self) -> int:
        heap_cut = getattr(self._branch.heap, "cut", None)
        return self._base.next_entity if heap_cut is None else int(heap_cut.entity)

    def conflicts(self, gone: list[Datom], mine: list[Datom]) -> Iterator[Conflict]:
        """Yield the attributes with one value that both sides have changed differently."""
        old = {(d.e, d.a): d.v for d in gone}
        new = {(d.e, d.a): d.v for d in mine}
        for e, a in dict.fromkeys([*old, *new]):
            attribute = self._branch.schema.require(a)
            entity = self.entity(e)
            if attribute.many or isinstance(entity, str):
                continue
            before = old.get((e, a))
            wanted = self._value(attribute, new.get((e, a)))
            now = self._now(entity, attribute)
            if now not in (before, wanted):
                name = entity_name(self._parent, entity)
                yield Conflict(entity, name, str(attribute.ident), before, wanted, now)

    def _now(self, entity: int, attribute: Attribute) -> Any:
        known = self._parent.schema.require(attribute.ident)
        words = self._parent.words(entity, known.id)
        return self._parent.decode(known.value_type, words[:1])[0] if words else None

    def _value(self, attribute: Attribute, value: Any) -> Any:
        is_ref = attribute.value_type is ValueType.REF and value is not None
        return self.entity(value) if is_ref else value

    def tx_data(
        self, gone: list[Datom], mine: list[Datom], skipped: set[tuple[int, str]]
    ) -> list[list[Any]]:
        """Return the operations that adopt everything but `skipped` (entity, attribute)."""
        replaced = {(d.e, d.a) for d in mine}
        items: list[list[Any]] = []
        for operation, datoms in ((":db/retract", gone), (":db/add", mine)):
            for d in datoms:
                attribute = self._branch.schema.require(d.a)
                entity, ident = self.entity(d.e), str(attribute.ident)
                is_replaced = operation == ":db/retract" and (d.e, d.a) in replaced
                if (entity, ident) in skipped or (is_replaced and not attribute.many):
                    continue
                items.append([operation, entity, ident, self._value(attribute, d.v)])
        return items
