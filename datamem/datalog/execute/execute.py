"""Executing a conjunction: components of bound variables, one step at a time, best step next.

What is bound is a set of *components*: relations with disjoint variables. A step that touches one
component changes it; a step that touches several joins them; one that touches none starts another.
Components that nothing connects are only multiplied when a result needs both, so an unrelated clause
costs its own rows and no more. A component without rows ends the conjunction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import (
    FALSE,
    Join,
    Relation,
    empty,
    matching,
    union,
)
from datamem.datalog.execute import cycles
from datamem.datalog.execute.calls import extend_rows, filter_rows, reads_database
from datamem.datalog.execute.components import (
    append_rows,
    join_components,
    join_last,
    multiply,
    project_on,
    trim,
)
from datamem.datalog.execute.context import Context, StepTrace, clock, merge_traces
from datamem.datalog.execute.intersect import STRETCH, Intersection, stretches
from datamem.datalog.execute.patterns import fetch
from datamem.datalog.execute.plan import UNASKED, Estimate, choose, estimate, touched
from datamem.datalog.execute.probe import probe_of
from datamem.datalog.execute.sources import DatabaseSource
from datamem.datalog.resolve.describe import describe
from datamem.datalog.resolve.steps import (
    FunctionStep,
    NotStep,
    OptionalStep,
    OrStep,
    PatternStep,
    PredicateStep,
    RuleStep,
    Scope,
    SearchStep,
    Step,
    TableStep,
    variables_of_step,
)

_WIDE: Final = 4096
"""A step that makes no more rows than this is never worth another way."""


class _NothingLeft(Exception):  # noqa: N818  # control flow inside this module
    """Some component is empty: the conjunction has no row."""


def run_scope(
    scope: Scope,
    given: Sequence[Relation],
    context: Context,
    *,
    wanted: frozenset[str] | None = None,
) -> list[Relation] | None:
    """Run the steps of a conjunction.

    Args:
        scope: the steps.
        given: relations over variables that the surroundings bind, disjoint.
        context: the execution.
        wanted: the variables that somebody will look at; None for all of them. Others are dropped,
            and the rows that then are equal merged, before a step that would multiply them.

    Returns:
        The components, or None where there is no row.
    """
    components = list(given)
    if any(component.size == 0 for component in components):
        return None
    context.depth += 1
    saved = context.fetched
    context.fetched = {}
    try:
        return _run_steps(list(scope.steps), components, context, wanted)
    except _NothingLeft:
        return None
    finally:
        context.depth -= 1
        context.fetched = saved


def _run_steps(
    waiting: list[Step],
    components: list[Relation],
    context: Context,
    wanted: frozenset[str] | None,
) -> list[Relation]:
    """Run all steps, the best one next; `waiting` is used up."""
    while waiting:
        step, guess = choose(
            waiting,
            components,
            context,
            lambda pattern, now: _measure(pattern, now, context, wanted, waiting),
        )
        waiting.remove(step)
        if isinstance(step, PatternStep) and waiting:
            wide = _run_wide(step, waiting, components, context, wanted)
            if wide is not None:
                components = wide
                continue
        needed = None if wanted is None else _needed_later(wanted, step, waiting)
        components = _run_step(step, components, context, guess, needed)
    return components


def _needed_later(
    wanted: frozenset[str], step: Step, waiting: Sequence[Step]
) -> frozenset[str]:
    return wanted.union(variables_of_step(step), *(variables_of_step(s) for s in waiting))


def _measure(
    step: PatternStep,
    components: Sequence[Relation],
    context: Context,
    wanted: frozenset[str] | None,
    waiting: Sequence[Step],
) -> int:
    """Return how many rows a pattern would give, its smallest join made on what is needed later."""
    rows, _ = _fetched(step, components, context)
    needed = None if wanted is None else _needed_later(wanted, step, waiting)
    linked = touched(step, components)
    return min((Join(trim(c, needed), rows).size for c in linked), default=rows.size)


def _multiplies(step: Step, linked: Sequence[Relation], context: Context) -> bool:
    """Tell whether a step can give more rows than it gets."""
    if not isinstance(step, PatternStep):
        return isinstance(step, RuleStep | TableStep | OrStep | OptionalStep | SearchStep)
    if len(linked) > 1:
        return True
    if step.provides.issubset(linked[0].names):
        return False
    if not isinstance(context.sources[step.source], DatabaseSource):
        return True
    return not probe_of(step, context).is_known(frozenset(linked[0].names))


def _run_step(
    step: Step,
    components: list[Relation],
    context: Context,
    guess: Estimate,
    needed: frozenset[str] | None,
) -> list[Relation]:
    note = None if context.trace is None else _begin_trace(step, guess, context)
    linked = touched(step, components)
    rest = [c for c in components if not any(c is other for other in linked)]
    if needed is not None and linked and _multiplies(step, linked, context):
        linked = [trim(component, needed) for component in linked]
    made, how = _apply(step, linked, context)
    if note is not None:
        note.how = how
        note.rows_in = max((component.size for component in linked), default=0)
        note.rows_out = max((component.size for component in made), default=0)
        note.seconds += clock()
    for component in made:
        context.check_size(component.size, step)
        if component.size == 0:
            raise _NothingLeft
    return [*rest, *(c for c in made if c.names)]


def _run_wide(
    step: PatternStep,
    waiting: list[Step],
    components: list[Relation],
    context: Context,
    wanted: frozenset[str] | None,
) -> list[Relation] | None:
    """Run a step that makes many rows of which later steps leave few; None where this is no such.

    Either the patterns that bind the same variable are intersected, or the rows are taken a stretch
    at a time through all that is left. Steps that were run are removed from `waiting`.
    """
    linked = touched(step, components)
    if len(linked) != 1 or step.provides <= frozenset(linked[0].names):
        return None
    bound = frozenset(linked[0].names)
    closers = cycles.closers(step, waiting, bound)
    if not closers and not cycles.closes(bound | step.provides, waiting):
        return None
    rows, _ = _fetched(step, components, context)
    needed = None if wanted is None else _needed_later(wanted, step, waiting)
    component = trim(linked[0], needed)
    if any(component.domain(n) is not rows.domain(n) for n in rows.names if n in bound):
        return None
    if rows.size * component.size <= _WIDE:
        return None
    join = Join(component, rows)
    if join.size <= max(_WIDE, 2 * component.size):
        return None
    if closers:
        made = _intersected([step, *closers], component, components, context)
        if made is not None:
            for closer in closers:
                waiting.remove(closer)
            return [*(c for c in components if c is not linked[0]), made]
    if join.size <= 2 * STRETCH or len(components) > 1:
        return None
    return [_in_stretches(step, join.left_counts(), component, waiting, context, wanted)]


def _intersected(
    steps: Sequence[PatternStep],
    component: Relation,
    components: Sequence[Relation],
    context: Context,
) -> Relation | None:
    """Bind the variable that all steps have in common; None where their words do not compare."""
    (name,) = steps[0].provides - frozenset(component.names)
    note = None if context.trace is None else _begin_trace(steps[0], UNASKED, context)
    key = ("intersection", *steps)
    known = context.fetched.get(key)
    if known is None:
        found = [_fetched(step, components, context) for step in steps]
        parts = [rows for rows, _ in found]
        if any(rows.size == 0 for rows in parts):
            raise _NothingLeft
        if not _comparable(parts, component, name):
            return None
        hows = {how.split(" ")[0] for _, how in found}
        known = Intersection(parts, name), "probe" if "probe" in hows else "scan"
        context.fetched[key] = known
    made: Relation = known[0].extend(component, lambda size: context.check_size(size, steps[0]))
    if note is not None:
        note.text = " ".join(describe(step) for step in steps)
        note.how = "intersect"
        note.rows_in, note.rows_out = component.size, made.size
        note.seconds += clock()
    if not made.size:
        raise _NothingLeft
    return made


def _comparable(parts: Sequence[Relation], component: Relation, name: str) -> bool:
    kinds = {id(rows.domain(name)) for rows in parts}
    keys = all(
        rows.domain(n) is component.domain(n) for rows in parts for n in rows.names if n != name
    )
    return keys and len(kinds) == 1


def _in_stretches(
    step: PatternStep,
    counts: Int64Array,
    component: Relation,
    waiting: list[Step],
    context: Context,
    wanted: frozenset[str] | None,
) -> Relation:
    """Take rows through a step and all that wait a stretch at a time; keep what is left of each."""
    names = sorted(step.provides.union(component.names, *(s.provides for s in waiting)))
    if wanted is not None:
        names = [name for name in names if name in wanted]
    after = list(waiting)
    waiting.clear()
    shared = context.fetched
    begun = 0 if context.trace is None else len(context.trace)
    parts: list[Relation] = []
    total = 0
    for start, stop in stretches(counts, STRETCH):
        rows = component.take(np.arange(start, stop)).sorted_as(component)
        context.fetched = dict(shared)
        try:
            left = _run_step(step, [rows], context, UNASKED, None)
            left = _run_steps(list(after), left, context, wanted)
        except _NothingLeft:
            continue
        finally:
            kept = {k: v for k, v in context.fetched.items() if not v[1].startswith("probe")}
            shared.update(kept)
            context.fetched = shared
        parts.append(join_components(left, names, context))
        total += parts[-1].size
        context.check_size(total, step)
    if context.trace is not None:
        context.trace[begun:] = merge_traces(context.trace[begun:])
    if not parts:
        raise _NothingLeft
    return union(parts, are_disjoint=set(component.names) <= set(names))


def _begin_trace(step: Step, guess: Estimate, context: Context) -> StepTrace:
    """Note a step before those that it nests; what it did is filled in afterwards."""
    note = StepTrace(describe(step), "", guess.rows, 0, 0, -clock(), context.depth - 1)
    assert context.trace is not None
    context.trace.append(note)
    return note


def _apply(step: Step, linked: list[Relation], context: Context) -> tuple[list[Relation], str]:
    """Run one step on the components it touches; return what they become, and how it was done."""
    match step:
        case PatternStep():
            return _apply_pattern(step, linked, context)
        case PredicateStep():
            return _filtered(step, linked, context), "filter"
        case FunctionStep():
            needed = multiply(_needed(step, linked), context, step)
            extended = extend_rows(step, needed, context)
            others = [c for c in linked if step.requires.isdisjoint(c.names)]
            return [join_last([*others, extended], context, step)], "call"
        case NotStep():
            return [_anti_join(step, multiply(linked, context, step), context)], "anti-join"
        case OptionalStep():
            return [_left_join(step, multiply(linked, context, step), context)], "left join"
        case OrStep():
            return [join_last([*linked, _union(step, linked, context)], context, step)], "union"
        case RuleStep():
            from datamem.datalog.rules.seminaive import call_rule  # rules run scopes

            answer = call_rule(step, linked, context)
            return [join_last([*linked, answer], context, step)], "rule"
        case SearchStep():
            from datamem.datalog.execute.search_steps import run_search  # searches run scopes

            hits, how = run_search(step, project_on(linked, step.params), context)
            return [join_last([*linked, hits], context, step)], how
        case TableStep():
            rows = context.tables[step.table].rows_as(step.version, step.names)
            return [join_last([*linked, rows], context, step)], "table"


def _filtered(step: PredicateStep, linked: list[Relation], context: Context) -> list[Relation]:
    """Apply a predicate; components of one row, as inputs are, are compared with and not multiplied."""
    singles = [component for component in linked if component.size == 1]
    others = [component for component in linked if component.size != 1]
    if not singles or not others or reads_database(step):
        return [filter_rows(step, multiply(linked, context, step), context)]
    known = {
        name: component.domain(name).decode(component.column(name))[0]
        for component in singles
        for name in component.names
        if name in step.requires
    }
    return [filter_rows(step, multiply(others, context, step), context, known), *singles]


def _needed(step: FunctionStep, linked: list[Relation]) -> list[Relation]:
    return [c for c in linked if not step.requires.isdisjoint(c.names)]


def _fetched(
    step: PatternStep, components: Sequence[Relation], context: Context
) -> tuple[Relation, str]:
    found: tuple[Relation, str] | None = context.fetched.get(step)
    if found is None:
        found = context.fetched[step] = fetch(step, components, context)
    return found


def _apply_pattern(
    step: PatternStep, linked: list[Relation], context: Context
) -> tuple[list[Relation], str]:
    rows, how = _fetched(step, linked, context)
    if not linked:
        return [rows], how
    return [join_last([*sorted(linked, key=len), rows], context, step)], f"{how}, join"


def _anti_join(step: NotStep, relation: Relation, context: Context) -> Relation:
    names = [name for name in relation.names if name in step.requires]
    given = [relation.project(names)] if names else []
    found = run_scope(step.scope, given, context, wanted=frozenset(names))
    if not names:
        return relation if found is None else relation.take(np.empty(0, np.int64))
    inner = join_components(found, names, context)
    if inner.size == 0:
        return relation
    return relation.keep(~matching(relation, inner))


def _left_join(step: OptionalStep, relation: Relation, context: Context) -> Relation:
    shared = [name for name in relation.names if name in step.requires]
    added = sorted(step.provides)
    given = [relation.project(shared)] if shared else []
    found = run_scope(step.scope, given, context, wanted=frozenset((*shared, *added)))
    inner = join_components(found, [*shared, *added], context)
    join = Join(relation, inner)
    context.check_size(join.size, step)
    matched = join.rows()
    lonely = relation.keep(~matching(relation, inner.project(shared)))
    if not lonely.size:
        return matched
    objects = context.domains.objects
    nothing = np.full(lonely.size, objects.encode(None))
    for name in added:
        lonely = lonely.with_column(name, nothing, objects)
    if not matched.size:
        return lonely
    return append_rows(matched, lonely.select(matched.names))


def _union(step: OrStep, linked: list[Relation], context: Context) -> Relation:
    parts = []
    given = _seeds(step, linked, context)
    for branch in step.branches:
        components = run_scope(branch, given, context, wanted=frozenset(step.variables))
        if components is not None:
            parts.append(join_components(components, step.variables, context))
    if not parts:
        return empty(step.variables, context.domains.integer) if step.variables else FALSE
    return union(parts)


def _seeds(step: OrStep, linked: list[Relation], context: Context) -> list[Relation]:
    """Return what the branches are given: what they need, and what narrows them."""
    if not step.requires and linked:
        alone = estimate(step, (), context, frozenset()).rows
        linked = [c for c in linked if c.size <= 4 * alone]
    return project_on(linked, frozenset(step.variables))
