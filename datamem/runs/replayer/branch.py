"""Where a replay writes: a branch from before the run, opened when something has to be stored there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from datamem.clock import now_us
from datamem.conn import Connection, connect
from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.runs.current import detach
from datamem.runs.events import append_event
from datamem.runs.recorder.journal import RunJournal
from datamem.runs.recorder.journals import Answer
from datamem.runs.recorder.read import BEGIN, Recording
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.values import encode_value
from datamem.runs.runs import Run, begin_run


class BranchJournal:
    """Keeps a replay's steps, on a branch once there is one; see `Journal`."""

    def __init__(self, conn: Connection | None, recording: Recording) -> None:
        self._conn = conn
        self._recording = recording
        self._kept: list[Step] = []
        self._journal: RunJournal | None = None

    @property
    def journal(self) -> RunJournal:
        """The journal of the run on the branch, opened at the first look."""
        if self._journal is None:
            journal = open_branch(self._conn, self._recording)
            for step in self._kept:
                journal.finish(step)
            self._journal = journal
        return self._journal

    @property
    def run(self) -> Run:
        """The run on the branch."""
        return self.journal.run

    @property
    def is_open(self) -> bool:
        """Whether there is a branch."""
        return self._journal is not None

    @property
    def completed(self) -> int:
        """How many steps have ended."""
        return len(self._kept) if self._journal is None else self._journal.completed

    @property
    def db(self) -> Db:
        """The memory of the branch."""
        return self.journal.db

    def now_us(self) -> int:
        """Return the clock of the run's database, µs since 1970."""
        return now_us() if self._conn is None else self._conn.now_us()

    def answer(self, step: Step) -> Answer:  # noqa: ARG002 - as the protocol
        """Let everything be done."""
        return Answer()

    def finish(self, step: Step) -> Step:
        """Keep a step."""
        if self._journal is not None:
            return self._journal.finish(step)
        kept = replace(step, number=len(self._kept) + 1)
        self._kept.append(kept)
        return kept

    def transact(
        self,
        step: Step,
        tx_data: Any,
        meta: Mapping[Any, Any] | None,
        facts_of: Callable[[TxReport], Any],
    ) -> tuple[TxReport, Step]:
        """Commit facts on the branch, together with the step that stores them."""
        return self.journal.transact(step, tx_data, meta, facts_of)

    def close(self) -> None:
        """Drop the branch."""
        if self._journal is not None:
            self._journal.run.conn.close()


def open_branch(conn: Connection | None, recording: Recording) -> RunJournal:
    """Return the journal of a run with the same name that begins where the recorded one began.

    Without a connection it begins in an empty database with the recording's schema.
    """
    if conn is None:
        branch = connect(":memory:", recording.schema or None)
    else:
        branch = conn.fork(as_of=max(recording.start_t, 1))
    run = begin_run(branch, recording.run_id, recording.metadata)
    detach(run)
    begun = {"input": encode_value(recording.input), "seed": recording.seed}
    append_event(run, BEGIN, begun)
    return RunJournal(run)
