"""The archive: memories moved to another database, where queries can still ask for them.

A memory is written to the archive first, with what it refers to as far as that has a name of its own. Only
when that is durable does the memory here lose its content and become a stub with `:memory/archived-at`.
Interrupted in between, it is in both places, and the next attempt changes nothing in the archive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from datamem.conn import connect
from datamem.ids import TX_BASE
from datamem.memory.records.context import Context, Forms
from datamem.memory.records.kinds import get
from datamem.memory.records.predicates import register_predicates
from datamem.schema.agent import missing_definitions
from datamem.schema.facts import facts_of_attribute
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.db import Db
    from datamem.schema import Attribute

_KEPT: Final = frozenset(
    {
        ":memory/id",
        ":memory/external-id",
        ":memory/organization",
        ":memory/user",
        ":memory/agent",
        ":memory/session",
        ":memory/type",
        ":memory/priority",
        ":memory/parent",
        ":memory/created-at",
    }
)
"""What a stub still says, so that it stays in its scope and place."""
_NAMES: Final = (
    ":organization/name",
    ":user/name",
    ":agent/name",
    ":session/title",
    ":entity/name",
)
"""What is copied along of what a memory refers to, so that the archive can be read alone."""


class Archive:
    """Another database that takes memories; a context manager that closes what it opened.

    Attributes:
        conn: the other database, for queries of your own: `datamem.q(query, mem.db, archive.conn.db)`.
    """

    def __init__(self, context: Context, conn: Connection, *, is_own: bool = False) -> None:
        self.ctx = context
        self.conn = conn
        self._is_own = is_own
        register_predicates(conn)
        missing = missing_definitions(conn.db.schema)
        if missing:
            conn.transact(missing)

    @classmethod
    def at(cls, context: Context, path: str | Path) -> Self:
        """Open the archive in a directory, making it if there is none."""
        conn = connect(path, clock=context.now_us)
        try:
            return cls(context, conn, is_own=True)
        except BaseException:
            conn.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_own:
            self.conn.close()

    def put(self, refs: Iterable[Any], *, why: str | None = None) -> int:
        """Move memories here; return how many.

        Args:
            refs: entity ids, records or names. What has been archived already is left out.
        """
        db = self.ctx.db
        archived = db.schema.require(":memory/archived-at").id
        eids = [e for ref in refs if not db.words(e := get(db, "memory", ref), archived)]
        if not eids:
            return 0
        self._declare(db, eids)
        self.conn.transact([form for e in eids for form in _copies(db, e)])
        now = self.ctx.now()
        stubs: Forms = [form for e in eids for form in _emptied(db, e)]
        stubs += [[":db/add", e, ":memory/archived-at", now] for e in eids]
        self.ctx.transact(stubs, why=why)
        return len(eids)

    def take(self, refs: Iterable[Any], *, why: str | None = None) -> int:
        """Bring memories back from here; return how many. The archive keeps its copy."""
        db, there = self.ctx.db, self.conn.db
        forms: Forms = []
        count = 0
        for ref in refs:
            e = get(db, "memory", ref)
            entity = db.entity(e)
            assert entity is not None
            if ":memory/archived-at" not in entity:
                continue
            source = get(there, "memory", entity[":memory/id"])
            copied = [f for f in _copies(there, source) if ":memory/id" in f]
            forms += [{**_local(db, form), ":db/id": e} for form in copied]
            forms.append([":db/retract", e, ":memory/archived-at"])
            count += 1
        self.ctx.transact(forms, why=why)
        return count

    def _declare(self, db: Db, eids: Sequence[int]) -> None:
        """Declare attributes that the memories have and the archive does not know."""
        known = self.conn.db.schema
        used = {a for e in eids for a, _ in db.entity_words(e)}
        attributes = [db.schema.require(a) for a in sorted(used)]
        missing = [a for a in attributes if known.get(a.ident) is None]
        if missing:
            self.conn.transact(
                [{":db/ident": a.ident, **facts_of_attribute(a)} for a in missing]
            )


def _copies(db: Db, e: int) -> Iterator[dict[str, Any]]:
    """Yield tx-data that says of a memory elsewhere what `db` says, and what it refers to by name."""
    form: dict[str, Any] = {":db/id": f"e{e}"}
    for attribute, value in _facts(db, e):
        if attribute.ident == ":memory/archived-at" or attribute.tuple_attrs:
            continue
        if attribute.value_type is ValueType.REF:
            stub = _stub(db, value)
            if stub is None:
                continue
            yield stub
            value = stub[":db/id"]  # noqa: PLW2901 - the same reference, over there
        if attribute.many:
            form.setdefault(attribute.ident, []).append(value)
        else:
            form[attribute.ident] = value
    yield form


def _facts(db: Db, e: int) -> Iterator[tuple[Attribute, Any]]:
    for a, word in db.entity_words(e):
        attribute = db.schema.require(a)
        yield attribute, db.decode(attribute.value_type, [word])[0]


def _stub(db: Db, e: int) -> dict[str, Any] | None:
    """Return an entity's identities and name, as tx-data; None if it has no identity."""
    if e >= TX_BASE:
        return None
    facts = list(_facts(db, e))
    own = ((a, v) for a, v in facts if a.unique == "identity" and not a.tuple_attrs)
    identities: dict[str, Any] = {str(a.ident): v for a, v in own}
    if not identities:
        return None
    named: dict[str, Any] = {str(a.ident): v for a, v in facts if a.ident in _NAMES}
    return {":db/id": f"e{e}", **identities, **named}


def _emptied(db: Db, e: int) -> Iterator[list[Any]]:
    for attribute, value in _facts(db, e):
        if attribute.ident not in _KEPT and not attribute.tuple_attrs:
            yield [":db/retract", e, attribute.ident, value]


def _local(db: Db, form: dict[str, Any]) -> dict[str, Any]:
    """Return a copied memory without references: a stub has kept those that matter."""
    return {
        name: value
        for name, value in form.items()
        if name == ":db/id" or db.schema.require(name).value_type is not ValueType.REF
    }
