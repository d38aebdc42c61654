"""Rules: semi-naive evaluation of a rewritten program.

Every round joins only with what the round before derived (*recent*), as datafrog does; a rule with
several derived relations in its body runs once for each of them being the recent one. The rewritten
program (`magic.py`) derives only what the call asks about. Negated calls are complete when they are
asked, because programs are stratified (`resolve/strata.py`).

Plain rules never come here (`resolve/inline.py`), closures of refs are walked over the index (`closure.py`), and
rounds of few rows are derived row by row (`walk.py`) until they grow wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import TRUE, Join, Relation
from datamem.datalog.execute.components import join_components
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.execute import run_scope
from datamem.datalog.faults import query_error
from datamem.datalog.resolve.steps import RuleStep, Scope, TableKey
from datamem.datalog.rules.closure import closure_rows
from datamem.datalog.rules.magic import Body, Program, build_linear, build_program, scope_of
from datamem.datalog.rules.tables import Table, named
from datamem.datalog.rules.walk import relation_of, walk
from datamem.datalog.syntax import Variable

MAX_ROUNDS: Final = 100_000
"""A program that makes values and is not done by then is taken to make them for ever."""


def call_rule(step: RuleStep, linked: Sequence[Relation], context: Context) -> Relation:
    """Return the rows of a rule call that can join with what is bound.

    Args:
        step: the call; its arguments are variables and `_`.
        linked: components that share variables with it.
        context: the execution.
    """
    names = tuple(arg.name if isinstance(arg, Variable) else None for arg in step.args)
    seed = _seed(step, names, linked)
    bound = frozenset(seed.names)
    adornment = tuple(name in bound for name in names)
    rule = context.resolved.rules[step.source, step.name]
    walked = closure_rows(rule, seed, step, context)
    if walked is not None:
        return named(walked, names)
    program = _program(step, adornment, seed.size == 1, context)
    asked = [name for name in names if name is not None and name in bound]
    start = seed.select(_unique(asked)) if asked else TRUE
    start = _repeated(start, asked)
    rows = _solve(program, start, step, context)
    return named(_whole(rows, start, program), names)


def _whole(answers: Relation, seed: Relation, program: Program) -> Relation:
    """Put the bound arguments back into the answers of a program for one seed."""
    if program.free is None:
        return answers
    width = len(program.free) + len(seed.names)
    columns: list[Int64Array] = [np.empty(0, np.int64)] * width
    domains = [*answers.domains, *seed.domains]
    for i, place in enumerate(program.free):
        columns[place], domains[place] = answers.columns[i], answers.domains[i]
    bound = [place for place in range(width) if place not in program.free]
    for i, place in enumerate(bound):
        columns[place] = np.full(answers.size, seed.columns[i][0])
        domains[place] = seed.domains[i]
    return Relation([f"#{i}" for i in range(width)], columns, domains, answers.size)


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _repeated(relation: Relation, names: Sequence[str]) -> Relation:
    """Return one column per name, a repeated name's column repeated."""
    picked = [relation.names.index(name) for name in names]
    return Relation(
        [f"#{i}" for i in range(len(picked))],
        [relation.columns[i] for i in picked],
        [relation.domains[i] for i in picked],
        relation.size,
    )


def _seed(step: RuleStep, names: Sequence[str | None], linked: Sequence[Relation]) -> Relation:
    """Choose what the call is asked about: all that it requires, and what narrows it most."""
    used = {name for name in names if name is not None}
    needed = [c for c in linked if not step.requires.isdisjoint(c.names)]
    seed = TRUE
    for component in needed:
        part = component.project([name for name in component.names if name in used])
        seed = part if seed is TRUE else Join(seed, part).rows()
    if needed or not linked:
        return seed
    singles = [c for c in linked if c.size == 1]
    if singles:
        for component in singles:
            part = component.project([name for name in component.names if name in used])
            seed = part if seed is TRUE else Join(seed, part).rows()
        return seed
    return _narrowest(min(linked, key=len), used)


def _narrowest(component: Relation, used: set[str]) -> Relation:
    """Return the variable with the fewest values, or all of them where they are hardly more."""
    names = [name for name in component.names if name in used]
    whole = component.project(names)
    if len(names) == 1:
        return whole
    single = min((component.project([name]) for name in names), key=len)
    return whole if whole.size * 2 <= single.size * 3 else single


