"""Strings, keywords and regular expressions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from datamem.datalog.columns.values import print_value
from datamem.datalog.functions.collections import sized
from datamem.datalog.functions.function import Function, fn
from datamem.edn import Keyword, Symbol, print_edn
from datamem.errors import QueryError


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    raise QueryError(
        f"({name} …) needs a string, and got {print_value(value)}",
        code="query/not-a-string",
        value=value,
    )


def _on_text(
    name: str, call: Callable[..., Any], least: int, most: int | None = -1
) -> Function:
    return fn(name, lambda first, *rest: call(_text(first, name), *rest), least, most)


def text_of(value: Any) -> str:
    """`str` of one value: strings as they are, nil as nothing, the rest as EDN prints it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    return str(value) if isinstance(value, Symbol | UUID) else print_edn(value)


def concat(*values: Any) -> str:
    """`str`."""
    return "".join(text_of(value) for value in values)


def substring(text: str, start: int, stop: int | None = None) -> str:
    """`subs`; positions count code points and must lie in the string."""
    end = len(text) if stop is None else stop
    if not 0 <= start <= end <= len(text):
        raise QueryError(
            f"{start} to {end} is not within {print_value(text)}",
            code="query/out-of-range",
            text=text,
        )
    return text[start:end]


@lru_cache(maxsize=256)
def pattern(source: Any) -> re.Pattern[str]:
    """`re-pattern`.

    Raises:
        QueryError: `query/bad-regex`.
    """
    if isinstance(source, re.Pattern):
        return source
    try:
        return re.compile(_text(source, "re-pattern"))
    except re.error as error:
        raise QueryError(
            f"{print_value(source)} is not a regular expression: {error}",
            code="query/bad-regex",
            pattern=source,
        ) from None


def _groups(match: re.Match[str] | None) -> Any:
    if match is None:
        return None
    return [match.group(0), *match.groups()] if match.re.groups else match.group(0)


def find_in(source: Any, text: Any) -> Any:
    """`re-find`: the first match, a vector with its groups where it has some."""
    return _groups(pattern(source).search(_text(text, "re-find")))


def matches(source: Any, text: Any) -> Any:
    """`re-matches`: the match of the whole string."""
    return _groups(pattern(source).fullmatch(_text(text, "re-matches")))


def all_in(source: Any, text: Any) -> list[Any]:
    """`re-seq`."""
    return [_groups(match) for match in pattern(source).finditer(_text(text, "re-seq"))]


@lru_cache(maxsize=256)
def _like_pattern(source: str) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in source), re.DOTALL)


def like(text: Any, source: str) -> bool:
    """SQL's LIKE: `%` is any text, `_` any character."""
    return _like_pattern(source).fullmatch(_text(text, "like")) is not None


def keyword(*parts: Any) -> Keyword:
    """Make a keyword of a name, or of a namespace and a name."""
    return Keyword("/".join(text_of(part).removeprefix(":") for part in parts))


def name_of(value: Any) -> str:
    """`name`."""
    return value.name if isinstance(value, Keyword | Symbol) else _text(value, "name")


def namespace_of(value: Any) -> str | None:
    """`namespace`; nil where there is none."""
    return value.namespace if isinstance(value, Keyword | Symbol) else None


def join(*args: Any) -> str:
    """Join the texts of a collection, with a separator before it if there are two arguments."""
    separator, items = args if len(args) == 2 else ("", args[0])
    return _text(separator, "join").join(text_of(item) for item in sized(items, "join"))


def split(text: str, separator: Any) -> list[str]:
    """Split by a regular expression."""
    return pattern(separator).split(text)


def digest(name: str) -> Callable[[Any], str]:
    """Return a function that hashes a string or bytes to hexadecimal digits."""

    def hash_of(value: Any) -> str:
        data = value if isinstance(value, bytes) else text_of(value).encode()
        return hashlib.new(name, data, usedforsecurity=False).hexdigest()

    return hash_of


def print_all(*values: Any) -> str:
    """`pr-str`."""
    return " ".join(print_edn(value) for value in values)


def replaced(text: str, old: Any, new: str) -> str:
    """Replace a string, or the matches of a regular expression."""
    return old.sub(new, text) if isinstance(old, re.Pattern) else text.replace(old, new)


def _index(found: int) -> int | None:
    return None if found < 0 else found


FUNCTIONS: Final[tuple[Function, ...]] = (
    fn("str", concat, 0, None),
    fn("pr-str", print_all, 0, None),
    fn("print-str", lambda *values: " ".join(text_of(value) for value in values), 0, None),
    _on_text("subs", substring, 2, 3),
    _on_text("blank?", lambda text: not text.strip(), 1),
    _on_text("includes?", lambda text, part: part in text, 2),
    _on_text("starts-with?", lambda text, part: text.startswith(part), 2),
    _on_text("ends-with?", lambda text, part: text.endswith(part), 2),
    _on_text("lower-case", str.lower, 1),
    _on_text("upper-case", str.upper, 1),
    _on_text("capitalize", str.capitalize, 1),
    _on_text("trim", str.strip, 1),
    _on_text("triml", str.lstrip, 1),
    _on_text("trimr", str.rstrip, 1),
    _on_text("reverse", lambda text: text[::-1], 1),
    _on_text("replace", replaced, 3),
    _on_text("index-of", lambda text, part: _index(text.find(part)), 2),
    _on_text("last-index-of", lambda text, part: _index(text.rfind(part)), 2),
    _on_text("split", split, 2),
    _on_text("split-lines", str.splitlines, 1),
    fn("join", join, 1, 2),
    fn("re-pattern", pattern, 1),
    fn("re-find", find_in, 2),
    fn("re-matches", matches, 2),
    fn("re-seq", all_in, 2),
    fn("like", like, 2),
    fn("not-like", lambda text, source: not like(text, source), 2),
    fn("keyword", keyword, 1, 2),
    fn("name", name_of, 1),
    fn("namespace", namespace_of, 1),
    fn("string?", lambda value: isinstance(value, str) and not isinstance(value, Keyword), 1),
    fn("keyword?", lambda value: isinstance(value, Keyword), 1),
    fn("hash/md5", digest("md5"), 1),
    fn("hash/sha1", digest("sha1"), 1),
    fn("hash/sha256", digest("sha256"), 1),
)
