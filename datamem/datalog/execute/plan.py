"""Planning: which step next, by the true size of what it would give.

A plan is made while it runs. The sizes of what is bound are known then, the index tells how many
datoms a pattern's constants select, and the size of a join of two columns is known before its rows
are made (`relation.Join`). So the choice rests on exact numbers wherever steps compete: of the steps
that can run, the one with the fewest rows after it, whatever order the query's author wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from datamem.datalog.columns.relation import Relation
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.probe import probe_of
from datamem.datalog.execute.sources import TableSource
from datamem.datalog.resolve.steps import (
    FunctionStep,
    NotStep,
    OptionalStep,
    OrStep,
    PatternStep,
    PredicateStep,
    RuleStep,
    SearchStep,
    Step,
    TableStep,
    variables_of_step,
)

UNKNOWN_ROWS: Final = 10_000_000
"""Stands for the size of a rule that nothing binds: such a step comes last."""

USUAL_ROWS: Final = 10
"""What a rule or a search is taken to give for one row."""

Measure = Callable[[PatternStep, Sequence[Relation]], int]


@dataclass(slots=True)
class Estimate:
    """What a step is expected to give.

    Attributes:
        rows: rows after the step, in the component that it makes.
        kind: breaks ties: cheap filters first, calls of rules and functions last.
        exact: `rows` is a bound or the true number, no guess.
    """

    rows: int
    kind: int
    exact: bool = True


UNASKED: Final = Estimate(0, 0)
"""The estimate of a step that had to come next."""


def touched(step: Step, components: Sequence[Relation]) -> list[Relation]:
    """Return the components that share a variable with a step."""
    names = variables_of_step(step)
    return [c for c in components if not names.isdisjoint(c.names)]


def choose(
    steps: Sequence[Step], components: Sequence[Relation], context: Context, measure: Measure
) -> tuple[Step, Estimate]:
    """Return the step to run next and its estimate.

    Args:
        steps: what is left, at least one of which can run.
        components: what is bound: relations with disjoint variables.
        context: the execution.
        measure: counts the rows that a pattern would give, without making them.
    """
    bound = frozenset(name for component in components for name in component.names)
    ready = [step for step in steps if step.requires <= bound]
    if len(ready) == 1:
        return ready[0], _only(ready[0], components, context, bound)
    ranked = [(step, estimate(step, components, context, bound)) for step in ready]
    _put_off(ranked, components, bound)
    ranked.sort(key=lambda item: (item[1].rows, item[1].kind))
    best = ranked[0]
    if best[1].exact:
        return best
    return _measured(ranked, components, measure)


def _put_off(
    ranked: Sequence[tuple[Step, Estimate]],
    components: Sequence[Relation],
    bound: frozenset[str],
) -> None:
    """Count a pattern that nothing links yet as the product that it may become.

    It is worth its own rows only where they are fewer than what is there to be linked with.
    """
    largest = max((component.size for component in components), default=0)
    if not largest:
        return
    for step, guess in ranked:
        is_apart = isinstance(step, PatternStep) and step.provides.isdisjoint(bound)
        if is_apart and guess.rows >= largest > 1:
            guess.rows *= largest


def _only(
    step: Step, components: Sequence[Relation], context: Context, bound: frozenset[str]
) -> Estimate:
    """Return the estimate of a step without rivals, which only `explain` looks at."""
    return estimate(step, components, context, bound) if context.trace is not None else UNASKED


def _measured(
    ranked: list[tuple[Step, Estimate]], components: Sequence[Relation], measure: Measure
) -> tuple[Step, Estimate]:
    """Replace guesses by true join sizes, best guess first, until the best one is true."""
    while not ranked[0][1].exact:
        step, guess = ranked[0]
        if isinstance(step, PatternStep):
            guess.rows = measure(step, components)
        guess.exact = True
        ranked.sort(key=lambda item: (item[1].rows, item[1].kind))
    return ranked[0]


def estimate(
    step: Step, components: Sequence[Relation], context: Context, bound: frozenset[str]
) -> Estimate:
    """Return what a step would give now."""
    linked = touched(step, components)
    size = 1
    for component in linked:
        size *= max(component.size, 1)
    match step:
        case PredicateStep():
            return Estimate(size // 3 if len(linked) < 2 else size, 0)
        case PatternStep():
            return _estimate_pattern(step, linked, context, bound)
        case NotStep():
            return Estimate(size, 3)
        case FunctionStep():
            return Estimate(size if linked else 0, 5)
        case OptionalStep():
            return Estimate(size, 4)
        case OrStep():
            return _estimate_or(step, linked, context, bound)
        case RuleStep() | SearchStep():
            is_bounded = linked or isinstance(step, SearchStep)
            return Estimate(size * USUAL_ROWS if is_bounded else UNKNOWN_ROWS, 6)
        case TableStep():
            return Estimate(context.tables[step.table].size_of(step.version), 1)


def _estimate_pattern(
    step: PatternStep, linked: Sequence[Relation], context: Context, bound: frozenset[str]
) -> Estimate:
    source = context.sources[step.source]
    if isinstance(source, TableSource):
        base = source.size
        smallest = min((component.size for component in linked), default=base)
        return Estimate(min(base, smallest) if linked else base, 2, exact=not linked)
    probe = probe_of(step, context)
    narrow = probe.range_count(context)
    base = probe.count() if narrow is None else narrow
    if not linked:
        is_bounded = step.ranges and probe.v is None and narrow is None
        return Estimate(-(-base // 4) if is_bounded else base, 2)
    smallest = min(component.size for component in linked)
    if step.provides <= bound and len(linked) == 1:
        return Estimate(min(smallest, base), 1)
    if probe.is_known(frozenset(linked[0].names)) and len(linked) == 1:
        return Estimate(min(smallest, base) if probe.v is None else smallest, 2)
    fanout = 1 if len(linked) > 1 else 4
    return Estimate(min(base, smallest) * fanout, 2, exact=False)


def _estimate_or(
    step: OrStep, linked: Sequence[Relation], context: Context, bound: frozenset[str]
) -> Estimate:
    if linked:
        size = max(component.size for component in linked)
        return Estimate(size if step.provides <= bound else size * len(step.branches), 4)
    total = 0
    for branch in step.branches:
        sizes = [
            estimate(nested, (), context, frozenset()).rows
            for nested in branch.steps
            if not nested.requires
        ]
        total += min(sizes, default=UNKNOWN_ROWS)
    return Estimate(total, 4)
