"""Pushing comparisons into the patterns whose values they bound, while a query is resolved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from datamem.datalog.resolve.steps import (
    FunctionStep,
    GivenTerm,
    PatternStep,
    PredicateStep,
    SearchStep,
    Step,
)
from datamem.datalog.syntax import BindScalar, Constant, Query, Term, Variable

_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "==": "="}

PREFIXED: Final = ("starts-with?", "like", "re-find", "re-matches")
"""Predicates that only strings with a certain beginning can pass."""


def push_ranges(steps: Sequence[Step]) -> None:
    """Hand comparisons of a pattern's value with a constant or a scalar input to the pattern."""
    for step in steps:
        _push_prefix(steps, step)
        if not isinstance(step, PredicateStep) or step.function not in _FLIPPED:
            continue
        if len(step.args) != 2:
            continue
        left, right = step.args
        operator = str(step.function)
        if isinstance(left, Constant) and isinstance(right, Variable):
            left, right, operator = right, left, _FLIPPED[operator]
        if isinstance(left, Variable) and isinstance(right, Constant | Variable):
            _push(steps, left, operator, right)
            if isinstance(right, Variable):
                _push(steps, right, _FLIPPED[operator], left)


def _push_prefix(steps: Sequence[Step], step: Step) -> None:
    """Hand a test of a string's beginning to the pattern of the string."""
    if not isinstance(step, PredicateStep | FunctionStep) or not isinstance(step.function, str):
        return
    name = step.function.rpartition("/")[2]
    if name not in PREFIXED or len(step.args) != 2:
        return
    text, source = step.args if name in ("starts-with?", "like") else step.args[::-1]
    if isinstance(text, Variable) and isinstance(source, Constant | Variable):
        _push(steps, text, name, source)


def know_inputs(steps: Sequence[Step], query: Query) -> None:
    """Mark the bounds that are scalar inputs; nested scopes and rules may mean other variables."""
    scalars = {item.variable.name for item in query.inputs if isinstance(item, BindScalar)}
    for step in steps:
        if isinstance(step, SearchStep):
            know_inputs(step.scope.steps, query)
        if isinstance(step, PatternStep):
            step.ranges[:] = [
                (operator, GivenTerm(term.name))
                if isinstance(term, Variable) and term.name in scalars
                else (operator, term)
                for operator, term in step.ranges
            ]


def _push(steps: Sequence[Step], variable: Variable, operator: str, bound: Term) -> None:
    for step in steps:
        if isinstance(step, PatternStep) and len(step.terms) > 2 and step.terms[2] == variable:
            step.ranges.append(("=" if operator == "==" else operator, bound))
