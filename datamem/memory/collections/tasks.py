"""Tasks: work in the background, as a state machine whose steps nobody can take twice."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.edn import print_edn
from datamem.errors import DatamemError
from datamem.index.sets import ascending
from datamem.index.words import us_of_instant
from datamem.memory.collections.collection import Collection
from datamem.memory.records.context import Forms, keyword
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db

NEXT: Final[Mapping[str, frozenset[str]]] = {
    ":pending": frozenset({":running", ":cancelled"}),
    ":running": frozenset({":completed", ":failed", ":pending", ":cancelled"}),
    ":failed": frozenset({":pending"}),
    ":completed": frozenset(),
    ":cancelled": frozenset({":pending"}),
}
"""Status to the statuses that may follow: a failure with retries left makes a task pending again."""


class Tasks(Collection):
    """Background work: pending, running, then completed, failed or cancelled."""

    kind = "task"
    spec = ":table/tasks"

    def create(
        self,
        type: str,  # noqa: A002 - as its attribute
        description: str | None = None,
        *,
        session: Any = None,
        at: datetime | timedelta | None = None,
        id: Any = None,  # noqa: A002 - as its attribute
        **options: Any,
    ) -> Record:
        """Add a pending task.

        Args:
            type: "code-search", "file-edit", "test-run", …
            description: what to do.
            session: where it was asked for.
            at: not before this instant, or this long from now; None: at once.
            id: a UUID or a name to find it by.
            **options: `priority` (default 5; higher goes first), `max_retries` (default 3).
        """
        known = {
            "type": type,
            "description": description,
            "session": session,
            "status": "pending",
        }
        return self._create(id, {**known, "scheduled_for": at, **options})

    def due(
        self,
        *,
        now: datetime | None = None,
        type: str | None = None,  # noqa: A002 - as its attribute
        limit: int | None = None,
        db: Db | None = None,
    ) -> builtins.list[Record]:
        """Return the pending tasks whose time has come: highest priority first, then longest due.

        Args:
            now: the instant to judge by; None: the clock's.
        """
        seen = self.ctx.seen(db)
        now_us = self.ctx.now_us() if now is None else us_of_instant(now)
        found = due_tasks(seen, now_us, None if type is None else keyword(type))
        return [self.ctx.record(seen, e, "task") for e in found[:limit]]

    def claim(self, worker: str, *, type: str | None = None) -> Record | None:  # noqa: A002
        """Start the first due task, for one worker alone; None if nothing is due.

        Any number of threads may claim; each task goes to one.
        """
        claimed: builtins.list[int] = []

        def build(db: Db) -> Forms:
            claimed[:] = due_tasks(
                db, self.ctx.now_us(), None if type is None else keyword(type)
            )[:1]
            return [self._started(claimed[0], worker)] if claimed else []

        report = self.ctx.update(build)
        return self._record(report, claimed[0]) if claimed else None

    def start(self, ref: Any, *, worker: str | None = None) -> Record:
        """Start a pending task."""
        return self._move(ref, ":running", lambda task: [self._started(task.eid, worker)])

    def complete(self, ref: Any, result: Any = None) -> Record:
        """Complete a running task; the result is kept as EDN text."""
        text = None if result is None else print_edn(result)
        done = {":task/completed-at": self.ctx.now(), ":task/result": text}
        return self._move(
            ref, ":completed", lambda task: [self._moved(task, ":completed", done)]
        )

    def fail(
        self, ref: Any, error: str, *, retry_in: timedelta = timedelta(0), retry: bool = True
    ) -> Record:
        """Note that a running task failed: it is pending again while it has retries left.

        Args:
            error: what went wrong.
            retry_in: how long to wait before the next attempt.
            retry: False fails it for good.
        """

        def forms(task: Any) -> Forms:
            count = task.get(":task/retry-count", 0)
            if retry and count < task.get(":task/max-retries", 0):
                again = self.ctx.now() + retry_in
                facts = {":task/retry-count": count + 1, ":task/scheduled-for": again}
                return [self._moved(task, ":pending", {":task/error": error, **facts})]
            facts = {":task/completed-at": self.ctx.now()}
            return [self._moved(task, ":failed", {":task/error": error, **facts})]

        return self._move(ref, ":failed", forms)

    def cancel(self, ref: Any, *, why: str | None = None) -> Record:
        """Cancel a task that is pending or running."""
        done = {":task/completed-at": self.ctx.now()}
        return self._move(
            ref, ":cancelled", lambda task: [self._moved(task, ":cancelled", done)], why=why
        )

    def retry(self, ref: Any) -> Record:
        """Make a failed or cancelled task pending again, with its retries counted anew."""

        def forms(task: Any) -> Forms:
            gone = (":task/completed-at", ":task/error", ":task/scheduled-for")
            facts = {":task/retry-count": 0}
            return [
                self._moved(task, ":pending", facts),
                *[[":db/retract", task.eid, name] for name in gone if name in task],
            ]

        return self._move(ref, ":pending", forms)

    def _started(self, eid: int, worker: str | None) -> dict[str, Any]:
        facts = {":task/status": ":running", ":task/started-at": self.ctx.now()}
        return {":db/id": eid, **facts, ":task/worker": worker}

    def _moved(self, task: Any, status: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {":db/id": task.eid, ":task/status": status, **facts}

    def _move(self, ref: Any, status: str, forms: Any, *, why: str | None = None) -> Record:
        def build(db: Db) -> Forms:
            task = db.entity(get(db, "task", ref))
            assert task is not None
            before = str(task[":task/status"])
            if status not in NEXT[before]:
                raise DatamemError(
                    f"a task that is {before} cannot become {status}",
                    code="task/bad-transition",
                    hint=f"it may become {', '.join(sorted(NEXT[before])) or 'nothing else'}",
                    status=before,
                    wanted=status,
                )
            found: Forms = forms(task)
            return found

        return self._after(ref, self.ctx.update(build, why=why))


def due_tasks(db: Db, now_us: int, kind: str | None) -> list[int]:
    """Return the pending tasks that are scheduled for no later than `now_us`, in the order of work.

    Cost: of the pending tasks.
    """
    schema = db.schema
    status, scheduled = schema.require(":task/status"), schema.require(":task/scheduled-for")
    word = db.encode(status, status.check(":pending"))
    if word is None:
        return []
    e = ascending(db.rows(a=status.id, v=word).e)
    if kind is not None:
        of_type = schema.require(":task/type")
        wanted = db.encode(of_type, of_type.check(kind))
        e = e[_column(db, of_type.id, e, -1) == (-2 if wanted is None else wanted)]
    when = _column(db, scheduled.id, e, 0)
    due = when <= now_us
    e, when = e[due], when[due]
    priority = _column(db, schema.require(":task/priority").id, e, 0)
    ordered: list[int] = e[np.lexsort((e, when, -priority))].tolist()
    return ordered


def _column(db: Db, a: int, e: Any, missing: int) -> Any:
    rows = db.lookup_many(a, e)
    words = np.full(len(e), missing, np.int64)
    words[np.searchsorted(e, rows.e)] = rows.v
    return words
