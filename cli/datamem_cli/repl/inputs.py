"""The inputs of a query from the variables of a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def inputs_of(query: str, variables: Mapping[str, Any]) -> list[Any]:
    """Return the values for a query's `:in`, in its order, without the first, the database itself.

    A binding of several variables takes the value of its first one, a plain name that of `?name`.

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
    from datamem.datalog.parse.parse import parse_query

    names = [_name(item) for item in parse_query(query).inputs]
    return [_value(name, variables) for name in names[1:]]


def _name(item: Any) -> str:
    from datamem.datalog.syntax import BindIgnore, RulesInput, SourceName, binding_variables

    if isinstance(item, SourceName):
        return item.name
    if isinstance(item, RulesInput):
        return "%"
    first = None if isinstance(item, BindIgnore) else next(binding_variables(item), None)
    return "_" if first is None else f"?{first.name.removeprefix('?')}"


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name == "_":
        return None
    if name not in variables:
        from datamem.errors import DatamemError

        raise DatamemError(
            f"the query takes {name}, which has no value in this session",
            code="repl/unbound-input",
            hint=rf"give it one: \let {name} VALUE",
            variable=name,
        )
    return variables[name]
