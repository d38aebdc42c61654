"""Data patterns: from a step and what is bound already to a relation, by the cheapest access.

Three ways in: *scan* what the constants select; *probe by entity* with the distinct entities that
are bound; *probe by value* likewise. Which one is chosen depends on how many keys there are beside
how many datoms a scan would read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import Relation, empty
from datamem.datalog.columns.values import normal
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.probe import Probe, probe_of
from datamem.datalog.execute.ranges import value_bounds
from datamem.datalog.execute.sources import (
    RowsLike,
    TableSource,
)
from datamem.datalog.faults import query_error
from datamem.datalog.resolve.steps import PatternStep
from datamem.datalog.syntax import Constant, Term, Variable

_PROBE_FACTOR: Final = 12
"""A probed key costs about as much as this many scanned rows."""

_WORTH_COUNTING: Final = 4
"""With more rows than this many times the keys worth probing, finding the keys costs a scan."""


def fetch(
    step: PatternStep, components: Sequence[Relation], context: Context
) -> tuple[Relation, str]:
    """Return a relation that holds every row of the pattern that can join with the components.

    Returns:
        The relation over the pattern's variables, and how it was made, for `explain`.
    """
    source = context.sources[step.source]
    if isinstance(source, TableSource):
        return _table_rows(step, source, context), "collection"
    probe = probe_of(step, context)
    if not probe.possible:
        return empty(_names(step), context.domains.integer), "nothing"
    if probe.a is None:
        from datamem.datalog.execute.anyattr import fetch_any  # rare, and it imports this

        return fetch_any(probe, components, context)
    rows, how = _rows(probe, components, context)
    return relation_of(rows, probe, context, [how]), how


def _names(step: PatternStep) -> list[str]:
    return list(dict.fromkeys(t.name for t in step.terms if isinstance(t, Variable)))


def bound_words(
    components: Sequence[Relation], name: str | None, domain: Domain
) -> Int64Array | None:
    """Return the distinct words that a variable can have, in `domain`; None where it is free."""
    for component in components:
        if name in component.names:
            words = component.column(name)
            own = component.domain(name)
            if own is domain and component.sorted_on == name and kernels.is_strict(words):
                return words
            if own is not domain:
                words, mask = own.cast(words, domain)
                words = words[mask]
            return kernels.distinct(words)
    return None


def _rows(
    probe: Probe, components: Sequence[Relation], context: Context
) -> tuple[RowsLike, str]:
    db = probe.source.db
    a = probe.a
    assert a is not None
    attribute = probe.step.attribute
    assert attribute is not None
    if probe.e is not None:
        return db.rows(e=probe.e, a=a, v=probe.v), "entity"
    total = probe.count()
    limit = total // _PROBE_FACTOR + 8
    es = _few(components, probe.names.get("e"), context.domains.integer, limit)
    if es is not None:
        rows = db.lookup_many(a, es)
        return rows, "probe e"
    if probe.v is None:
        domain = probe.source.domain_of(attribute.value_type)
        vs = _few(components, probe.names.get("v"), domain, limit)
        if vs is not None:
            return db.lookup_values(a, vs), "probe v"
    narrow, how = probe.narrowed(context)
    if narrow is not None:
        return narrow, how
    if probe.v is None and probe.step.ranges:
        bounds = value_bounds(probe.step.ranges, attribute.value_type, components, context)
        if bounds is not None:
            return db.value_range(a, *bounds), "range"
    if probe.v is None and _joins_by_value(probe, components):
        return db.value_range(a), "scan by value"
    return db.rows(a=a, v=probe.v), "value" if probe.v is not None else "scan"


def _joins_by_value(probe: Probe, components: Sequence[Relation]) -> bool:
    """Tell whether the value is bound and the entity is not: rows in the value's order join best."""
    bound = {name for component in components for name in component.names}
    return probe.names.get("v") in bound and probe.names.get("e") not in bound


def _few(
    components: Sequence[Relation], name: str | None, domain: Domain, limit: int
) -> Int64Array | None:
    """Return the distinct words of a bound variable if they are few enough to probe with."""
    if name is None:
        return None
    for component in components:
        if name in component.names:
            if component.size > _WORTH_COUNTING * limit:
                return None
            words = bound_words([component], name, domain)
            return words if words is not None and len(words) <= limit else None
    return None


