"""Inlining: a call of a plain rule is replaced by what the rule says.

A rule of one body that never leads back to itself is a name for a conjunction. With its clauses in place
of its calls, the planner joins them with all the others in whatever order is cheapest, comparisons reach
the patterns that they bound, and a recursive rule over it shows its shape. Bodies with `not`, `or` or
`optional` stay rules, since their meaning depends on which variables stand around them; so do rules that
must be given arguments, whose errors name them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from datamem.datalog.parse.rename import rename_clause, with_source
from datamem.datalog.syntax import (
    Clause,
    Constant,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    Rule,
    RuleCall,
    Variable,
    all_variables,
)

_MOST_CLAUSES: Final = 12
"""A rule that says more than this is called."""


class Inliner:
    """Replaces calls; made once for the rules of a query."""

    def __init__(
        self,
        rules: Mapping[str, Sequence[Rule]],
        required: Mapping[str, frozenset[int]],
        numbers: Iterator[int],
    ) -> None:
        """Take rules by name, the arguments that they must be given, and numbers for new names."""
        self._rules = rules
        self._required = required
        self._numbers = numbers
        self._bodies: dict[str, tuple[Clause, ...] | None] = {}

    def clauses(self, clauses: Sequence[Clause]) -> tuple[Clause, ...]:
        """Return a conjunction with the calls of plain rules replaced."""
        made: list[Clause] = []
        for clause in clauses:
            body = self._body(clause.name) if isinstance(clause, RuleCall) else None
            if isinstance(clause, RuleCall) and body is not None:
                made += self._called(clause, body)
            else:
                made.append(clause)
        return tuple(made)

    def _body(self, name: str) -> tuple[Clause, ...] | None:
        """Return the clauses that a plain rule stands for; None where it is not plain."""
        if name not in self._bodies:
            self._bodies[name] = None
            if self._is_single(name) and not self._recurs(name):
                body = self.clauses(self._rules[name][0].body)
                self._bodies[name] = body if len(body) <= _MOST_CLAUSES else None
        return self._bodies[name]

    def _is_single(self, name: str) -> bool:
        bodies = self._rules.get(name, ())
        if len(bodies) != 1 or self._required.get(name):
            return False
        kinds = (Pattern, Predicate, FunctionCall, RuleCall)
        return all(isinstance(clause, kinds) for clause in bodies[0].body)

    def _recurs(self, name: str) -> bool:
        """Tell whether a rule leads back to itself."""
        waiting, met = [name], set[str]()
        for caller in waiting:  # grows while it is walked
            for rule in self._rules.get(caller, ()):
                for callee in _called_names(rule.body):
                    if callee == name:
                        return True
                    if callee not in met:
                        met.add(callee)
                        waiting.append(callee)
        return False

    def _called(self, call: RuleCall, body: tuple[Clause, ...]) -> Sequence[Clause]:
        """Return a rule's clauses with a call's arguments for its variables."""
        head = [variable.name for variable in self._rules[call.name][0].head]
        if len(head) != len(call.args) or any(isinstance(arg, Constant) for arg in call.args):
            return [call]
        number = next(self._numbers)
        names = {name: f"{name}#{number}" for name in all_variables(body)}
        for name, arg in zip(head, call.args, strict=True):
            if isinstance(arg, Variable):
                names[name] = arg.name
        return [with_source(rename_clause(clause, names), call.source) for clause in body]


def _called_names(clauses: Sequence[Clause]) -> Iterator[str]:
    for clause in clauses:
        match clause:
            case RuleCall(name=name):
                yield name
            case Not(clauses=nested) | Optional(clauses=nested):
                yield from _called_names(nested)
            case Or(branches=branches):
                for branch in branches:
                    yield from _called_names(branch)
            case _:
                pass
