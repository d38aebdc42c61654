"""Forms to text: on one line, or laid out for people; read(print_edn(x)) is x again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from datamem.edn.atoms import CHAR_NAMES
from datamem.edn.forms import (
    BigInt,
    Char,
    EdnList,
    Form,
    Keyword,
    Symbol,
    Tagged,
    Uri,
    WithMeta,
)
from datamem.edn.numbers import print_decimal, print_float, print_int
from datamem.edn.reader import MAX_DEPTH
from datamem.edn.tags import print_inst
from datamem.errors import EdnError

_WIDTH: Final = 80
_TO_ESCAPE: Final = re.compile('["\\\\\x00-\x1f\x7f\ud800-\udfff]')
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\b": "\\b",
    "\f": "\\f",
}
_NAMED_CHARS: Final = {char: f"\\{name}" for name, char in CHAR_NAMES.items()}


def print_edn(
    value: Form, *, pretty: bool = False, width: int = _WIDTH, max_depth: int = MAX_DEPTH
) -> str:
    """Return the EDN text of a value.

    Sets are written in the order of their elements' texts, so that equal values have equal texts;
    maps keep their order. Arrays and others with a `tolist()` are written as vectors.

    Args:
        value: any type that the reader gives, or the usual Python ones (list, tuple, dict, set,
            bytes, datetime, …); a naive datetime is UTC.
        pretty: break lines so that they fit `width` where they can.
        width: columns of a line.
        max_depth: collections inside each other; a cyclic value ends here too.

    Raises:
        EdnError: `edn/unprintable` names what EDN cannot write; `edn/too-deep`.

    Example:
        >>> print_edn({"a": [1, 2.5, None], Keyword("b"): {True}})
        '{"a" [1 2.5 nil] :b #{true}}'
    """
    stack = [_frame(_Bare((value,)))]
    while True:
        frame = stack[-1]
        for child in frame.children:
            text = _scalar_text(child)
            if text is None:
                if len(stack) > max_depth:
                    raise EdnError(
                        f"forms are nested deeper than {max_depth}", code="edn/too-deep"
                    )
                stack.append(_frame(child))
                break
            frame.texts.append(text)
        else:
            done = _joined(stack.pop(), width if pretty else None)
            if not stack:
                return done
            stack[-1].texts.append(done)


@dataclass(slots=True)
class _Frame:
    """A collection being written: its brackets, what is left of it, and the texts so far."""

    opener: str
    closer: str
    children: Iterator[Form]
    texts: list[str]


def _frame(value: Form) -> _Frame:
    if hasattr(value, "tolist"):  # a numpy array or scalar
        value = value.tolist()
        value = value if isinstance(value, list) else _Bare((value,))
    opener, closer, children = _parts(value)
    return _Frame(opener, closer, iter(children), [])


class _Bare(tuple[Form, ...]):
    """One form that is written without brackets."""

    __slots__ = ()


def _parts(value: Form) -> tuple[str, str, Iterable[Form]]:
    """Return a collection's brackets, and what is between them."""
    match value:
        case list() | tuple():
            opener, closer = _BRACKETS.get(type(value), ("[", "]"))
            return opener, closer, value
        case Mapping():
            return "{", "}", (part for key in value for part in (key, value[key]))
        case AbstractSet():
            return "#{", "}", value
        case Tagged(tag, inner):
            return f"#{tag} ", "", (inner,)
        case WithMeta(meta, inner):
            return "^", "", (meta, inner)
        case _:
            raise EdnError(
                f"EDN cannot write a {type(value).__name__}",
                code="edn/unprintable",
                hint="convert it to a string, number, list, map, set, datetime, UUID or bytes",
            )


_BRACKETS: Final[dict[type, tuple[str, str]]] = {EdnList: ("(", ")"), _Bare: ("", "")}


def _joined(frame: _Frame, width: int | None) -> str:
    """Return the text of a finished collection: on one line if `width` is None or large enough."""
    texts = sorted(frame.texts) if frame.opener == "#{" else frame.texts
    is_map = frame.opener == "{"
    flat = f"{frame.opener}{' '.join(texts)}{frame.closer}"
    if width is None or not frame.closer or (len(flat) <= width and "\n" not in flat):
        return flat
    lines = _entries(texts) if is_map else texts
    return f"{frame.opener}{_indented(chr(10).join(lines), len(frame.opener))}{frame.closer}"


def _entries(texts: list[str]) -> list[str]:
    """Put each key and its value together; a value of several lines stays behind its key."""
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [f"{key} {_indented(value, len(key) - key.rfind(chr(10)))}" for key, value in pairs]


def _indented(text: str, count: int) -> str:
    """Indent all lines but the first; only layout makes newlines, strings hold them escaped."""
    return text.replace("\n", "\n" + " " * count)


def _scalar_text(value: Form) -> str | None:
    """Return the text of a value that holds no others, or None for a collection."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, _COLLECTIONS):
        return None
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    return None


_COLLECTIONS: Final = (list, tuple, Mapping, AbstractSet, Tagged, WithMeta)


def _print_string(text: str) -> str:
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if "\ud800" <= char <= "\udfff":
        raise EdnError(
            "a string with half of a surrogate pair is no text", code="edn/unprintable"
        )
    return _ESCAPES.get(char) or f"\\u{ord(char):04x}"


def _print_char(char: Char) -> str:
    text = char.text
    if text in _NAMED_CHARS:
        return _NAMED_CHARS[text]
    if "\ud800" <= text <= "\udfff":
        raise EdnError("half of a surrogate pair is no character", code="edn/unprintable")
    is_plain = ord(text) > 0xFFFF or (text.isprintable() and not text.isspace())
    return f"\\{text}" if is_plain else f"\\u{ord(text):04x}"


_WRITERS: Final[dict[type, Callable[[Form], str]]] = {
    Keyword: str.__str__,
    Uri: lambda uri: f"#uri {_print_string(uri)}",
    str: _print_string,
    bool: lambda value: "true" if value else "false",
    BigInt: lambda number: f"{print_int(number)}N",
    int: print_int,
    float: print_float,
    type(None): lambda _: "nil",
    datetime: print_inst,
    UUID: lambda value: f'#uuid "{value}"',
    Symbol: lambda symbol: symbol.text,
    Char: _print_char,
    Decimal: print_decimal,
    bytes: lambda data: f'#bytes "{data.hex()}"',
    bytearray: lambda data: f'#bytes "{data.hex()}"',
    memoryview: lambda data: f'#bytes "{data.hex()}"',
}
"""In the order in which a subclass looks for its parent: str after Keyword, int after bool."""
