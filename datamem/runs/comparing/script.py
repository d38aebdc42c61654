"""The record as a script: which recorded step a replayed one is, and where the two part.

A call is known by kind, name, canonical input and how often that came before. Steps that did not overlap when they
were recorded must come in the same order; steps that ran at the same time may come in any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from datamem.runs.recorder.steps import Step

Key = tuple[str, int]

REASONS: Final = {
    "never-recorded": "the code made a call that the record does not hold",
    "skipped": "the code did not come to a step that the record holds",
    "changed-record": "the record of this step is not what was written",
    "other-result": "the step gave another result",
    "ended-early": "the code ended before the record did",
}


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place where a replay and its record are not the same.

    Attributes:
        reason: one of `REASONS`.
        recorded: the step that the record has here; None where it has no more.
        replayed: the step that the code took; None where it took none.
        difference: where their inputs or results differ, as "['query']: 'a' is now 'b'"; "" if nowhere.
    """

    reason: str
    recorded: Step | None
    replayed: Step | None
    difference: str = ""

    @property
    def number(self) -> int:
        """Which step of the record it is about; 0 where the record has no more."""
        return 0 if self.recorded is None else self.recorded.number

    def __str__(self) -> str:
        lines = [REASONS[self.reason]]
        for side, step in (("recorded", self.recorded), ("replayed", self.replayed)):
            lines.append(f"  {side}: {describe(step)}")
        if self.difference:
            lines.append(f"  differs: {self.difference}")
        return "\n".join(lines)


def describe(step: Step | None) -> str:
    """Return a step in a line: number, title, what was asked, place."""
    if step is None:
        return "nothing"
    number = f"step {step.number}, " if step.number else ""
    asked = "" if step.input is None else f" {shortened(step.asked())}"
    place = f" ({step.place})" if step.place else ""
    return f"{number}{step.title()}{asked}{place}"


def shortened(data: Any, limit: int = 120) -> str:
    """Return JSON data as a line of at most `limit` characters."""
    text = repr(data)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class Script:
    """The steps of a record, taken one by one by a replay."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps: Sequence[Step] = sorted(steps, key=lambda step: step.number)
        self._by_key = {_key(step): step for step in self.steps}
        self._parts: dict[int, list[Step]] = {}
        for step in self.steps:
            self._parts.setdefault(step.parent, []).append(step)
        self._taken: set[int] = set()
        self._first_left = 0

    def take(self, step: Step) -> tuple[Step | None, Divergence | None]:
        """Return the recorded step that `step` is, or how they part here."""
        recorded = self._by_key.get(_key(step))
        missing = self.next_left()
        if recorded is None or recorded.number in self._taken:
            return None, Divergence(
                "never-recorded", missing, step, _input_difference(missing, step)
            )
        if missing is not None and missing.number <= recorded.after:
            return None, Divergence("skipped", missing, step, _input_difference(missing, step))
        if not recorded.is_whole:
            return None, Divergence("changed-record", recorded, step)
        self._taken.add(recorded.number)
        return recorded, None

    def take_parts(self, recorded: Step) -> Iterator[Step]:
        """Take what was done inside a step that is answered as a whole, in the order it ended."""
        for part in self._parts.get(recorded.issued, ()):
            yield from self.take_parts(part)
            if part.number not in self._taken:
                self._taken.add(part.number)
                yield part

    def next_left(self) -> Step | None:
        """Return the first step that has not been taken, in the order in which they ended."""
        steps = self.steps
        while self._first_left < len(steps) and steps[self._first_left].number in self._taken:
            self._first_left += 1
        return steps[self._first_left] if self._first_left < len(steps) else None

    def take_read(self) -> Step | None:
        """Take the note that memory had changed, if it is what the record has next."""
        step = self.next_left()
        if step is None or step.kind != "read":
            return None
        self._taken.add(step.number)
        return step

    def end(self) -> Divergence | None:
        """Return what is left when the code has ended."""
        left = self.next_left()
        return None if left is None else Divergence("ended-early", left, None)


def compare_results(recorded: Step, replayed: Step) -> Divergence | None:
    """Return how the results of one step differ, or None."""
    if recorded.result_digest == replayed.result_digest:
        return None
    differs = difference(_result(recorded), _result(replayed))
    return Divergence("other-result", recorded, replayed, differs)


def _result(step: Step) -> Any:
    return step.output if step.failure is None else {"failed": step.failure.message}


def difference(recorded: Any, replayed: Any, path: str = "") -> str:
    """Return the first place where two pieces of JSON data differ, or "".

    Example:
        >>> difference({"q": ["a", "b"]}, {"q": ["a", "c"]})
        "['q'][1]: 'b' is now 'c'"
    """
    if recorded == replayed:
        return ""
    if isinstance(recorded, Mapping) and isinstance(replayed, Mapping):
        for key in [*recorded, *(key for key in replayed if key not in recorded)]:
            if key not in replayed:
                return f"{path}[{key!r}]: {shortened(recorded[key])} is gone"
            if key not in recorded:
                return f"{path}[{key!r}]: {shortened(replayed[key])} is new"
            if found := difference(recorded[key], replayed[key], f"{path}[{key!r}]"):
                return found
    if isinstance(recorded, list) and isinstance(replayed, list):
        for i, (one, other) in enumerate(zip(recorded, replayed, strict=False)):
            if found := difference(one, other, f"{path}[{i}]"):
                return found
        return f"{path}: {len(recorded)} items are now {len(replayed)}"
    return f"{path or 'it'}: {shortened(recorded)} is now {shortened(replayed)}"


def _input_difference(recorded: Step | None, replayed: Step) -> str:
    """Say where the inputs differ, if the two are calls of the same."""
    if recorded is None or recorded.title() != replayed.title():
        return ""
    return difference(recorded.input, replayed.input)


def _key(step: Step) -> Key:
    return step.input_digest, step.occurrence
