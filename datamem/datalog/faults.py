"""Errors of queries: where in the text, what was meant, and which names are near."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from datamem.errors import QueryError


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
    return f"{line}\n{' ' * column}^"


def query_error(
    message: str,
    *,
    code: str,
    hint: str | None = None,
    text: str | None = None,
    offset: int = -1,
    **data: Any,
) -> QueryError:
    """Make a QueryError, with line, column and caret where the query was text."""
    if text is not None and offset >= 0:
        line, column = position(text, offset)
        data |= {"line": line, "column": column, "offset": offset}
        message = f"{message}, at line {line}, column {column}\n{excerpt(text, offset)}"
    return QueryError(message, code=code, hint=hint, **data)


syntax_error = query_error


def near(name: str, known: Iterable[str]) -> str | None:
    """Return "did you mean …?" for an unknown name, or None where nothing is near."""
    names = list(dict.fromkeys(str(item) for item in known))
    found = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(found)}?" if found else None
