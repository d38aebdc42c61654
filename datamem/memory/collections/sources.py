"""Sources: uploaded files, the tables in them and their fields; and queries that answered questions."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datamem.memory.collections.collection import Collection
from datamem.memory.records.context import Forms, present
from datamem.memory.records.forms import facts_from
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


class Sources(Collection):
    """Files that users gave, and what is known of the data in them."""

    kind = "source"

    def create(
        self,
        name: str,
        *,
        project: Any = None,
        id: Any = None,  # noqa: A002 - as its attribute
        **options: Any,
    ) -> Record:
        """Add a source.

        Args:
            name: of the file.
            project: whose it is.
            id: a UUID or a name to find it by.
            **options: `path`, `media_type`, `hash`, `size_bytes`, `metadata` (JSON).
        """
        known = {"name": name, "project": project, "created_at": self.ctx.now()}
        return self._create(id, {**known, **options})

    def describe(
        self,
        ref: Any,
        table: str,
        *,
        fields: Iterable[Mapping[str, Any]] = (),
        **options: Any,
    ) -> Record:
        """Say what a table of a source holds; said again, what is new replaces what was said.

        Args:
            table: its name.
            fields: mappings with `name` and any of `type`, `description`, `sample_values` (a list),
                `is_nullable`.
            **options: `description`, `row_count`, `metadata` (JSON).
        """
        columns = [dict(field) for field in fields]

        def build(db: Db) -> Forms:
            source = get(db, "source", ref)
            known = _find_part(db, "source-table", "source", source, table)
            form = {
                ":db/id": "table" if known is None else known,
                ":source-table/source": source,
                ":source-table/name": table,
                **facts_from(db, "source-table", options, self.ctx.now_us()),
            }
            return [form, *self._fields(db, known, columns)]

        report = self.ctx.update(build)
        db = self.ctx.within(report.db_after)
        found = _find_part(db, "source-table", "source", get(db, "source", ref), table)
        assert found is not None
        return self.ctx.record(db, found, "source-table", is_new="table" in report.tempids)

    def _fields(
        self, db: Db, table: int | None, columns: Sequence[Mapping[str, Any]]
    ) -> builtins.list[dict[str, Any]]:
        forms = []
        for number, column in enumerate(columns):
            name = str(column["name"])
            known = (
                None if table is None else _find_part(db, "source-field", "table", table, name)
            )
            form = {
                ":db/id": f"field-{number}" if known is None else known,
                ":source-field/table": "table" if table is None else table,
                **facts_from(db, "source-field", column, self.ctx.now_us()),
            }
            forms.append(present(form))
        return forms

    def tables(self, ref: Any, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the tables of a source, by name."""
        return self._parts("source-table", "source", ref, "source", db)

    def fields(self, table: Record, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the fields of a table, by name."""
        seen = self.ctx.seen(db)
        attribute = seen.schema.require(":source-field/table").id
        found = seen.referrers(table.eid, attribute)
        records = [self.ctx.record(seen, e, "source-field") for e in found]
        return sorted(records, key=lambda field: str(field.name))

    def _parts(
        self, kind: str, role: str, ref: Any, of: str, db: Db | None
    ) -> builtins.list[Record]:
        seen = self.ctx.seen(db)
        attribute = seen.schema.require(f":{kind}/{role}").id
        found = seen.referrers(get(seen, of, ref), attribute)
        records = [self.ctx.record(seen, e, kind) for e in found]
        return sorted(records, key=lambda part: str(part.name))


def _find_part(db: Db, kind: str, role: str, whole: int, name: str) -> int | None:
    """Return the part of a whole that has a name, or None."""
    named = db.schema.require(f":{kind}/name")
    word = db.encode(named, named.check(name))
    for e in db.referrers(whole, db.schema.require(f":{kind}/{role}").id):
        if word is not None and db.words(e, named.id) == [word]:
            return e
    return None


class QueryPatterns(Collection):
    """Queries that answered questions, and how often they did."""

    kind = "query-pattern"
    spec = ":table/query-patterns"

    def learn(
        self,
        question: str,
        query: str,
        *,
        success: bool = True,
        language: str = "datalog",
        **options: Any,
    ) -> Record:
        """Count a query that was tried for a question, adding it the first time.

        Args:
            question: as it was asked.
            query: the text that was to answer it.
            success: whether it did.
            language: "datalog" or "sql".
            **options: `project`, `sources`.
        """
        eids: builtins.list[int] = []

        def build(db: Db) -> Forms:
            known = self._known(db, question, query)
            eids[:] = [] if known is None else [known]
            name = f":query-pattern/{'success' if success else 'failure'}-count"
            used = {":query-pattern/last-used": self.ctx.now()}
            if known is not None:
                counts = db.words(known, db.schema.require(name).id)
                return [{":db/id": known, name: sum(counts) + 1, **used}]
            said = {"question": question, "query": query, "language": language, **options}
            return [{**self._form(db, None, said), name: 1, **used}]

        report = self.ctx.update(build)
        is_new = not eids
        return self._record(report, report.tempids["new"] if is_new else eids[0], is_new=is_new)

    def _known(self, db: Db, question: str, query: str) -> int | None:
        having = self._having(db, {"question": question, "query": query})
        return int(having[0]) if len(having) else None
