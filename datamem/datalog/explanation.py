"""Explaining: the steps of a query in the order they run, with estimated and actual rows and time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datamem.datalog.context import Context, StepTrace, clock
from datamem.datalog.describe import describe
from datamem.datalog.engine import answer, make_context, prepare
from datamem.datalog.inputs import bind_inputs
from datamem.datalog.plan import estimate, touched
from datamem.datalog.relation import Relation
from datamem.datalog.steps import Step


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan as text (`str`) and as data (`steps`).

    Attributes:
        steps: one mapping a step: clause, how, estimate; and, analysed, rows_in, rows_out, us.
        rows: rows of the answer, or None where the query was not run.
        seconds: time of the whole query, or None.
    """

    steps: tuple[Mapping[str, Any], ...]
    rows: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        return _text(self)

    __repr__ = __str__


def explain(
    query: Any,
    *inputs: Any,
    analyze: bool = False,
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> Explanation:
    """Explain a query.

    Args:
        query: as for `q`.
        inputs: as for `q`; what they select decides the plan.
        analyze: run the query and show what every step did; else show the plan by estimates.
        functions: as for `q`.
    """
    prepared = prepare(query)
    inputs = prepared.all_inputs(inputs)
    resolved = prepared.resolved(inputs)
    trace: list[StepTrace] = []
    context = make_context(resolved, inputs, functions=functions, trace=trace)
    if not analyze:
        return Explanation(tuple(_planned(context, inputs)))
    start = clock()
    found = answer(context, inputs)
    seconds = clock() - start
    size = len(found) if hasattr(found, "__len__") and not isinstance(found, str) else 1
    return Explanation(tuple(_traced(step) for step in trace), size, seconds)


def _traced(step: StepTrace) -> dict[str, Any]:
    return {
        "clause": step.text,
        "how": step.how,
        "estimate": step.estimate,
        "rows_in": step.rows_in,
        "rows_out": step.rows_out,
        "us": round(step.seconds * 1e6),
        "depth": step.depth,
    }


def _planned(context: Context, inputs: Any) -> list[dict[str, Any]]:
    """Walk the plan with estimates in place of relations."""
    components: list[Any] = list(bind_inputs(inputs, context))
    waiting = list(context.resolved.scope.steps)
    steps = []
    while waiting:
        bound = frozenset(name for component in components for name in component.names)
        ready = [step for step in waiting if step.requires <= bound]
        ranked = [(estimate(step, components, context, bound), step) for step in ready]
        guess, step = min(ranked, key=lambda item: (item[0].rows, item[0].kind))
        waiting.remove(step)
        linked = touched(step, components)
        steps.append(
            {
                "clause": describe(step),
                "how": type(step).__name__.removesuffix("Step").lower()
                + (", join" if linked else ""),
                "estimate": guess.rows,
                "depth": 0,
            }
        )
        components = _after(step, components, linked, guess.rows)
    return steps


def _after(step: Step, components: list[Any], linked: list[Relation], rows: int) -> list[Any]:
    names = set(step.provides).union(*(component.names for component in linked))
    rest = [c for c in components if not any(c is other for other in linked)]
    return [*rest, _Shape(tuple(sorted(names)), rows)] if names else rest


class _Shape:
    """A relation that is only estimated."""

    __slots__ = ("names", "size")

    def __init__(self, names: tuple[str, ...], size: int) -> None:
        self.names = names
        self.size = size

    def __len__(self) -> int:
        return self.size


def _text(explanation: Explanation) -> str:
    analysed = explanation.rows is not None
    header = ["clause", "how", "estimate"] + (["in", "out", "µs"] if analysed else [])
    rows = []
    for step in explanation.steps:
        row = ["  " * step["depth"] + step["clause"], step["how"], f"{step['estimate']:,}"]
        if analysed:
            row += [f"{step['rows_in']:,}", f"{step['rows_out']:,}", f"{step['us']:,}"]
        rows.append(row)
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    ]
    if analysed and explanation.seconds is not None:
        lines.append(f"{explanation.rows:,} rows in {explanation.seconds * 1e3:.2f} ms")
    return "\n".join(lines)
