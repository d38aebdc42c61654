"""The access log: who asked for which memory, when, and whether they got it."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.index.words import us_of_instant
from datamem.memory.records.context import Context, Forms, keyword, present
from datamem.memory.records.forms import facts_from
from datamem.memory.records.kinds import find
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


class AccessLog:
    """Accesses to memories, for auditing. An entry outlives the memory that it is about."""

    def __init__(self, context: Context) -> None:
        self.ctx = context

    def record(
        self,
        operation: str,
        *,
        memory: Any = None,
        success: bool = True,
        request: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Record:
        """Add an entry.

        Args:
            operation: "create", "read", "update", "delete" or "search".
            memory: which was accessed.
            success: whether it was allowed and done.
            request: what was asked, as JSON without secrets.
            **options: `session`, `agent`, `user`, `error`, `ip_address`.
        """

        def build(db: Db) -> Forms:
            form = {
                ":db/id": "new",
                **self.ctx.owners("access"),
                ":access/operation": keyword(operation),
                ":access/success?": success,
                ":access/at": self.ctx.now(),
                ":access/memory": None if memory is None else find(db, "memory", memory),
                ":access/request": None if request is None else dict(request),
                **facts_from(db, "access", options, self.ctx.now_us()),
            }
            return [present(form)]

        report = self.ctx.update(build)
        db = self.ctx.within(report.db_after)
        return self.ctx.record(db, report.tempids["new"], "access", is_new=True)

    def list(
        self,
        *,
        memory: Any = None,
        operation: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> builtins.list[Record]:
        """Return entries, newest first; also those about memories that are forgotten."""
        db = self.ctx.view(include_forgotten=True, valid_at="ever")
        low = (
            None
            if since is None
            else us_of_instant(since if since.tzinfo else since.replace(tzinfo=UTC))
        )
        rows = db.value_range(db.schema.require(":access/at").id, low=low)
        newest = rows.e[np.lexsort((-rows.e, -rows.v))].tolist()
        wanted = None if memory is None else find(db, "memory", memory)
        records = (self.ctx.record(db, e, "access") for e in newest)
        kept = [
            one
            for one in records
            if (operation is None or one.operation == keyword(operation))
            and (memory is None or (one.memory is not None and one.memory.eid == wanted))
        ]
        return kept[:limit]
