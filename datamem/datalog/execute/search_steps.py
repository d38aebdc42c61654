"""Running search steps: whom to search among, how wide, and hits as a relation.

A search that clauses narrow is answered in one of two ways, which give the same answer. Where the
clauses select few entities, they are answered first and the search looks among these. Where they
select many, the search fetches a few more than it was asked for, and the clauses are asked about those
alone; if too few are left it fetches more, and in the end falls back on the first way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain, double_words
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import Join, Relation, empty, union
from datamem.datalog.execute.bind import bind_column
from datamem.datalog.execute.components import join_components
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.execute import run_scope
from datamem.datalog.execute.plan import estimate, touched
from datamem.datalog.execute.search_calls import argument_names, calls_of
from datamem.datalog.execute.sources import DatabaseSource
from datamem.datalog.parse.searches import SEARCHES
from datamem.datalog.resolve.steps import NotStep, OptionalStep, PredicateStep, SearchStep
from datamem.schema.types import ValueType

_FEW: Final = 512
"""Clauses that select no more than this are answered before the search."""

_WIDEST: Final = 2048
"""No search fetches more than this in the hope that enough of it is left."""

_MARGIN: Final = 1.5


def run_search(
    step: SearchStep, params: Sequence[Relation], context: Context
) -> tuple[Relation, str]:
    """Return what a search finds, joined with the clauses that narrow it, and how it was done.

    Args:
        step: the search.
        params: the values of its parameters, in relations with disjoint variables.
        context: the execution.
    """
    given = [*_inputs(step, context), *params]
    if any(relation.size == 0 for relation in given):
        return _nothing(step, context), "search"
    if not _is_narrowed(step, given):
        keys = join_components(given, _keys(step, given), context)
        found = [call(None) for call in calls_of(step, keys, context)]
        return _joined(step, keys, keys, found, context), "search"
    if _is_wide(step, given, context):
        wide = _over_fetched(step, given, context)
        if wide is not None:
            return wide, "search, then clauses"
    return _searched_among(step, given, context), "clauses, then search"


def _keys(step: SearchStep, given: Iterable[Relation]) -> list[str]:
    """Return the variables whose every combination is a search of its own."""
    known = {name for relation in given for name in relation.names}
    return sorted((argument_names(step) | step.params) & known)


def _inputs(step: SearchStep, context: Context) -> list[Relation]:
    """Return the relations of `:in` that the search or its clauses look at."""
    if not step.inputs:
        return []
    kept: list[Relation] = []
    for relation in context.inputs:
        names = [name for name in relation.names if name in step.inputs]
        if names:
            kept.append(relation.project(names))
    return kept


def _is_narrowed(step: SearchStep, given: Iterable[Relation]) -> bool:
    return bool(step.scope.steps) or any(step.outputs[0] in r.names for r in given)


def _nothing(step: SearchStep, context: Context) -> Relation:
    return empty(sorted(step.provides | step.requires), context.domains.integer)


def _is_wide(step: SearchStep, given: Sequence[Relation], context: Context) -> bool:
    """Tell whether the clauses seem to select too many entities to be answered first.

    REQUIRES of over-fetching: a ranking that does not depend on who is in it, one search, and an
    entity that is not given.
    """
    if step.name == "hybrid" or any(step.outputs[0] in r.names for r in given):
        return False
    size = 1
    for relation in given:
        size *= relation.size
    bound = frozenset(name for relation in given for name in relation.names)
    if size != 1 or not argument_names(step) <= bound:
        return False
    sizes = [
        estimate(nested, touched(nested, given), context, bound).rows
        for nested in step.scope.steps
        if nested.requires <= bound
        and not isinstance(nested, PredicateStep | NotStep | OptionalStep)
    ]
    return min(sizes, default=_FEW + 1) > _FEW


def _over_fetched(
    step: SearchStep, given: Sequence[Relation], context: Context
) -> Relation | None:
    """Search wider until enough hits satisfy the clauses; None where that takes too long."""
    keys = join_components(given, _keys(step, given), context)
    call = calls_of(step, keys, context)[0]
    fetch = 2 * call.k
    while fetch <= _WIDEST:
        found = call(None, k=fetch)
        base = _answered(step, given, kernels.distinct(found[0]), context)
        kept = np.isin(found[0], _entities(step, base, context))
        count = int(np.count_nonzero(kept))
        if count >= call.k or len(kept) < fetch:
            best = np.flatnonzero(kept)[: call.k]
            top = tuple(column[best] for column in found)
            return _joined(step, base, keys, [top], context)
        fetch = max(2 * fetch, int(_MARGIN * fetch * call.k / max(count, 1)))
    return None


def _searched_among(step: SearchStep, given: Sequence[Relation], context: Context) -> Relation:
    """Answer the clauses, then search among the entities that they allow."""
    candidates = None
    entity = str(step.outputs[0])
    is_bound = any(entity in nested.provides for nested in step.scope.steps)
    if not is_bound and not any(entity in relation.names for relation in given):
        candidates = _everybody(step, context)
    base = _answered(step, given, candidates, context)
    if not base.size:
        return _nothing(step, context)
    keys = base.project(sorted((argument_names(step) | step.params) & set(base.names)))
    calls = calls_of(step, keys, context)
    entities = _entities(step, base, context)
    single = len(calls) == 1
    among = [kernels.distinct(entities)] if single else _per_key(base, keys, entities)
    found = [call(es) for call, es in zip(calls, among, strict=True)]
    return _joined(step, base, keys, found, context)


def _entities(step: SearchStep, base: Relation, context: Context) -> Int64Array:
    """Return the entity of each row, int64[n]; no entity where the row holds something else."""
    entity = str(step.outputs[0])
    words, known = base.domain(entity).cast(base.column(entity), context.domains.integer)
    return np.where(known, words, -1)


def _per_key(base: Relation, keys: Relation, entities: Int64Array) -> list[Int64Array]:
    """Return the candidates of each row of `keys`, int64[n] ascending and distinct."""
    position = "\0key"
    numbered = keys.with_column(position, np.arange(keys.size), keys.domains[0])
    rows = base.select(keys.names).with_column("\0row", np.arange(base.size), keys.domains[0])
    joined = Join(rows, numbered).rows()
    numbers = joined.column(position)
    es = entities[joined.column("\0row")]
    return [kernels.distinct(es[numbers == i]) for i in range(keys.size)]


def _answered(
    step: SearchStep,
    given: Sequence[Relation],
    candidates: Int64Array | None,
    context: Context,
) -> Relation:
    """Return the rows of the clauses and of what is given, for some entities or for all."""
    entity = str(step.outputs[0])
    parts = list(given)
    if candidates is not None:
        integer = context.domains.integer
        parts.append(Relation((entity,), (candidates,), (integer,), len(candidates), entity))
    found = run_scope(step.scope, parts, context)
    names = set(step.scope.provides) | {n for r in parts for n in r.names}
    return join_components(found, sorted(names), context)


def _everybody(step: SearchStep, context: Context) -> Int64Array:
    """Return every entity that any search could find, int64[n] ascending."""
    source = context.sources[step.source]
    assert isinstance(source, DatabaseSource)
    searched = [a for a in source.db.schema if a.vector is not None or a.fulltext]
    columns = [source.db.rows(a=attribute.id).e for attribute in searched]
    return kernels.distinct(np.concatenate(columns)) if columns else np.empty(0, np.int64)


def _joined(
    step: SearchStep,
    base: Relation,
    keys: Relation,
    found: Sequence[Sequence[Any]],
    context: Context,
) -> Relation:
    """Join the rows of the clauses with the hits of each search; `found[i]` is of `keys`' row i."""
    parts = []
    for i, columns in enumerate(found):
        hits = _hits(step, columns, context)
        if keys.names and (len(found) > 1 or base is not keys):
            row = keys.take(np.array([i]))
            hits = Join(row, hits).rows()
        parts.append(hits)
    hits = union(parts) if len(parts) > 1 else parts[0]
    return hits if base is keys else Join(base, hits).rows()


