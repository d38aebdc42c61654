"""Finding: from what the clauses bound to what `:find`, `:with`, `:having` and `:order-by` ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.column import Column, ObjectColumn, WordColumn
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import print_value
from datamem.datalog.execute.components import join_components
from datamem.datalog.execute.context import Context
from datamem.datalog.faults import placed, query_error
from datamem.datalog.find.paging import (
    Place,
    cursor_of,
    ordered_rows,
    rows_after,
)
from datamem.datalog.parse.check import element_variables
from datamem.datalog.resolve.describe import describe_find
from datamem.datalog.syntax import (
    FindElement,
    OrderItem,
    Pull,
    Query,
    Variable,
)
from datamem.errors import DatamemError


def element_names(elements: Sequence[Any]) -> list[str]:
    """Return the variables of find elements, each once."""
    names = [v.name for element in elements for v in element_variables(element)]
    return list(dict.fromkeys(names))


def find_columns(
    components: Sequence[Relation] | None, context: Context
) -> tuple[list[Column], int]:
    """Return the columns that `:find` asks for, ordered and cut, and their length."""
    query = context.resolved.query
    elements = list(query.find.elements)
    names = element_names(elements)
    extra = [v.name for v in query.with_variables if v.name not in names]
    order = _places(query, elements, context)
    sorted_by = [p.name for p in order if p.name not in names and p.name not in extra]
    rows = join_components(
        components, list(dict.fromkeys([*names, *extra, *sorted_by])), context
    )
    if query.is_paged:
        known = {place.name for place in order}
        others = [name for name in [*names, *extra] if name not in known]
        order += [Place(name, descending=False) for name in others]
    if order:
        rows = rows.take(ordered_rows(rows, order))
        if sorted_by:
            rows = _first_of_each(rows, [*names, *extra])
    if (token := _after(query, context)) is not None:
        rows = rows.keep(rows_after(rows, order, token, context.text))
    start, stop = bounds(rows.size, query, context)
    if query.is_paged and start < stop < rows.size:
        context.cursor = cursor_of(rows, stop - 1, order)
    if (start, stop) != (0, rows.size):
        rows = rows.take(np.arange(start, stop))
    columns = [find_column(element, rows, context) for element in elements]
    return columns, rows.size


def _after(query: Query, context: Context) -> Any:
    if isinstance(query.after, Variable):
        return context.given.get(query.after.name)
    return query.after


def _first_of_each(rows: Relation, names: list[str]) -> Relation:
    """Keep the first row of each distinct combination, in order."""
    groups, firsts, _ = kernels.group_rows([rows.column(name) for name in names], rows.size)
    del groups
    return rows.take(np.sort(firsts))


def number(value: Any, what: str, context: Context) -> int | None:
    """Return a count that is a constant or an input variable."""
    if isinstance(value, Variable):
        value = context.given.get(value.name)
    if value is None or (type(value) is int and value >= 0):
        return value
    raise query_error(
        f"{what} needs a count, and got {print_value(value)}",
        code="query/bad-count",
        hint="0, 1, 2 …",
        text=context.text,
    )


def bounds(size: int, query: Query, context: Context) -> tuple[int, int]:
    """Return where the rows that `:offset` and `:limit` leave begin and end."""
    offset = number(query.offset, ":offset", context) or 0
    limit = number(query.limit, ":limit", context)
    stop = size if limit is None else min(size, offset + limit)
    return min(offset, stop), stop


def find_column(element: FindElement, rows: Relation, context: Context) -> Column:
    """Return the column of a variable or of a pull."""
    match element:
        case Variable(name):
            return WordColumn(name, rows.column(name), rows.domain(name))
        case Pull():
            return ObjectColumn(describe_find(element), pulled(element, rows, context))
        case _:
            pass
    raise AssertionError(element)


def pulled(element: Pull, rows: Relation, context: Context) -> list[Any]:
    """Return the pulled maps of a column of entities, each distinct entity pulled once."""
    db = context.raw_sources[element.source]
    pattern = element.pattern
    if isinstance(pattern, Variable):
        pattern = context.given.get(pattern.name)
    name = element.variable.name
    words, mask = rows.domain(name).cast(rows.column(name), context.domains.integer)
    few, places = kernels.map_distinct(words)
    try:
        maps = db.pull_many(pattern, few.tolist())
    except DatamemError as error:
        raise placed(error, context.text, element.offset) from None
    return [
        maps[place] if known else None
        for place, known in zip(places.tolist(), mask.tolist(), strict=True)
    ]


def _places(query: Query, elements: list[FindElement], context: Context) -> list[Place]:
    """Return the variables that order rows."""
    return [
        Place(_order_variable(item, elements, context).name, item.descending)
        for item in query.order_by
    ]


def _order_variable(item: OrderItem, elements: list[FindElement], context: Context) -> Variable:
    key = item.key
    if type(key) is int:
        element = numbered(key, elements, context, item.offset)
        key = element if isinstance(element, Variable) else key
    if isinstance(key, Variable):
        return key
    raise query_error(
        "only variables and aggregates can order rows",
        code="query/bad-order",
        hint="order by a variable of :where, which need not be found",
        text=context.text,
        offset=item.offset,
    )


def numbered(
    index: int, elements: Sequence[FindElement], context: Context, offset: int
) -> FindElement:
    """Return the find element that `:order-by` names by number."""
    if 0 <= index < len(elements):
        return elements[index]
    raise query_error(
        f":order-by names column {index}, and there are {len(elements)}",
        code="query/bad-order",
        hint="columns count from 0",
        text=context.text,
        offset=offset,
    )


def ordering(keys: list[Any], items: Sequence[OrderItem]) -> Any:
    """Return the permutation that puts keys in order, int64[n] each."""
    signed = [~key if item.descending else key for key, item in zip(keys, items, strict=True)]
    return np.lexsort(tuple(signed[::-1]))