def _program(
    step: RuleStep, adornment: tuple[bool, ...], is_single: bool, context: Context
) -> Program:
    resolved = context.resolved
    key = (step.source, step.name, adornment, is_single)
    program: Program | None = resolved.programs.get(key)
    if program is None:
        rule = resolved.rules[step.source, step.name]
        program = build_linear(rule, adornment, carries_seeds=not is_single)
        if program is None:
            program = build_program(resolved.rules, step.source, step.name, adornment)
        resolved.programs[key] = program
    return program


class _Run:
    """One body with one of its derived relations being the recent one."""

    __slots__ = ("body", "names", "recent", "scope", "wanted")

    def __init__(self, body: Body, at: int | None) -> None:
        self.body = body
        self.recent: TableKey | None = None
        self.names: tuple[str | None, ...] = ()
        steps = list(body.steps)
        if at is not None:
            step = steps.pop(at)
            self.recent = step.table  # type: ignore[union-attr]  # `recursive` names table steps
            self.names = step.names  # type: ignore[union-attr]
        given = frozenset(name for name in self.names if name is not None)
        self.scope: Scope = scope_of(steps, given)
        self.wanted = frozenset(body.head)


def _solve(program: Program, seed: Relation, step: RuleStep, context: Context) -> Relation:
    if program.carries_seeds:
        seed = _doubled(seed)
    walked = walk(program, seed, context, lambda size: context.check_size(size, step))
    if walked is not None and walked.is_done:
        answer = program.answer
        return relation_of(walked.rows[answer], program.widths[answer], context)
    tables = {key: _NamedTable(width, context) for key, width in program.widths.items()}
    saved, context.tables = context.tables, tables
    try:
        if walked is not None:
            for key, rows in walked.rows.items():
                tables[key].derive(relation_of(rows, program.widths[key], context))
        elif program.magic is not None:
            tables[program.magic].derive(seed)
        _rounds(program, tables, step, context)
        return tables[program.answer].full(context.domains)
    finally:
        context.tables = saved


def _doubled(seed: Relation) -> Relation:
    """Return rows of (seed, what is asked about), which are the same before the first round."""
    names = [f"#{i}" for i in range(2 * len(seed.names))]
    return Relation(names, seed.columns * 2, seed.domains * 2, seed.size)


def _rounds(
    program: Program, tables: dict[TableKey, _NamedTable], step: RuleStep, context: Context
) -> None:
    bases = [_Run(body, None) for body in program.bodies if not body.recursive]
    runs = [_Run(body, at) for body in program.bodies for at in body.recursive]
    for run in bases:
        _derive(run, [], tables, context)
    rounds = 0
    while any([table.advance() for table in tables.values()]):  # noqa: C419  # all must advance
        rounds += 1
        context.check_size(sum(table.size for table in tables.values()), step)
        if rounds > MAX_ROUNDS and program.generates_values:
            raise query_error(
                f"rule {step.name} still makes new values after {MAX_ROUNDS} rounds",
                code="query/endless-rule",
                hint="bound what the rule computes with a predicate, or set max_rows",
                text=context.text,
                offset=step.offset,
            )
        for run in runs:
            assert run.recent is not None
            recent = tables[run.recent].recent
            if recent is not None:
                _derive(run, [named(recent, run.names)], tables, context)


def _derive(
    run: _Run, given: list[Relation], tables: dict[TableKey, _NamedTable], context: Context
) -> None:
    """Run one body and hand its rows to the relation of its head."""
    if given and not given[0].names:
        given = [] if given[0].size else given
    components = run_scope(run.scope, given, context, wanted=run.wanted)
    if components is not None:
        rows = join_components(components, _unique(run.body.head), context)
        tables[run.body.target].derive(_repeated(rows, run.body.head))


class _NamedTable(Table):
    """A derived relation as steps read it."""

    __slots__ = ("_context",)

    def __init__(self, width: int, context: Context) -> None:
        super().__init__(width)
        self._context = context

    def rows_as(self, version: str, names: Sequence[str | None]) -> Relation:
        """Return the relation, its columns named as a call names them."""
        assert version == "full"
        return named(self.full(self._context.domains), names)

    def size_of(self, version: str) -> int:
        """Return the number of rows."""
        assert version == "full"
        return self.size