def _hits(step: SearchStep, columns: Sequence[Any], context: Context) -> Relation:
    """Return the columns that somebody looks at as a relation."""
    size = len(columns[0])
    relation = Relation((), (), (), 1)
    made: list[tuple[str, Int64Array, Domain]] = []
    for i, name in enumerate(step.outputs):
        if name is not None:
            made.append((name, *_column(step, i, columns[i], context)))
    if not made:
        return relation if size else Relation((), (), (), 0)
    first = made[0]
    relation = Relation((first[0],), (first[1],), (first[2],), size)
    for name, words, domain in made[1:]:
        relation = bind_column(relation, name, words, domain)
    names = relation.names
    is_distinct = step.outputs[0] is not None and len(set(columns[0].tolist())) == size
    return relation if is_distinct else _distinct(relation, names)


def _distinct(relation: Relation, names: Sequence[str]) -> Relation:
    columns = kernels.distinct_rows(list(relation.columns))
    return Relation(names, columns, relation.domains, len(columns[0]))


def _column(
    step: SearchStep, i: int, column: Any, context: Context
) -> tuple[Int64Array, Domain]:
    """Return an output as words and their domain."""
    kinds = SEARCHES[step.name]
    kind = kinds[i] if i < len(kinds) else "score"
    if kind == "v":
        source = context.sources[step.source]
        assert isinstance(source, DatabaseSource)
        return column, source.domain_of(ValueType.VECTOR)
    array = np.asarray(column)
    if kind == "score" and array.dtype.kind == "f":
        return double_words(array), context.domains.double
    return array.astype(np.int64, copy=False), context.domains.integer
