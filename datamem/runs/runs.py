"""Runs: one execution of an agent; while it is open, what its context writes carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeAlias

from datamem.clock import random_bytes
from datamem.conn import Connection
from datamem.db import Db
from datamem.errors import RunError
from datamem.index.words import instant_of_us
from datamem.kv.jsonvalue import plain_json
from datamem.kv.reading import entity_of, value_of, values_of
from datamem.kv.scopes import Scope
from datamem.runs.current import (
    BEGINNING,
    Carrying,
    attach,
    carry_runs,
    current_run,
    detach,
)

Status: TypeAlias = str
"""`running`, `completed`, `failed` or `cancelled`."""

Named: TypeAlias = "str | int | list[Any] | tuple[Any, ...] | None"
"""An entity as an id, a lookup ref, or the text of its external id, under which it is made if need be."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a database value knows of a run."""

    eid: int
    id: str
    status: Status
    namespace: str
    agent: int | None
    session: int | None
    parent: int | None
    started_at: datetime
    ended_at: datetime | None
    error: str | None
    metadata: dict[str, Any]


class Run:
    """An agent's run on a connection: a context manager that ends it.

    Attributes:
        conn: where it writes.
        id: its name, unique in the database.
        eid: its entity.
        seen_sequence: where its event log was last seen to end; only a hint.
        head: the t at which it was open, and the sequence and digest of its last event then.
    """

    __slots__ = ("conn", "eid", "head", "id", "seen_sequence")

    def __init__(self, conn: Connection, run_id: str, eid: int) -> None:
        self.conn = conn
        self.id = run_id
        self.eid = eid
        self.seen_sequence = 0
        self.head: tuple[int, int, str] = (0, 0, "")

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.record().status}>"

    def record(self, db: Db | None = None) -> RunRecord:
        """Return what the database knows of it, now or in another value of it."""
        return read_run(self.conn.db if db is None else db, self.eid)

    @property
    def is_open(self) -> bool:
        """Tell whether it may still write events."""
        status: str = value_of(self.conn.db, self.eid, ":run/status")
        return status == ":running"

    def __enter__(self) -> Self:
        attach(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run, as failed after an exception, unless the block ended it itself."""
        detach(self)
        if self.is_open:
            if error is None:
                end_run(self)
            else:
                end_run(self, "failed", error=f"{type(error).__name__}: {error}")


def begin_run(
    conn: Connection,
    run_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    parent: Run | str | int | None = None,
    agent: Named = None,
    session: Named = None,
    scope: Scope | str | None = None,
    started_at: datetime | None = None,
) -> Run:
    """Begin a run and make it the current one of this context.

    Args:
        run_id: its name; None: one that nobody can guess.
        metadata: a JSON object.
        parent: the run it belongs to; None: the current one, if there is one.
        agent, session: entity ids, lookup refs, or external ids.
        scope: tenant, app and agent it belongs to.
        started_at: for the import of what ran elsewhere; None: now.

    Raises:
        RunError: `run/exists`, `run/unknown` for the parent.
        StateError: `json/not-json` for the metadata.
    """
    carry_runs(conn)
    name = random_bytes(8).hex() if run_id is None else _checked_id(run_id)
    about = plain_json(dict(metadata or {}), "metadata")
    up = current_run(conn) if parent is None else parent

    def build(db: Db) -> list[dict[str, Any]]:
        if entity_of(db, ":run/id", name) is not None:
            raise RunError(
                f"there is a run {name} already",
                code="run/exists",
                hint="resume_run goes on with it; a new run needs another id",
                run=name,
            )
        run = {
            ":db/id": "run",
            ":run/id": name,
            ":run/namespace": str(scope) if scope else None,
            ":run/agent": _named(agent, ":agent/external-id"),
            ":run/session": _named(session, ":session/external-id"),
            ":run/parent": None if up is None else find_run(db, up),
            ":run/status": ":running",
            ":run/started-at": started_at or instant_of_us(conn.now_us()),
            ":run/metadata": about or None,
        }
        return [run, {":db/id": "datomic.tx", ":tx/run": "run"}]

    with Carrying(BEGINNING):
        report = conn.update(build)
    run = Run(conn, name, report.tempids["run"])
    attach(run)
    return run


def _checked_id(run_id: Any) -> str:
    if not isinstance(run_id, str) or not run_id or not run_id.isprintable():
        raise RunError(
            f"{run_id!r} is no name of a run",
            code="run/bad-id",
            hint="use a short printable text",
            run=run_id,
        )
    return run_id


def _named(what: Named, identity: str) -> Any:
    return {identity: what} if isinstance(what, str) else what


def end_run(
    run: Run,
    status: Status = "completed",
    *,
    error: str | None = None,
    ended_at: datetime | None = None,
) -> RunRecord:
    """End a run: nothing can be appended to it any more, and it is nobody's current run.

    What its event log was then is kept with it, so that `verify` notices a shortened one.

    Raises:
        RunError: `run/ended`, `run/bad-status`.
    """
    from datamem.runs.events import head_of

    if status not in {"completed", "failed", "cancelled"}:
        raise RunError(
            f"a run does not end as {status!r}",
            code="run/bad-status",
            hint="end it as completed, failed or cancelled",
            status=status,
        )

    def build(db: Db) -> list[dict[str, Any]]:
        check_open(db, run.eid, "it cannot end twice")
        count, digest = head_of(db, run.id)
        return [
            {
                ":db/id": run.eid,
                ":run/status": f":{status}",
                ":run/ended-at": ended_at or instant_of_us(run.conn.now_us()),
                ":run/error": error,
                ":run/event-count": count,
                ":run/digest": digest,
            }
        ]

    with Carrying(run):
        run.conn.update(build)
    detach(run)
    return run.record()


def resume_run(conn: Connection, run: str | int) -> Run:
    """Make an open run the current one of this context, as after a restart or in a fork.

    Raises:
        RunError: `run/unknown`, `run/ended`.
    """
    carry_runs(conn)
    found = get_run(conn, run)
    check_open(conn.db, found.eid, "it cannot go on")
    attach(found)
    return found


def check_run(run: object) -> None:
    """Refuse what is no run of a connection, such as the id of one.

    Raises:
        TypeError: with how to come by one.
    """
    if not isinstance(run, Run):
        message = f"{run!r} is no run of a connection: get_run(conn, {run!r}) gives one"
        raise TypeError(message)


def get_run(conn: Connection, run: str | int) -> Run:
    """Return a run of the database, open or ended, without making it current.

    Raises:
        RunError: `run/unknown`.
    """
    eid = find_run(conn.db, run)
    return Run(conn, value_of(conn.db, eid, ":run/id"), eid)


def find_run(db: Db, run: Run | str | int) -> int:
    """Return the entity of a run, named by its id or entity.

    Raises:
        RunError: `run/unknown`.
    """
    eid = entity_of(db, ":run/id", run) if isinstance(run, str) else _eid(run)
    if eid is None or value_of(db, eid, ":run/id") is None:
        name = run.id if isinstance(run, Run) else run
        raise RunError(
            f"there is no run {name}",
            code="run/unknown",
            hint="begin_run makes one; an earlier database value may not have it yet",
            run=name,
        )
    return eid


def _eid(run: Run | int) -> int:
    return run.eid if isinstance(run, Run) else run


def view_of(run: Run | str | int, db: Db | None) -> Db:
    """Return the database value to read a run in.

    Raises:
        RunError: `run/no-database`.
    """
    if db is not None:
        return db
    if isinstance(run, Run):
        return run.conn.db
    raise RunError(
        "a run that is named by its id alone is read from a database",
        code="run/no-database",
        hint="give db=conn.db, or a Run",
    )


def read_run(db: Db, run: Run | str | int) -> RunRecord:
    """Return what a database value knows of a run.

    Raises:
        RunError: `run/unknown`.
    """
    eid = find_run(db, run)
    values = values_of(db, eid)
    return RunRecord(
        eid,
        values[":run/id"],
        values[":run/status"].removeprefix(":"),
        values.get(":run/namespace", ""),
        values.get(":run/agent"),
        values.get(":run/session"),
        values.get(":run/parent"),
        values[":run/started-at"],
        values.get(":run/ended-at"),
        values.get(":run/error"),
        values.get(":run/metadata", {}),
    )


def list_runs(
    db: Db,
    *,
    status: Status | None = None,
    parent: Run | str | int | None = None,
    scope: Scope | str | None = None,
) -> list[RunRecord]:
    """Return the runs that a database value has, by when they began.

    Args:
        scope: only those of this scope and the scopes in it.
    """
    attribute = db.schema.get(":run/id")
    if attribute is None:
        return []
    found = [read_run(db, e) for e in db.rows(a=attribute.id).e.tolist()]
    up = None if parent is None else find_run(db, parent)
    kept = [
        run
        for run in found
        if (status is None or run.status == status)
        and (up is None or run.parent == up)
        and (scope is None or Scope.parse(run.namespace) in Scope.parse(str(scope)))
    ]
    return sorted(kept, key=lambda run: (run.started_at, run.eid))


def check_open(db: Db, eid: int, why: str) -> None:
    """Raise `run/ended` unless a run is running.

    Raises:
        RunError: `run/ended`, `run/unknown`.
    """
    status = value_of(db, eid, ":run/status")
    if status != ":running":
        find_run(db, eid)
        name = value_of(db, eid, ":run/id")
        raise RunError(
            f"run {name} has {status.removeprefix(':')}, so {why}",
            code="run/ended",
            hint="begin another run; with parent= it belongs to this one",
            run=name,
            status=status.removeprefix(":"),
        )
