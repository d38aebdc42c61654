"""A collection: all entities of one kind in a scope, with what every kind offers."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from datamem.errors import DatamemError
from datamem.index.kernels import EMPTY, Int64Array
from datamem.index.sets import ascending, common
from datamem.memory.memories import lives
from datamem.memory.memories.listing import newest_first
from datamem.memory.memories.revising import versions
from datamem.memory.records.context import Context, Forms, names_of
from datamem.memory.records.forms import attribute_of, facts_from
from datamem.memory.records.kinds import find, get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db, TxReport
    from datamem.memory.memories.revising import Version


class Collection:
    """Entities of one kind.

    Attributes:
        kind: namespace of their attributes.
        spec: the entity spec that a new one must satisfy, and takes its defaults from.
        ordered_by: attribute of an instant by which they are listed.
    """

    kind: ClassVar[str]
    spec: ClassVar[str | None] = None
    ordered_by: ClassVar[str] = "created-at"

    def __init__(self, context: Context) -> None:
        self.ctx = context

    def get(self, ref: Any, *, db: Db | None = None) -> Record | None:
        """Return one by a record, UUID or name; None if it does not exist or is deleted."""
        return lives.get_record(self.ctx, self.kind, ref, db)

    def list(
        self, *, limit: int | None = None, db: Db | None = None, **having: Any
    ) -> builtins.list[Record]:
        """Return those that have these values, newest first: `list(user="ada", status="active")`.

        Args:
            limit: at most so many.
            db: a view to read from; None: what is not deleted.
        """
        seen = self.ctx.seen(db)
        found = self._having(seen, having)
        order = seen.schema.require(f":{self.kind}/{self.ordered_by}").id
        newest = newest_first(seen, order, found, limit)
        return [self.ctx.record(seen, e, self.kind) for e in newest.tolist()]

    def _having(self, db: Db, having: Mapping[str, Any]) -> Int64Array:
        found = ascending(db.rows(a=db.schema.require(f":{self.kind}/id").id).e)
        for name, value in facts_from(db, self.kind, having, self.ctx.now_us()).items():
            attribute = db.schema.require(name)
            for one in value if attribute.many else [value]:
                word = db.encode(attribute, attribute.check(one))
                rows = EMPTY if word is None else db.rows(a=attribute.id, v=word).e
                found = common(found, ascending(rows))
        return found

    def update(self, ref: Any, *, why: str | None = None, **changes: Any) -> Record:
        """Change attributes; None takes one away. The old values stay in the history."""

        def build(db: Db) -> Forms:
            eid = get(db, self.kind, ref)
            facts = facts_from(db, self.kind, changes, self.ctx.now_us())
            forms: Forms = [{":db/id": eid, **facts}] if facts else []
            for name, value in changes.items():
                attribute = attribute_of(db, self.kind, name)
                if value is None and db.words(eid, attribute.id):
                    forms.append([":db/retract", eid, attribute.ident])
            return forms

        return self._after(ref, self.ctx.update(build, why=why))

    def delete(self, ref: Any, *, why: str | None = None) -> None:
        """Delete one softly: it is not shown any more, nor are its parts; `restore` brings it back."""
        lives.soft_delete(self.ctx, self.kind, ref, why=why)

    def restore(self, ref: Any, *, why: str | None = None) -> Record:
        """Bring back what was deleted softly."""
        return lives.undelete(self.ctx, self.kind, ref, why=why)

    def erase(self, ref: Any, *, why: str | None = None) -> None:
        """Retract one with all that depends on it; only the history of the database still has it."""
        lives.delete(self.ctx, self.kind, ref, why=why)

    def history(self, ref: Any) -> builtins.list[Version]:
        """Return what each transaction changed of one, oldest first."""
        return versions(self.ctx, ref, self.kind)

    # For subclasses

    def _create(self, id: Any, options: Mapping[str, Any], why: str | None = None) -> Record:  # noqa: A002
        """Add an entity.

        Raises:
            DatamemError: `memory/exists` for an id that is taken.
        """
        report = self.ctx.update(lambda db: [self._form(db, id, options)], why=why)
        return self._record(report, report.tempids["new"], is_new=True)

    def _form(self, db: Db, id: Any, options: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002
        if id is not None and find(db.unbounded(), self.kind, id) is not None:
            raise exists_error(self.kind, id)
        form = {
            ":db/id": "new",
            **names_of(self.kind, id),
            **self.ctx.owners(self.kind),
            **facts_from(db, self.kind, options, self.ctx.now_us()),
        }
        return form if self.spec is None else {**form, ":db/ensure": self.spec}

    def _after(self, ref: Any, report: TxReport) -> Record:
        db = self.ctx.within(report.db_after)
        return self.ctx.record(db, get(db, self.kind, ref), self.kind)

    def _record(self, report: TxReport, eid: int, *, is_new: bool = False) -> Record:
        return self.ctx.record(self.ctx.within(report.db_after), eid, self.kind, is_new=is_new)


def exists_error(kind: str, name: Any) -> DatamemError:
    """Return the refusal of a second entity of one name."""
    return DatamemError(
        f"there is a {kind} {name} already",
        code="memory/exists",
        hint="update it, or give another id: names are of a database, not of a tenant",
        kind=kind,
        id=name,
    )
