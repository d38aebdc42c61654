"""Forks of runs: go on from any event on a branch, compare, and adopt what came of it or drop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from datamem.clock import random_bytes
from datamem.conn import Connection, shared_cut
from datamem.db.database import Db
from datamem.db.diff import diff as diff_values
from datamem.db.difference import Difference
from datamem.db.report import TxReport
from datamem.runs.adopting import adopt_facts
from datamem.runs.current import Carrying, detach
from datamem.runs.differences import RunDifference, diff
from datamem.runs.events import append_event
from datamem.runs.inspect import Moment, memory_at
from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.journal import RunJournal
from datamem.runs.recorder.read import BEGIN, Recording, read_recording
from datamem.runs.recorder.record import Agent
from datamem.runs.recorder.steps import is_memory
from datamem.runs.recorder.values import encode_value
from datamem.runs.replayer.journal import Override
from datamem.runs.replayer.replay import Replay, replay_recording
from datamem.runs.runs import Run, begin_run, end_run


@dataclass(slots=True)
class Fork:
    """A run that goes on from an event of another, on a branch that shares all earlier data.

    Attributes:
        origin: the run it was forked from.
        base: the memory that both begin with, as a value of the branch.
        run: the fork's own run, on the branch; `origin` is its parent.
        replayed: how its code went, where it was forked with code.
    """

    origin: Run
    base: Db
    run: Run
    context: RunContext
    replayed: Replay | None = None

    @property
    def conn(self) -> Connection:
        """The branch."""
        return self.run.conn

    def end(self) -> None:
        """End the fork's run, if it is open."""
        if self.run.is_open:
            end_run(self.run)

    def facts(self) -> Difference:
        """Return what the fork has changed in the memory it began with."""
        return diff_values(self.base, self.conn.db).select(is_memory)

    def compare(self) -> Difference:
        """Return how the fork's memory differs from the origin's now."""
        origin, branch = self.origin.conn, self.conn
        shared = None if branch.path is None else shared_cut(origin, branch)
        return diff_values(origin.db, branch.db, shared=shared).select(is_memory)

    def compare_runs(self) -> RunDifference:
        """Return the steps of both runs side by side; a fork without code has only its own."""
        return diff(self.origin, self.run)

    def adopt(self, prefer: Literal["fork", "parent"] | None = None) -> TxReport:
        """Transact what the fork did, its run and events included, onto the origin's database.

        Args:
            prefer: whose value stays where both have changed the same; None: refuse.

        Raises:
            ForkError: `fork/conflict`, with every conflict in `data["conflicts"]`; nothing is changed.
        """
        self.end()
        conn = self.origin.conn
        with Carrying(self.origin):
            report = adopt_facts(conn, self.base, self.conn.db, run=self.run.eid, prefer=prefer)
            if self.replayed is not None:
                adopted = [":run/id", self.run.id]
                conn.transact([[":db/add", adopted, ":run/parent", self.origin.eid]])
        return report

    def drop(self) -> None:
        """Forget the branch."""
        detach(self.run)
        self.conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()


def fork(
    run: Run,
    at: Moment = None,
    agent: Agent | None = None,
    *,
    run_id: str | None = None,
    path: str | Path | None = None,
    overrides: Sequence[Override] = (),
) -> Fork:
    """Go on from an event of a run on a branch; the run itself and its database do not change.

    Args:
        at: a step, an event or its sequence; None: the newest.
        agent: code to run from the start of the run, with the recorded results up to `at` and real calls
            after it; its facts up to there are stored again. None: the branch begins with the memory at
            `at`, and `context` records what is done there.
        run_id: of the fork's run; None: the run's with a random ending.
        path: a new directory for the branch; None keeps it in memory. Not with `agent`.
        overrides: with `agent`, what some steps should be instead.

    Raises:
        RunError: `run/unknown`, `run/no-event`.
        RecordError: `record/none` with `agent`, for a run that nothing recorded.
    """
    db = memory_at(run, at)
    name = run_id or f"{run.id}~{random_bytes(3).hex()}"
    about = {"forked-from": {"run": run.id, "t": db.t}}
    if agent is not None:
        return _fork_with_code(run, db, agent, name, about, overrides)
    branch = run.conn.fork(path, as_of=db.t)
    base, seed = branch.db, int.from_bytes(random_bytes(6), "big")
    forked = begin_run(branch, name, about, parent=run.id)
    detach(forked)
    append_event(forked, BEGIN, {"input": encode_value(None), "seed": seed})
    return Fork(run, base, forked, RunContext(RunJournal(forked), input=None, seed=seed))


def _fork_with_code(
    run: Run,
    db: Db,
    agent: Agent,
    name: str,
    about: dict[str, Any],
    overrides: Sequence[Override],
) -> Fork:
    whole = read_recording(run.conn.db, run)
    kept = tuple(step for step in whole.steps if step.t <= db.t)
    prefix: Recording = replace(whole, run_id=name, steps=kept, metadata=about)
    replayed, context = replay_recording(run.conn, prefix, agent, overrides)
    base = replayed.branch.db.as_of(whole.start_t)
    return Fork(run, base, replayed.journal.run, context, replayed)
