"""Errors of queries: where in the text, what was meant, and which names are near."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, Self

from datamem.errors import DatamemError, QueryError

_MADE_NAME: Final = re.compile(r"(\?[^\s#()\[\]{},]*)#\d+")
"""A local variable as it was renamed: `?x#2` for `?x`."""


_ALIKE: Final = 0.5


class Place(int):
    """An offset in a text of its own: rules are not in the query's text."""

    text: str

    @classmethod
    def of(cls, offset: int, text: str) -> Self:
        """Return a place."""
        place = cls(offset)
        place.text = text
        return place


def as_written(text: str) -> str:
    """Return a text with variables named as their author named them."""
    return _MADE_NAME.sub(r"\1", text)


def position(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column, both from 1, of an offset."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def excerpt(text: str, offset: int) -> str:
    """Return the line that holds the offset, with a caret below the place."""
    start = text.rfind("\n", 0, offset) + 1
    stop = text.find("\n", offset)
    line = text[start : len(text) if stop < 0 else stop]
    column = offset - start
    if len(line) > 100:
        cut = max(0, column - 50)
        line, column = line[cut : cut + 100], column - cut
    before = "".join(char if char == "\t" else " " for char in line[:column].ljust(column))
    return f"{line}\n{before}^"


def query_error(
    message: str,
    *,
    code: str,
    hint: str | None = None,
    text: str | None = None,
    offset: int = -1,
    **data: Any,
) -> QueryError:
    """Make a QueryError, with line, column and caret where the query, or its rules, were text."""
    message, hint = as_written(message), None if hint is None else as_written(hint)
    data = {k: as_written(v) if isinstance(v, str) else v for k, v in data.items()}
    if isinstance(offset, Place):
        text = offset.text
    if text is not None and offset >= 0:
        line, column = position(text, offset)
        data |= {"line": line, "column": column, "offset": int(offset)}
        message = f"{message}, at line {line}, column {column}\n{excerpt(text, offset)}"
    return QueryError(message, code=code, hint=hint, **data)


syntax_error = query_error


def placed(
    error: DatamemError, text: str | None, offset: int = -1, *, of: str = ""
) -> QueryError:
    """Return what a lower layer refused as an error of the query: at its place, or of an input by name."""
    message = f"the input {of}: {error.message}" if of else error.message
    return query_error(
        message, code=error.code, hint=error.hint, text=text, offset=offset, **error.data
    )


def near(name: str, known: Iterable[str]) -> str | None:
    """Return "did you mean …?" for an unknown name, or None where nothing is near.

    Of names with a namespace, what follows it has to be near too: most attributes share theirs.
    """
    names = list(dict.fromkeys(str(item) for item in known))
    import difflib  # for errors only

    found = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if not found:
        found = [known for known in names if known.lower() == str(name).lower()]
    space, slash, local = str(name).rpartition("/")
    if space and slash:
        found = [
            other for other in found if _likeness(local, other.rpartition("/")[2]) > _ALIKE
        ]
    if not found:
        return None
    asked = f"did you mean {' or '.join(found)}"
    return asked if asked.endswith("?") else f"{asked}?"


def _likeness(one: str, other: str) -> float:
    import difflib  # for errors only

    return difflib.SequenceMatcher(None, one, other).ratio()
