"""Cycles: which of the clauses that are left will take rows away again that a step makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from datamem.datalog.resolve.steps import PatternStep, Step, variables_of_step


def closers(
    step: PatternStep, waiting: Sequence[Step], bound: frozenset[str]
) -> list[PatternStep]:
    """Return the patterns that bind the one new variable of a step from bound ones, as it does.

    Args:
        step: a pattern that is next.
        waiting: the steps after it.
        bound: the variables of the rows that it extends.

    Returns:
        Patterns of one bound variable and the new one; none where the step itself is no such pattern.
    """
    fresh = step.provides - bound
    if len(fresh) != 1 or len(step.provides) != 2:
        return []
    return [
        other
        for other in waiting
        if isinstance(other, PatternStep)
        and len(other.provides) == 2
        and other.provides - bound == fresh
    ]


def closes(bound: Iterable[str], waiting: Sequence[Step]) -> bool:
    """Tell whether the steps that wait join bound variables, or each other, in a cycle.

    Then what a step makes now may be far more than what is left of it in the end. Steps that only hang
    new variables on old ones take nothing away.
    """
    groups: dict[str, str] = dict.fromkeys(bound, "")

    def find(name: str) -> str:
        while (above := groups.setdefault(name, name)) != name:
            name = above
        return name

    groups[""] = ""
    for step in waiting:
        names = variables_of_step(step)
        roots = {find(name) for name in names}
        if len(roots) < len(names) or names <= set(bound):
            return True
        for root in roots - {""}:
            groups[root] = "" if "" in roots else min(roots)
    return False
