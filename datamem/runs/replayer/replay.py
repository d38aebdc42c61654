"""Replay: step through what a run recorded, or run its code again with the recorded results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self, overload

from datamem.conn import Connection
from datamem.db.database import Db
from datamem.db.diff import diff
from datamem.db.difference import Difference
from datamem.kv.reading import entity_of
from datamem.runs.comparing.align import Pair, align_steps
from datamem.runs.comparing.script import Divergence, Script
from datamem.runs.pictures import side_by_side_svg, tree_of, tree_svg
from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.read import Recording, read_recording
from datamem.runs.recorder.record import Agent, call_agent, check_loop
from datamem.runs.recorder.steps import Step, is_memory
from datamem.runs.recorder.values import digest_of
from datamem.runs.replayer.branch import BranchJournal
from datamem.runs.replayer.journal import Mode, Override, Replayer, ReplayError, ReplayStopped
from datamem.runs.runs import Run, check_run, end_run
from datamem.runs.verification import verify


@dataclass(slots=True)
class Frame:
    """A step of a run and the memory around it.

    Attributes:
        step: what was done.
        before, after: the database values around it.
    """

    step: Step
    before: Db
    after: Db

    @property
    def facts(self) -> Difference:
        """The facts that the step, or others meanwhile, changed; the record itself does not count."""
        return diff(self.before, self.after).select(is_memory)


@dataclass(slots=True, repr=False)
class Playback:
    """A run stepped through from its record, without its code: a sequence of frames."""

    recording: Recording
    db: Db

    def __repr__(self) -> str:
        return f"<Playback of {self.recording.run_id}: {len(self)} steps>"

    def __len__(self) -> int:
        return len(self.recording.steps)

    def __getitem__(self, i: int) -> Frame:
        steps = self.recording.steps
        step = steps[i]
        before = self.recording.start_t if i % len(steps) == 0 else steps[i % len(steps) - 1].t
        return Frame(step, self.db.as_of(before), self.db.as_of(step.t))

    def __iter__(self) -> Iterator[Frame]:
        return (self[i] for i in range(len(self)))

    def _repr_svg_(self) -> str:
        return tree_svg(tree_of(self.recording.run_id, self.recording.steps))


@dataclass(slots=True, repr=False)
class Replay:
    """What came of running a run's code again.

    Attributes:
        recording: the record it was held against.
        steps: what the code did this time.
        divergence: where the two part first, or None.
        output: what the code returned; None where it was stopped.
        error: what it raised, other than being stopped.
        journal: what it wrote, on a branch; the run's own database stays as it is.
    """

    recording: Recording
    journal: BranchJournal
    steps: list[Step] = field(default_factory=list)
    divergence: Divergence | None = None
    output: Any = None
    error: Exception | None = None

    @property
    def is_same(self) -> bool:
        """Whether the same steps came out, with the same results."""
        return self.divergence is None

    @property
    def digest(self) -> str:
        """Digest of all steps; that of the recording where the two are the same."""
        return digest_of([step.digest for step in self.steps])

    @property
    def branch(self) -> Connection:
        """The database it wrote to: as before the run, then what the replay stored."""
        return self.journal.run.conn

    def pairs(self) -> list[Pair]:
        """Return recorded and replayed steps side by side."""
        return align_steps(self.recording.steps, self.steps)

    def require_same(self) -> Replay:
        """Return the replay, if it is the same as its record.

        Raises:
            ReplayError: `replay/diverged`, with the first divergence and both places in its message.
        """
        if self.divergence is None:
            return self
        found = self.divergence
        message = f"run {self.recording.run_id} does not replay: {found}"
        raise ReplayError(
            message,
            code="replay/diverged",
            hint="make the call as it was recorded, or record the run again if the change is meant",
            reason=found.reason,
            step=found.number,
            recorded=found.recorded and found.recorded.place,
            replayed=found.replayed and found.replayed.place,
        )

    def close(self) -> None:
        """Drop the branch."""
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        outcome = "same" if self.divergence is None else self.divergence.reason
        return f"<Replay of {self.recording.run_id}: {len(self.steps)} steps, {outcome}>"

    def __str__(self) -> str:
        count = len(self.steps)
        if self.divergence is None:
            return f"run {self.recording.run_id}: {count} steps replayed, all the same"
        return f"run {self.recording.run_id}: {count} steps replayed; {self.divergence}"

    def _repr_svg_(self) -> str:
        return side_by_side_svg(self.pairs(), ("recorded", "replayed"))


@overload
def replay(run: Run | Recording, agent: None = None) -> Playback: ...


@overload
def replay(
    run: Run | Recording,
    agent: Agent,
    *,
    mode: Mode | None = None,
    overrides: Sequence[Override] = (),
    live: Collection[str] = (),
) -> Replay: ...


def replay(
    run: Run | Recording,
    agent: Agent | None = None,
    *,
    mode: Mode | None = None,
    overrides: Sequence[Override] = (),
    live: Collection[str] = (),
) -> Playback | Replay:
    """Step through a recorded run, or run an agent's code again with the results it recorded.

    Args:
        run: a run, ended, open or crashed; or a recording from a file, whose code must not depend on what
            memory held before.
        agent: the code, or a coroutine function; it gets a `RunContext`. None: step without code.
        mode: "strict" stops at the first divergence; "fall-through" goes on from there with real calls.
            Default: strict, but with `overrides` fall-through.
        overrides: what some steps should be instead; see `answer`, `fail` and `ask`.
        live: kinds or names of calls to make for real, their results to be compared with the recorded.

    Returns:
        without code a `Playback`, a sequence of frames. With code a `Replay`: ask it `is_same`, or
        `require_same()`. Nothing is written to the run's own database.

    Raises:
        RecordError: `record/none` for a run that nothing recorded; `record/in-a-loop` for a coroutine
            function inside a running event loop: await `replay_async` there.
        ReplayError: `replay/no-database` for stepping through a recording from a file.
    """
    if agent is None:
        return _play_back(run)
    check_loop(agent)
    replayed, replayer, context = _prepared(run, mode, overrides, live)
    with _held_against_record(replayed, replayer):
        replayed.output = call_agent(agent, context)
    return replayed


async def replay_async(
    run: Run | Recording,
    agent: Callable[[RunContext], Coroutine[Any, Any, Any]],
    *,
    mode: Mode | None = None,
    overrides: Sequence[Override] = (),
    live: Collection[str] = (),
) -> Replay:
    """Await a coroutine agent's replay; see `replay`."""
    replayed, replayer, context = _prepared(run, mode, overrides, live)
    with _held_against_record(replayed, replayer):
        replayed.output = await agent(context)
    return replayed


