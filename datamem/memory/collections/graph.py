"""The knowledge graph: entities that memories mention, links between them, and relations in time."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from datamem.errors import DatamemError
from datamem.index.sets import ascending
from datamem.memory.collections.collection import Collection
from datamem.memory.records.context import Forms, keyword, present
from datamem.memory.records.forms import facts_from
from datamem.memory.records.kinds import find, get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


class Graph(Collection):
    """Entities: people, places, functions, libraries, concepts."""

    kind = "entity"

    def entity(
        self,
        name: str,
        type: str = "concept",  # noqa: A002 - as its attribute
        *,
        id: Any = None,  # noqa: A002 - as its attribute
        **options: Any,
    ) -> Record:
        """Return the entity of this name and type, adding it if there is none.

        Args:
            name: exactly as it is to be found; other names go into `aliases`.
            type: "function", "class", "library", "concept", "person", …
            id: a UUID or a name to find it by.
            **options: `description`, `aliases`.
        """
        found: builtins.list[int] = []

        def build(db: Db) -> Forms:
            known = (
                find_entity(db, name, keyword(type)) if id is None else find(db, "entity", id)
            )
            found[:] = [] if known is None else [known]
            if known is not None:
                facts = facts_from(db, "entity", options, self.ctx.now_us())
                return [{":db/id": known, **facts}] if facts else []
            said = {"name": name, "type": type, "created_at": self.ctx.now(), **options}
            return [self._form(db, id, said)]

        report = self.ctx.update(build)
        is_new = not found
        return self._record(
            report, report.tempids["new"] if is_new else found[0], is_new=is_new
        )

    def find(
        self,
        name: str,
        type: str | None = None,  # noqa: A002 - as its attribute
        *,
        db: Db | None = None,
    ) -> Record | None:
        """Return the entity that has this name or alias, or None."""
        seen = self.ctx.seen(db)
        eid = find_entity(seen, name, None if type is None else keyword(type))
        return None if eid is None else self.ctx.record(seen, eid, "entity")

    def mention(self, ref: Any, *memories: Any) -> Record:
        """Say that memories mention an entity."""

        def build(db: Db) -> Forms:
            eid = get(db, "entity", ref)
            return [[":db/add", eid, ":entity/mentions", _memory(db, one)] for one in memories]

        return self._after(ref, self.ctx.update(build))

    def link(self, ref: Any, other: Any) -> Record:
        """Link two entities, both ways; stored once, however often it is said and in which order."""

        def build(db: Db) -> Forms:
            first, second = sorted((get(db, "entity", ref), get(db, "entity", other)))
            if first == second:
                raise _to_itself()
            related = db.schema.require(":entity/related").id
            known = db.holds(first, related, second) or db.holds(second, related, first)
            return [] if known else [[":db/add", first, ":entity/related", second]]

        return self._after(ref, self.ctx.update(build))

    def unlink(self, ref: Any, other: Any) -> Record:
        """Take a link back, whichever way it is stored."""

        def build(db: Db) -> Forms:
            ends = get(db, "entity", ref), get(db, "entity", other)
            related = db.schema.require(":entity/related")
            return [
                [":db/retract", a, related.ident, b]
                for a, b in (ends, ends[::-1])
                if db.holds(a, related.id, b)
            ]

        return self._after(ref, self.ctx.update(build))

    def linked(self, ref: Any, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the entities that are linked to one, whoever was named first."""
        seen = self.ctx.seen(db)
        eid = get(seen, "entity", ref)
        related = seen.schema.require(":entity/related").id
        found = {*seen.words(eid, related), *seen.referrers(eid, related)}
        return [self.ctx.record(seen, e, "entity") for e in sorted(found)]

    def relate(
        self,
        source: Any,
        type: str,  # noqa: A002 - as its attribute
        target: Any,
        *,
        evidence: Iterable[Any] = (),
        why: str | None = None,
        **options: Any,
    ) -> Record:
        """Say what one entity is to another: `relate(ada, "works-at", acme, valid_from=…)`.

        Args:
            evidence: memories or messages that say so.
            **options: `valid_from`, `valid_to`, `confidence` (0.0 to 1.0), `metadata` (JSON).
        """

        def build(db: Db) -> Forms:
            ends = get(db, "entity", source), get(db, "entity", target)
            form = {
                ":db/id": "new",
                **self.ctx.owners("relation", ("organization",)),
                ":relation/source": ends[0],
                ":relation/target": ends[1],
                ":relation/type": keyword(type),
                ":relation/evidence": [_memory(db, one) for one in evidence] or None,
                **facts_from(db, "relation", options, self.ctx.now_us()),
            }
            return [present(form)]

        report = self.ctx.update(build, why=why)
        db = self.ctx.within(report.db_after)
        return self.ctx.record(db, report.tempids["new"], "relation", is_new=True)

    def end(
        self, relation: Record, *, at: datetime | None = None, why: str | None = None
    ) -> Record:
        """Say that a relation was true only until an instant; None: now."""
        when = self.ctx.now() if at is None else at
        report = self.ctx.update(
            lambda _: [[":db/add", relation.eid, ":fact/valid-to", when]], why=why
        )
        return self.ctx.record(self.ctx.within(report.db_after), relation.eid, "relation")

    def relations(
        self,
        ref: Any,
        type: str | None = None,  # noqa: A002 - as its attribute
        *,
        direction: str = "both",
        db: Db | None = None,
    ) -> builtins.list[Record]:
        """Return the relations of an entity that are true in the view: `source`, `type`, `target`.

        Args:
            direction: "out", "in" or "both".
            db: a view, such as `mem.view(valid_at=…)`; None: what has not ended.
        """
        seen = self.ctx.seen(db)
        eid = get(seen, "entity", ref)
        sides = {"out": ("source",), "in": ("target",)}.get(direction, ("source", "target"))
        found: set[int] = set()
        for side in sides:
            found.update(seen.referrers(eid, seen.schema.require(f":relation/{side}").id))
        records = [self.ctx.record(seen, e, "relation") for e in sorted(found)]
        return [one for one in records if type is None or one.type == keyword(type)]


def find_entity(db: Db, name: str, kind: str | None) -> int | None:
    """Return the entity with this name or, failing that, alias; of a type or of any."""
    of_type = db.schema.require(":entity/type")
    for ident in (":entity/name", ":entity/aliases"):
        attribute = db.schema.require(ident)
        word = db.encode(attribute, attribute.check(name))
        found = [] if word is None else ascending(db.rows(a=attribute.id, v=word).e).tolist()
        for e in found:
            if kind is None or db.decode(of_type.value_type, db.words(e, of_type.id)) == [kind]:
                return int(e)
    return None


def _memory(db: Db, ref: Any) -> int:
    kind = getattr(ref, "kind", "memory")
    return get(db, kind, ref)


def _to_itself() -> DatamemError:
    return DatamemError(
        "an entity cannot be linked to itself",
        code="memory/related-to-itself",
        hint="name another entity",
    )
