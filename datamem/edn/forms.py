"""The types that EDN has and Python has not: keywords, symbols, characters, lists, tagged values."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import total_ordering
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias
from weakref import WeakValueDictionary

from datamem.edn.grammar import KEYWORD, SYMBOL, TAG
from datamem.errors import EdnError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Form: TypeAlias = Any
"""What a text reads as; the table of types is in the docstring of `datamem.edn`."""

_NOT_SYMBOLS: Final = frozenset({"nil", "true", "false"})
_lock = threading.Lock()


class Keyword(str):
    """A keyword: a string that starts with its colon and equals its text.

    Interned: equal keywords are one object while any of them is alive. The colon may be left out.

    Raises:
        EdnError: `edn/bad-keyword`, when no EDN text would read as this keyword.

    Example:
        >>> Keyword("message/role") == ":message/role"
        True
        >>> Keyword(":message/role").namespace, Keyword(":message/role").name
        ('message', 'role')
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, text: str) -> Self:
        """Return the one keyword of this text."""
        found = _keywords.get(text)
        if found is None:
            found = _intern_keyword(text)
        return found  # type: ignore[return-value]  # the class is final in practice

    @property
    def namespace(self) -> str | None:
        """The part before the slash, or None."""
        before, slash, _ = self.partition("/")
        return before[1:] if slash else None

    @property
    def name(self) -> str:
        """The part after the slash; all of it when there is no slash."""
        before, slash, after = self.partition("/")
        return after if slash else before[1:]

    def __reduce__(self) -> tuple[type[Keyword], tuple[str]]:
        return Keyword, (str(self),)


_keywords: WeakValueDictionary[str, Keyword] = WeakValueDictionary()


def _intern_keyword(text: str) -> Keyword:
    full = text if text.startswith(":") else f":{text}"
    if KEYWORD.fullmatch(full) is None:
        raise EdnError(
            f"{full} is not a keyword",
            code="edn/bad-keyword",
            hint="a keyword is :name or :namespace/name, without spaces or brackets",
            text=full,
        )
    with _lock:
        found = _keywords.get(full)
        if found is None:
            found = str.__new__(Keyword, full)
            _keywords[full] = found
    return found


@total_ordering
class Symbol:
    """A symbol such as `?e`, `$` or `clojure.string/join`; not a string, and equal only to itself.

    Interned, so comparing and hashing cost what they cost for any plain object.

    Raises:
        EdnError: `edn/bad-symbol`, when no EDN text would read as this symbol.
    """

    __slots__ = ("__weakref__", "text")
    text: str

    def __new__(cls, text: str) -> Self:
        """Return the one symbol of this text."""
        found = _symbols.get(text)
        if found is None:
            found = _intern_symbol(text)
        return found  # type: ignore[return-value]  # the class is final in practice

    @property
    def namespace(self) -> str | None:
        """The part before the slash, or None; the symbol `/` has none."""
        before, _, after = self.text.partition("/")
        return before if after else None

    @property
    def name(self) -> str:
        """The part after the slash; all of it when there is no slash."""
        _, _, after = self.text.partition("/")
        return after or self.text

    def __repr__(self) -> str:
        return f"Symbol({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __lt__(self, other: object) -> bool:
        return self.text < other.text if isinstance(other, Symbol) else NotImplemented

    def __reduce__(self) -> tuple[type[Symbol], tuple[str]]:
        return Symbol, (self.text,)


_symbols: WeakValueDictionary[str, Symbol] = WeakValueDictionary()


def _intern_symbol(text: str) -> Symbol:
    if SYMBOL.fullmatch(text) is None or text in _NOT_SYMBOLS:
        raise EdnError(
            f"{text} is not a symbol",
            code="edn/bad-symbol",
            hint="a symbol is name or namespace/name and does not start with a digit",
            text=text,
        )
    with _lock:
        found = _symbols.get(text)
        if found is None:
            found = object.__new__(Symbol)
            found.text = text
            _symbols[text] = found
    return found


@dataclass(frozen=True, slots=True, order=True)
class Char:
    r"""One character, `\a`; not a string, since EDN tells `\a` and `"a"` apart."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) != 1:
            raise EdnError(
                f"{self.text!r} is not one character", code="edn/bad-char", text=self.text
            )

    def __str__(self) -> str:
        return self.text


class BigInt(int):
    """An integer written with `N`; equal to the plain integer, and printed with its `N` again."""

    __slots__ = ()


class Uri(str):
    """A `#uri`: equal to its text, and printed with its tag again."""

    __slots__ = ()


class EdnList(tuple[Form, ...]):
    """A list `(1 2)`. A vector `[1 2]` is a Python list, or a plain tuple where it must be hashable."""

    __slots__ = ()

    def __new__(cls, items: Iterable[Form] = ()) -> Self:
        """Return the list of these items."""
        return super().__new__(cls, items)

    def __repr__(self) -> str:
        return f"EdnList({list(self)!r})"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value under a tag that datamem gives no meaning: `#db/id [:db.part/user -1]`.

    Hashable where its value is. `tag` has no `#`.
    """

    tag: str
    value: Form

    def __post_init__(self) -> None:
        if TAG.fullmatch(self.tag) is None:
            raise EdnError(
                f"#{self.tag} is not a tag",
                code="edn/bad-tag",
                hint="a tag is a symbol that starts with a letter",
                text=self.tag,
            )


@dataclass(frozen=True, slots=True)
class WithMeta:
    """A form and its metadata, as `^{:doc "…"} form` reads with `keep_meta=True`."""

    meta: Mapping[Form, Form]
    form: Form
