"""Magic sets: a rule program rewritten so that only what the call asks about is derived.

A call binds some arguments (its *adornment*). For each adorned rule there is a magic relation with
the bound arguments that were asked about; every body first joins with it, and every call inside a
body is preceded by a rule that derives what that call asks (Bancilhon, Maier, Sagiv and Ullman,
1986; the order of a body, "sideways information passing", is chosen here, bound things first).
"Ancestors of X" then never visits anybody who is no ancestor of X.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datamem.datalog.resolve.steps import (
    FunctionStep,
    NotStep,
    OptionalStep,
    OrStep,
    PatternStep,
    PredicateStep,
    ResolvedRule,
    RuleBody,
    RuleStep,
    Scope,
    SearchStep,
    Step,
    TableKey,
    TableStep,
)
from datamem.datalog.syntax import Constant, Variable

Adornment = tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """One rule of the rewritten program.

    Attributes:
        target: the relation that its rows are added to.
        head: the variables of those rows.
        steps: the body; derived relations are `TableStep`s of version "full".
        recursive: where those stand in `steps`.
    """

    target: TableKey
    head: tuple[str, ...]
    steps: tuple[Step, ...]
    recursive: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A rewritten program and the relation that answers its call.

    Attributes:
        free: where the answers of a program for one seed, which are free arguments only, go.
        carries_seeds: rows of `magic` are the seed and the arguments asked about, which are equal at first.
    """

    answer: TableKey
    magic: TableKey | None
    bodies: tuple[Body, ...]
    widths: Mapping[TableKey, int]
    generates_values: bool
    free: tuple[int, ...] | None = None
    carries_seeds: bool = False


def build_program(
    rules: Mapping[tuple[str, str], ResolvedRule], source: str, name: str, adornment: Adornment
) -> Program:
    """Rewrite the rules that a call reaches, for the arguments that it binds."""
    builder = _Builder(dict(rules))
    builder.demand(source, name, adornment)
    builder.run()
    answer = TableKey(source, name, adornment)
    magic = TableKey(source, name, adornment, is_magic=True) if any(adornment) else None
    bodies = tuple(builder.bodies)
    generates = any(isinstance(step, FunctionStep) for body in bodies for step in body.steps)
    return Program(answer, magic, bodies, builder.widths, generates)


def build_linear(
    rule: ResolvedRule, adornment: Adornment, *, carries_seeds: bool
) -> Program | None:
    """Rewrite a linear rule for a call that binds some of its arguments.

    In `(anc ?a ?b) [?a :parent ?x] (anc ?x ?b)` with ?a bound, every answer for an ?x that was asked
    about is an answer for the ?a that led to it. So only the answers of the ?a that were called with are
    kept, and not those of everybody on the way: linear work for each where the general rewriting may
    take quadratic (Naughton, Ramakrishnan, Sagiv and Ullman, 1989, "argument reduction by factoring").

    Args:
        rule: the rule called.
        adornment: which arguments the call binds.
        carries_seeds: the call binds several rows, so each answer needs the row that it belongs to.

    Returns:
        The program, or None where a body calls another rule, or passes on neither the free nor the bound
        arguments as they are.
    """
    if all(adornment) or not any(adornment):
        return None
    linear = _Linear(rule, adornment, carries_seeds)
    bodies = [linear.body(body) for body in rule.bodies]
    made = tuple(body for body in bodies if body is not None)
    if len(made) < len(bodies):
        return None
    generates = any(isinstance(step, FunctionStep) for body in made for step in body.steps)
    free = None if carries_seeds else linear.free
    return Program(
        linear.answer, linear.magic, made, linear.widths, generates, free, carries_seeds
    )


