"""Building clauses from the parse tree: patterns, calls, not, or and their kin."""

# ruff: noqa: D102  # each method is named as its rule in grammar.lark, which documents it

from __future__ import annotations

from typing import Any

from datamem.datalog import syntax
from datamem.datalog.functions.registry import READ_DATABASE
from datamem.datalog.nested import NestedQuery
from datamem.datalog.parse.lr import Token
from datamem.datalog.parse.rename import with_source
from datamem.datalog.parse.searches import SEARCHES, search_clause
from datamem.datalog.parse.terms import (
    DEFAULT_SOURCE,
    TermBuilder,
    VariableForm,
    holds_variable,
    offset_of,
    symbols,
)
from datamem.datalog.syntax import (
    BindCollection,
    BindScalar,
    BindTuple,
    Constant,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    RuleCall,
    SourceName,
    Variable,
)
from datamem.edn import Keyword, Symbol


class _And(tuple[Any, ...]):
    """The clauses of `(and …)`: one branch of an `or`, or simply more clauses."""

    __slots__ = ()


class Variables:
    """The variables of a not-join, or those that a rule head requires."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Variable, ...]) -> None:
        self.items = items


class _Head:
    __slots__ = ("required", "variables")

    def __init__(self, required: tuple[Variable, ...], variables: tuple[Variable, ...]) -> None:
        self.required = required
        self.variables = variables


class _Call:
    """A call, and the clauses that compute its nested calls."""

    __slots__ = ("args", "extra", "function", "offset")

    def __init__(
        self, function: Any, args: tuple[Any, ...], offset: int, extra: list[Any]
    ) -> None:
        self.function = function
        self.args = args
        self.offset = offset
        self.extra = extra


class _Nested:
    __slots__ = ("call",)

    def __init__(self, call: _Call) -> None:
        self.call = call


def _source(items: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    first = items[0]
    if isinstance(first, Token) and first.type == "SRC":
        return first.value.text, items[1:]
    return DEFAULT_SOURCE, items


def _own_source(items: tuple[Any, ...]) -> str | None:
    for item in items:
        if isinstance(item, Token) and item.type == "SRC":
            text: str = item.value.text
            return text
    return None


class ClauseBuilder(TermBuilder):
    """Clauses; each gives a tuple of clauses, since nested lookup refs and calls add some."""

    def pattern(self, opening: Token, *items: Any) -> Any:
        source, terms = _source(items[:-1])
        extra: list[Any] = []
        simple = tuple(self._plain(term, source, extra) for term in terms)
        return (*extra, Pattern(source, simple, offset_of(opening)))

    def _plain(self, term: Any, source: str, extra: list[Any]) -> Any:
        """Replace a lookup ref that holds a variable by a hidden variable and its pattern."""
        if not isinstance(term, Constant) or not isinstance(term.value, list):
            return term
        if not holds_variable(term.value):
            return term
        match term.value:
            case [Keyword() as attribute, VariableForm() as value]:
                hidden = self._hidden()
                terms = (hidden, Constant(attribute, term.offset), value.variable)
                extra.append(Pattern(source, terms, term.offset))
                return hidden
            case _:
                pass
        raise self._fail(
            "a variable inside a vector is only understood in a lookup ref [attribute ?value]",
            "query/syntax",
            term.offset,
            f"a clause has one pair of brackets, the arguments of a rule have none{self.in_data}",
        )

    def _hidden(self) -> Variable:
        return Variable(f"?#{next(self._numbers)}")

    def empty_pattern(self, opening: Token, _close: Token) -> Any:
        raise self._fail("a clause cannot be empty", "query/empty-clause", offset_of(opening))

    def function(self, token: Token) -> Any:
        value = token.value
        if token.type == "VAR":
            return self.variable(token)
        return value.text if isinstance(value, Symbol) else value

    def call(self, opening: Token, function: Any, *args: Any) -> Any:
        extra: list[Any] = []
        plain: list[Any] = []
        for arg in args[:-1]:
            if isinstance(arg, _Nested):
                hidden = self._hidden()
                inner = arg.call
                extra += inner.extra
                extra.append(
                    FunctionCall(inner.function, inner.args, BindScalar(hidden), inner.offset)
                )
                plain.append(hidden)
            else:
                plain.append(arg)
        if function == "q" and plain and isinstance(plain[0], Constant):
            form = plain[0].value
            if isinstance(form, list | dict):
                plain[0] = Constant(NestedQuery(symbols(form)), plain[0].offset)
        if function not in SEARCHES:
            self._check_arguments(plain)
        if function in READ_DATABASE and not isinstance(
            plain[0] if plain else None, SourceName
        ):
            plain.insert(0, SourceName(DEFAULT_SOURCE, offset_of(opening)))
        return _Call(function, tuple(plain), offset_of(opening), extra)

    def _check_arguments(self, args: list[Any]) -> None:
        """Refuse collections that hold variables: they are constants, and variables no values."""
        for arg in args:
            if isinstance(arg, Constant) and holds_variable(arg.value):
                raise self._fail(
                    "a variable inside a constant is not replaced by its value",
                    "query/syntax",
                    arg.offset,
                    "make the collection with a call: (vector ?x ?y), (hash-map :key ?x)",
                )

    def nested_call(self, call: _Call) -> _Nested:
        return _Nested(call)

    def predicate(self, _open: Token, call: _Call, _close: Token) -> Any:
        if call.function in SEARCHES:
            raise self._fail(
                f"({call.function} …) finds rows, and nothing binds them",
                "query/search-binding",
                call.offset,
                f"write [({call.function} …) [[?e]]]",
            )
        return (*call.extra, Predicate(call.function, call.args, call.offset))

    def function_call(self, _open: Token, call: _Call, binding: Any, _close: Token) -> Any:
        if isinstance(binding, BindTuple) and syntax.is_relation_binding(binding):
            binding = BindCollection(binding.items[0])
        if call.function in SEARCHES:
            search = search_clause(call.function, call.args, binding, call.offset, self._text)
            return (*call.extra, search)
        return (*call.extra, FunctionCall(call.function, call.args, binding, call.offset))

    def two_calls(self, _open: Token, first: _Call, second: _Call, *_rest: Any) -> Any:
        raise self._fail(
            f"one clause holds two calls, ({first.function} …) and ({second.function} …)",
            "query/two-calls",
            second.offset,
            f"write two clauses: [({first.function} …)] [({second.function} …)]",
        )

    def rule_call(self, opening: Token, *items: Any) -> Any:
        source, rest = _source(items[:-1])
        name, *terms = rest
        extra: list[Any] = []
        args = tuple(self._plain(term, source, extra) for term in terms)
        offset = offset_of(opening)
        return (*extra, RuleCall(source, name.value.text, args, offset))

    def clause(self, item: Any) -> Any:
        return item

    def negation(self, opening: Token, *items: Any) -> Any:
        clauses = self._nested(items, opening)
        return (Not(None, clauses, offset_of(opening)),)

    def negation_join(self, opening: Token, *items: Any) -> Any:
        variables = next(item for item in items if isinstance(item, Variables))
        clauses = self._nested(items, opening)
        return (Not(variables.items, clauses, offset_of(opening)),)

    def disjunction(self, opening: Token, *items: Any) -> Any:
        return (Or((), None, self._branches(items, opening), offset_of(opening)),)

    def disjunction_join(self, opening: Token, *items: Any) -> Any:
        head = next(item for item in items if isinstance(item, _Head))
        branches = self._branches(items, opening)
        offset = offset_of(opening)
        return (Or(head.required, head.variables, branches, offset),)

    def conjunction(self, opening: Token, *items: Any) -> Any:
        return _And(self._nested(items, opening))

    def optional(self, opening: Token, *items: Any) -> Any:
        return (Optional(self._nested(items, opening), offset_of(opening)),)

    def _nested(self, items: tuple[Any, ...], opening: Token) -> tuple[Any, ...]:
        """Flatten the clauses of a nested form, its source given to those that name none."""
        source = _own_source(items)
        clauses = tuple(
            with_source(clause, source)
            for item in items
            if isinstance(item, tuple)
            for clause in item
        )
        if not clauses:
            raise self._fail(
                "this clause holds no clauses", "query/empty-clause", offset_of(opening)
            )
        return clauses

    def _branches(self, items: tuple[Any, ...], opening: Token) -> tuple[Any, ...]:
        source = _own_source(items)
        branches = tuple(
            tuple(with_source(clause, source) for clause in item)
            for item in items
            if isinstance(item, tuple)
        )
        if not branches:
            raise self._fail("or has no branch", "query/empty-clause", offset_of(opening))
        return branches

    def variables(self, _open: Token, *items: Token) -> Variables:
        return Variables(tuple(self.variable(item) for item in items[:-1]))

    def plain_head(self, _open: Token, *items: Token) -> _Head:
        return _Head((), tuple(self.variable(item) for item in items[:-1]))

    def required_head(self, _open: Token, required: Variables, *items: Token) -> _Head:
        return _Head(required.items, tuple(self.variable(item) for item in items[:-1]))
