"""Patterns whose attribute is a variable or `_`: one lookup per attribute or entity, else a scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import normal
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.patterns import bound_words, column_of, unify_column
from datamem.datalog.execute.probe import Probe, constant_word, entity_word
from datamem.datalog.execute.sources import RowsLike
from datamem.datalog.syntax import Constant
from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

_FEW_ENTITIES: Final = 64


def fetch_any(
    probe: Probe, components: Sequence[Relation], context: Context
) -> tuple[Relation, str]:
    """Return the pattern's rows over every attribute that can matter."""
    parts, how = _parts(probe, components, context)
    relations = [made for rows in parts if (made := _relation(rows, probe, context)).size]
    if not relations:
        names = list(probe.names.values())
        none = np.empty(0, np.int64)
        kinds = [context.domains.integer] * len(names)
        return Relation(names, [none] * len(names), kinds, 0), how
    return _union(relations), how


def _union(relations: list[Relation]) -> Relation:
    from datamem.datalog.columns.relation import union

    merged = union(relations)
    return merged.project(merged.names) if len(relations) > 1 else _distinct(merged)


def _distinct(relation: Relation) -> Relation:
    if not relation.names:
        return Relation((), (), (), min(relation.size, 1))
    columns = kernels.distinct_rows(relation.columns)
    return Relation(relation.names, columns, relation.domains, len(columns[0]))


def _parts(
    probe: Probe, components: Sequence[Relation], context: Context
) -> tuple[list[RowsLike], str]:
    db = probe.source.db
    integer = context.domains.integer
    if probe.e is not None:
        return [db.rows(e=probe.e)], "entity"
    attributes = bound_words(components, probe.names.get("a"), integer)
    es = bound_words(components, probe.names.get("e"), integer)
    if attributes is not None:
        known = [a for a in attributes.tolist() if db.schema.get(a) is not None]
        if es is not None:
            return [db.lookup_many(a, es) for a in known], "probe e by attribute"
        return [db.rows(a=a) for a in known], "attributes"
    if es is not None and len(es) <= _FEW_ENTITIES:
        return [db.rows(e=e) for e in es.tolist()], "entities"
    return [db.rows()], "everything"


def _relation(rows: RowsLike, probe: Probe, context: Context) -> Relation:
    domains = context.domains
    value_term = probe.step.terms[2] if len(probe.step.terms) > 2 else None
    keep = np.ones(len(rows), np.bool_)
    if probe.tx is not None:
        keep &= rows.tx == probe.tx
    if probe.added is not None:
        keep &= column_of(rows, "added") == int(probe.added)
    if isinstance(value_term, Constant):
        keep &= _value_mask(rows, probe, value_term, context)
    positions = [*probe.names.items(), *((p, n) for p, n in probe.repeats)]
    relation = Relation((), (), (), len(rows))
    for position, name in positions:
        if position == "v":
            words, domain = _values(rows, probe, context)
        else:
            words = column_of(rows, position)
            domain = domains.boolean if position == "added" else domains.integer
        if (position, name) in probe.repeats:
            kept = relation.with_column("\0keep", keep.astype(np.int64), domains.boolean)
            relation = unify_column(kept, name, words, domain)
            keep = relation.column("\0keep") != 0
            relation = relation.select([n for n in relation.names if n != "\0keep"])
        else:
            relation = relation.with_column(name, words, domain)
    if not relation.names:
        return Relation((), (), (), min(int(keep.sum()), 1))
    return relation.keep(keep)


def _types(rows: RowsLike, probe: Probe) -> list[tuple[int, Attribute | None, BoolArray]]:
    a = rows.a
    schema = probe.source.db.schema
    return [(found, schema.get(found), a == found) for found in kernels.distinct(a).tolist()]


def _values(rows: RowsLike, probe: Probe, context: Context) -> tuple[Int64Array, Domain]:
    """Return the value column: in the attributes' one domain, else as objects."""
    groups = _types(rows, probe)
    kinds = [
        probe.source.domain_of(ValueType.EDN if attribute is None else attribute.value_type)
        for _, attribute, _ in groups
    ]
    words = rows.v
    if not kinds:
        return words, context.domains.integer
    if all(kind is kinds[0] for kind in kinds):
        return words, kinds[0]
    objects = context.domains.objects
    result = np.empty(len(words), np.int64)
    for (_, _, mask), kind in zip(groups, kinds, strict=True):
        result[mask] = kind.cast(words[mask], objects)[0]
    return result, objects


def _value_mask(rows: RowsLike, probe: Probe, term: Constant, context: Context) -> BoolArray:
    mask = np.zeros(len(rows), np.bool_)
    value: Any = normal(term.value)
    for _, attribute, where in _types(rows, probe):
        if attribute is None:
            continue
        word: int | None
        if attribute.value_type is ValueType.REF:
            word = _entity(probe, term, value, context)
        else:
            word = constant_word(probe.source, attribute, value)
        if word is not None:
            mask |= where & (rows.v == word)
    return mask


def _entity(probe: Probe, term: Constant, value: Any, context: Context) -> int | None:
    is_ref = isinstance(value, Keyword | int | float | list | tuple)
    is_ref = is_ref and not isinstance(value, bool)
    if not is_ref:
        return None
    try:
        return entity_word(probe.source, term, "v", context)
    except DatamemError:
        return None
