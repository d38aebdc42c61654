"""Parsing: EDN text or Python data -> `Query` and `Rule`s, through one LALR grammar."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Final

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError
from lark.lexer import Lexer

from datamem.datalog import syntax, tokens
from datamem.datalog.check import check_query, check_rules
from datamem.datalog.faults import query_error
from datamem.datalog.syntax import (
    Aggregate,
    BindCollection,
    BindIgnore,
    BindScalar,
    BindTuple,
    Blank,
    Constant,
    Find,
    FunctionCall,
    Not,
    Optional,
    Or,
    OrderItem,
    Pattern,
    Predicate,
    Pull,
    Query,
    Rule,
    RuleCall,
    RulesInput,
    SourceName,
    Variable,
)
from datamem.edn import EdnList, Keyword, Symbol
from datamem.errors import QueryError

DEFAULT_SOURCE: Final = "$"

_READABLE: Final = {
    "LSQB": "[",
    "RSQB": "]",
    "LPAR": "(",
    "RPAR": ")",
    "LBRACE": "{",
    "RBRACE": "}",
    "LSET": "#{",
    "VAR": "a variable",
    "BLANK": "_",
    "SRC": "a source such as $",
    "PERCENT": "%",
    "DOT": ".",
    "DOTS": "...",
    "SYMBOL": "a name",
    "CONST": "a constant",
    "CALLABLE": "a function",
    "$END": "the end",
    "ORDER_BY": ":order-by",
    "NUMBER_KEY": ":limit, :offset or :timeout",
    "NOT_JOIN": "not-join",
    "OR_JOIN": "or-join",
    "KEYS": ":keys",
}


def parse_query(form: Any) -> Query:
    """Parse a query.

    Args:
        form: EDN text, or a list or mapping as the reader (or a Python author) makes it.

    Raises:
        QueryError: `query/syntax` and its kin, with line, column and caret for text.
        EdnError: the text is not EDN.
    """
    text = form if isinstance(form, str) else None
    pieces = tokens.data_pieces(form) if text is None else tokens.text_pieces(text)
    query: Query = _run("query", tokens.query_tokens(pieces, text), text)
    check_query(query)
    return query


def parse_rules(form: Any) -> tuple[Rule, ...]:
    """Parse a set of rules: `[[(name ?a …) clause+] …]`, as text or data."""
    text = form if isinstance(form, str) else None
    pieces = tokens.data_pieces(form) if text is None else tokens.text_pieces(text)
    rules: tuple[Rule, ...] = _run("rules", tokens.rule_tokens(pieces), text)
    check_rules(rules, text)
    return rules


def _run(start: str, stream: Iterator[Token], text: str | None) -> Any:
    try:
        tree = _parser().parse(stream, start=start)  # type: ignore[arg-type]  # a custom lexer
        return _Builder(text).transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from None
        raise
    except UnexpectedInput as error:
        raise _unexpected(error, text) from None


def _unexpected(error: UnexpectedInput, text: str | None) -> QueryError:
    token = getattr(error, "token", None)
    expected = (
        sorted(
            _READABLE.get(name, name.lower().replace("_", "-")) for name in error.accepts or ()
        )
        if hasattr(error, "accepts")
        else []
    )
    if not expected:
        names = getattr(error, "expected", None) or ()
        expected = sorted(_READABLE.get(name, name.lower()) for name in names)
    ended = token is None or token.type == "$END"
    offset = -1 if token is None else (token.start_pos if not ended else -1)
    if ended and text is not None:
        offset = len(text.rstrip())
    message = (
        "the query ends too early: a bracket is not closed"
        if ended
        else f"{token.value} cannot stand here; what can: {', '.join(expected)}"  # type: ignore[union-attr]  # not ended
    )
    return query_error(
        message,
        code="query/syntax",
        text=text,
        offset=-1 if offset is None else offset,
    )


class _TokenLexer(Lexer):
    """Hands ready-made tokens to lark."""

    def __init__(self, lexer_conf: Any) -> None:
        pass

    def lex(self, data: Any) -> Iterator[Token]:  # type: ignore[override]  # tokens, not text
        """Return the tokens as they are."""
        yield from data


@cache
def _parser() -> Lark:
    grammar = resources.files("datamem.datalog").joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer=_TokenLexer, start=["query", "rules"])


class _VariableForm:
    """A variable inside a constant form: legal only in a lookup ref."""

    __slots__ = ("variable",)

    def __init__(self, variable: Variable) -> None:
        self.variable = variable


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Turns the parse tree into syntax objects, bottom up."""

    def __init__(self, text: str | None) -> None:
        super().__init__()
        self._text = text
        self._numbers = itertools.count(1)

    def _fail(
        self, message: str, code: str, offset: int, hint: str | None = None
    ) -> QueryError:
        return query_error(message, code=code, hint=hint, text=self._text, offset=offset)

    # terms

    def variable(self, token: Token) -> Variable:
        return Variable(token.value.text, token.start_pos or 0)

    find_variable = variable

    def blank(self, _token: Token) -> Blank:
        return Blank()

    def constant(self, item: Any) -> Constant:
        if isinstance(item, Constant):
            return item
        return Constant(item.value, item.start_pos)

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
            token.start_pos or 0,
            f"variables start with ?: ?{token.value}",
        )

    def source_name(self, token: Token) -> SourceName:
        return SourceName(token.value.text, token.start_pos or 0)

    def rules_input(self, _token: Token) -> RulesInput:
        return RulesInput()

    # constant forms

    def variable_form(self, token: Token) -> Any:
        return _VariableForm(self.variable(token))

    def symbol_form(self, token: Token) -> Any:
        return token.value

    def vector_form(self, _open: Token, *items: Any) -> Any:
        return list(items[:-1])

    def list_form(self, _open: Token, *items: Any) -> Any:
        return EdnList(items[:-1])

    def map_form(self, _open: Token, *items: Any) -> Any:
        pairs = items[:-1]
        return {_frozen(pairs[i]): pairs[i + 1] for i in range(0, len(pairs) - 1, 2)}

    def set_form(self, _open: Token, *items: Any) -> Any:
        return frozenset(_frozen(item) for item in items[:-1])

    def vector_term(self, opening: Token, *items: Any) -> Constant:
        return Constant(list(items[:-1]), opening.start_pos)

    def list_term(self, opening: Token, first: Token, *items: Any) -> Constant:
        return Constant([first.value, *items[:-1]], opening.start_pos)

    def map_term(self, opening: Token, *items: Any) -> Constant:
        return Constant(self.map_form(opening, *items), opening.start_pos)

    def set_term(self, opening: Token, *items: Any) -> Constant:
        return Constant(self.set_form(opening, *items), opening.start_pos)

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
            "a tuple binding binds nothing", "query/empty-binding", opening.start_pos or 0
        )

    # clauses; each gives a tuple of clauses, since nested lookup refs and calls add some

    def pattern(self, opening: Token, *items: Any) -> Any:
        source, terms = _source(items[:-1])
        extra: list[Any] = []
        simple = tuple(self._plain(term, source, extra) for term in terms)
        return (*extra, Pattern(source, simple, opening.start_pos or 0))

    def _plain(self, term: Any, source: str, extra: list[Any]) -> Any:
        """Replace a lookup ref that holds a variable by a hidden variable and its pattern."""
        if not isinstance(term, Constant) or not isinstance(term.value, list):
            return term
        if not any(isinstance(item, _VariableForm) for item in term.value):
            return term
        match term.value:
            case [Keyword() as attribute, _VariableForm() as value]:
                hidden = self._hidden()
                terms = (hidden, Constant(attribute, term.offset), value.variable)
                extra.append(Pattern(source, terms, term.offset))
                return hidden
        raise self._fail(
            "a variable inside a vector is only understood in a lookup ref [attribute ?value]",
            "query/syntax",
            term.offset,
        )

    def _hidden(self) -> Variable:
        return Variable(f"?#{next(self._numbers)}")

    def empty_pattern(self, opening: Token, _close: Token) -> Any:
        raise self._fail(
            "a clause cannot be empty", "query/empty-clause", opening.start_pos or 0
        )

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
        return _Call(function, tuple(plain), opening.start_pos or 0, extra)

    def nested_call(self, call: _Call) -> _Nested:
        return _Nested(call)

    def predicate(self, _open: Token, call: _Call, _close: Token) -> Any:
        return (*call.extra, Predicate(call.function, call.args, call.offset))

    def function_call(self, _open: Token, call: _Call, binding: Any, _close: Token) -> Any:
        if isinstance(binding, BindTuple) and syntax.is_relation_binding(binding):
            binding = BindCollection(binding.items[0])
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
        offset = opening.start_pos or 0
        return (*extra, RuleCall(source, name.value.text, args, offset))

    def clause(self, item: Any) -> Any:
        return item

    def negation(self, opening: Token, *items: Any) -> Any:
        clauses = self._nested(items, opening)
        return (Not(None, clauses, opening.start_pos or 0),)

    def negation_join(self, opening: Token, *items: Any) -> Any:
        variables = next(item for item in items if isinstance(item, _Variables))
        clauses = self._nested(items, opening)
        return (Not(variables.items, clauses, opening.start_pos or 0),)

    def disjunction(self, opening: Token, *items: Any) -> Any:
        return (Or((), None, self._branches(items, opening), opening.start_pos or 0),)

    def disjunction_join(self, opening: Token, *items: Any) -> Any:
        head = next(item for item in items if isinstance(item, _Head))
        branches = self._branches(items, opening)
        offset = opening.start_pos or 0
        return (Or(head.required, head.variables, branches, offset),)

    def conjunction(self, opening: Token, *items: Any) -> Any:
        return _And(self._nested(items, opening))

    def optional(self, opening: Token, *items: Any) -> Any:
        return (Optional(self._nested(items, opening), opening.start_pos or 0),)

    def _nested(self, items: tuple[Any, ...], opening: Token) -> tuple[Any, ...]:
        """Flatten the clauses of a nested form, its source given to those that name none."""
        source = _own_source(items)
        clauses = tuple(
            _with_source(clause, source)
            for item in items
            if isinstance(item, tuple) and not isinstance(item, _NOT_CLAUSES)
            for clause in item
        )
        if not clauses:
            raise self._fail(
                "this clause holds no clauses", "query/empty-clause", opening.start_pos or 0
            )
        return clauses

    def _branches(self, items: tuple[Any, ...], opening: Token) -> tuple[Any, ...]:
        source = _own_source(items)
        branches = tuple(
            tuple(_with_source(clause, source) for clause in item)
            for item in items
            if isinstance(item, tuple) and not isinstance(item, _NOT_CLAUSES)
        )
        if not branches:
            raise self._fail("or has no branch", "query/empty-clause", opening.start_pos or 0)
        return branches

    def variables(self, _open: Token, *items: Token) -> _Variables:
        return _Variables(tuple(self.variable(item) for item in items[:-1]))

    def plain_head(self, _open: Token, *items: Token) -> _Head:
        return _Head((), tuple(self.variable(item) for item in items[:-1]))

    def required_head(self, _open: Token, required: _Variables, *items: Token) -> _Head:
        return _Head(required.items, tuple(self.variable(item) for item in items[:-1]))

    # find

    def find_relation(self, *elements: Any) -> Find:
        return Find("relation", elements)

    def find_scalar(self, element: Any, _dot: Token) -> Find:
        return Find("scalar", (element,))

    def find_collection(self, _open: Token, element: Any, *_rest: Token) -> Find:
        return Find("collection", (element,))

    def find_tuple(self, _open: Token, *elements: Any) -> Find:
        return Find("tuple", elements[:-1])

    def pull(self, opening: Token, _pull: Token, *items: Any) -> Pull:
        *names, pattern, _close = items
        source = names[0].value.text if len(names) == 2 else DEFAULT_SOURCE
        if isinstance(pattern, _VariableForm):
            pattern = pattern.variable
        return Pull(source, self.variable(names[-1]), pattern, opening.start_pos or 0)

    def aggregate(self, opening: Token, function: Any, *args: Any) -> Aggregate:
        return Aggregate(function, args[:-1], opening.start_pos or 0)

    def ascending(self, key: Any, direction: Token | None = None) -> OrderItem:
        down = direction is not None and direction.type == "DESC"
        offset = getattr(key, "offset", -1)
        return OrderItem(key, down, offset)

    descending = ascending

    def having(self, _open: Token, call: Aggregate, _close: Token) -> Aggregate:
        return call

    # sections

    def find_section(self, token: Token, *items: Any) -> Any:
        return "find", next(item for item in items if isinstance(item, Find)), token

    def with_section(self, token: Token, *items: Token) -> Any:
        return (
            "with_variables",
            tuple(self.variable(i) for i in items if i.type == "VAR"),
            token,
        )

    def in_section(self, token: Token, *items: Any) -> Any:
        return "inputs", tuple(i for i in items if not isinstance(i, Token)), token

    def where_section(self, token: Token, *items: Any) -> Any:
        clauses = tuple(c for i in items if not isinstance(i, Token) for c in i)
        return "where", clauses, token

    def keys_section(self, token: Token, *items: Any) -> Any:
        names = tuple(str(item).lstrip(":") for item in items if not isinstance(item, Token))
        return "keys", names, token

    def label(self, token: Token) -> str:
        return _LabelText(token.value)

    def order_section(self, token: Token, *items: Any) -> Any:
        return "order_by", tuple(i for i in items if isinstance(i, OrderItem)), token

    def having_section(self, token: Token, *items: Any) -> Any:
        return "having", tuple(i for i in items if isinstance(i, Aggregate)), token

    def number_section(self, token: Token, number: Any) -> Any:
        name = {":limit": "limit", ":offset": "offset", ":timeout": "timeout_ms"}[token.value]
        return name, number, token

    def number(self, token: Token) -> Any:
        if token.type == "VAR":
            return self.variable(token)
        value = token.value
        if type(value) is not int or value < 0:
            raise self._fail(
                f"{value} is not a count", "query/syntax", token.start_pos or 0, "0, 1, 2 …"
            )
        return value

    def query(self, _open: Token, *items: Any) -> Query:
        parts: dict[str, Any] = {}
        for name, value, token in items[:-1]:
            if name in parts:
                offset = token.start_pos or 0
                raise self._fail(f"{token.value} is given twice", "query/repeated-key", offset)
            parts[name] = value
            if name == "keys":
                parts["keys_kind"] = str(token.value)[1:]
        if "find" not in parts:
            raise self._fail(
                "the query has no :find", "query/no-find", 0, "[:find ?e :where [?e …]]"
            )
        return Query(text=self._text, **parts)

    # rules

    def rule_head(self, _open: Token, name: Token, *items: Any) -> Any:
        required: tuple[Variable, ...] = ()
        rest = items[:-1]
        if rest and (rest[0] is None or isinstance(rest[0], _Variables)):
            required = rest[0].items if rest[0] is not None else ()
            rest = rest[1:]
        params = tuple(self.variable(item) for item in rest)
        return _RuleHead(name.value.text, required, params)

    def rule(self, opening: Token, head: _RuleHead, *items: Any) -> Rule:
        body = tuple(clause for item in items[:-1] for clause in item)
        offset = opening.start_pos or 0
        if not body:
            raise self._fail(
                f"a rule body of {head.name} has no clause", "query/empty-rule", offset
            )
        return Rule(head.name, head.required, head.params, body, offset)

    def rules(self, _open: Token, *items: Any) -> tuple[Rule, ...]:
        return items[:-1]


