"""The journal of a recording: every step an event of its run, in the transaction of the facts it stores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.edn import read
from datamem.runs.events import NewEvent, chain_events, checked_event, map_of
from datamem.runs.recorder.journals import Answer
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.traces import TraceMaker
from datamem.runs.runs import Run

EVENT: Final = "datamem.step"
"""Tempid of a step's event."""


class RunJournal:
    """Keeps steps as events of an open run; see `Journal`."""

    def __init__(self, run: Run, *, completed: int = 0) -> None:
        self.run = run
        self._completed = completed
        self._lock = threading.RLock()
        self._traces = TraceMaker(run)
        self._trace_name = ""
        self._head = 0, ""
        self._seen_t = run.conn.db.basis_t

    @property
    def completed(self) -> int:
        """How many steps have ended."""
        return self._completed

    @property
    def db(self) -> Db:
        """The memory now; noted, if others have written since the run's last step."""
        with self._lock:
            db = self.run.conn.db
            if db.basis_t != self._seen_t:
                now = self.now_us()
                note = Step(
                    "read",
                    "memory",
                    None,
                    db.basis_t,
                    issued=0,
                    after=self._completed,
                    started_us=now,
                    ended_us=now,
                )
                self.finish(note)
            return db

    def now_us(self) -> int:
        """Return the connection's clock, µs since 1970."""
        return self.run.conn.now_us()

    def answer(self, step: Step) -> Answer:  # noqa: ARG002 - as the protocol
        """Let everything be done."""
        return Answer()

    def finish(self, step: Step) -> Step:
        """Append the step to the run; it is durable as the connection's policy says."""
        kept = step
        with self._lock:

            def build(db: Db) -> list[Any]:
                nonlocal kept
                kept = self._numbered(step)
                return self._maps(db, kept)

            report = self.run.conn.update(build, {":tx/run": self.run.eid})
            return self._kept(kept, report)

    def transact(
        self,
        step: Step,
        tx_data: Any,
        meta: Mapping[Any, Any] | None,
        facts_of: Callable[[TxReport], Any],
    ) -> tuple[TxReport, Step]:
        """Commit facts and the step that stores them, in one transaction."""
        items = list(read(tx_data) if isinstance(tx_data, str) else tx_data)
        conn, kept = self.run.conn, step
        with self._lock:

            def build(db: Db) -> list[Any]:
                nonlocal kept
                ghost = db.with_tx(items, meta, conn.functions)
                output = facts_of(ghost) if ghost.datom_count else []
                kept = self._numbered(step.ended(output, None, self.now_us()))
                return [*items, *self._maps(db, kept)]

            report = conn.update(build, {**(meta or {}), ":tx/run": self.run.eid})
            return report, self._kept(kept, report)

    def _numbered(self, step: Step) -> Step:
        return replace(step, number=self._completed + 1)

    def _maps(self, db: Db, step: Step) -> list[Any]:
        """Return the event of a step and its traces, as the maps that transact them."""
        event = checked_event(NewEvent(event_type(step), step.to_payload()))
        [chained] = chain_events(db, self.run, [event])
        self._head = chained.sequence, chained.digest
        self._trace_name = f"{self.run.id}/{chained.sequence}"
        return [
            map_of(chained, self.run.eid) | {":db/id": EVENT},
            *self._traces.maps(db, step, self._trace_name, EVENT),
        ]

    def _kept(self, step: Step, report: TxReport) -> Step:
        self._completed = step.number
        self.run.seen_sequence = self._head[0]
        self.run.head = report.t, *self._head
        self._traces.keep(step, self._trace_name)
        if report.db_before.basis_t == self._seen_t:
            self._seen_t = report.t
        return replace(step, t=report.t, event=report.tempids[EVENT])


def event_type(step: Step) -> str:
    """Return the type of a step's event: the agent's own word for its events, else the kind of call."""
    match step.kind:
        case "event":
            return step.name
        case "tool" | "model":
            return f"{step.kind}_call"
        case _:
            return step.kind
