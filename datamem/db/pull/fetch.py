"""Reading for pull: the values of one entity's attribute, or of many entities' at once.

Values come decoded and in their order, entities as ids. One entity is read through the scalar paths of
`Db`, many through columns; both give the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.pull.values import own_copy
from datamem.index.kernels import EMPTY, Int64Array, sort_order

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.db.pull.shape import Shape, Step

_FEW_ROWS: Final = 64
"""Rows up to which reading one by one is faster than making arrays."""

_ROWS_A_STEP: Final = 16
"""Rows of an entity, for each attribute wanted, up to which reading them all is faster than looking for each."""

_second = itemgetter(1)

Rows = list[tuple[int, ...]]
"""Entity, attribute and word of each datom of an entity."""

Words = dict[int, list[int]]
"""Words by attribute, in the order of attribute ids."""


def rows_of(db: Db, shape: Shape, e: int) -> Rows | None:
    """Return all rows of an entity, by attribute, if a shape wants most of them, else None."""
    if shape.wildcard:
        rows = db.entity_rows(e, _FEW_ROWS)
        if rows is not None:
            return rows
        columns = db.rows(e=e)
        by = sort_order((columns.a, columns.v))
        return list(
            zip(repeat(e), columns.a[by].tolist(), columns.v[by].tolist(), strict=False)
        )
    return db.entity_rows(e, _ROWS_A_STEP * shape.reads) if shape.reads > 1 else None


def words_of(db: Db, shape: Shape, e: int) -> Words | None:
    """Return all words of an entity if a shape wants most of them, else None."""
    rows = rows_of(db, shape, e)
    return None if rows is None else by_attribute(rows)


def by_attribute(rows: Rows) -> Words:
    """Return the words of an entity's rows by attribute."""
    return {a: [row[2] for row in group] for a, group in groupby(rows, _second)}


def values_of(db: Db, step: Step, e: int, words: Words | None) -> list[Any]:
    """Return the values of a step for one entity; empty if there are none.

    Args:
        words: those of the entity, where they are read already.
    """
    a = step.a
    if a is None:
        return []
    if step.is_reverse:
        if step.many and db.index.count(None, a, e) > _FEW_ROWS:
            ids: list[int] = np.sort(db.rows(a=a, v=e).e).tolist()
            return ids
        found = db.referrers(e, a)
        if len(found) > 1:
            found.sort()
        return found
    if words is not None:
        return decoded(db, step, words[a]) if a in words else []
    if step.many and db.index.count(e, a, None) > _FEW_ROWS:
        return in_order(step, db.decode(step.value_type, db.rows(e=e, a=a).v))
    return decoded(db, step, db.words(e, a))


def decoded(db: Db, step: Step, words: list[int]) -> list[Any]:
    """Return the values of a few words of a step's attribute, in their order."""
    read = step.read
    if read is not None:
        values = words if step.is_ref else [read(word) for word in words]
    else:
        get = db.heap.get
        values = [get(word)[1] for word in words]
        if step.is_free_form:
            values = [own_copy(value) for value in values]
    return values if len(values) < 2 else in_order(step, values)


def in_order(step: Step, values: list[Any]) -> list[Any]:
    """Sort values in place and return them."""
    values.sort(key=step.sort_key)
    return values


def values_by_entity(db: Db, step: Step, es: Int64Array) -> Iterator[tuple[int, list[Any]]]:
    """Yield each entity that has values of a step, with the values, by entity id.

    Args:
        es: int64[n], ascending, distinct.

    Cost: one lookup of all the entities; values are decoded together.
    """
    keys, values = value_columns(db, step, es)
    if not len(keys):
        return
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    is_coded = step.read is None and not step.is_reverse
    stops = [*starts[1:].tolist(), len(keys)]
    for e, start, stop in zip(keys[starts].tolist(), starts.tolist(), stops, strict=True):
        group = values[start:stop]
        yield e, in_order(step, group) if is_coded and len(group) > 1 else group


def value_columns(db: Db, step: Step, es: Int64Array) -> tuple[Int64Array, list[Any]]:
    """Return entities, ascending, and a value of each; an entity comes once for each value."""
    if step.a is None:
        return EMPTY, []
    if step.is_reverse:
        rows = db.lookup_values(step.a, es)
        keys, words = _sorted_pairs(rows.v, rows.e)
        return keys, words.tolist()
    rows = db.lookup_many(step.a, es)
    keys, words = _sorted_pairs(rows.e, rows.v)
    if step.is_ref:
        return keys, words.tolist()
    values = db.decode(step.value_type, words)
    return keys, [own_copy(value) for value in values] if step.is_free_form else values


def _sorted_pairs(keys: Int64Array, words: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return both columns sorted by key, then word."""
    if len(keys) < 2 or bool((keys[1:] > keys[:-1]).all()):
        return keys, words
    by = sort_order((keys, words))
    return keys[by], words[by]


def exists(db: Db, e: int) -> bool:
    """Tell whether the entity has any datom in this view."""
    return len(db.rows(e=e)) > 0
