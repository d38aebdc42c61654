"""Tokens for the query grammar, made from EDN text or from Python data alike.

Both are first cut into *pieces*: a bracket, or a value with the offset where it stood. One
classifier then names each piece by where it is: `:in` is a section at the top of a query and a
constant inside a clause; `not` starts a clause after a bracket and is a function elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from datamem.datalog.faults import syntax_error
from datamem.datalog.parse.hints import HEADS, SECTIONS, hint_for_key
from datamem.datalog.parse.lr import Token
from datamem.edn import EdnList, Keyword, Symbol, TokenKind, read, tokenize
from datamem.edn import Token as EdnToken
from datamem.errors import EdnError

Piece: TypeAlias = tuple[str, Any, int]
"""(kind, value, offset): kind is one of the brackets `[ ] ( ) { } #{`, or `value`."""

BRACKETS: Final = {
    "[": "LSQB",
    "]": "RSQB",
    "(": "LPAR",
    ")": "RPAR",
    "{": "LBRACE",
    "}": "RBRACE",
    "#{": "LSET",
}
_MARKS: Final = {"_": "BLANK", "%": "PERCENT", "...": "DOTS", ".": "DOT"}


def text_pieces(text: str) -> Iterator[Piece]:
    """Cut EDN text into pieces; a tagged value such as `#inst "…"` is one piece.

    Clojure's regular expressions, `#"…"`, are values too; nothing is escaped in them.

    Raises:
        EdnError: with its place, where the text is not EDN.
        QueryError: `query/bad-regex`.
    """
    patterns: dict[int, str] = {}
    found = tokenize(_without_regex_literals(text, patterns) if '#"' in text else text)
    i = 0
    while i < len(found):
        token = found[i]
        match token.kind:
            case TokenKind.QUOTE:
                i += 1
            case TokenKind.DISCARD | TokenKind.META:
                i = _after_form(found, i + 1)
            case TokenKind.TAG | TokenKind.NAMESPACE:
                after = _after_form(found, i + 1)
                yield "value", _tagged(text, token.start, found[after - 1].end), token.start
                i = after
            case _ if token.kind in BRACKETS:
                yield str(token.kind), None, token.start
                i += 1
            case _:
                known = patterns.get(token.start)
                value = token.value if known is None else _regex(known, text, token.start - 1)
                yield "value", value, token.start
                i += 1


def _tagged(text: str, start: int, stop: int) -> Any:
    """Return a tagged value; what refuses it shows its place in the whole text."""
    try:
        return read(text[start:stop])
    except EdnError:
        read(text)
        raise


_NO_NEWLINE: Final = re.compile(r"[^\n]")
_STRINGS: Final = re.compile(r'(#?)"((?:[^"\\]|\\.)*)"|;[^\n]*', re.DOTALL)


def _without_regex_literals(text: str, patterns: dict[int, str]) -> str:
    """Put strings of the same length in the place of regular expressions, and note what they were.

    Args:
        text: of a query.
        patterns: is given each expression by the offset of its opening quote.
    """

    def plain(match: re.Match[str]) -> str:
        if match[1] != "#":
            return match[0]
        patterns[match.start() + 1] = match[2]
        return f' "{_NO_NEWLINE.sub("r", match[2])}"'

    return _STRINGS.sub(plain, text)


def _regex(source: str, text: str, offset: int) -> re.Pattern[str]:
    try:
        return re.compile(source)
    except re.error as error:
        raise syntax_error(
            f'#"{source}" is not a regular expression: {error}',
            code="query/bad-regex",
            text=text,
            offset=offset,
        ) from None


def check_brackets(text: str) -> None:
    """Refuse a text in which a bracket closes another kind.

    Raises:
        QueryError: `edn/unbalanced`.
    """
    opened: list[tuple[str, int]] = []
    for kind, _, offset in text_pieces(text):
        if kind == "value":
            continue
        if kind in _CLOSING:
            opened.append((kind, offset))
        elif opened and _CLOSING[(last := opened.pop())[0]] != kind:
            raise syntax_error(
                f"{kind} closes {last[0]}",
                code="edn/unbalanced",
                hint=f"a {_CLOSING[last[0]]} is missing before it",
                text=text,
                offset=offset,
            )


_CLOSING: Final = {"[": "]", "(": ")", "{": "}", "#{": "}"}


def _after_form(found: Sequence[EdnToken], i: int) -> int:
    """Return the index after the form that starts at token `i`."""
    depth = 0
    while i < len(found):
        kind = found[i].kind
        if kind in "[({#{" and kind in BRACKETS:
            depth += 1
        elif kind in "])}":
            depth -= 1
        i += 1
        is_prefix = kind in (
            TokenKind.TAG,
            TokenKind.QUOTE,
            TokenKind.DISCARD,
            TokenKind.META,
            TokenKind.NAMESPACE,
        )
        if depth <= 0 and not is_prefix:
            break
    return i


def data_pieces(form: Any) -> Iterator[Piece]:
    """Walk Python data into pieces; an entity stands for its id.

    Lists are vectors and tuples are lists. Where the data holds no `Symbol` at all, strings that
    look like one (`"?e"`, `"$"`, `"_"`, the first item of a tuple) are symbols and strings with a
    leading colon are keywords, so that a query can be written without any wrapper.
    """
    if isinstance(form, Mapping):
        form = {_section_key(key): value for key, value in form.items()}
    return _walk(form, plain=not _has_symbol(form), label=False)


def _section_key(key: Any) -> Any:
    is_bare = type(key) is str and f":{key}" in SECTIONS
    return Keyword(f":{key}") if is_bare else key


def _has_symbol(form: Any) -> bool:
    if isinstance(form, Symbol) or type(getattr(form, "eid", None)) is int:
        return isinstance(form, Symbol)
    if isinstance(form, Mapping):
        return any(_has_symbol(item) for pair in form.items() for item in pair)
    if isinstance(form, list | tuple | AbstractSet):
        return any(_has_symbol(item) for item in form)
    return False


def _walk(form: Any, *, plain: bool, label: bool) -> Iterator[Piece]:
    if type(eid := getattr(form, "eid", None)) is int:
        yield "value", eid, -1
    elif isinstance(form, Mapping):
        yield "{", None, -1
        for key, value in form.items():
            yield from _walk(key, plain=plain, label=False)
            yield from _walk(value, plain=plain, label=False)
        yield "}", None, -1
    elif isinstance(form, list | tuple | AbstractSet):
        yield from _walk_items(form, plain=plain)
    elif plain and type(form) is str and (label or _looks_symbolic(form)):
        yield "value", Symbol(form), -1
    elif plain and type(form) is str and form.startswith(":") and len(form) > 1:
        yield "value", Keyword(form), -1
    else:
        yield "value", form, -1


def _walk_items(form: Iterable[Any], *, plain: bool) -> Iterator[Piece]:
    is_list = isinstance(form, EdnList) or (isinstance(form, tuple) and plain)
    opening, closing = ("(", ")") if is_list else ("[", "]")
    if isinstance(form, AbstractSet):
        opening, closing = "#{", "}"
    yield opening, None, -1
    head = is_list
    for item in form:
        is_name = head and type(item) is str and not item.startswith(":")
        yield from _walk(item, plain=plain, label=is_name)
        head = head and isinstance(item, str) and item.startswith("$")
    yield closing, None, -1


def _looks_symbolic(text: str) -> bool:
    return (text[:1] in ("?", "$") and " " not in text) or text in _MARKS


def query_tokens(pieces: Iterable[Piece], text: str | None) -> Iterator[Token]:
    """Name the pieces of a query.

    Raises:
        QueryError: `query/unknown-key`, for a section that does not exist.
    """
    depth = call_depth = 0
    in_map = False
    section = ""
    previous = ""
    for kind, value, offset in pieces:
        if kind != "value":
            name = BRACKETS[kind]
            if depth == 0 and kind == "{":
                in_map = True
            depth += 1 if kind in "[({#{" else -1
            call_depth += (kind == "(") - (kind == ")")
        elif depth == 1 and isinstance(value, Keyword):
            if section != "ORDER_BY" or value not in (":asc", ":desc") or in_map:
                section = name = _section(value, offset, text, section)
            else:
                name = "ASC" if value == ":asc" else "DESC"
        else:
            name = _name(value, section, previous)
            if section == "ORDER_BY" and name == "CONST" and not call_depth:
                _check_order(value, offset, text)
        token = Token(name, value if kind == "value" else kind, start_pos=offset)
        token.section, token.is_map = section, in_map
        yield token
        previous = "LPAR" if name == "SRC" and previous == "LPAR" else name


def _check_order(value: Any, offset: int, text: str | None) -> None:
    """Refuse what is neither a column's number nor a direction."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise syntax_error(
            f"{value} orders nothing",
            code="query/bad-order",
            hint="a variable, an aggregate or a column's number, then :asc or :desc",
            text=text,
            offset=offset,
        )


