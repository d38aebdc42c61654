"""Executions: the runs of an agent in its sessions, whose events and traces `datamem.runs` keeps."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datamem.index.sets import ascending
from datamem.memory.records.context import Context
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record
from datamem.runs import Run, begin_run

if TYPE_CHECKING:
    from datamem.db import Db


class Executions:
    """Runs of agents, by session."""

    def __init__(self, context: Context) -> None:
        self.ctx = context

    def begin(
        self,
        *,
        session: Any = None,
        agent: Any = None,
        id: str | None = None,  # noqa: A002 - as its attribute
        metadata: Mapping[str, Any] | None = None,
    ) -> Run:
        """Begin a run, best in a `with`: what is written until its end belongs to it.

        Args:
            session: where it runs; its agent is the run's unless another is named.
            agent: who runs.
            id: its name; None: one that nobody can guess.
            metadata: JSON.

        Returns:
            the run, for `datamem.runs`: `append_event(run, …)`, `add_trace`, `verify`, `end_run`.

        Raises:
            DatamemError: `memory/unknown`; RunError: `run/exists`.
        """
        db = self.ctx.db
        place = None if session is None else get(db, "session", session)
        owner = None if agent is None else get(db, "agent", agent)
        if owner is None and place is not None:
            found = db.words(place, db.schema.require(":session/agent").id)
            owner = found[0] if found else None
        return begin_run(self.ctx.conn, id, metadata, agent=owner, session=place)

    def of_session(self, session: Any, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the runs of a session, oldest first: `id`, `status`, `started_at`, `metadata`."""
        seen = self.ctx.seen(db)
        return self._list(seen, "run", ":run/session", get(seen, "session", session))

    def steps(self, run: Run | Record, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the events of a run, in their order: `sequence`, `type`, `payload`, `timestamp`."""
        seen = self.ctx.seen(db)
        return self._list(seen, "event", ":event/run", run.eid)

    def _list(self, db: Db, kind: str, name: str, owner: int) -> builtins.list[Record]:
        rows = db.rows(a=db.schema.require(name).id, v=owner)
        return [self.ctx.record(db, e, kind) for e in ascending(rows.e).tolist()]
