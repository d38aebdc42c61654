"""Parsing: EDN text or Python data -> `Query` and `Rule`s, through one LALR grammar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from datamem.datalog.columns.values import print_value
from datamem.datalog.faults import Place, query_error
from datamem.datalog.parse import tokens
from datamem.datalog.parse.check import check_query, check_rules
from datamem.datalog.parse.hints import hint_for
from datamem.datalog.parse.lr import END, Token, UnexpectedToken, query_table
from datamem.datalog.parse.queries import Builder
from datamem.datalog.syntax import Query, Rule
from datamem.errors import QueryError

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
    "ASC": ":asc",
    "DESC": ":desc",
    "NUMBER_KEY": ":limit, :offset or :timeout",
    "AFTER": ":after",
    "NOT_JOIN": "not-join",
    "OR_JOIN": "or-join",
    "KEYS": ":keys, :strs or :syms",
    "FIND": ":find",
    "IN": ":in",
    "WITH": ":with",
    "WHERE": ":where",
    "HAVING": ":having",
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
    pieces = tokens.data_pieces(form) if text is None else _placed(text)
    rules: tuple[Rule, ...] = _run("rules", tokens.rule_tokens(pieces), text)
    check_rules(rules, text)
    return rules


def _placed(text: str) -> Iterator[tokens.Piece]:
    """Cut the text of rules into pieces that know where they stood, whatever query uses them."""
    for kind, value, offset in tokens.text_pieces(text):
        yield kind, value, Place.of(offset, text)


def _run(start: str, stream: Iterator[Token], text: str | None) -> Any:
    try:
        return query_table().parse(stream, start, Builder(text))
    except UnexpectedToken as error:
        raise _unexpected(error, text, start) from None


def _unexpected(error: UnexpectedToken, text: str | None, start: str) -> QueryError:
    token = error.token
    names = [_READABLE.get(name, name.lower().replace("_", "-")) for name in error.accepts]
    if token.type != END:
        if text is not None and token.value in ("]", ")", "}"):
            tokens.check_brackets(text)
        hint = hint_for(token.value, error.accepts, token.section, is_map=token.is_map)
        if text is None and hint is not None and token.section:
            hint += "; in Python data a list is […] and a tuple (…)"
        shown = token.value if token.value in tokens.BRACKETS else print_value(token.value)
        return query_error(
            f"{shown} cannot stand here; what can: {', '.join(sorted(names))}",
            code="query/syntax",
            hint=hint,
            text=text,
            offset=-1 if token.start_pos is None else token.start_pos,
        )
    is_empty = text is not None and not text.strip()
    what = "the query" if start == "query" else "the text of the rules"
    return query_error(
        f"{what} {'is empty' if is_empty else 'ends too early: a bracket is not closed'}",
        code="query/syntax",
        hint="[:find ?e :where [?e :attribute ?value]]"
        if start == "query"
        else "[[(name ?x) [?x :attribute ?y]]]",
        text=text,
        offset=-1 if text is None else len(text.rstrip()),
    )
