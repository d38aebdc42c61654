"""Two runs step by step: which steps are the same, which gave another result, which only one run has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

from datamem.runs.comparing.script import describe, difference
from datamem.runs.recorder.steps import Step

Verdict = Literal["same", "other-result", "other-input", "only-a", "only-b"]

SIGNS: Final[dict[Verdict, str]] = {
    "same": " ",
    "other-result": "~",
    "other-input": "!",
    "only-a": "-",
    "only-b": "+",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A step of each run that correspond, or a step that only one has.

    Attributes:
        verdict: "other-result" where the call was the same, "other-input" where only its name was.
    """

    verdict: Verdict
    a: Step | None
    b: Step | None

    @property
    def difference(self) -> str:
        """Where the two differ, as "['query']: 'x' is now 'y'"; "" where one stands alone."""
        if self.a is None or self.b is None:
            return ""
        if self.verdict == "other-input":
            return difference(self.a.input, self.b.input)
        return difference(self.a.output, self.b.output)

    def __str__(self) -> str:
        lines = [f"{SIGNS[self.verdict]} {describe(self.a if self.b is None else self.b)}"]
        if self.difference:
            lines.append(f"    {self.difference}")
        return "\n".join(lines)


def align_steps(a: Sequence[Step], b: Sequence[Step]) -> list[Pair]:
    """Return the steps of two runs side by side, each step once, in order.

    Equal calls are matched first (longest common runs of them); between those, calls of the same name.

    Cost: quadratic in the worst case; a few ms for a hundred steps each.
    """
    pairs: list[Pair] = []
    for tag, (a1, a2), (b1, b2) in _blocks(
        [step.input_digest for step in a], [step.input_digest for step in b]
    ):
        if tag == "equal":
            pairs += [_compared(x, y) for x, y in zip(a[a1:a2], b[b1:b2], strict=True)]
        else:
            pairs += _align_by_name(a[a1:a2], b[b1:b2])
    return pairs


def _align_by_name(a: Sequence[Step], b: Sequence[Step]) -> Iterator[Pair]:
    for tag, (a1, a2), (b1, b2) in _blocks(
        [step.title() for step in a], [step.title() for step in b]
    ):
        if tag == "equal":
            yield from (
                Pair("other-input", x, y) for x, y in zip(a[a1:a2], b[b1:b2], strict=True)
            )
            continue
        yield from (Pair("only-a", step, None) for step in a[a1:a2])
        yield from (Pair("only-b", None, step) for step in b[b1:b2])


def _blocks(
    a: Sequence[str], b: Sequence[str]
) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        yield tag, (a1, a2), (b1, b2)


def _compared(a: Step, b: Step) -> Pair:
    """Two runs were at different times, so what the clock said is no difference."""
    is_same = a.kind == "clock" or a.result_digest == b.result_digest
    return Pair("same" if is_same else "other-result", a, b)
