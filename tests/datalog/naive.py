"""A reference evaluator: the meaning of Datalog in nested loops, with no index and no plan.

It takes a parsed query and facts (e, attribute, v, tx, added) and answers as the language's
documentation reads. Slow and obvious on purpose; the engine must agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datamem.datalog.syntax import (
    Aggregate,
    BindScalar,
    Constant,
    FunctionCall,
    Not,
    Or,
    Pattern,
    Predicate,
    Query,
    Rule,
    RuleCall,
    Variable,
    all_variables,
    variables_of,
)

Row = dict[str, Any]
Fact = tuple[Any, ...]


def _number(value: Any) -> Any:
    """Return a number; Python adds texts as well, and multiplies them."""
    if isinstance(value, str):
        raise TypeError(value)
    return value


PREDICATES: dict[str, Callable[..., bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "not=": lambda a, b: a != b,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: _number(a) + _number(b),
    "*": lambda a, b: _number(a) * _number(b),
    "-": lambda a, b: _number(a) - _number(b),
    "identity": lambda a: a,
}
AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "sum": sum,
    "min": min,
    "max": max,
    "count-distinct": lambda values: len(set(values)),
}


class Naive:
    """The meaning of queries over one set of facts."""

    def __init__(self, facts: list[Fact], rules: tuple[Rule, ...] = ()) -> None:
        self.facts = facts
        self.rules = rules
        self.derived: dict[str, set[tuple[Any, ...]]] = {rule.name: set() for rule in rules}
        for level in _levels(rules):
            self._fixpoint([rule for rule in rules if rule.name in level])

    def _fixpoint(self, rules: list[Rule]) -> None:
        grew = True
        while grew:
            grew = False
            for rule in rules:
                head = [variable.name for variable in rule.head]
                for row in list(self.solve(rule.body, {}, set(head))):
                    made = tuple(row[name] for name in head)
                    grew |= made not in self.derived[rule.name]
                    self.derived[rule.name].add(made)

    def answer(self, query: Query, given: Row | None = None) -> set[tuple[Any, ...]]:
        """Return the rows of a relation query."""
        elements = query.find.elements
        names = [e.name if isinstance(e, Variable) else e.args[-1].name for e in elements]
        names += [variable.name for variable in query.with_variables]
        rows = {
            tuple(r[n] for n in names) for r in self.solve(query.where, given or {}, set(names))
        }
        if not any(isinstance(e, Aggregate) for e in elements):
            return {row[: len(elements)] for row in rows}
        groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        for row in rows:
            key = tuple(
                v for v, e in zip(row, elements, strict=False) if isinstance(e, Variable)
            )
            groups.setdefault(key, []).append(row)
        return {
            tuple(
                group[0][i]
                if isinstance(e, Variable)
                else AGGREGATES[e.function]([r[i] for r in group])
                for i, e in enumerate(elements)
            )
            for group in groups.values()
        }

    def solve(self, clauses: Any, row: Row, outer: set[str]) -> Iterator[Row]:
        """Yield every extension of `row` that satisfies all clauses, in whatever order they can run."""
        if not clauses:
            yield row
            return
        for i, clause in enumerate(clauses):
            rest = (*clauses[:i], *clauses[i + 1 :])
            known = outer | set(row) | all_variables(rest)
            if self._ready(clause, row, known):
                for extended in self._clause(clause, row, known):
                    yield from self.solve(rest, extended, outer)
                return
        raise AssertionError("no clause can run")

    def _ready(self, clause: Any, row: Row, known: set[str]) -> bool:
        match clause:
            case Predicate():
                return variables_of(clause) <= set(row)
            case FunctionCall(function, args):
                return variables_of(Predicate(function, args)) <= set(row)
            case Not():
                return (variables_of(clause) & known) <= set(row)
        return True

    def _clause(self, clause: Any, row: Row, known: set[str]) -> Iterator[Row]:  # noqa: C901  # a table of clauses
        match clause:
            case Pattern(_, terms):
                for fact in self.facts:
                    yield from _unify(terms, fact, row)
            case RuleCall(_, name, args):
                for made in self.derived[name]:
                    yield from _unify(args, made, row)
            case Predicate(function, args):
                if PREDICATES[function](*(_value(arg, row) for arg in args)):
                    yield row
            case FunctionCall(function, args, BindScalar(variable)):
                made = FUNCTIONS[function](*(_value(arg, row) for arg in args))
                yield from _unify((variable,), (made,), row)
            case Not(variables, nested):
                names = {v.name for v in variables} if variables is not None else known
                seed = {name: value for name, value in row.items() if name in names}
                if not any(True for _ in self.solve(nested, seed, names)):
                    yield row
            case Or(_, variables, branches):
                visible = variables_of(clause)
                seed = {name: value for name, value in row.items() if name in visible}
                for branch in branches:
                    for found in self.solve(branch, seed, visible):
                        yield row | {n: v for n, v in found.items() if n in visible}


def _value(term: Any, row: Row) -> Any:
    return term.value if isinstance(term, Constant) else row[term.name]


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _unify(terms: Any, values: tuple[Any, ...], row: Row) -> Iterator[Row]:
    result = dict(row)
    for term, value in zip(terms, values, strict=False):
        if isinstance(term, Constant):
            plain = str(term.value) if isinstance(term.value, str) else term.value
            if not _same(plain, value):
                return
        elif isinstance(term, Variable):
            if term.name in result and not _same(result[term.name], value):
                return
            result[term.name] = value
    yield result


def _levels(rules: tuple[Rule, ...]) -> list[set[str]]:
    """Order rules so that what a body negates comes in an earlier level."""
    level = {rule.name: 0 for rule in rules}
    for _ in range(len(rules) * len(rules) + 1):
        for rule in rules:
            for name, negated in _called(rule.body, negated=False):
                level[rule.name] = max(level[rule.name], level[name] + negated)
    return [
        {n for n, at in level.items() if at == i}
        for i in range(max(level.values(), default=0) + 1)
    ]


def _called(clauses: Any, *, negated: bool) -> Iterator[tuple[str, bool]]:
    for clause in clauses:
        match clause:
            case RuleCall(name=name):
                yield name, negated
            case Not(clauses=nested):
                yield from _called(nested, negated=True)
            case Or(branches=branches):
                for branch in branches:
                    yield from _called(branch, negated=negated)
