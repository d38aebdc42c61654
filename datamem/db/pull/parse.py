"""Reading pull patterns: EDN text or Python data, in the current and in the older spellings.

    pattern   = [spec+] | {…} | attribute         a map or an attribute alone is a pattern of it
    spec      = attribute | * | {attribute-expr pattern-or-recursion, …} | attribute-expr
    attribute-expr = attribute | [attribute option value …] | (limit attribute n) | (default attribute v)
    option    = :as | :limit | :default | :xform
    recursion = a depth of 1 or more | ...

Attributes are keywords, or strings with or without colon; `:ns/_name` is `:ns/name` backwards. Lists and
vectors mean the same. In Python data `...` is the text "..." or `Ellipsis`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from datamem.db.pull.faults import pattern_error, shown
from datamem.db.pull.syntax import NOTHING, UNLIMITED, AttributeSpec, Path, Pattern, Recursion
from datamem.edn import Keyword, Symbol, read
from datamem.errors import EdnError, QueryError

MAX_NESTING: Final = 100
"""Deepest nesting of maps in a pattern; recursion goes as deep as the data does."""

_WILDCARDS: Final = frozenset({"*", ":*"})
_LEGACY: Final = frozenset({"limit", "default"})
_OPTIONS: Final = ("as", "limit", "default", "xform")
_HINT: Final = "a pattern is [*] or [:user/name {:user/friend [:user/name]}]"


@lru_cache(maxsize=1024)
def parse_text(text: str) -> Pattern:
    """Return the pattern of a text; a text seen before is not read again.

    Raises:
        EdnError: the text is no EDN.
        QueryError: as `parse_data`, with line, column and caret.
    """
    if any(bracket in text for bracket in "[({"):
        return _Reader(text).pattern(read(text), ())
    return _Reader(text).pattern(text.strip(), ())


def parse_data(form: Any) -> Pattern:
    """Return the pattern that Python data or a form of the EDN reader spells.

    Raises:
        QueryError: `pull/bad-pattern`, `pull/bad-attribute`, `pull/odd-options`,
            `pull/bad-option`, `pull/bad-limit`, `pull/bad-recursion`, `pull/too-deep`.
    """
    return _Reader(form).pattern(form, ())


class _Reader:
    """Reads one pattern; knows the whole of it so that a refusal can show the place."""

    def __init__(self, origin: Any) -> None:
        self._origin = origin

    def _fault(self, path: Path, message: str, code: str, hint: str) -> QueryError:
        return pattern_error(self._origin, path, message, code=code, hint=hint)

    def pattern(self, form: Any, path: Path, depth: int = 0) -> Pattern:
        """Read a pattern: a list of specs, or one spec that is a map or a name."""
        if depth > MAX_NESTING:
            raise self._fault(
                (),
                f"the pattern is nested deeper than {MAX_NESTING}",
                "pull/too-deep",
                "use recursion: {:user/friend ...}",
            )
        if isinstance(form, str | Mapping):
            return self._of_specs([(form, path)], path, depth)
        if not isinstance(form, list | tuple):
            raise self._fault(
                path, f"{shown(form)} is not a pull pattern", "pull/bad-pattern", _HINT
            )
        if not form:
            raise self._fault(path, "the pattern names no attribute", "pull/bad-pattern", _HINT)
        return self._of_specs([(spec, (*path, i)) for i, spec in enumerate(form)], path, depth)

    def _of_specs(self, forms: list[tuple[Any, Path]], path: Path, depth: int) -> Pattern:
        specs: list[AttributeSpec] = []
        wildcard = False
        for form, at in forms:
            if _is_wildcard(form):
                wildcard = True
            elif isinstance(form, Mapping):
                specs += self._map(form, at, depth)
            else:
                specs.append(self._attribute(form, at))
        return Pattern(tuple(specs), wildcard, path)

    def _map(self, form: Mapping[Any, Any], path: Path, depth: int) -> list[AttributeSpec]:
        if not form:
            raise self._fault(path, "the map in a pattern is empty", "pull/bad-pattern", _HINT)
        specs = []
        for i, (key, value) in enumerate(form.items()):
            spec = self._attribute(key, (*path, 2 * i))
            at = (*path, 2 * i + 1)
            nested = self._recursion(value, at) or self.pattern(value, at, depth + 1)
            specs.append(replace(spec, nested=nested))
        return specs

    def _recursion(self, form: Any, path: Path) -> Recursion | None:
        """Read `...` or a depth; anything else is None."""
        if form is Ellipsis or (isinstance(form, str | Symbol) and str(form) == "..."):
            return Recursion(UNLIMITED)
        if not isinstance(form, int | float):
            return None
        if not isinstance(form, int) or isinstance(form, bool) or form < 1:
            raise self._fault(
                path,
                f"{shown(form)} is not a depth of recursion",
                "pull/bad-recursion",
                "write how many hops, 1 or more, or ... for all there are",
            )
        return Recursion(int(form))

    def _attribute(self, form: Any, path: Path) -> AttributeSpec:
        if isinstance(form, list | tuple) and form:
            if _is_legacy(form):
                spec = self._attribute(form[1], (*path, 1))
                return self._with(spec, str(form[0]), form[2], (*path, 2))
            return self._with_options(form, path)
        name = self._name(form, path)
        return AttributeSpec(name, path, key=name)

    def _name(self, form: Any, path: Path) -> Keyword:
        if isinstance(form, str) and form not in _WILDCARDS:
            try:
                return Keyword(form)
            except EdnError:
                pass
        hint = f"write :{form}" if isinstance(form, Symbol) and form.text != "*" else _HINT
        raise self._fault(path, f"{shown(form)} names no attribute", "pull/bad-attribute", hint)

    def _with_options(self, form: Any, path: Path) -> AttributeSpec:
        name = self._name(form[0], (*path, 0))
        spec = AttributeSpec(name, (*path, 0), key=name)
        if not len(form) % 2:
            raise self._fault(
                path,
                f"{shown(form)} has an option without a value",
                "pull/odd-options",
                "write an attribute, then option and value in turn: [:user/friend :limit 5]",
            )
        seen = set()
        for i in range(1, len(form), 2):
            option = str(form[i]).removeprefix(":")
            if option not in _OPTIONS or option in seen:
                known = ", ".join(f":{name}" for name in _OPTIONS)
                what = (
                    "is given twice" if option in seen else "is not an option of a pull pattern"
                )
                raise self._fault(
                    (*path, i),
                    f"{shown(form[i])} {what}",
                    "pull/bad-option",
                    f"there are {known}",
                )
            seen.add(option)
            spec = self._with(spec, option, form[i + 1], (*path, i + 1))
        return spec

    def _with(self, spec: AttributeSpec, option: str, value: Any, path: Path) -> AttributeSpec:
        match option:
            case "as":
                return replace(spec, key=self._key(value, path))
            case "limit":
                return replace(spec, limit=self._limit(value, path))
            case "default":
                return replace(spec, default=NOTHING if value is None else value)
            case _:
                return replace(spec, xform=self._function(value, path))

    def _key(self, value: Any, path: Path) -> Hashable:
        if isinstance(value, Hashable):
            return value
        raise self._fault(
            path,
            f"{shown(value)} cannot be a key",
            "pull/bad-option",
            "give a keyword or a string",
        )

    def _limit(self, value: Any, path: Path) -> int | None:
        if value is None or (type(value) is int and value > 0):
            return value
        raise self._fault(
            path,
            f"{shown(value)} is not a limit",
            "pull/bad-limit",
            "write how many values at most, 1 or more, or nil for all",
        )

    def _function(self, value: Any, path: Path) -> Callable[..., Any] | str:
        if isinstance(value, str | Symbol):
            return str(value).removeprefix(":")
        if callable(value):
            return value  # type: ignore[no-any-return]  # just checked
        raise self._fault(
            path,
            f"{shown(value)} cannot be called",
            "pull/bad-option",
            "give a Python callable, or the name of a registered function",
        )


def _is_wildcard(form: Any) -> bool:
    return isinstance(form, str | Symbol) and str(form) in _WILDCARDS


def _is_legacy(form: Any) -> bool:
    """Tell `(limit :x 5)` from an attribute named limit with options."""
    head = form[0]
    if len(form) != 3 or isinstance(head, Keyword) or not isinstance(head, str | Symbol):
        return False
    return str(head) in _LEGACY and not (
        isinstance(form[1], str) and form[1].removeprefix(":") in _OPTIONS
    )
