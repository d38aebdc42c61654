"""Differences of runs: their steps side by side, where they part, and the facts that only one stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

from datamem.db.database import Db
from datamem.db.diff import diff as diff_values
from datamem.db.difference import Difference
from datamem.runs.comparing.align import Pair, align_steps
from datamem.runs.pictures import side_by_side_svg
from datamem.runs.recorder.read import Recording, read_recording
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.values import digest_of
from datamem.runs.runs import Run, check_run

Fact: TypeAlias = "tuple[str, Any, str, Any]"
"""Sign, entity (`new-1` for the first that the run made), attribute and value as JSON data."""


@dataclass(frozen=True, slots=True)
class RunDifference:
    """Two runs beside each other. False where they did the same.

    Attributes:
        names: of the two runs.
        pairs: their steps, aligned.
        only_a, only_b: facts that only one of them stored, in the order it did.
    """

    names: tuple[str, str]
    pairs: list[Pair]
    only_a: list[Fact]
    only_b: list[Fact]

    def __bool__(self) -> bool:
        return self.first is not None

    @property
    def first(self) -> Pair | None:
        """Where they part: the first pair that is not the same, or None."""
        return next((pair for pair in self.pairs if pair.verdict != "same"), None)

    @property
    def common_count(self) -> int:
        """How many steps they have in common before they part."""
        return next(
            (i for i, pair in enumerate(self.pairs) if pair.verdict != "same"), len(self.pairs)
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data: the steps that differ, and the facts."""
        return {
            "runs": list(self.names),
            "common": self.common_count,
            "steps": [
                {
                    "verdict": pair.verdict,
                    "a": pair.a and pair.a.number,
                    "b": pair.b and pair.b.number,
                    "step": (pair.a or pair.b or _NO_STEP).title(),
                    "difference": pair.difference,
                }
                for pair in self.pairs
                if pair.verdict != "same"
            ],
            "facts": {
                "only_a": list(map(list, self.only_a)),
                "only_b": list(map(list, self.only_b)),
            },
        }

    def __str__(self) -> str:
        a, b = self.names
        if self.first is None:
            return f"{a} and {b}: {len(self.pairs)} steps, all the same"
        steps = "1 step" if self.common_count == 1 else f"{self.common_count} steps"
        lines = [f"{a} and {b} part after {steps}"]
        lines += [str(pair) for pair in self.pairs if pair.verdict != "same"]
        for name, facts in ((a, self.only_a), (b, self.only_b)):
            lines += [f"only {name} stored: {' '.join(map(str, fact))}" for fact in facts]
        return "\n".join(lines)

    def _repr_svg_(self) -> str:
        return side_by_side_svg(self.pairs, self.names)


_NO_STEP = Step("", "")


@overload
def diff(a: Db, b: Db) -> Difference: ...


@overload
def diff(a: Run | Recording, b: Run | Recording) -> RunDifference: ...


def diff(a: Db | Run | Recording, b: Db | Run | Recording) -> Difference | RunDifference:
    """Compare two runs, recorded in any databases, or two database values.

    Raises:
        RecordError: `record/none` for a run that nothing recorded.
        TypeError: for a run and a database value.
    """
    if isinstance(a, Db) and isinstance(b, Db):
        return diff_values(a, b)
    if isinstance(a, Db) or isinstance(b, Db):
        message = "compare two runs, or two database values"
        raise TypeError(message)
    one, two = _recording(a), _recording(b)
    facts = [_facts(run) for run in (one, two)]
    return RunDifference(
        (one.run_id, two.run_id),
        align_steps(one.steps, two.steps),
        _missing(facts[0], facts[1]),
        _missing(facts[1], facts[0]),
    )


def _recording(run: Run | Recording) -> Recording:
    if isinstance(run, Recording):
        return run
    check_run(run)
    return read_recording(run.conn.db, run)


def _facts(recording: Recording) -> list[Fact]:
    stored = [step.output for step in recording.steps if step.kind == "transact"]
    return [(sign, e, a, v) for facts in stored for sign, e, a, v in facts or ()]


def _missing(facts: list[Fact], others: list[Fact]) -> list[Fact]:
    """Return the facts that the others do not have, as often as they do not."""
    there = Counter(map(_digest, others))
    found = []
    for fact in facts:
        key = _digest(fact)
        if there[key]:
            there[key] -= 1
        else:
            found.append(fact)
    return found


def _digest(fact: Fact) -> str:
    return digest_of(list(fact))
