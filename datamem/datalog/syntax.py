"""The query as parsed: frozen dataclasses, one per form of the grammar; names not yet resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Variable:
    """`?name`. Hidden variables, made while parsing, have a `#` in their name."""

    name: str
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Blank:
    """`_`: matches anything and never unifies."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal value."""

    value: Any
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class SourceName:
    """`$` or `$name`."""

    name: str
    offset: int = field(default=-1, compare=False)


Term: TypeAlias = Variable | Blank | Constant
Argument: TypeAlias = Variable | Blank | Constant | SourceName


@dataclass(frozen=True, slots=True)
class Pattern:
    """`[$src? e a v tx added]`, one to five positions."""

    source: str
    terms: tuple[Term, ...]
    offset: int = field(default=-1, compare=False)


FunctionName: TypeAlias = str | Variable | Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Predicate:
    """`[(f args…)]`: keeps the rows for which f is true."""

    function: FunctionName
    args: tuple[Argument, ...]
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class BindScalar:
    """`?x`."""

    variable: Variable


@dataclass(frozen=True, slots=True)
class BindIgnore:
    """`_` in a binding."""


@dataclass(frozen=True, slots=True)
class BindCollection:
    """`[binding ...]`."""

    item: Binding


@dataclass(frozen=True, slots=True)
class BindTuple:
    """`[binding+]`."""

    items: tuple[Binding, ...]


Binding: TypeAlias = BindScalar | BindIgnore | BindCollection | BindTuple


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """`[(f args…) binding]`: nil drops the row, anything else is bound or unified."""

    function: FunctionName
    args: tuple[Argument, ...]
    binding: Binding
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Search:
    """`[(vec-neighbors $src? args… options?) [[?e ?v ?score]]]`: the best of a ranking.

    Attributes:
        name: which search, a key of `searches.SEARCHES`.
        args: by position.
        options: by name, without the colon.
        outputs: the variable of each column, None where nobody looks; the first is the entity.
        narrowing: the clauses of the same conjunction that say which entities may be found;
            put here while the query is resolved (`resolve/narrowing.py`).
    """

    name: str
    source: str
    args: tuple[Argument, ...]
    options: tuple[tuple[str, Argument], ...]
    outputs: tuple[Variable | None, ...]
    narrowing: tuple[Clause, ...] = ()
    offset: int = field(default=-1, compare=False)

    @property
    def arguments(self) -> frozenset[str]:
        """Names of the variables that say what is searched for."""
        given = (*self.args, *(value for _, value in self.options))
        return frozenset(arg.name for arg in given if isinstance(arg, Variable))

    @property
    def found(self) -> frozenset[str]:
        """Names of the variables that only the search can bind: all outputs but the entity."""
        rest = {variable.name for variable in self.outputs[1:] if variable is not None}
        return frozenset(rest - {self.entity})

    @property
    def entity(self) -> str | None:
        """Name of the entity's variable."""
        first = self.outputs[0] if self.outputs else None
        return None if first is None else first.name


@dataclass(frozen=True, slots=True)
class RuleCall:
    """`($src? name args…)`."""

    source: str
    name: str
    args: tuple[Term, ...]
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`(not …)` where `variables` is None, else `(not-join [variables] …)`."""

    variables: tuple[Variable, ...] | None
    clauses: tuple[Clause, ...]
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """`(or …)` where `variables` is None, else `(or-join [[required] variables] …)`."""

    required: tuple[Variable, ...]
    variables: tuple[Variable, ...] | None
    branches: tuple[tuple[Clause, ...], ...]
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Optional:
    """`(optional …)`: a left join; variables that found nothing are nil."""

    clauses: tuple[Clause, ...]
    offset: int = field(default=-1, compare=False)


Clause: TypeAlias = Pattern | Predicate | FunctionCall | Search | RuleCall | Not | Or | Optional


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`(f constants… ?x)` in `:find`, or arithmetic over such.

    Attributes:
        default: what it is over no rows at all, as `:default` after its arguments says.
    """

    function: FunctionName
    args: tuple[FindArgument, ...]
    default: Constant | None = None
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Pull:
    """`(pull $src? ?x pattern)`; the pattern is EDN data or an input variable."""

    source: str
    variable: Variable
    pattern: Any
    offset: int = field(default=-1, compare=False)


