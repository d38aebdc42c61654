"""Text as it is typed, perhaps unfinished: its tokens, and whether it is a whole form yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<string>\#?"(?:[^"\\]|\\.)*")
      | (?P<open>\#?"(?:[^"\\]|\\.)*\Z)
      | (?P<comment>;[^\n]*)
      | (?P<char>\\(?:\w+|.))
      | (?P<bracket>\#?[\[({]|[\])}])
      | (?P<space>[\s,]+)
      | (?P<word>[^\s,\[\](){}";\\]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER: Final = re.compile(r"[+-]?\d")
_CLOSES: Final = {"]": "[", ")": "(", "}": "{"}


class Kind(Enum):
    """What a token is, as far as colours and completion care."""

    SPACE = "space"
    COMMENT = "comment"
    STRING = "string"
    BRACKET = "bracket"
    KEYWORD = "keyword"
    VARIABLE = "variable"
    NUMBER = "number"
    TAG = "tag"
    CALL = "call"
    WORD = "word"


class Piece(NamedTuple):
    """A token: its kind, its text and where it starts; `is_open` for a string without its end."""

    kind: Kind
    text: str
    start: int
    is_open: bool = False


def pieces(text: str) -> Iterator[Piece]:
    """Yield the tokens of a text; together they are the text, whatever it is.

    Example:
        >>> [(p.kind.name, p.text) for p in pieces('[?e :a "x') if p.text.strip()]
        [('BRACKET', '['), ('VARIABLE', '?e'), ('KEYWORD', ':a'), ('STRING', '"x')]
    """
    after_paren = False
    for match in _TOKEN.finditer(text):
        word = match[0]
        kind = _kind(match.lastgroup or "other", word, after_paren=after_paren)
        if kind is not Kind.SPACE:
            after_paren = word == "("
        yield Piece(kind, word, match.start(), match.lastgroup == "open")


def _kind(group: str, token: str, *, after_paren: bool) -> Kind:
    match group:
        case "string" | "open" | "char":
            return Kind.STRING
        case "comment" | "space" | "bracket":
            return Kind(group)
        case _:
            return _word_kind(token, after_paren=after_paren)


def _word_kind(token: str, *, after_paren: bool) -> Kind:
    if token[0] == ":":
        return Kind.KEYWORD
    if token[0] in "?$%":
        return Kind.VARIABLE
    if _NUMBER.match(token):
        return Kind.NUMBER
    if token[0] == "#":
        return Kind.TAG
    return Kind.CALL if after_paren else Kind.WORD


class State(Enum):
    """How far a text has come."""

    EMPTY = "empty"
    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    WRONG = "wrong"


def state_of(text: str) -> State:
    r"""Tell whether a text is whole forms; a backslash command is whole on its line if its forms are.

    Example:
        >>> [state_of(t).value for t in ["", "[:find ?e", "[:a]", "[)", '"x', r"\\help"]]
        ['empty', 'incomplete', 'complete', 'wrong', 'incomplete', 'complete']
    """
    stack: list[str] = []
    seen = False
    body = _without_command(text)
    for piece in pieces(body):
        if piece.kind in {Kind.SPACE, Kind.COMMENT}:
            continue
        seen = True
        if piece.is_open:
            return State.INCOMPLETE
        if piece.kind is Kind.BRACKET:
            if piece.text not in _CLOSES:
                stack.append(piece.text[-1])
            elif not stack or stack.pop() != _CLOSES[piece.text]:
                return State.WRONG
    if stack:
        return State.INCOMPLETE
    return State.COMPLETE if seen or body != text else State.EMPTY


def _without_command(text: str) -> str:
    """Return what follows the name of a backslash command, or the text itself."""
    command = re.match(r"\s*\\[a-z-]+", text)
    return text[command.end() :] if command else text


def split_forms(text: str) -> list[str]:
    """Return the whole forms of a text, each as its own text; brackets must be balanced.

    Prefixes such as `#inst` and `'` stay with what follows them.

    Example:
        >>> split_forms('[:find ?e] #inst "2024-01-01" 17')
        ['[:find ?e]', '#inst "2024-01-01"', '17']
    """
    forms: list[str] = []
    start, depth = -1, 0
    for piece in pieces(text):
        if piece.kind in {Kind.SPACE, Kind.COMMENT}:
            continue
        start = piece.start if start < 0 else start
        if piece.kind is Kind.BRACKET:
            depth += 1 if piece.text not in _CLOSES else -1
        is_prefix = piece.kind is Kind.TAG or piece.text == "'"
        if depth <= 0 and not is_prefix:
            forms.append(text[start : piece.start + len(piece.text)])
            start, depth = -1, 0
    if start >= 0:
        forms.append(text[start:].rstrip())
    return forms
