"""Agent states: what an agent keeps between turns, at most one for each session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from datamem.memory.records.context import Context, Forms, instant, present
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


class States:
    """States by agent and session; each has one current value, and its history."""

    def __init__(self, context: Context) -> None:
        self.ctx = context

    def put(
        self,
        agent: Any,
        data: Mapping[str, Any],
        *,
        session: Any = None,
        expires_at: datetime | timedelta | None = None,
    ) -> Record:
        """Set the state of an agent, in a session or apart from all.

        Args:
            data: JSON.
            expires_at: from when on it is not shown; None: never.
        """
        known: list[int] = []

        def build(db: Db) -> Forms:
            owner = get(db, "agent", agent)
            place = None if session is None else get(db, "session", session)
            eid = find_state(db, owner, place)
            known[:] = [] if eid is None else [eid]
            until = instant(expires_at, self.ctx.now_us())
            form = {
                **self.ctx.owners("agent-state", ("organization",)),
                ":db/id": "new" if eid is None else eid,
                ":agent-state/agent": owner,
                ":agent-state/session": place,
                ":agent-state/data": dict(data),
                ":agent-state/expires-at": until,
            }
            forms: Forms = [present(form)]
            expires = db.schema.require(":agent-state/expires-at")
            if eid is not None and until is None and db.words(eid, expires.id):
                forms.append([":db/retract", eid, expires.ident])
            return forms

        report = self.ctx.update(build)
        eid = known[0] if known else report.tempids["new"]
        return self._record(report.db_after, eid, is_new=not known)

    def get(self, agent: Any, *, session: Any = None, db: Db | None = None) -> Record | None:
        """Return the state of an agent that has not expired, or None."""
        seen = self.ctx.seen(db)
        place = None if session is None else get(seen, "session", session)
        eid = find_state(seen, get(seen, "agent", agent), place)
        return None if eid is None else self._record(seen, eid)

    def _record(self, db: Db, eid: int, *, is_new: bool = False) -> Record:
        return self.ctx.record(db, eid, "agent-state", is_new=is_new)


def find_state(db: Db, agent: int, session: int | None) -> int | None:
    """Return the state of an agent in a session, or apart from all; None if there is none."""
    place = db.schema.require(":agent-state/session").id
    wanted = [] if session is None else [session]
    for e in db.referrers(agent, db.schema.require(":agent-state/agent").id):
        if db.words(e, place) == wanted:
            return e
    return None
