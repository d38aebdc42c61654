"""Components: relations with disjoint variables, multiplied and joined only where something needs both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from datamem.datalog.columns.relation import (
    TRUE,
    Join,
    Relation,
    common_domain,
    empty,
    matching,
)
from datamem.datalog.execute.context import Context
from datamem.datalog.resolve.steps import (
    Step,
)

_WORTH_TRIMMING: Final = 64


def join_components(
    components: Sequence[Relation] | None, names: Sequence[str], context: Context
) -> Relation:
    """Return the distinct rows of some variables of a conjunction's result.

    Components that have none of the variables only have to have a row.
    """
    if components is None:
        return empty(names, context.domains.integer)
    wanted = [c for c in components if not set(names).isdisjoint(c.names)]
    result = TRUE
    for component in sorted(wanted, key=len):
        part = component.project([name for name in component.names if name in names])
        context.check_size(result.size * part.size, "the product of unrelated clauses")
        result = part if result is TRUE else Join(result, part).rows()
    return result.project(names)


def trim(relation: Relation, needed: frozenset[str] | None) -> Relation:
    """Drop the variables that nobody will look at (all are needed where `needed` is None): a step is about to multiply the rows."""
    if needed is None or relation.size < _WORTH_TRIMMING or needed.issuperset(relation.names):
        return relation
    return relation.project([name for name in relation.names if name in needed])


def multiply(linked: list[Relation], context: Context, step: Step) -> Relation:
    """Multiply the components that a step needs in one relation."""
    result = TRUE
    for component in sorted(linked, key=len):
        context.check_size(result.size * component.size, step)
        result = component if result is TRUE else Join(result, component).rows()
    return result


def join_last(parts: list[Relation], context: Context, step: Step) -> Relation:
    """Join the last relation with each before it, and check each size before making its rows."""
    *linked, result = parts
    for component in linked:
        if set(result.names) <= set(component.names):
            result = component.keep(matching(component, result))
            continue
        join = Join(component, result)
        context.check_size(join.size, step)
        result = join.rows()
    return result


def project_on(
    linked: Sequence[Relation], names: Sequence[str] | frozenset[str]
) -> list[Relation]:
    """Project components on some variables: what nested scopes are given."""
    return [
        c.project([name for name in c.names if name in names])
        for c in linked
        if not set(names).isdisjoint(c.names)
    ]


def append_rows(first: Relation, second: Relation) -> Relation:
    """Put two relations of the same variables, without common rows, one after the other."""
    columns, domains = [], []
    for name in first.names:
        domain = common_domain([first.domain(name), second.domain(name)])
        parts = [r.domain(name).cast(r.column(name), domain)[0] for r in (first, second)]
        columns.append(np.concatenate(parts))
        domains.append(domain)
    return Relation(first.names, columns, domains, first.size + second.size)