def rule_tokens(pieces: Iterable[Piece]) -> Iterator[Token]:
    """Name the pieces of a set of rules."""
    previous = ""
    for kind, value, offset in pieces:
        name = BRACKETS[kind] if kind != "value" else _name(value, "WHERE", previous)
        yield Token(name, value if kind == "value" else kind, start_pos=offset)
        previous = "LPAR" if name == "SRC" and previous == "LPAR" else name


def _section(value: Keyword, offset: int, text: str | None, section: str) -> str:
    name = SECTIONS.get(value)
    if name is None:
        raise syntax_error(
            f"{value} is not a part of a query",
            code="query/unknown-key",
            hint=hint_for_key(str(value), section),
            text=text,
            offset=offset,
            key=str(value),
        )
    return name


def _name(value: Any, section: str, previous: str) -> str:
    if isinstance(value, Symbol):
        return _symbol_name(value.text, section, previous)
    if section == "ORDER_BY" and isinstance(value, Keyword) and value in (":asc", ":desc"):
        return "ASC" if value == ":asc" else "DESC"
    if section == "KEYS" and isinstance(value, str):
        return "SYMBOL"
    return "CALLABLE" if callable(value) and not isinstance(value, type) else "CONST"


def _symbol_name(text: str, section: str, previous: str) -> str:
    first = text[0]
    if section == "KEYS":
        return "SYMBOL"
    if first == "?" and len(text) > 1:
        return "VAR"
    if first == "$":
        return "SRC"
    if previous == "LPAR":
        head = HEADS.get(text)
        if head is not None and (head == "PULL") == (section == "FIND"):
            return head
        return "SYMBOL"
    return _MARKS.get(text, "SYMBOL")
