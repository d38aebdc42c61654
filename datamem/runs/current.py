"""The current run of a context, and how what the context writes comes to carry it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from datamem.conn import Connection
from datamem.db import Db
from datamem.errors import RunError
from datamem.kv.declared import declare
from datamem.transact import TxPlan

if TYPE_CHECKING:
    from datamem.runs.runs import Run

_SECTIONS: Final = ("run", "event", "trace", "tx", "agent", "session")

BEGINNING: Final = None
"""Stands for the run that its own first transaction is about to make."""

_open_runs: ContextVar[tuple[Run | None, ...]] = ContextVar("datamem_runs", default=())
_guarded: WeakKeyDictionary[Connection, list[bool]] = WeakKeyDictionary()
"""Connections whose writes carry runs, and whether each must have one."""


class Carrying:
    """Lets what its block writes carry a run, whichever is current around it; or make one, `BEGINNING`."""

    __slots__ = ("_run", "_token")

    def __init__(self, run: Run | None) -> None:
        self._run = run

    def __enter__(self) -> None:
        self._token = _open_runs.set((*_open_runs.get(), self._run))

    def __exit__(self, *_: object) -> None:
        _open_runs.reset(self._token)


def attach(run: Run) -> None:
    """Make a run the current one of this context; for threads that work for it as well."""
    runs = _open_runs.get()
    if not any(other is run for other in runs):
        _open_runs.set((*runs, run))


def detach(run: Run) -> None:
    """Take a run out of this context, which then has the current run it had before."""
    kept = tuple(
        other
        for other in _open_runs.get()
        if other is None or other.eid != run.eid or other.conn is not run.conn
    )
    _open_runs.set(kept)


def current_run(conn: Connection) -> Run | None:
    """Return the innermost run of this context on a connection, if there is one."""
    for run in reversed(_open_runs.get()):
        if run is not None and run.conn is conn:
            return run
    return None


def require_runs(conn: Connection, *, required: bool = True) -> None:
    """Refuse every write of this connection that no run carries, or allow them again.

    Such a write then raises `run/required`.
    """
    carry_runs(conn)
    _guarded[conn][0] = required


def carry_runs(conn: Connection) -> None:
    """Let every transaction of a connection carry the current run, as `:tx/run`."""
    if conn not in _guarded:
        declare(conn, *_SECTIONS)
        _guarded[conn] = [False]
        conn.guard(_guard_of(conn))


def _guard_of(conn: Connection) -> Callable[[], Callable[[Db, TxPlan], TxPlan] | None]:
    required = _guarded[conn]

    def guard() -> Callable[[Db, TxPlan], TxPlan] | None:
        runs = _open_runs.get()
        if runs and runs[-1] is None:
            return None
        run = current_run(conn)
        if run is not None:
            return Carrier(run.eid)
        if required[0]:
            raise RunError(
                "this write belongs to no run, and the connection takes none such",
                code="run/required",
                hint="begin_run first, or attach(run) in a thread that works for one",
            )
        return None

    return guard


@dataclass(frozen=True, slots=True)
class Carrier:
    """Adds `:tx/run` to a plan that does not have it."""

    eid: int

    def __call__(self, db: Db, plan: TxPlan) -> TxPlan:
        """Return the plan with the run."""
        attribute = db.schema.get(":tx/run")
        if plan.empty or attribute is None:
            return plan
        if attribute.id in plan.a:
            said = (a for e, a in zip(plan.e, plan.a, strict=True) if e == plan.tx)
            if attribute.id in said:
                return plan
        plan.add([(plan.tx, attribute.id, self.eid)])
        return plan
