"""Building whole queries and rules from the parse tree: find specs, sections, rule heads."""

# ruff: noqa: D102  # each method is named as its rule in grammar.lark, which documents it

from __future__ import annotations

from typing import Any

from datamem.datalog.columns.values import print_value
from datamem.datalog.faults import query_error
from datamem.datalog.parse.clauses import ClauseBuilder, Variables
from datamem.datalog.parse.lr import Token
from datamem.datalog.parse.terms import DEFAULT_SOURCE, VariableForm, offset_of
from datamem.datalog.syntax import (
    Aggregate,
    Constant,
    Find,
    OrderItem,
    Pull,
    Query,
    Rule,
    Variable,
)
from datamem.edn import Keyword, Symbol

_DEFAULT = Keyword(":default")


class _LabelText(str):
    """A label of `:keys`; its class keeps it apart from tokens."""

    __slots__ = ()


class _RuleHead:
    __slots__ = ("name", "params", "required")

    def __init__(
        self, name: str, required: tuple[Variable, ...], params: tuple[Variable, ...]
    ) -> None:
        self.name = name
        self.required = required
        self.params = params


class Builder(ClauseBuilder):
    """Turns the parse tree into syntax objects, bottom up."""

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
        if isinstance(pattern, VariableForm):
            pattern = pattern.variable
        elif isinstance(pattern, Symbol):
            is_wild = pattern.text == "*"
            pattern = "*" if is_wild else Variable(pattern.text, offset_of(names[-1]))
        return Pull(source, self.variable(names[-1]), pattern, offset_of(opening))

    def aggregate(self, opening: Token, function: Any, *args: Any) -> Aggregate:
        arguments, default = args[:-1], None
        if len(arguments) > 2 and _is_default(arguments[-2]):
            *given, _, default = arguments
            arguments = tuple(given)
            if not isinstance(default, Constant):
                raise query_error(
                    ":default in an aggregate is followed by a constant",
                    code="query/syntax",
                    hint="(count ?e :default 0)",
                    text=self._text,
                    offset=offset_of(opening),
                )
        self._check_arguments(list(arguments))
        return Aggregate(function, arguments, default, offset_of(opening))

    def column_number(self, token: Token) -> Token:
        return token

    def ascending(self, key: Any, direction: Token | None = None) -> OrderItem:
        down = direction is not None and direction.type == "DESC"
        if isinstance(key, Token):
            return OrderItem(key.value, down, offset_of(key))
        return OrderItem(key, down, getattr(key, "offset", -1))

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

    def after_section(self, token: Token, value: Any) -> Any:
        return "after", value, token

    def after(self, token: Token) -> Any:
        return self.variable(token) if token.type == "VAR" else token.value

    def number(self, token: Token) -> Any:
        if token.type == "VAR":
            return self.variable(token)
        value = token.value
        if type(value) is not int or value < 0:
            raise self._fail(
                f"{print_value(value)} is not a count",
                "query/syntax",
                offset_of(token),
                "0, 1, 2 …",
            )
        return value

    def query(self, _open: Token, *items: Any) -> Query:
        parts: dict[str, Any] = {}
        for name, value, token in items[:-1]:
            if name in parts:
                offset = offset_of(token)
                raise self._fail(f"{token.value} is given twice", "query/repeated-key", offset)
            parts[name] = value
            if name == "keys":
                parts["keys_kind"] = str(token.value)[1:]
                parts["keys_offset"] = offset_of(token)
        if "find" not in parts:
            raise self._fail(
                "the query has no :find", "query/no-find", 0, "[:find ?e :where [?e …]]"
            )
        is_paged = "after" in parts or {"order_by", "limit"} <= parts.keys()
        return Query(text=self._text, is_paged=is_paged, **parts)

    # rules

    def rule_head(self, _open: Token, name: Token, *items: Any) -> Any:
        required: tuple[Variable, ...] = ()
        rest = items[:-1]
        if rest and (rest[0] is None or isinstance(rest[0], Variables)):
            required = rest[0].items if rest[0] is not None else ()
            rest = rest[1:]
        params = tuple(self.variable(item) for item in rest)
        return _RuleHead(name.value.text, required, params)

    def rule(self, opening: Token, head: _RuleHead, *items: Any) -> Rule:
        body = tuple(clause for item in items[:-1] for clause in item)
        offset = offset_of(opening)
        if not body:
            raise self._fail(
                f"a rule body of {head.name} has no clause", "query/empty-rule", offset
            )
        return Rule(head.name, head.required, head.params, body, offset)

    def rules(self, _open: Token, *items: Any) -> tuple[Rule, ...]:
        return items[:-1]


def _is_default(argument: Any) -> bool:
    return isinstance(argument, Constant) and argument.value == _DEFAULT
