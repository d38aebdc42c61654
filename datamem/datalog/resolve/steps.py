"""The query as resolved: steps that know attribute ids and which variables they need and give.

A step knows the schemas and not the data. Steps are shared by all executions of a prepared query
and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from datamem.datalog.syntax import (
    Argument,
    Binding,
    Clause,
    FunctionName,
    Query,
    Term,
)
from datamem.schema.attribute import Attribute

Names: TypeAlias = frozenset[str]


@dataclass(frozen=True, slots=True)
class GivenTerm:
    """A scalar input: its value is known before any step runs."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class PatternStep:
    """A data pattern.

    Attributes:
        source: the name of its source.
        terms: all positions as written; the attribute's stays for printing.
        attribute: the resolved attribute; None where it is a variable, or is unknown.
        attribute_is_known: False where the pattern names an attribute that nobody ever used.
        ranges: comparisons with constants or inputs that bound the value, (operator, term).
    """

    source: str
    terms: tuple[Term, ...]
    attribute: Attribute | None
    attribute_is_known: bool
    requires: Names
    provides: Names
    offset: int
    ranges: list[tuple[str, Term | GivenTerm]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class PredicateStep:
    """A call that keeps rows."""

    function: FunctionName
    args: tuple[Argument, ...]
    requires: Names
    provides: Names
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class FunctionStep:
    """A call whose result is bound."""

    function: FunctionName
    args: tuple[Argument, ...]
    binding: Binding
    requires: Names
    provides: Names
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class RuleStep:
    """A rule call."""

    source: str
    name: str
    args: tuple[Term, ...]
    requires: Names
    provides: Names
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A conjunction; `given` are the variables that its surroundings may hand in."""

    steps: tuple[Step, ...]
    given: Names
    provides: Names


@dataclass(frozen=True, slots=True, eq=False)
class SearchStep:
    """The best entities of a ranking among those that a scope allows.

    Attributes:
        narrowing: the clauses that narrow the search, as written.
        scope: those resolved; the entity and the parameters are given to it.
        params: variables of its surroundings; each combination of their values is a search.
        inputs: variables of `:in`, whose relations narrow as clauses do.
    """

    name: str
    source: str
    args: tuple[Argument, ...]
    options: tuple[tuple[str, Argument], ...]
    outputs: tuple[str | None, ...]
    narrowing: tuple[Clause, ...]
    scope: Scope
    params: Names
    inputs: Names
    requires: Names
    provides: Names
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class NotStep:
    """An anti-join on `requires`."""

    scope: Scope
    requires: Names
    provides: Names
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class OrStep:
    """A union of branches, each giving all of `variables`."""

    variables: tuple[str, ...]
    branches: tuple[Scope, ...]
    requires: Names
    provides: Names
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class OptionalStep:
    """A left join."""

    scope: Scope
    requires: Names
    provides: Names
    offset: int


@dataclass(frozen=True, slots=True)
class TableKey:
    """The name of a derived relation: a rule under an adornment, or the magic set of one.

    Attributes:
        source, name: the rule.
        adornment: for each argument, whether callers bind it.
        is_magic: the relation of the bound arguments that somebody asked about.
    """

    source: str
    name: str
    adornment: tuple[bool, ...]
    is_magic: bool = False

    def __str__(self) -> str:
        letters = "".join("b" if bound else "f" for bound in self.adornment)
        return f"{'magic ' * self.is_magic}{self.name}/{letters}"


@dataclass(frozen=True, slots=True, eq=False)
class TableStep:
    """A derived relation of a rule program, read by the program's own bodies.

    `version` is "full" or "recent"; a name that is None is a position nobody looks at.
    """

    table: TableKey
    version: str
    names: tuple[str | None, ...]
    requires: Names
    provides: Names
    offset: int


Step: TypeAlias = (
    PatternStep
    | PredicateStep
    | FunctionStep
    | SearchStep
    | RuleStep
    | NotStep
    | OrStep
    | OptionalStep
    | TableStep
)


def variables_of_step(step: Step) -> Names:
    """Return all variables that a step touches."""
    return step.requires | step.provides


@dataclass(frozen=True, slots=True, eq=False)
class RuleBody:
    """One body of a rule, resolved; head variables as the rule names them."""

    head: tuple[str, ...]
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedRule:
    """All bodies of one rule over one source; `required` are argument positions."""

    source: str
    name: str
    arity: int
    required: frozenset[int]
    bodies: tuple[RuleBody, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A query whose names are resolved against the schemas of its sources.

    Attributes:
        uses: how each variable is used in patterns: "entity" or value types, by variable.
        asked: every variable that finding looks at.
        rule_names: of all rules given, called or not.
        programs: rule programs made for this query so far, by rule and adornment.
    """

    query: Query
    scope: Scope
    rules: dict[tuple[str, str], ResolvedRule]
    uses: dict[str, set[Use]]
    asked: Names
    rule_names: Names = frozenset()
    programs: dict[Any, Any] = field(default_factory=dict)
    _calls: list[PredicateStep | FunctionStep] | None = None

    def steps(self) -> Iterator[Step]:
        """List every step, those of rules and nested scopes included."""
        yield from walk(self.scope)
        for rule in self.rules.values():
            for body in rule.bodies:
                yield from walk(body.scope)

    def calls(self) -> Sequence[PredicateStep | FunctionStep]:
        """Return every call; found once."""
        if self._calls is None:
            found = [s for s in self.steps() if isinstance(s, PredicateStep | FunctionStep)]
            object.__setattr__(self, "_calls", found)
            return found
        return self._calls


def walk(scope: Scope) -> Iterator[Step]:
    """List the steps of a scope, and those nested in them."""
    for step in scope.steps:
        yield step
        match step:
            case NotStep(scope=nested) | OptionalStep(scope=nested) | SearchStep(scope=nested):
                yield from walk(nested)
            case OrStep(branches=branches):
                for branch in branches:
                    yield from walk(branch)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Use:
    """One way a variable is used: in which source, and as an entity, a ref or a typed value."""

    source: str
    kind: str
