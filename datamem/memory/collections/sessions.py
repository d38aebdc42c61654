"""Sessions: begun, paused, resumed, ended and archived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import DatamemError
from datamem.memory.collections.collection import Collection
from datamem.memory.records.context import Forms
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db

_NEXT: Final = {
    ":active": {":paused", ":ended"},
    ":paused": {":active", ":ended"},
    ":ended": frozenset(),
}
"""Status to the statuses that may follow it."""


class Sessions(Collection):
    """Conversations of a user with an agent."""

    kind = "session"

    def create(
        self,
        *,
        agent: Any = None,
        user: Any = None,
        project: Any = None,
        id: Any = None,  # noqa: A002 - as its attribute
        **options: Any,
    ) -> Record:
        """Begin a session; it becomes the user's active one.

        Args:
            agent, user, project: who talks, with whom and about what; they must exist.
            id: a UUID or a name to find it by; None makes a UUID.
            **options: `title`, `type` (default "conversation"), `metadata` (JSON), `meta` (EDN text),
                `participants`, `number`, `created_at`.

        Raises:
            DatamemError: `memory/exists`, `memory/unknown`, `memory/bad-option`.
        """
        known = {"agent": agent, "user": user, "project": project, "status": "active"}
        began = {"type": "conversation", "created_at": self.ctx.now()}

        def build(db: Db) -> Forms:
            form = self._form(db, id, {**known, **began, **options})
            forms: Forms = [form]
            if ":session/user" in form:
                forms.append([":db/add", form[":session/user"], ":user/active-session", "new"])
            return forms

        report = self.ctx.update(build)
        return self._record(report, report.tempids["new"], is_new=True)

    def pause(self, ref: Any, *, checkpoint: str | None = None) -> Record:
        """Pause a session, keeping the agent's serialised state."""
        return self._move(ref, ":paused", {":session/checkpoint": checkpoint})

    def resume(self, ref: Any) -> Record:
        """Go on with a paused session; it becomes its user's active one again."""
        return self._move(ref, ":active", {})

    def end(self, ref: Any, *, summary: str | None = None, title: str | None = None) -> Record:
        """End a session; it takes no more messages."""
        said = {":session/summary": summary, ":session/title": title}
        return self._move(ref, ":ended", {**said, ":session/ended-at": self.ctx.now()})

    def archive(self, ref: Any, *, why: str | None = None) -> Record:
        """Mark an ended session as one that retention may move to cold storage.

        Raises:
            DatamemError: `session/bad-transition` while it has not ended.
        """

        def build(db: Db) -> Forms:
            session = _session(db, get(db, "session", ref))
            if session.get(":session/status") != ":ended":
                raise _bad_transition(session.get(":session/status"), ":archived")
            if ":session/archived-at" in session:
                return []
            return [[":db/add", session[":db/id"], ":session/archived-at", self.ctx.now()]]

        return self._after(ref, self.ctx.update(build, why=why))

    def _move(self, ref: Any, status: str, facts: Mapping[str, Any]) -> Record:
        def build(db: Db) -> Forms:
            eid = get(db, "session", ref)
            session = _session(db, eid)
            before = session.get(":session/status") or ":active"
            if status not in _NEXT[before]:
                raise _bad_transition(before, status)
            forms: Forms = [{":db/id": eid, ":session/status": status, **facts}]
            user = session.get(":session/user")
            if user is not None:
                forms += _activation(db, user.eid, eid, status)
            return forms

        return self._after(ref, self.ctx.update(build))


def _session(db: Db, eid: int) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = db.entity(eid)
    assert found is not None
    return found


def _activation(db: Db, user: int, session: int, status: str) -> Forms:
    """Return what makes the session its user's active one, or no longer so once it has ended."""
    attribute = db.schema.require(":user/active-session")
    is_active = db.words(user, attribute.id) == [session]
    if status == ":active" and not is_active:
        return [[":db/add", user, attribute.ident, session]]
    if status == ":ended" and is_active:
        return [[":db/retract", user, attribute.ident, session]]
    return []


def _bad_transition(before: Any, after: str) -> DatamemError:
    return DatamemError(
        f"a session that is {before} cannot become {after}",
        code="session/bad-transition",
        hint="active and paused take turns, both may end, and what has ended may be archived",
        status=before,
        wanted=after,
    )
