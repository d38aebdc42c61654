"""One token to its value: keywords, symbols, strings, numbers and characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from datamem.edn.forms import Char, Form, Keyword, Symbol
from datamem.edn.grammar import CLOSED_STRING
from datamem.edn.numbers import read_not_finite, read_number
from datamem.errors import EdnError

if TYPE_CHECKING:
    from collections.abc import Callable

_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-7]{1,3}|.)", re.DOTALL)
_SIMPLE_ESCAPES: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "\\": "\\",
}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

CHAR_NAMES: Final = {
    "newline": "\n",
    "space": " ",
    "tab": "\t",
    "return": "\r",
    "backspace": "\b",
    "formfeed": "\f",
}
_NAMES_SHOWN: Final = " ".join([f"\\{name}" for name in CHAR_NAMES])
_CHAR_CODE: Final = re.compile(r"u([0-9a-fA-F]{4})|o([0-3]?[0-7]{1,2})")


def read_atom(token: str) -> Form:
    """Return the value of a token that is no bracket and no prefix.

    Args:
        token: group 1 of `grammar.TOKEN`.

    Raises:
        EdnError: `edn/bad-token`, `edn/bad-escape`, `edn/bad-char`, `edn/bad-keyword`,
            `edn/bad-symbol`, `edn/number-out-of-range`, `edn/too-large`, `edn/unexpected-end`.
            `data["within"]`, where present, counts the characters before the fault.
    """
    first = token[0]
    if first == '"':
        return _read_string(token)
    reader = _READERS.get(first)
    if reader is not None:
        return reader(token)
    if first in "+-" and token[1:2].isdecimal():
        return read_number(token)
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    return Symbol(token)


_CONSTANTS: Final = {"nil": None, "true": True, "false": False}


def _read_string(token: str) -> str:
    if "\\" not in token:
        if len(token) < 2 or token[-1] != '"':
            raise _open_string()
        return token[1:-1]
    if CLOSED_STRING.fullmatch(token) is None:
        raise _open_string()
    text = _ESCAPE.sub(_unescape, token[1:-1])
    return _join_surrogates(text) if _SURROGATE.search(text) else text


def _open_string() -> EdnError:
    return EdnError(
        "this string is not closed",
        code="edn/unexpected-end",
        hint='add the closing "; inside a string a quote is written \\"',
    )


def _unescape(match: re.Match[str]) -> str:
    body = match[1]
    simple = _SIMPLE_ESCAPES.get(body)
    if simple is not None:
        return simple
    if len(body) == 5:
        return chr(int(body[1:], 16))
    if body[0] in "01234567" and int(body, 8) <= 0o377:
        return chr(int(body, 8))
    raise EdnError(
        f"{match[0]} is not an escape",
        code="edn/bad-escape",
        hint=r"escapes are \n \t \r \b \f \\ \" \uXXXX and octal up to \377",
        within=match.start() + 1,
    )


def _join_surrogates(text: str) -> str:
    r"""Make one character of each pair `\ud83d\ude00`, as UTF-16 texts write it."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise EdnError(
            "half of a surrogate pair is not a character",
            code="edn/bad-escape",
            hint=r"write both halves, as in \ud83d\ude00",
        ) from None


def _read_char(token: str) -> Char:
    name = token[1:]
    if len(name) == 1:
        return Char(name)
    if name in CHAR_NAMES:
        return Char(CHAR_NAMES[name])
    code = _CHAR_CODE.fullmatch(name)
    if code is not None:
        text = chr(int(code[1], 16) if code[1] else int(code[2], 8))
        if not _SURROGATE.match(text):
            return Char(text)
    raise EdnError(
        f"{token[:60]} is not a character",
        code="edn/bad-char",
        hint=f"write \\a, \\uXXXX, \\oNNN or one of {_NAMES_SHOWN}",
    )


def _refuse_mark(token: str) -> Form:
    """Refuse what is Clojure code or nothing at all, and say what to write instead."""
    raise EdnError(
        f"{token[:60]!s} is not EDN",
        code="edn/bad-token",
        hint=_MARK_HINTS.get(token[0]),
    )


_MARK_HINTS: Final = {
    "'": "leave the quote out: EDN is data and is never evaluated",
    "`": "leave the quote out: EDN is data and is never evaluated",
    "@": "only Clojure code has @; a name or an address with @ must be a string",
    "~": "only Clojure code has ~",
    "#": "a tag is # and a symbol, as in #inst; also #{ #_ ##Inf and #:namespace{",
}


def _read_hash(token: str) -> Form:
    if token.startswith("##"):
        return read_not_finite(token)
    return _refuse_mark(token)


_READERS: Final[dict[str, Callable[[str], Form]]] = (
    {":": Keyword, "\\": _read_char, "#": _read_hash}
    | dict.fromkeys("0123456789", read_number)
    | dict.fromkeys("'`@~^", _refuse_mark)
)
