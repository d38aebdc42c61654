"""What a query needs of a session: values for its inputs, and attributes that exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datamem_cli.repl.scan import Kind, pieces


def inputs_of(query: str, variables: Mapping[str, Any]) -> list[Any]:
    """Return the values for a query's `:in`, in its order, without the database itself.

    A binding of several variables takes the value of its first one.

    Raises:
        DatamemError: `repl/unbound-input`; `query/…` where the text is no query.

    Example:
        >>> inputs_of(
        ...     "[:find ?m :in $ ?who [?kind ...] :where [?m]]", {"?who": 1, "?kind": [2]}
        ... )
        [1, [2]]
    """
    if ":in" not in query:
        return []
    from datamem.datalog.parse import parse_query

    names = [_name(item) for item in parse_query(query).inputs]
    return [_value(name, variables) for name in names if name != "$"]


def _name(item: Any) -> str:
    from datamem.datalog.syntax import BindIgnore, RulesInput, SourceName, binding_variables

    if isinstance(item, SourceName):
        return item.name
    if isinstance(item, RulesInput):
        return "%"
    first = None if isinstance(item, BindIgnore) else next(binding_variables(item), None)
    return "_" if first is None else first.name


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        from datamem.errors import DatamemError

        raise DatamemError(
            f"the query takes {name}, which has no value in this session",
            code="repl/unbound-input",
            hint=rf"give it one: \let {name} VALUE",
            variable=name,
        )
    return variables[name]


def unknown_attributes(query: str, schema: Any) -> Iterator[str]:
    """Yield a hint for each keyword of a query that resembles an attribute and is none.

    An open database answers such a query with no rows, since the attribute may come yet.
    """
    from datamem.datalog.faults import near

    known = [str(attribute.ident) for attribute in schema]
    words = {
        piece.text.replace("/_", "/") for piece in pieces(query) if piece.kind is Kind.KEYWORD
    }
    for word in sorted(words.difference(known)):
        hint = near(word, known) if "/" in word else None
        if hint is not None:
            yield f"note: no attribute is called {word}; {hint}"
