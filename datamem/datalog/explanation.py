"""Explaining: the steps of a query in the order they run, with estimated and actual rows and time.

A query that has a short way takes none of these steps; then the explanation says which way, and what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from datamem.datalog.columns.relation import Relation
from datamem.datalog.engine import PreparedQuery, answer, make_context, prepare
from datamem.datalog.execute.context import Context, StepTrace, clock
from datamem.datalog.execute.inputs import bind_inputs
from datamem.datalog.execute.plan import estimate, touched
from datamem.datalog.resolve.describe import describe
from datamem.datalog.resolve.steps import Step
from datamem.datalog.result import Result
from datamem.datalog.short.simple import ENGINE
from datamem.datalog.short.star_plan import StarScope
from datamem.datalog.short.ways import way_of

_ENGINE: Final[Mapping[str, Any]] = {"way": "engine", "reads": []}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan as text (`str`) and as data.

    Attributes:
        steps: one mapping a step: clause, how, estimate; and, analysed, rows_in, rows_out, us.
        rows: rows of the answer, or None where the query was not run.
        seconds: time of all steps, or None.
        way: how the query is answered in fact: way ("engine", or "star", "point", "closure", "search", which
            take none of the steps) and reads, in their order: attribute, index, and the rows that it selects by
            itself or None; analysed also rows and us, of the answer by a short way.
    """

    steps: tuple[Mapping[str, Any], ...]
    rows: int | None = None
    seconds: float | None = None
    way: Mapping[str, Any] = field(default_factory=lambda: _ENGINE)

    @property
    def short_way(self) -> str | None:
        """The short way that is taken, in a line; None where the steps are."""
        return None if self.way["way"] == "engine" else _way_text(self.way)

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
        steps = tuple(_planned(context, inputs))
        return Explanation(steps, way=_ENGINE if functions else _way(prepared, inputs))
    start = clock()
    found = answer(context, inputs)
    seconds = clock() - start
    steps = tuple(_traced(step) for step in trace)
    way = _ENGINE if functions else _timed_way(prepared, inputs)
    return Explanation(steps, _size(found), seconds, way)


def _way(prepared: PreparedQuery, inputs: tuple[Any, ...]) -> Mapping[str, Any]:
    """Return the way that a call with these inputs goes, as far as it can be told without going it."""
    short = prepared.short_way(inputs)
    found = None if short is None else way_of(short, inputs[0], inputs)
    return _ENGINE if found is None else {"way": found[0], "reads": found[1]}


def _timed_way(prepared: PreparedQuery, inputs: tuple[Any, ...]) -> Mapping[str, Any]:
    """Return the way that a call with these inputs goes, with rows and time."""
    way, short = _way(prepared, inputs), prepared.short_way(inputs)
    if way is _ENGINE or short is None:
        return _ENGINE
    if isinstance(short, StarScope):
        context = make_context(prepared.resolved(inputs), inputs)
        if short.relation(context, inputs) is None:
            return _ENGINE
        start = clock()
        found = answer(context, inputs, short)
    else:
        start = clock()
        found = short.run(inputs[0], inputs)
    us = round((clock() - start) * 1e6, 1)
    return _ENGINE if found is ENGINE else {**way, "rows": _size(found), "us": us}


def _size(found: Any) -> int:
    """Return how many rows an answer of any shape has."""
    if found is None:
        return 0
    return len(found) if isinstance(found, Result | list) else 1


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
    if explanation.rows is not None and explanation.seconds is not None:
        lines.append(_took(explanation.rows, explanation.seconds * 1e3))
    if explanation.short_way is not None:
        lines.append(explanation.short_way)
    return "\n".join(lines)


def _way_text(way: Mapping[str, Any]) -> str:
    reads = [
        f"{read['attribute']} by {read['index']}"
        + ("" if read["rows"] is None else f" ({read['rows']:,})")
        for read in way["reads"]
    ]
    text = f"taken instead, the short way: {way['way']}, {', '.join(reads)}"
    return text if "us" not in way else f"{text}: {_took(way['rows'], way['us'] / 1e3)}"


def _took(rows: int, ms: float) -> str:
    return f"{rows:,} row{'s' * (rows != 1)} in {ms:.2f} ms"
