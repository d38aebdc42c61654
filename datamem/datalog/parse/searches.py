"""Search clauses: their names, their columns, and calls of them as clauses of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from datamem.datalog.faults import query_error
from datamem.datalog.syntax import (
    Argument,
    BindCollection,
    BindIgnore,
    Binding,
    BindScalar,
    BindTuple,
    Constant,
    Search,
    SourceName,
    Variable,
)

SEARCHES: Final[Mapping[str, tuple[str, ...]]] = {
    "vector/search": ("e", "score", "v", "tx"),
    "vec-neighbors": ("e", "v", "score", "tx"),
    "fulltext": ("e", "v", "tx", "score"),
    "hybrid": ("e", "score"),
}
"""The columns of each search, in the order in which a binding takes them; a hybrid one may have more."""

_ALIASES: Final = {"top": "k"}


def search_clause(
    name: str, args: Sequence[Any], binding: Binding, offset: int, text: str | None
) -> Search:
    """Return a call of a search as a clause of its own.

    Raises:
        QueryError: `query/search-binding` for a binding that takes no rows, or too many columns.
    """
    source = "$"
    if args and isinstance(args[0], SourceName):
        source, args = args[0].name, args[1:]
    positional, options = _split(args)
    outputs = _outputs(name, binding, offset, text)
    return Search(name, source, positional, options, outputs, (), offset)


def _split(
    args: Sequence[Any],
) -> tuple[tuple[Argument, ...], tuple[tuple[str, Argument], ...]]:
    """Take the options map apart, so that its variables are arguments like the others."""
    if not args or not isinstance(args[-1], Constant) or not isinstance(args[-1].value, dict):
        return tuple(args), ()
    options = []
    for key, value in args[-1].value.items():
        variable = getattr(value, "variable", None)
        given = variable if isinstance(variable, Variable) else Constant(value, args[-1].offset)
        options.append((option_name(key), given))
    return tuple(args[:-1]), tuple(options)


def option_name(key: Any) -> str:
    """Return the name of an option as Python writes it: `:min-score` is `min_score`."""
    name = str(key).removeprefix(":").replace("-", "_")
    return _ALIASES.get(name, name)


def _outputs(
    name: str, binding: Binding, offset: int, text: str | None
) -> tuple[Variable | None, ...]:
    columns = SEARCHES[name]
    match binding:
        case BindCollection(BindTuple(items)) if all(
            isinstance(item, BindScalar | BindIgnore) for item in items
        ):
            if name == "hybrid" or len(items) <= len(columns):
                return tuple(
                    item.variable if isinstance(item, BindScalar) else None for item in items
                )
        case _:
            pass
    shown = " ".join(f"?{column}" for column in columns)
    raise query_error(
        f"({name} …) gives rows of {len(columns)} columns, which this binding does not take",
        code="query/search-binding",
        hint=f"[({name} …) [[{shown}]]], or fewer columns from the left",
        text=text,
        offset=offset,
    )
