"""What a form that was typed means: a query, a transaction, or an entity to look at."""

from __future__ import annotations

from enum import Enum
from typing import Any


class Meaning(Enum):
    """What to do with a form."""

    QUERY = "query"
    TRANSACTION = "transaction"
    ENTITY = "entity"


def meaning_of(text: str) -> Meaning:
    """Return what a form means, or raise where it can mean nothing.

    A vector or map with `:find` is a query; a vector of maps and vectors, or a map of attributes, is
    a transaction; an id, an ident or a lookup ref names an entity.

    Raises:
        EdnError: where the text is no EDN.
        DatamemError: `repl/no-meaning`.

    Example:
        >>> [
        ...     meaning_of(t).value
        ...     for t in ["[:find ?e]", "[{:a 1}]", '[:user/name "Ada"]', "17"]
        ... ]
        ['query', 'transaction', 'entity', 'entity']
    """
    head = text.lstrip()
    if head.startswith("{"):
        return Meaning.QUERY if ":find" in head else Meaning.TRANSACTION
    if head.startswith("[") and head[1:].lstrip().startswith(":find"):
        return Meaning.QUERY
    return _meaning_of_form(text)


def _meaning_of_form(text: str) -> Meaning:
    from datamem.edn import Keyword, read

    form: Any = read(text)
    if isinstance(form, int | Keyword) and not isinstance(form, bool):
        return Meaning.ENTITY
    if isinstance(form, list) and form:
        if isinstance(form[0], Keyword) and len(form) == 2:
            return Meaning.ENTITY
        if all(isinstance(item, dict | list) or hasattr(item, "items") for item in form):
            return Meaning.TRANSACTION
    from datamem.errors import DatamemError

    raise DatamemError(
        f"{text.strip()[:60]} is neither a query, nor a transaction, nor an entity",
        code="repl/no-meaning",
        hint=r"[:find …] asks, [{…}] transacts, 17 or [:user/name \"Ada\"] looks; \help shows more",
    )
