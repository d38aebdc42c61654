"""Building terms, constants and bindings from the parse tree."""

# ruff: noqa: D102  # each method is named as its rule in grammar.lark, which documents it

from __future__ import annotations

import itertools
from typing import Any, Final

from datamem.datalog.columns.values import print_value
from datamem.datalog.faults import query_error
from datamem.datalog.parse.hints import hint_for_term
from datamem.datalog.parse.lr import Token
from datamem.datalog.syntax import (
    BindCollection,
    BindIgnore,
    BindScalar,
    BindTuple,
    Blank,
    Constant,
    RulesInput,
    SourceName,
    Variable,
)
from datamem.edn import EdnList, Symbol
from datamem.errors import QueryError

DEFAULT_SOURCE: Final = "$"


class VariableForm:
    """A variable inside a constant form: legal only in a lookup ref."""

    __slots__ = ("variable",)

    def __init__(self, variable: Variable) -> None:
        self.variable = variable


def symbols(form: Any) -> Any:
    """Return a form with its variables as symbols: a query inside a clause."""
    match form:
        case VariableForm():
            return Symbol(form.variable.name)
        case EdnList():
            return EdnList(symbols(item) for item in form)
        case list():
            return [symbols(item) for item in form]
        case tuple():
            return tuple(symbols(item) for item in form)
        case dict():
            return {symbols(key): symbols(value) for key, value in form.items()}
        case _:
            pass
    return form


def holds_variable(form: Any) -> bool:
    """Tell whether a constant form holds a variable, however deep."""
    match form:
        case VariableForm():
            return True
        case dict():
            return any(holds_variable(item) for pair in form.items() for item in pair)
        case list() | tuple() | frozenset():
            return any(holds_variable(item) for item in form)
        case _:
            pass
    return False


def offset_of(token: Token) -> int:
    """Return where a token stood, or -1 in a query that is no text."""
    return -1 if token.start_pos is None else token.start_pos


def frozen(value: Any) -> Any:
    """Return a hashable copy of a form: vectors become tuples."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    return value


class TermBuilder:
    """Terms, constants and bindings; each method is named as its rule of the grammar."""

    def __init__(self, text: str | None) -> None:
        self._text = text
        self._numbers = itertools.count(1)

    @property
    def in_data(self) -> str:
        """What a hint says more where the query is Python data."""
        return "; in Python data a list is […] and a tuple (…)" if self._text is None else ""

    def _fail(
        self, message: str, code: str, offset: int, hint: str | None = None
    ) -> QueryError:
        return query_error(message, code=code, hint=hint, text=self._text, offset=offset)

    # terms

    def variable(self, token: Token) -> Variable:
        return Variable(token.value.text, offset_of(token))

    find_variable = variable

    def blank(self, _token: Token) -> Blank:
        return Blank()

    def constant(self, item: Any) -> Constant:
        if isinstance(item, Constant):
            return item
        return Constant(item.value, offset_of(item))

    def constant_value(self, token: Token) -> Any:
        return token.value

    def term(self, item: Any) -> Any:
        return item

    rule_argument = argument = find_element = find_argument = order_key = input = term
    pull_pattern = form = term

    def symbol_term(self, token: Token) -> Any:
        raise self._fail(
            f"{token.value} is not a variable, a constant or _",
            "query/syntax",
            offset_of(token),
            hint_for_term(token.value),
        )

    def source_name(self, token: Token) -> SourceName:
        return SourceName(token.value.text, offset_of(token))

    def plain_input(self, token: Token) -> BindScalar:
        return BindScalar(self.variable(token))

    def rules_input(self, _token: Token) -> RulesInput:
        return RulesInput()

    # constant forms

    def variable_form(self, token: Token) -> Any:
        return VariableForm(self.variable(token))

    def symbol_form(self, token: Token) -> Any:
        return token.value

    def vector_form(self, _open: Token, *items: Any) -> Any:
        return list(items[:-1])

    def list_form(self, _open: Token, *items: Any) -> Any:
        return EdnList(items[:-1])

    def map_form(self, opening: Token, *items: Any) -> Any:
        pairs = items[:-1]
        if len(pairs) % 2:
            raise self._fail(
                f"the key {print_value(pairs[-1])} has no value",
                "edn/odd-map",
                offset_of(opening),
                "a map is written {key value …}",
            )
        return {frozen(pairs[i]): pairs[i + 1] for i in range(0, len(pairs) - 1, 2)}

    def set_form(self, _open: Token, *items: Any) -> Any:
        return frozenset(frozen(item) for item in items[:-1])

    def vector_term(self, opening: Token, *items: Any) -> Constant:
        return Constant(list(items[:-1]), offset_of(opening))

    def list_term(self, opening: Token, first: Token, *items: Any) -> Constant:
        return Constant([first.value, *items[:-1]], offset_of(opening))

    def map_term(self, opening: Token, *items: Any) -> Constant:
        return Constant(self.map_form(opening, *items), offset_of(opening))

    def set_term(self, opening: Token, *items: Any) -> Constant:
        return Constant(self.set_form(opening, *items), offset_of(opening))

    # bindings

    def bind_scalar(self, token: Token) -> BindScalar:
        return BindScalar(self.variable(token))

    def bind_ignore(self, _token: Token) -> BindIgnore:
        return BindIgnore()

    def bind_collection(self, _open: Token, item: Any, *_rest: Token) -> BindCollection:
        return BindCollection(item)

    def bind_tuple(self, _open: Token, *items: Any) -> BindTuple:
        return BindTuple(items[:-1])

    def bind_nothing(self, opening: Token, _close: Token) -> Any:
        raise self._fail(
            "a tuple binding binds nothing", "query/empty-binding", offset_of(opening)
        )
