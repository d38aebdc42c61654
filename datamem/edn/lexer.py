"""Tokens with their places and values, for grammars that are built on EDN's, such as Datalog's."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from datamem.edn.atoms import read_atom
from datamem.edn.forms import Char, Form, Keyword, Symbol
from datamem.edn.grammar import TAG, TOKEN
from datamem.edn.position import placed
from datamem.edn.reader import MAX_BYTES
from datamem.errors import EdnError


class TokenKind(StrEnum):
    """What a token is; a bracket's kind is the bracket itself."""

    OPEN_LIST = "("
    CLOSE_LIST = ")"
    OPEN_VECTOR = "["
    CLOSE_VECTOR = "]"
    OPEN_MAP = "{"
    OPEN_SET = "#{"
    CLOSE_MAP = "}"
    DISCARD = "#_"
    META = "^"
    QUOTE = "'"
    TAG = "tag"
    NAMESPACE = "namespace"
    KEYWORD = "keyword"
    SYMBOL = "symbol"
    STRING = "string"
    NUMBER = "number"
    CHAR = "char"
    CONSTANT = "constant"


class Token(NamedTuple):
    """One token: `text[start:end]` and what it stands for.

    Attributes:
        kind: brackets, `#_`, `^` and `'` are their own kind; nil, true and false are constants.
        start: its first character, counted from 0.
        end: one past its last character.
        value: of a scalar; the name of a tag or a namespace; None for brackets and marks.
    """

    kind: TokenKind
    start: int
    end: int
    value: Form


_MARKS: Final = {str(kind): kind for kind in TokenKind if not kind.isalpha()} | {
    "#^": TokenKind.META
}


def tokenize(text: str, *, max_bytes: int = MAX_BYTES) -> list[Token]:
    """Return the tokens of the text in order; white space, commas and comments are left out.

    Brackets are not checked, and `'` is a token here (so that a query may be pasted from Clojure),
    though no reader accepts it.

    Raises:
        EdnError: with its place, when a token is not EDN or the text is longer than `max_bytes`.

    Example:
        >>> [(str(t.kind), t.start, t.value) for t in tokenize("[?e :age 42]")][1:-1]
        [('symbol', 1, Symbol('?e')), ('keyword', 4, ':age'), ('number', 9, 42)]
    """
    if len(text) > max_bytes or len(text.encode(errors="replace")) > max_bytes:
        raise EdnError(f"the text is longer than {max_bytes} bytes", code="edn/too-large")
    return [
        _token(match[1], match.start(1), text) for match in TOKEN.finditer(text) if match[1]
    ]


def _token(token: str, start: int, text: str) -> Token:
    end = start + len(token)
    mark = _MARKS.get(token)
    if mark is not None:
        return Token(mark, start, end, None)
    if token[0] == "#" and TAG.fullmatch(token, 1):
        return Token(TokenKind.TAG, start, end, token[1:])
    try:
        if token[:2] == "#:" and Keyword(token[1:]).namespace is None:
            return Token(TokenKind.NAMESPACE, start, end, token[2:])
        value = read_atom(token)
    except EdnError as error:
        raise placed(error, text, start + error.data.pop("within", 0)) from None
    return Token(_kind_of(value), start, end, value)


def _kind_of(value: Form) -> TokenKind:
    match value:
        case Keyword():
            return TokenKind.KEYWORD
        case Symbol():
            return TokenKind.SYMBOL
        case str():
            return TokenKind.STRING
        case Char():
            return TokenKind.CHAR
        case None | bool():
            return TokenKind.CONSTANT
        case _:
            return TokenKind.NUMBER