FindElement: TypeAlias = Variable | Aggregate | Pull
FindArgument: TypeAlias = Variable | Aggregate | Constant | SourceName


@dataclass(frozen=True, slots=True)
class Find:
    """What `:find` asks for; `shape` is relation, collection, tuple or scalar."""

    shape: str
    elements: tuple[FindElement, ...]


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One key of `:order-by`: a find element, any variable, or a column number."""

    key: Variable | Aggregate | int
    descending: bool
    offset: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class RulesInput:
    """`%` in `:in`."""


Input: TypeAlias = Binding | SourceName | RulesInput


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query as its author wrote it.

    Attributes:
        after: a cursor, or the input that is one.
        is_paged: rows have a total order, so that a page of them has a cursor.
    """

    find: Find
    with_variables: tuple[Variable, ...] = ()
    inputs: tuple[Input, ...] = (SourceName("$"),)
    where: tuple[Clause, ...] = ()
    keys: tuple[str, ...] | None = None
    keys_kind: str = "keys"
    keys_offset: int = field(default=-1, compare=False)
    order_by: tuple[OrderItem, ...] = ()
    having: tuple[Aggregate, ...] = ()
    limit: int | Variable | None = None
    offset: int | Variable = 0
    timeout_ms: int | Variable | None = None
    after: Any = None
    is_paged: bool = False
    text: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One body of a rule: `[(name [required] params…) clause+]`."""

    name: str
    required: tuple[Variable, ...]
    params: tuple[Variable, ...]
    body: tuple[Clause, ...]
    offset: int = field(default=-1, compare=False)

    @property
    def head(self) -> tuple[Variable, ...]:
        """All head variables, required ones first, as callers pass them."""
        return (*self.required, *self.params)


def binding_variables(binding: Binding) -> Iterator[Variable]:
    """List the variables of a binding, repeats included."""
    match binding:
        case BindScalar(variable):
            yield variable
        case BindCollection(item):
            yield from binding_variables(item)
        case BindTuple(items):
            for item in items:
                yield from binding_variables(item)
        case BindIgnore():
            return


def is_relation_binding(binding: Binding) -> bool:
    """Tell whether a binding takes rows: `[[?a ?b]]` or `[[?a ?b] ...]`."""
    match binding:
        case BindCollection(BindTuple()) | BindTuple((BindTuple(),)):
            return True
        case _:
            pass
    return False


def variables_of(clause: Clause) -> set[str]:
    """Return the names of the variables that a clause shows to its surroundings."""
    match clause:
        case Pattern(_, terms) | RuleCall(args=terms):
            return {term.name for term in terms if isinstance(term, Variable)}
        case Predicate(function, args):
            return _call_variables(function, args)
        case FunctionCall(function, args, binding):
            bound = {variable.name for variable in binding_variables(binding)}
            return _call_variables(function, args) | bound
        case Search(outputs=outputs, narrowing=clauses):
            named = {variable.name for variable in outputs if variable is not None}
            return named | clause.arguments | all_variables(clauses)
        case Not(variables, clauses):
            if variables is not None:
                return {variable.name for variable in variables}
            return all_variables(clauses)
        case Or(required, variables, branches):
            if variables is not None:
                return {variable.name for variable in (*required, *variables)}
            return set().union(*(all_variables(branch) for branch in branches))
        case Optional(clauses):
            return all_variables(clauses)


def all_variables(clauses: tuple[Clause, ...]) -> set[str]:
    """Return the union of `variables_of` over clauses."""
    names: set[str] = set()
    for clause in clauses:
        names |= variables_of(clause)
    return names


def _call_variables(function: FunctionName, args: tuple[Argument, ...]) -> set[str]:
    names = {arg.name for arg in args if isinstance(arg, Variable)}
    if isinstance(function, Variable):
        names.add(function.name)
    return names