def relation_of(
    rows: RowsLike, probe: Probe, context: Context, how: Sequence[str] = ()
) -> Relation:
    """Make a relation of datoms: constants checked, repeated variables unified, rows distinct."""
    domains = context.domains
    attribute = probe.step.attribute
    assert attribute is not None
    value_domain = probe.source.domain_of(attribute.value_type)
    by_position = {
        "e": domains.integer,
        "a": domains.integer,
        "v": value_domain,
        "tx": domains.integer,
        "added": domains.boolean,
    }
    keep: Any = None
    if probe.v is not None and how and how[0] == "probe e":
        keep = rows.v == probe.v
    if probe.tx is not None:
        keep = _and(keep, rows.tx == probe.tx)
    if probe.added is not None:
        keep = _and(keep, column_of(rows, "added") == int(probe.added))
    names = list(probe.names.values())
    columns = [column_of(rows, position) for position in probe.names]
    kinds = [by_position[position] for position in probe.names]
    relation = Relation(names, columns, kinds, len(rows), _sorted_on(rows, probe))
    if keep is not None:
        relation = relation.keep(keep)
    for position, name in probe.repeats:
        extra = column_of(rows, position)
        extra = extra if keep is None else extra[keep]
        relation = unify_column(relation, name, extra, by_position[position])
    return relation if _is_distinct(probe) else _deduplicated(relation)


def _sorted_on(rows: RowsLike, probe: Probe) -> str | None:
    """Return the variable by which rows ascend; rows of several levels often do, and are looked at."""
    if rows.sorted_by is not None or "e" not in probe.names or len(rows) < kernels.SMALL:
        return probe.names.get(rows.sorted_by or "")
    return probe.names["e"] if kernels.is_sorted(rows.e) else None


def _and(keep: Any, mask: Any) -> Any:
    return mask if keep is None else keep & mask


def column_of(rows: RowsLike, position: str) -> Int64Array:
    """Return a column of datoms by position name; `added` as 0 and 1."""
    if position == "added":
        added = rows.added
        return np.ones(len(rows), np.int64) if added is None else added.astype(np.int64)
    column: Int64Array = getattr(rows, position)
    return column


def unify_column(relation: Relation, name: str, words: Int64Array, domain: Domain) -> Relation:
    """Keep the rows where a variable's second column says the same as its first."""
    from datamem.datalog.execute.bind import bind_column  # only for repeated variables

    return bind_column(relation, name, words, domain)


def _is_distinct(probe: Probe) -> bool:
    """Tell whether the pattern's variables and constants identify a datom."""
    attribute = probe.step.attribute
    assert attribute is not None
    names = probe.names
    e = "e" in names or probe.e is not None
    v = "v" in names or probe.v is not None
    if probe.source.db.is_history:
        return False
    return (e and (v or not attribute.many)) or (v and attribute.unique is not None)


def _deduplicated(relation: Relation) -> Relation:
    if not relation.names:
        return Relation((), (), (), min(relation.size, 1))
    if relation.size < 2:
        return relation
    columns = kernels.distinct_rows(relation.columns)
    return Relation(relation.names, columns, relation.domains, len(columns[0]))


def _table_rows(step: PatternStep, source: TableSource, context: Context) -> Relation:
    if source.size and len(step.terms) > len(source.columns):
        raise query_error(
            f"the pattern has {len(step.terms)} positions, and the tuples of {step.source}"
            f" have {len(source.columns)}",
            code="query/tuple-size",
            text=context.text,
            offset=step.offset,
        )
    names = _names(step)
    if not source.size:
        return empty(names, context.domains.integer)
    positions = [f"\0{i}" for i in range(len(source.columns))]
    relation = Relation(positions, source.columns, source.domains, source.size)
    for position, term in zip(positions, step.terms, strict=False):
        if isinstance(term, Constant):
            relation = relation.keep(_equals(relation, position, term))
    picked: dict[str, int] = {}
    for i, term in enumerate(step.terms):
        if isinstance(term, Variable):
            if term.name in picked:
                words, domain = relation.columns[i], relation.domains[i]
                relation = unify_column(
                    relation, relation.names[picked[term.name]], words, domain
                )
            else:
                picked[term.name] = i
    chosen = relation.select([relation.names[i] for i in picked.values()]).rename(list(picked))
    return _deduplicated(chosen)


def _equals(relation: Relation, name: str, term: Term) -> Any:
    assert isinstance(term, Constant)
    word = relation.domain(name).encode(normal(term.value))
    if word is None:
        return np.zeros(relation.size, np.bool_)
    return relation.column(name) == word
