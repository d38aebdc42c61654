"""Binding: values, one per row of a relation, become new columns or must equal existing ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain, Domains
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import normal
from datamem.datalog.faults import query_error
from datamem.datalog.parse.check import binding_shape
from datamem.datalog.resolve.describe import describe_binding
from datamem.datalog.syntax import (
    BindCollection,
    BindIgnore,
    Binding,
    BindScalar,
    BindTuple,
)

_ROW: Final = "\0row"


class BindMismatch(Exception):  # noqa: N818  # callers turn it into a QueryError with a place
    """A value that does not have the shape its binding needs."""

    def __init__(self, binding: Binding, value: Any) -> None:
        super().__init__(
            f"{describe_binding(binding)} takes {binding_shape(binding)}, and the value is {value!r}"
        )
        self.binding = binding


def bind_values(
    relation: Relation,
    values: Sequence[Any],
    binding: Binding,
    domains: Domains,
    *,
    keep_nil: bool = False,
) -> Relation:
    """Bind one value per row.

    Args:
        relation: rows so far.
        values: one a row.
        binding: which variables the value, or its parts, become.
        domains: the query's.
        keep_nil: nil is a value; else it drops its row.

    Raises:
        BindMismatch: a value is not what the binding takes apart.
    """
    if not keep_nil and any(value is None for value in values):
        keep = [i for i, value in enumerate(values) if value is not None]
        relation = relation.take(np.array(keep, np.int64)).sorted_as(relation)
        values = [values[i] for i in keep]
    match binding:
        case BindScalar(variable):
            words, domain = domains.column([normal(value) for value in values])
            return bind_column(relation, variable.name, words, domain)
        case BindIgnore():
            return relation
        case BindTuple(items):
            return _bind_tuple(relation, values, items, binding, domains)
        case BindCollection(item):
            return _bind_collection(relation, values, item, binding, domains)


def bind_repeated(
    relation: Relation, values: Sequence[Any], groups: Int64Array, name: str, domains: Domains
) -> Relation:
    """Bind few values of many rows: what `bind_values` does with a scalar, once for each value.

    Args:
        relation: rows so far.
        values: nil drops its rows.
        groups: int64[n], which value each row has.
        name: the variable.
        domains: the query's.
    """
    known = np.array([value is not None for value in values], np.bool_)
    words, domain = domains.column([normal(value) for value in values if value is not None])
    table = np.zeros(len(values), np.int64)
    table[known] = words
    if not bool(known.all()):
        mask = known[groups]
        relation, groups = relation.keep(mask), groups[mask]
    return bind_column(relation, name, table[groups], domain)


def bind_column(relation: Relation, name: str, words: Int64Array, domain: Domain) -> Relation:
    """Add a column, or keep the rows where the column that is there has equal values."""
    if name not in relation.names:
        return relation.with_column(name, words, domain)
    joined = relation.with_column(_ROW, words, domain)
    common = relation.domain(name)
    if common is not domain:
        from datamem.datalog.columns.domains import unify  # rare

        target = unify(common, domain)
        joined = joined.cast(name, target).cast(_ROW, target)
    kept = joined.keep(joined.column(name) == joined.column(_ROW))
    return kept.select(relation.names)


def _bind_tuple(
    relation: Relation,
    values: Sequence[Any],
    items: Sequence[Binding],
    binding: Binding,
    domains: Domains,
) -> Relation:
    for value in values:
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) < len(items):
            raise BindMismatch(binding, value)
    position = _position_name(relation)
    numbered = relation.with_column(position, np.arange(relation.size), domains.integer)
    for i, item in enumerate(items):
        rows = numbered.column(position).tolist()
        parts = [values[row][i] for row in rows]
        numbered = bind_values(numbered, parts, item, domains, keep_nil=True)
    return numbered.select([name for name in numbered.names if name != position])


def _position_name(relation: Relation) -> str:
    depth = sum(name.startswith(_ROW) for name in relation.names)
    return f"{_ROW}{depth}#"


def _bind_collection(
    relation: Relation,
    values: Sequence[Any],
    item: Binding,
    binding: Binding,
    domains: Domains,
) -> Relation:
    flat: list[Any] = []
    counts = []
    for value in values:
        before = len(flat)
        if value is not None:
            flat.extend(_items(value, binding))
        counts.append(len(flat) - before)
    rows = np.repeat(np.arange(len(counts)), np.array(counts, np.int64))
    bound = bind_values(relation.take(rows), flat, item, domains, keep_nil=True)
    if not bound.names or not bound.size:
        return bound
    columns = kernels.distinct_rows(bound.columns)
    return Relation(bound.names, columns, bound.domains, len(columns[0]))


def _items(value: Any, binding: Binding) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, str | bytes):
        raise BindMismatch(binding, value)
    if isinstance(value, Sequence):
        return value
    if isinstance(value, AbstractSet) or hasattr(value, "__iter__"):
        return list(value)
    raise BindMismatch(binding, value)


def mismatch_error(error: BindMismatch, what: str, text: str | None, offset: int) -> Exception:
    """Return the QueryError of a mismatch."""
    return query_error(
        f"{what}: {error}",
        code="query/binding-shape",
        hint=_BINDING_HINTS.get(type(error.binding)),
        text=text,
        offset=offset,
    )


_BINDING_HINTS: Final = {
    BindCollection: "?x takes one value, [?x ...] a list of them, [[?x ?y]] a list of lists",
    BindTuple: "[?x ?y] takes one list with a value each, [[?x ?y]] a list of such lists",
}
