"""Refusals of pull patterns: what is wrong, and where in the text or data it stands."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from datamem.db.pull.syntax import Path
from datamem.edn import Token, TokenKind, placed, print_edn, tokenize
from datamem.errors import EdnError, QueryError

_OPEN: Final = frozenset(
    {TokenKind.OPEN_LIST, TokenKind.OPEN_VECTOR, TokenKind.OPEN_MAP, TokenKind.OPEN_SET}
)
_CLOSE: Final = frozenset({TokenKind.CLOSE_LIST, TokenKind.CLOSE_VECTOR, TokenKind.CLOSE_MAP})
_PREFIX: Final = frozenset({TokenKind.TAG, TokenKind.NAMESPACE, TokenKind.DISCARD})


def pattern_error(
    origin: Any, path: Path, message: str, *, code: str, hint: str | None = None, **data: Any
) -> QueryError:
    """Return the refusal of a part of a pattern.

    Args:
        origin: the whole pattern as it was given, text or data.
        path: which part of it.

    Returns:
        For text, an error with line, column and caret; for data, one that shows the part's
        surroundings. `data["path"]` is the path.
    """
    error = QueryError(message, code=code, hint=hint, path=list(path), **data)
    if type(origin) is str:
        return placed(error, origin, _offset_of(origin, path))
    around = shown(_part(origin, path[:-1]))
    return QueryError(f"{message}, in {around}", code=code, hint=hint, **error.data)


def shown(form: Any) -> str:
    """Return a part of a pattern as short text."""
    try:
        text = print_edn(form)
    except EdnError:
        text = reprlib.repr(form)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _part(form: Any, path: Path) -> Any:
    for index in path:
        members = (
            [x for item in form.items() for x in item] if isinstance(form, Mapping) else form
        )
        form = members[index]
    return form


def _offset_of(text: str, path: Path) -> int:
    """Return where in the text of a pattern one of its parts begins."""
    tokens = tokenize(text)
    place = next(_members(tokens, 0), 0)
    for index in path:
        while tokens[place].kind is TokenKind.META:
            place = _after(tokens, place + 1)
        place = list(_members(tokens, place + 1))[index]
    return tokens[place].start if tokens else 0


def _members(tokens: list[Token], place: int) -> Iterator[int]:
    """Yield where the forms begin from `place` up to the closing bracket or the end."""
    while place < len(tokens) and tokens[place].kind not in _CLOSE:
        if tokens[place].kind is not TokenKind.DISCARD:
            yield place
        place = _after(tokens, place)


def _after(tokens: list[Token], place: int) -> int:
    """Return the place behind the form that begins at `place`."""
    kind = tokens[place].kind
    if kind in _PREFIX:
        return _after(tokens, place + 1)
    if kind is TokenKind.META:
        return _after(tokens, _after(tokens, place + 1))
    place += 1
    if kind in _OPEN:
        while tokens[place].kind not in _CLOSE:
            place = _after(tokens, place)
        place += 1
    return place
