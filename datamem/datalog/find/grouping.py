"""Grouping: aggregates of what the clauses bound, a row for each combination of the other elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.column import Column, ObjectColumn
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import print_value
from datamem.datalog.execute.components import join_components
from datamem.datalog.execute.context import Context
from datamem.datalog.faults import near, query_error
from datamem.datalog.find.aggregates import AGGREGATES, Groups, count_rows, vector_aggregate
from datamem.datalog.find.find import bounds, element_names, find_column, numbered, ordering
from datamem.datalog.find.paging import (
    ranks,
    value_ranks,
)
from datamem.datalog.functions.comparison import truthy
from datamem.datalog.functions.registry import find_function, of_callable
from datamem.datalog.resolve.describe import describe_find
from datamem.datalog.syntax import (
    Aggregate,
    Constant,
    FindElement,
    Query,
    SourceName,
    Variable,
)
from datamem.errors import DatamemError


def is_grouped(query: Query) -> bool:
    """Tell whether a query aggregates."""
    asked = [*query.find.elements, *query.having, *(item.key for item in query.order_by)]
    return any(isinstance(element, Aggregate) for element in asked)


def grouped_columns(
    components: Sequence[Relation] | None, context: Context
) -> tuple[list[Column], int]:
    """Return the columns of a query that aggregates, a row a group, ordered and cut, and their length."""
    query = context.resolved.query
    elements = list(query.find.elements)
    everything = [*elements, *query.having, *(item.key for item in query.order_by)]
    names = element_names([e for e in everything if not isinstance(e, int)])
    names = [name for name in names if not _is_callable(name, context)]
    extra = [v.name for v in query.with_variables if v.name not in names]
    rows = join_components(components, [*names, *extra], context)
    if query.after is not None:
        raise query_error(
            ":after continues rows, and a query with aggregates gives groups",
            code="query/bad-cursor",
            hint="use :offset, or order and limit the rows before they are aggregated",
            text=context.text,
        )
    keys = element_names([e for e in elements if not isinstance(e, Aggregate)])
    key_columns = [rows.column(name) for name in keys]
    ids, head_columns, sizes = kernels.key_groups(key_columns, rows.size)
    if not keys and not rows.size and any(map(_has_default, elements)):
        sizes = np.zeros(1, np.int64)
    groups = Groups(ids, sizes)
    count = groups.count
    heads = Relation(keys, head_columns, [rows.domain(name) for name in keys], count)
    columns: list[Column] = []
    for element in elements:
        if isinstance(element, Aggregate):
            values = _aggregate(element, rows, groups, heads, context)
            columns.append(ObjectColumn(describe_find(element), values))
        else:
            columns.append(find_column(element, heads, context))
    kept = _having(query, rows, groups, heads, context)
    order = _aggregate_order(query, elements, columns, rows, groups, heads, context)
    at = order if kept is None else order[kept[order]]
    start, stop = bounds(len(at), query, context)
    at = at[start:stop]
    if len(at) == count and bool((at == np.arange(count)).all()):
        return columns, count
    return [column.take(at) for column in columns], len(at)


def _has_default(element: Any) -> bool:
    """Tell whether an element says what it is over no rows at all."""
    if not isinstance(element, Aggregate):
        return False
    return element.default is not None or any(map(_has_default, element.args))


def _is_callable(name: str, context: Context) -> bool:
    return callable(context.given.get(name))


def _having(
    query: Query, rows: Relation, groups: Groups, heads: Relation, context: Context
) -> Any:
    kept: Any = None
    for predicate in query.having:
        answers = _aggregate(predicate, rows, groups, heads, context)
        mask = np.array([truthy(answer) for answer in answers], np.bool_)
        kept = mask if kept is None else kept & mask
    return kept


def _aggregate_order(
    query: Query,
    elements: list[FindElement],
    columns: list[Column],
    rows: Relation,
    groups: Groups,
    heads: Relation,
    context: Context,
) -> Any:
    if not query.order_by:
        return np.arange(groups.count)
    keys = []
    for item in query.order_by:
        key = item.key
        if type(key) is int:
            numbered(key, elements, context, item.offset)
            keys.append(value_ranks(columns[key].values()))
        elif isinstance(key, Aggregate):
            keys.append(value_ranks(_aggregate(key, rows, groups, heads, context)))
        elif isinstance(key, Variable) and key in elements:
            keys.append(ranks(heads.column(key.name), heads.domain(key.name)))
        else:
            raise query_error(
                ":order-by of a query with aggregates takes what :find has, or aggregates",
                code="query/bad-order",
                hint=f"a group has many: order by one of them, such as (min {getattr(key, 'name', '?x')})",
                text=context.text,
                offset=item.offset,
            )
    return ordering(keys, query.order_by)


def _aggregate(
    element: Aggregate, rows: Relation, groups: Groups, heads: Relation, context: Context
) -> list[Any]:
    """Return one value per group: an aggregate, or a function of aggregates and keys."""
    name, args = element.function, element.args
    if name == "aggregate" and args and isinstance(args[0], Variable):
        name, args = args[0], args[1:]
    is_constant = not any(isinstance(arg, Variable | Aggregate) for arg in args)
    if not args or (is_constant and name in AGGREGATES):
        raise query_error(
            f"{describe_find(element)} aggregates nothing",
            code="query/arity",
            hint="an aggregate's last argument is a variable: (count ?e)",
            text=context.text,
            offset=element.offset,
        )
    last = args[-1]
    is_known = isinstance(name, Variable) or callable(name) or name in AGGREGATES
    is_nested = any(isinstance(arg, Aggregate) for arg in args)
    if is_known and not is_nested and isinstance(last, Variable):
        constants = [_constant(arg, context, element) for arg in args[:-1]]
        return _aggregate_column(name, constants, last.name, rows, groups, element, context)
    return _function_of(element, rows, groups, heads, context)


def _constant(arg: Any, context: Context, element: Aggregate) -> Any:
    match arg:
        case Constant(value):
            return value
        case Variable(name) if name in context.given:
            return context.given[name]
        case SourceName(name):
            return context.raw_sources[name]
        case _:
            pass
    raise query_error(
        f"{describe_find(arg)} in {describe_find(element)} is neither a constant nor an input",
        code="query/bad-aggregate",
        hint="only the last argument of an aggregate is aggregated"
        if element.function in AGGREGATES
        else f"calculate in :where, [{describe_find(element)} ?x], and find ?x",
        text=context.text,
        offset=element.offset,
    )


def _aggregate_column(
    name: Any,
    constants: list[Any],
    variable: str,
    rows: Relation,
    groups: Groups,
    element: Aggregate,
    context: Context,
) -> list[Any]:
    if isinstance(name, str):
        _check_constants(name, constants, element, context)
    if not rows.size:
        default = element.default
        return [None if default is None else default.value] * groups.count
    column = (rows.column(variable), rows.domain(variable))
    if isinstance(name, str):
        call, _ = AGGREGATES[name]
        if name == "count" and not constants:
            return count_rows(groups)
        if not constants and (found := vector_aggregate(name, column, groups)) is not None:
            return found
        lists = groups.lists(column[1].decode(column[0]))
        return [_called(call, (values, *constants), element, context) for values in lists]
    value = context.given.get(name.name) if isinstance(name, Variable) else name
    if isinstance(value, str) and value in AGGREGATES:
        return _aggregate_column(value, constants, variable, rows, groups, element, context)
    if not callable(value):
        raise query_error(
            f"{describe_find(name)} is {print_value(value)}, which cannot be called",
            code="query/not-a-function",
            hint="give a Python callable, or the name of an aggregate, as the input",
            text=context.text,
            offset=element.offset,
        )
    call = of_callable(value, describe_find(element)).call
    lists = groups.lists(column[1].decode(column[0]))
    return [_called(call, (*constants, values), element, context) for values in lists]


def _check_constants(
    name: str, constants: list[Any], element: Aggregate, context: Context
) -> None:
    """Refuse another number of constants before the variable, and what is no count."""
    most = AGGREGATES[name][1]
    least = int(name == "sample")
    if not least <= len(constants) <= most:
        takes = "a number" if most else "nothing"
        raise query_error(
            f"{name} takes {takes} before its variable, and got {len(constants)}",
            code="query/arity",
            hint=f"({name} 2 ?x)" if most else f"({name} ?x)",
            text=context.text,
            offset=element.offset,
        )
    for value in constants:
        if type(value) is not int or value < 0:
            raise query_error(
                f"{name} needs a count, and got {print_value(value)}",
                code="query/bad-count",
                hint="0, 1, 2 …",
                text=context.text,
                offset=element.offset,
            )


def _called(call: Any, args: tuple[Any, ...], element: Aggregate, context: Context) -> Any:
    try:
        return call(*args)
    except DatamemError as error:
        raise query_error(
            f"{error.message} in {describe_find(element)}",
            code=error.code,
            hint=error.hint,
            text=context.text,
            offset=element.offset,
        ) from error
    except Exception as error:  # whatever a caller's aggregate raises
        raise query_error(
            f"{type(error).__name__}: {error} in {describe_find(element)}",
            code="query/function-failed",
            text=context.text,
            offset=element.offset,
        ) from error


def _function_of(
    element: Aggregate, rows: Relation, groups: Groups, heads: Relation, context: Context
) -> list[Any]:
    """Apply a function to aggregates, keys and constants, group by group."""
    name = element.function
    found = (
        find_function(name, context.functions) if isinstance(name, str) else of_callable(name)
    )
    user = context.functions.get(name) if isinstance(name, str) else None
    last = element.args[-1]
    if user is not None and isinstance(last, Variable) and last.name not in _keys(context):
        constants = [_constant(arg, context, element) for arg in element.args[:-1]]
        return _aggregate_column(user, constants, last.name, rows, groups, element, context)
    if found is None or isinstance(name, Variable):
        raise query_error(
            f"there is no aggregate or function {describe_find(element)}",
            code="query/unknown-aggregate",
            hint="a variable, then the pattern: (pull ?e [*])"
            if name == "pull"
            else near(str(name), AGGREGATES),
            text=context.text,
            offset=element.offset,
        )
    if not found.accepts(len(element.args)):
        raise query_error(
            f"{name} does not take {len(element.args)} arguments, in {describe_find(element)}",
            code="query/arity",
            text=context.text,
            offset=element.offset,
        )
    lists = [_group_values(arg, rows, groups, heads, element, context) for arg in element.args]
    if not rows.size and any(None in values for values in lists):
        return [None if element.default is None else element.default.value] * groups.count
    return [_called(found.call, args, element, context) for args in zip(*lists, strict=True)]


def _keys(context: Context) -> set[str]:
    elements = context.resolved.query.find.elements
    return {element.name for element in elements if isinstance(element, Variable)}


def _group_values(
    arg: Any,
    rows: Relation,
    groups: Groups,
    heads: Relation,
    element: Aggregate,
    context: Context,
) -> list[Any]:
    if isinstance(arg, Aggregate):
        return _aggregate(arg, rows, groups, heads, context)
    if isinstance(arg, Variable) and arg.name in _keys(context):
        return heads.domain(arg.name).decode(heads.column(arg.name))
    return [_constant(arg, context, element)] * groups.count
