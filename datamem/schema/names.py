"""Names as people write them: idents with and without colon, reverse attributes, near misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamem.edn import Keyword
from datamem.errors import EdnError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable


def ident_of(name: str) -> Keyword:
    """Return the keyword of an ident written with or without its colon.

    Raises:
        SchemaError: `schema/bad-name`, when no keyword is written so.
    """
    try:
        return Keyword(name)
    except EdnError as error:
        raise SchemaError(
            f"{name!r} is no name of an attribute",
            code="schema/bad-name",
            hint="write namespace/name, as in message/role or :message/role",
            name=name,
        ) from error


def forward_of(name: str) -> str | None:
    """Return the attribute that a reverse name such as `:memory/_parent` turns round, or None."""
    namespace, slash, last = name.rpartition("/")
    if last[:1] != "_" or not slash:
        return None
    return f"{namespace}/{last[1:]}"


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return at most three of `known` that look like `name`, the nearest first."""
    full = name if name.startswith(":") else f":{name}"
    from difflib import get_close_matches  # for errors only

    return get_close_matches(full, known, n=3, cutoff=0.6)


def unknown_attribute_error(name: str, known: Iterable[str]) -> SchemaError:
    """Return the refusal of an attribute that a schema does not name."""
    full = name if name.startswith(":") else f":{name}"
    near = near_names(full, known)
    return SchemaError(
        f"{full} is not an attribute of this schema",
        code="schema/unknown-attribute",
        hint=f"did you mean {' or '.join(near)}?" if near else "declare it in the schema first",
        attribute=full,
        near=near,
    )
