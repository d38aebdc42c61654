"""Tokens to forms: one loop and an explicit stack, so that nesting never meets Python's own limit.

A bracket opens a frame that its closer ends. A prefix (`#_`, `#tag`, `^`, `#:ns`) opens a frame that
ends by itself once it has its forms. What is inside a map key or a set is built hashable from the
start, so nothing has to be converted later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import length_hint
from typing import Final, TypeAlias

from datamem.edn.atoms import read_atom
from datamem.edn.distinct import EdnMap, EdnSet, edn_set
from datamem.edn.forms import EdnList, Form, Keyword, Symbol, WithMeta
from datamem.edn.grammar import TAG
from datamem.edn.tags import tagged_value
from datamem.errors import EdnError

Builder: TypeAlias = Callable[[str, list[Form]], Form]
"""Takes the token that opened a frame and the forms in it; returns the finished form."""

_DEPTH_CEILING: Final = 20_000  # hashing a nested key recurses in C, which has no check
_CACHE_MAX: Final = 20_000
_CACHED_LENGTH_MAX: Final = 4
_cache: dict[str, Form] = {}


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """What a frame is: its closing bracket, or for a prefix the number of forms it takes."""

    build: Builder
    closer: str = ""
    arity: int = 0
    freezes: bool = False
    is_open_map: bool = False


def _build_map(_: str, items: list[Form]) -> dict[Form, Form] | EdnMap:
    _check_even(items)
    pairs = iter(items)
    made = dict(zip(pairs, pairs, strict=True))
    return made if 2 * len(made) == len(items) else _build_frozen_map(_, items)


def _build_frozen_map(_: str, items: list[Form]) -> EdnMap:
    _check_even(items)
    return EdnMap(zip(items[::2], items[1::2], strict=True))


def _build_set(_: str, items: list[Form]) -> frozenset[Form] | EdnSet:
    return edn_set(items)


def _check_even(items: list[Form]) -> None:
    if len(items) % 2:
        raise EdnError(
            "the last key of this map has no value",
            code="edn/odd-map",
            hint="a map holds a value after each key",
            item=len(items) // 2,
        )


def _build_tagged(token: str, items: list[Form]) -> Form:
    return tagged_value(token[1:], items[0])


def _qualify(token: str, items: list[Form]) -> Form:
    """Give the keys of `#:ns{…}` their namespace; `:_/key` keeps out of it."""
    (form,) = items
    if not isinstance(form, Mapping):
        raise EdnError(
            f"{token} must be followed by a map", code="edn/bad-tag-value", hint=f"{token}{{…}}"
        )
    namespace = token[2:]
    pairs = [part for key in form for part in (_qualified(namespace, key), form[key])]
    return _build_frozen_map("", pairs) if isinstance(form, EdnMap) else _build_map("", pairs)


def _qualified(namespace: str, key: Form) -> Form:
    if not isinstance(key, Keyword | Symbol):
        return key
    colon = ":" if isinstance(key, Keyword) else ""
    if key.namespace is None:
        return type(key)(f"{colon}{namespace}/{key.name}")
    return type(key)(f"{colon}{key.name}") if key.namespace == "_" else key


def _build_with_meta(_: str, items: list[Form]) -> WithMeta:
    meta, form = dict(_meta_of(items[0])), items[1]
    if isinstance(form, WithMeta):
        meta, form = {**form.meta, **meta}, form.form
    return WithMeta(EdnMap(meta.items()), form)


def _drop_meta(_: str, items: list[Form]) -> Form:
    _meta_of(items[0])
    return items[1]


def _meta_of(form: Form) -> Mapping[Form, Form]:
    if isinstance(form, Mapping):
        return form
    if isinstance(form, Keyword):
        return {form: True}
    if isinstance(form, str | Symbol):
        return {Keyword(":tag"): form}
    raise EdnError(
        "this cannot be metadata",
        code="edn/bad-meta",
        hint="write ^{:key value} form, ^:key form or ^Type form",
    )


def _nothing(_: str) -> None:
    """Find no cached value, so that each token goes through `_scalar` and the frame is looked at."""


_TOP: Final = _Kind(lambda _, items: items)
_FROZEN: Final = {
    "[": _Kind(lambda _, items: tuple(items), "]", freezes=True),
    "(": _Kind(lambda _, items: EdnList(items), ")", freezes=True),
    "{": _Kind(_build_frozen_map, "}", freezes=True),
    "#{": _Kind(_build_set, "}", freezes=True),
    "#_": _Kind(lambda _, items: items, arity=1, freezes=True),
    "^": _Kind(_drop_meta, arity=2, freezes=True),
    "#^": _Kind(_drop_meta, arity=2, freezes=True),
    "#tag": _Kind(_build_tagged, arity=1, freezes=True),
    "#:": _Kind(_qualify, arity=1, freezes=True),
}
_PLAIN: Final = {
    "[": _Kind(lambda _, items: items, "]"),
    "(": _Kind(lambda _, items: EdnList(items), ")"),
    "{": _Kind(_build_map, "}", is_open_map=True),
    "#{": _FROZEN["#{"],
    "#_": _Kind(lambda _, items: items, arity=1),
    "^": _Kind(_drop_meta, arity=2),
    "#^": _Kind(_drop_meta, arity=2),
    "#tag": _Kind(_build_tagged, arity=1),
    "#:": _Kind(_qualify, arity=1),
}


class Assembler:
    """Builds forms out of tokens that arrive in any number of batches.

    Attributes:
        forms: finished top-level forms; whoever takes them clears the list.
        taken: how many tokens of the last batch were taken; after an error, the index of the
            token at fault.
        max_depth: brackets and prefixes that may be open at once, never above 20,000.
    """

    def __init__(self, *, max_depth: int, keep_meta: bool) -> None:
        self.forms: list[Form] = []
        self.taken = 0
        self.max_depth = min(max_depth, _DEPTH_CEILING)
        self._keep_meta = keep_meta
        self._stack: list[tuple[_Kind, str, list[Form]]] = []
        self._kind, self._opener, self._items = _TOP, "", self.forms
        self._lookup: Callable[[str], Form] = _cache.get
        self._actions: dict[str, Callable[[str], None]] = {
            **dict.fromkeys(("[", "(", "{", "#{", "#_", "^", "#^"), self._open),
            **dict.fromkeys(("]", ")", "}"), self._close),
        }

    @property
    def depth(self) -> int:
        """How many brackets and prefixes are open."""
        return len(self._stack)

    def take(self, tokens: list[str]) -> None:
        """Take a batch of tokens, without empty ones.

        Raises:
            EdnError: without its place; `taken` says at which token. The assembler is of no use
                afterwards, except for the forms that were finished.
        """
        rest = iter(tokens)
        actions = self._actions
        append, lookup = self._items.append, self._lookup
        try:
            for token in rest:
                value = lookup(token)
                if value is not None:
                    append(value)
                    continue
                action = actions.get(token)
                if action is None:
                    self._scalar(token)
                else:
                    action(token)
                append, lookup = self._items.append, self._lookup
        except RecursionError:
            raise self._too_deep() from None
        finally:
            self.taken = len(tokens) - length_hint(rest)

    def _scalar(self, token: str) -> None:
        """Take a token that is no bracket: a tag, or a value, which is cached if it is a name."""
        if token[0] == "#" and token[1:2] != "#":
            self._open(token, self._prefix_of(token))
            return
        value = read_atom(token)
        if token[0] not in '"\\' and (
            len(token) <= _CACHED_LENGTH_MAX or isinstance(value, Keyword | Symbol)
        ):
            if len(_cache) >= _CACHE_MAX:
                _cache.clear()
            _cache[token] = value
        self._add(value)

    def _prefix_of(self, token: str) -> str:
        if TAG.fullmatch(token, 1):
            return "#tag"
        if token[1:2] == ":" and Keyword(token[1:]).namespace is None:
            return "#:"
        read_atom(token)  # raises, with what to write instead
        raise AssertionError(token)

    def _open(self, token: str, name: str = "") -> None:
        kind, items = self._kind, self._items
        if len(self._stack) >= self.max_depth:
            raise self._too_deep()
        self._stack.append((kind, self._opener, items))
        is_frozen = kind.freezes or (kind.is_open_map and not len(items) % 2)
        self._kind = (_FROZEN if is_frozen else _PLAIN)[name or token]
        self._opener, self._items = token, []
        self._lookup = _nothing if self._kind.arity else _cache.get

    def _close(self, token: str) -> None:
        if self._kind.closer != token:
            raise self._mismatch(token)
        value = self._kind.build(self._opener, self._items)
        self._leave()
        self._add(value)

    def _leave(self) -> None:
        self._kind, self._opener, self._items = self._stack.pop()
        self._lookup = _nothing if self._kind.arity else _cache.get

    def _add(self, value: Form) -> None:
        """Add a form to the frame, and finish the prefixes that were waiting for it."""
        self._items.append(value)
        while self._kind.arity and len(self._items) == self._kind.arity:
            kind, opener, items = self._kind, self._opener, self._items
            self._leave()
            if opener == "#_":
                continue
            is_kept_meta = kind.build is _drop_meta and self._keep_meta
            build = _build_with_meta if is_kept_meta else kind.build
            self._items.append(build(opener, items))

    def _mismatch(self, token: str) -> EdnError:
        opened = self._opener
        if not opened:
            return EdnError(
                f"{token} closes nothing", code="edn/unbalanced", hint=f"remove the {token}"
            )
        if self._kind.arity:
            return EdnError(
                f"{opened} has no form after it",
                code="edn/unbalanced",
                hint=f"remove the {opened}",
                prefix=opened,
            )
        return EdnError(
            f"{token} cannot close {opened}",
            code="edn/unbalanced",
            hint=f"{opened} is closed by {self._kind.closer}",
            opener=opened,
        )

    def _too_deep(self) -> EdnError:
        return EdnError(
            f"forms are nested deeper than {self.max_depth}",
            code="edn/too-deep",
            hint="raise max_depth= if the text is meant to be so deep",
            max_depth=self.max_depth,
        )
