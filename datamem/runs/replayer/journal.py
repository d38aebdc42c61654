"""The journal of a replay: answers calls from the record, does the rest again on a branch, and compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.errors import DatamemError
from datamem.runs.comparing.script import Divergence, Script, compare_results
from datamem.runs.recorder.journals import Answer
from datamem.runs.recorder.steps import Failure, Step
from datamem.runs.recorder.values import decode_value, encode_value
from datamem.runs.replayer.branch import BranchJournal
from datamem.runs.runs import Run

Mode = Literal["strict", "fall-through"]


class ReplayError(DatamemError):
    """A replay that cannot be, or that differs from its record."""


class ReplayStopped(BaseException):
    """Ends the agent's code at the first divergence of a strict replay."""


@dataclass(frozen=True, slots=True)
class Override:
    """What one step should be instead: `answer`, `fail` and `ask` make them.

    Attributes:
        name: of the tool or model; `occurrence` counts its calls from 1, whatever their input.
        result: the step's output and failure, or None to make the call.
        arguments: what to call with, over the agent's own; such a call is made live.
    """

    name: str
    occurrence: int = 1
    result: tuple[Any, Failure | None] | None = None
    arguments: Mapping[str, Any] | None = None


def answer(name: str, output: Any, *, occurrence: int = 1) -> Override:
    """What if this tool, or model, had said something else?

    Raises:
        RecordError: `record/not-json`.
    """
    return Override(name, occurrence, (encode_value(output), None))


def fail(name: str, error: Exception, *, occurrence: int = 1) -> Override:
    """What if this call had failed?"""
    return Override(name, occurrence, (None, Failure.of(error)))


def ask(name: str, *, occurrence: int = 1, **arguments: Any) -> Override:
    """What if it had been asked this instead? The call is made live."""
    return Override(name, occurrence, arguments=arguments)


class Replayer:
    """Answers from a script; see `Journal`.

    Attributes:
        divergence: the first one, or None so far.
        facts_of: what a transaction did, as the context of the replay tells it.
        pairs: what was compared: (recorded, replayed) steps, either None where the other stands alone.
    """

    def __init__(
        self,
        script: Script,
        branch: BranchJournal,
        *,
        source: Db | None,
        start_t: int = 0,
        mode: Mode = "strict",
        overrides: Sequence[Override] = (),
        live: Collection[str] = (),
    ) -> None:
        self.facts_of: Callable[[TxReport], Any] = lambda _: None
        self.divergence: Divergence | None = None
        self.pairs: list[tuple[Step | None, Step]] = []
        self._script = script
        self._branch = branch
        self._source = source
        self._seen_t = start_t
        self._mode = mode
        self._overrides = {(o.name, o.occurrence): o for o in overrides}
        self._live = frozenset(live)
        self._calls: Counter[str] = Counter()
        self._expected: dict[int, Step] = {}
        self._recorded: dict[int, Step] = {}

    @property
    def run(self) -> Run:
        """The run on the branch."""
        return self._branch.run

    @property
    def db(self) -> Db:
        """What the recorded code saw here; after a divergence, the branch."""
        if self._source is None or self.divergence is not None:
            return self._branch.db
        note = self._script.take_read()
        if note is not None:
            self._seen_t = max(self._seen_t, int(note.output))
        return self._source.as_of(self._seen_t) if self._seen_t else self._branch.db

    @property
    def completed(self) -> int:
        """How many steps have ended."""
        return self._branch.completed

    def now_us(self) -> int:
        """Return the real clock: it times the replay, and a live step reads it."""
        return self._branch.now_us()

    def answer(self, step: Step) -> Answer:
        """Answer from the record; None where the step is to be done."""
        self._calls[step.name] += 1
        override = self._overrides.get((step.name, self._calls[step.name]))
        if override is not None:
            return self._overridden(step, override)
        if self.divergence is not None:
            return Answer()
        recorded, divergence = self._script.take(step)
        if recorded is None:
            assert divergence is not None
            self._diverge(divergence)
            return Answer()
        self._recorded[step.issued] = recorded
        if recorded.kind == "transact" or not self._live.isdisjoint({step.kind, step.name}):
            self._expected[step.issued] = recorded
            return Answer()
        self._do_parts(recorded)
        return Answer(recorded)

    def _do_parts(self, recorded: Step) -> None:
        """Do what was done inside an answered step, from the record: its facts, events and traces."""
        for part in self._script.take_parts(recorded):
            if part.kind == "transact" and part.failure is None:
                tx_data = decode_value(part.input)
                _, kept = self._branch.transact(part, tx_data, None, self.facts_of)
            else:
                kept = self._branch.finish(part)
            self.pairs.append((part, kept))

    def _overridden(self, step: Step, override: Override) -> Answer:
        recorded, _ = self._script.take(step)
        if recorded is not None:
            self._recorded[step.issued] = recorded
            list(self._script.take_parts(recorded))
        if override.result is None:
            return Answer(arguments=override.arguments)
        output, failure = override.result
        return Answer(step.ended(output, failure, step.started_us))

    def _diverge(self, divergence: Divergence) -> None:
        if self.divergence is None:
            self.divergence = divergence
        if self._mode == "strict":
            raise ReplayStopped

    def finish(self, step: Step) -> Step:
        """Keep the step on the branch, and compare its result where it was done again."""
        kept = self._branch.finish(step)
        self._note(kept)
        return kept

    def _note(self, kept: Step) -> None:
        recorded = self._recorded.pop(kept.issued, None)
        self.pairs.append((recorded, kept))
        if recorded is not None:
            self._seen_t = max(self._seen_t, recorded.t)
        expected = self._expected.pop(kept.issued, None)
        if expected is not None and self.divergence is None:
            divergence = compare_results(expected, kept)
            if divergence is not None:
                self._diverge(divergence)

    def transact(
        self,
        step: Step,
        tx_data: Any,
        meta: Mapping[Any, Any] | None,
        facts_of: Callable[[TxReport], Any],
    ) -> tuple[TxReport, Step]:
        """Commit on the branch, and compare the facts."""
        report, kept = self._branch.transact(step, tx_data, meta, facts_of)
        self._note(kept)
        return report, kept

    def end(self) -> None:
        """Note what the record has beyond the end of the code."""
        if self.divergence is None:
            self.divergence = self._script.end()