class _Linear:
    """Rewrites the bodies of a linear rule: asked about are (seeds, bound arguments)."""

    def __init__(self, rule: ResolvedRule, adornment: Adornment, carries_seeds: bool) -> None:
        self._rule = rule
        self._adornment = adornment
        self.free = tuple(i for i, is_bound in enumerate(adornment) if not is_bound)
        bound = tuple(i for i, is_bound in enumerate(adornment) if is_bound)
        self._seeds = tuple(f"?seed#{i}" for i in bound) if carries_seeds else ()
        places = adornment if carries_seeds else tuple(False for _ in self.free)
        self.answer = TableKey(rule.source, rule.name, places)
        self.magic = TableKey(rule.source, rule.name, adornment, is_magic=True)
        self.widths = {self.answer: len(places), self.magic: len(bound) + len(self._seeds)}

    def body(self, body: RuleBody) -> Body | None:
        """Return a body rewritten; None where it is not linear."""
        bound, free = self._split(body.head)
        calls = [step for step in body.scope.steps if isinstance(step, RuleStep)]
        others = tuple(step for step in body.scope.steps if not isinstance(step, RuleStep))
        if _calls_rules(others):
            return None
        asked = _table_step(self.magic, (*self._seeds, *bound))
        if not calls:
            return Body(self.answer, self._answered(free), (asked, *others), (0,))
        call = calls[0]
        if len(calls) > 1 or (call.source, call.name) != (self._rule.source, self._rule.name):
            return None
        names = [arg.name if isinstance(arg, Variable) else None for arg in call.args]
        given, passed = self._split(names)
        used = set[str]().union(*(step.provides | step.requires for step in others))
        if passed == free and used.isdisjoint(free):
            return self._right(bound, free, given, asked, others)
        if given == bound and used.isdisjoint(bound):
            head = self._answered(tuple(passed))
            return Body(
                self.answer,
                self._answered(free),
                (_table_step(self.answer, head), *others),
                (0,),
            )
        return None

    def _right(
        self,
        bound: Sequence[str | None],
        free: Sequence[str | None],
        given: Sequence[str | None],
        asked: TableStep,
        others: tuple[Step, ...],
    ) -> Body | None:
        """Return what a body asks about that passes on its free arguments as they are."""
        available = set(bound).union(*(step.provides for step in others))
        head = tuple(name for name in given if name is not None)
        if (
            len(head) < len(given)
            or not available.issuperset(head)
            or not set(free).isdisjoint(head)
        ):
            return None
        return Body(self.magic, (*self._seeds, *head), (asked, *others), (0,))

    def _split(self, names: Sequence[str | None]) -> tuple[list[Any], list[Any]]:
        """Return the names at the places that the call binds, and the others."""
        pairs = list(zip(names, self._adornment, strict=True))
        return [n for n, is_bound in pairs if is_bound], [
            n for n, is_bound in pairs if not is_bound
        ]

    def _answered(self, free: Sequence[Any]) -> tuple[Any, ...]:
        """Return an answer's columns: the free arguments, between seeds where they are carried."""
        if not self._seeds:
            return tuple(free)
        seeds, rest = iter(self._seeds), iter(free)
        return tuple(next(seeds) if is_bound else next(rest) for is_bound in self._adornment)


