"""A table of figures: what was measured, beside what, the ratio, the target, whether it is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.frame.machine import describe_machine
from bench.frame.options import Options

_MET = {None: "", True: "yes", False: "NO"}
RESULTS = Path(__file__).resolve().parents[1] / "results"


def seconds_text(seconds: float) -> str:
    """Return a time with the unit that fits and three figures."""
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{_three(seconds * factor)} {unit}"
    return f"{_three(seconds)} s"


def _three(number: float) -> str:
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def times_text(factor: float) -> str:
    """Return a ratio."""
    return f"{_three(factor)}x"


def rate_text(count: float, unit: str) -> str:
    """Return something a second."""
    return f"{count:,.0f} {unit}/s"


@dataclass(slots=True)
class Report:
    """One case's table.

    Attributes:
        title: what was measured, in a sentence.
        columns: names of what stands beside each figure, between "what" and "target".
        rows: cells, the target, and whether it is met (None: no target).
        notes: what a reader must know to trust or repeat it.
    """

    title: str
    columns: Sequence[str]
    rows: list[tuple[list[str], str, bool | None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    machine: list[str] = field(default_factory=describe_machine)

    def add(self, what: str, *cells: str, target: str = "", is_met: bool | None = None) -> None:
        """Add a figure; cells in the order of the columns, "" where there is none."""
        filled = [*cells, *[""] * (len(self.columns) - len(cells))]
        self.rows.append(([what, *filled], target, is_met))

    @property
    def missed_count(self) -> int:
        """How many targets are not met."""
        return sum(is_met is False for _, _, is_met in self.rows)

    def text(self, command: str) -> str:
        """Return the report as it is printed and kept."""
        judged = any(target for _, target, _ in self.rows)
        head = ["what", *self.columns, *(("target", "met") if judged else ())]
        table = [
            [*cells, *((target, _MET[is_met]) if judged else ())]
            for cells, target, is_met in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(head, *table, strict=True)]
        lines = [_line(row, widths) for row in [head, ["-" * w for w in widths], *table]]
        notes = [f"- {note}" for note in self.notes]
        parts = [[self.title, f"$ {command}", *self.machine], lines, notes]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    padded = [first.ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return "  ".join(padded).rstrip()


def keep(name: str, report: Report, options: Options) -> Path:
    """Write a report to `bench/results/` and return where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.txt"
    path.write_text(report.text(options.command), encoding="utf-8")
    return path