class _LabelText(str):
    """A label of `:keys`; its class keeps it apart from tokens."""

    __slots__ = ()


class _And(tuple[Any, ...]):
    """The clauses of `(and …)`: one branch of an `or`, or simply more clauses."""

    __slots__ = ()


class _Variables:
    __slots__ = ("items",)

    def __init__(self, items: tuple[Variable, ...]) -> None:
        self.items = items


class _Head:
    __slots__ = ("required", "variables")

    def __init__(self, required: tuple[Variable, ...], variables: tuple[Variable, ...]) -> None:
        self.required = required
        self.variables = variables


class _RuleHead:
    __slots__ = ("name", "params", "required")

    def __init__(
        self, name: str, required: tuple[Variable, ...], params: tuple[Variable, ...]
    ) -> None:
        self.name = name
        self.required = required
        self.params = params


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


_NOT_CLAUSES: Final = (Token, str)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


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


def _with_source(clause: Any, source: str | None) -> Any:
    """Give a nested clause the source of its surroundings where it names none."""
    if source is None:
        return clause
    match clause:
        case Pattern("$", terms, offset):
            return Pattern(source, terms, offset)
        case RuleCall("$", name, args, offset):
            return RuleCall(source, name, args, offset)
        case Not(variables, clauses, offset):
            return Not(variables, tuple(_with_source(c, source) for c in clauses), offset)
        case Optional(clauses, offset):
            return Optional(tuple(_with_source(c, source) for c in clauses), offset)
        case Or(required, variables, branches, offset):
            nested = tuple(tuple(_with_source(c, source) for c in b) for b in branches)
            return Or(required, variables, nested, offset)
    return clause