def _play_back(run: Run | Recording) -> Playback:
    if isinstance(run, Recording):
        message = f"run {run.run_id} comes from a file, which holds no memory to step through"
        raise ReplayError(
            message, code="replay/no-database", hint="replay the run itself", run=run.run_id
        )
    check_run(run)
    db = run.conn.db
    return Playback(read_recording(db, run), db)


def replay_recording(
    conn: Connection, recording: Recording, agent: Agent, overrides: Sequence[Override] = ()
) -> tuple[Replay, RunContext]:
    """Run code to the end of a recording and then on with real calls; for forks.

    Returns:
        the replay, with its branch open, and the context that the code was given.
    """
    check_loop(agent)
    replayed, replayer, context = _held_by(conn, recording, "fall-through", overrides, ())
    _ = replayed.branch
    with _held_against_record(replayed, replayer):
        replayed.output = call_agent(agent, context)
    return replayed, context


def _prepared(
    run: Run | Recording,
    mode: Mode | None,
    overrides: Sequence[Override],
    live: Collection[str],
) -> tuple[Replay, Replayer, RunContext]:
    if not isinstance(run, Recording):
        check_run(run)
    conn = None if isinstance(run, Recording) else run.conn
    recording = run if isinstance(run, Recording) else _proven(run)
    chosen: Mode = mode or ("fall-through" if overrides else "strict")
    return _held_by(conn, recording, chosen, overrides, live)


def _proven(run: Run) -> Recording:
    """Return what a run recorded, with the step whose event breaks the chain marked as changed."""
    db = run.conn.db
    recording = read_recording(db, run)
    broken = verify(run).broken
    if broken is None:
        return recording
    event = entity_of(db, ":event/id", f"{run.id}/{broken.sequence}")
    steps = [
        replace(step, recorded_digest=broken.why) if step.event == event else step
        for step in recording.steps
    ]
    return replace(recording, steps=tuple(steps))


def _held_by(
    conn: Connection | None,
    recording: Recording,
    mode: Mode,
    overrides: Sequence[Override],
    live: Collection[str],
) -> tuple[Replay, Replayer, RunContext]:
    journal = BranchJournal(conn, recording)
    replayer = Replayer(
        Script(recording.steps),
        journal,
        source=None if conn is None else conn.db,
        start_t=recording.start_t,
        mode=mode,
        overrides=overrides,
        live=live,
    )
    context = RunContext(replayer, input=recording.input, seed=recording.seed)
    replayer.facts_of = context.facts_of
    return Replay(recording, journal), replayer, context


@contextmanager
def _held_against_record(replayed: Replay, replayer: Replayer) -> Iterator[None]:
    """Run the code to its end, or to where a strict replay stops it; fill in what came of it."""
    try:
        yield
        replayer.end()
    except ReplayStopped:
        pass
    except Exception as error:  # noqa: BLE001 - the agent's own, reported
        replayed.error = error
        replayer.end()
    if replayed.journal.is_open:
        raised = replayed.error
        why = None if raised is None else f"{type(raised).__name__}: {raised}"
        end_run(replayed.journal.run, "completed" if raised is None else "failed", error=why)
    replayed.divergence = replayer.divergence
    replayed.steps = [step for _, step in replayer.pairs]