@dataclass(slots=True)
class _Builder:
    rules: dict[tuple[str, str], ResolvedRule]
    bodies: list[Body] = field(default_factory=list)
    widths: dict[TableKey, int] = field(default_factory=dict)
    waiting: list[TableKey] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def demand(self, source: str, name: str, adornment: Adornment) -> TableKey:
        """Ask for an adorned rule; its bodies are rewritten once."""
        key = TableKey(source, name, adornment)
        if key not in self.widths:
            self.widths[key] = len(adornment)
            self.waiting.append(key)
            if any(adornment):
                self.widths[_magic_of(key)] = sum(adornment)
        return key

    def run(self) -> None:
        """Rewrite until no body asks for anything new."""
        while self.waiting:
            key = self.waiting.pop()
            for body in self.rules[key.source, key.name].bodies:
                self._rewrite(key, body)

    def _rewrite(self, key: TableKey, body: RuleBody) -> None:
        bound = {
            name for name, is_bound in zip(body.head, key.adornment, strict=True) if is_bound
        }
        done: list[Step] = []
        if bound:
            names = tuple(name for name in body.head if name in bound)
            done.append(_table_step(_magic_of(key), names))
        waiting = list(body.scope.steps)
        while waiting:
            step = min(
                (s for s in waiting if s.requires <= bound), key=lambda s: _rank(s, bound)
            )
            waiting.remove(step)
            if isinstance(step, OrStep) and _has_rules(step):
                step = self._auxiliary(key.source, step)
            if isinstance(step, RuleStep):
                done.append(self._call(step, bound, done))
            else:
                done.append(step)
            bound |= step.provides
        self._add(key, body.head, done)

    def _add(self, target: TableKey, head: tuple[str, ...], steps: Sequence[Step]) -> None:
        recursive = tuple(i for i, step in enumerate(steps) if isinstance(step, TableStep))
        self.bodies.append(Body(target, head, tuple(steps), recursive))

    def _call(self, step: RuleStep, bound: set[str], before: Sequence[Step]) -> TableStep:
        """Replace a call by its relation, and derive before it what the call asks."""
        names = tuple(arg.name if isinstance(arg, Variable) else None for arg in step.args)
        adornment = tuple(name in bound for name in names)
        key = self.demand(step.source, step.name, adornment)
        if any(adornment):
            asked = tuple(name for name in names if name is not None and name in bound)
            magic = _magic_of(key)
            is_same = (
                len(before) == 1
                and isinstance(before[0], TableStep)
                and before[0].table == magic
                and before[0].names == asked
            )
            if not is_same:
                self._add(magic, asked, before)
        return _table_step(key, names)

    def _auxiliary(self, source: str, step: OrStep) -> RuleStep:
        """Make an `or` that calls rules a rule of its own."""
        name = f"or#{next(self.numbers)}"
        head = step.variables
        required = frozenset(i for i, variable in enumerate(head) if variable in step.requires)
        bodies = tuple(RuleBody(head, branch) for branch in step.branches)
        rule = ResolvedRule(source, name, len(head), required, bodies)
        self.rules[source, name] = rule
        args = tuple(Variable(variable) for variable in head)
        return RuleStep(source, name, args, step.requires, step.provides, step.offset)


def _magic_of(key: TableKey) -> TableKey:
    return TableKey(key.source, key.name, key.adornment, is_magic=True)


def _table_step(key: TableKey, names: tuple[str | None, ...]) -> TableStep:
    provides = frozenset(name for name in names if name is not None)
    return TableStep(key, "full", names, frozenset(), provides, -1)


def _has_rules(step: OrStep) -> bool:
    return any(_calls_rules(branch.steps) for branch in step.branches)


def _calls_rules(steps: Iterable[Step]) -> bool:
    """Tell whether a call stands among steps, or in an `or` among them.

    Calls inside `not` and `optional` are answered by programs of their own: they are of a lower
    stratum, so they are complete when they are asked.
    """
    for step in steps:
        if isinstance(step, RuleStep) or (isinstance(step, OrStep) and _has_rules(step)):
            return True
    return False


def _rank(step: Step, bound: set[str]) -> tuple[int, int]:
    """Order the steps of a body: what is bound first, calls after the patterns that bind them."""
    free = len(step.provides - bound)
    linked = not step.provides.isdisjoint(bound) or bool(step.requires)
    match step:
        case PredicateStep() | NotStep():
            return 0, 0
        case FunctionStep():
            return 0, 1
        case PatternStep():
            return (1 if linked or _has_constant(step) else 4), free
        case RuleStep():
            return (2 if linked else 6), free
        case OrStep():
            return (3 if linked else 5), free
        case OptionalStep() | TableStep() | SearchStep():
            return 3, free


def _has_constant(step: PatternStep) -> bool:
    return any(i != 1 and isinstance(term, Constant) for i, term in enumerate(step.terms))


def scope_of(steps: Sequence[Step], given: frozenset[str]) -> Scope:
    """Return steps as a scope."""
    provides = given.union(*(step.provides for step in steps)) if steps else given
    return Scope(tuple(steps), given, provides)
