"""Parsing: EDN text or Python data -> `Query` and `Rule`s, through one LALR grammar."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Final

from lark import Lark, Token, UnexpectedInput
from lark.exceptions import VisitError
from lark.lexer import Lexer

from datamem.datalog import tokens
from datamem.datalog.build_query import Builder
from datamem.datalog.check import check_query, check_rules
from datamem.datalog.faults import Place, query_error
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
        tree = _parser().parse(stream, start=start)
        return Builder(text).transform(tree)
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
    is_empty = ended and text is not None and not text.strip()
    message = (
        f"the query {'is empty' if is_empty else 'ends too early: a bracket is not closed'}"
        if ended
        else f"{token.value} cannot stand here; what can: {', '.join(expected)}"  # type: ignore[union-attr]  # not ended
    )
    return query_error(
        message,
        code="query/syntax",
        hint=_hint(token, error, ended=ended),
        text=text,
        offset=-1 if offset is None else offset,
    )


def _hint(token: Token | None, error: UnexpectedInput, *, ended: bool) -> str | None:
    if token is None or ended:
        return "[:find ?e :where [?e :attribute ?value]]" if ended else None
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or ()
    return tokens.hint_for(token.value, names)


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
