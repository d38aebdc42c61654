"""Columns of memories: one word for each entity of a set, gathered or scattered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from datamem.index.kernels import EMPTY, Int64Array

if TYPE_CHECKING:
    from datamem.db.database import Db

Float64Array = npt.NDArray[np.float64]


class Words(NamedTuple):
    """The words of one attribute.

    Attributes:
        e: int64[n], ascending; an entity of cardinality many has several rows.
        v: int64[n].
        a: the attribute's id; -1 where no entity can have it.
    """

    e: Int64Array
    v: Int64Array
    a: int

    def values(self, db: Db) -> list[Any]:
        """Return the words as values."""
        return db.decode(db.value_type(self.a), self.v) if len(self.v) else []


def words_by_entity(db: Db, name: str, es: Int64Array | None = None) -> Words:
    """Return the visible words of an attribute, of `es` (ascending, distinct) or of all entities."""
    attribute = db.schema.get(name)
    if attribute is None or (es is not None and not len(es)) or not db.count(a=attribute.id):
        return Words(EMPTY, EMPTY, -1)
    rows = db.rows(a=attribute.id) if es is None else db.lookup_many(attribute.id, es)
    e, v = rows.e, rows.v
    if len(e) > 1 and rows.sorted_by != "e" and not bool((e[1:] >= e[:-1]).all()):
        order = np.argsort(e, kind="stable")
        e, v = e[order], v[order]
    return Words(e, v, attribute.id)


def has_words(db: Db, name: str) -> bool:
    """Tell whether any entity has, or had, an attribute."""
    attribute = db.schema.get(name)
    return attribute is not None and db.count(a=attribute.id) > 0


def first_words(
    db: Db,
    name: str,
    es: Int64Array,
    absent: int,
    *,
    whole: bool = False,
    found: Words | None = None,
) -> Int64Array:
    """Return one word for each entity, int64[n] in their order; `absent` for those without.

    Args:
        es: ascending, distinct.
        whole: whether `es` is about all that have the attribute, so that scanning is cheaper.
        found: the attribute's words, where they are known already.
    """
    if found is None:
        found = words_by_entity(db, name, None if whole else es)
    if found.e is es or (len(found.e) == len(es) and np.array_equal(found.e, es)):
        return found.v
    column = np.full(len(es), absent, np.int64)
    if len(found.e) and len(es):
        if whole:
            table = np.full(int(max(es[-1], found.e[-1])) + 1, absent, np.int64)
            table[found.e[::-1]] = found.v[::-1]
            return table[es]
        at = np.minimum(np.searchsorted(es, found.e), len(es) - 1)
        hit = es[at] == found.e
        column[at[hit]] = found.v[hit]
    return column


def by_word(
    column: Int64Array, numbers_of: Callable[[Int64Array], Float64Array]
) -> Float64Array:
    """Return a number for each row, float64[n]: that of its word.

    A column of few words that lie close together is counted, not sorted.

    Args:
        column: int64[n].
        numbers_of: from the distinct words, ascending, to float64[m].
    """
    if not len(column):
        return np.empty(0, np.float64)
    low = int(column.min())
    span = int(column.max()) - low + 1
    if span > 4 * len(column) + 1024:
        words, at = np.unique(column, return_inverse=True)
        return numbers_of(words)[at]
    places = column - low
    there = np.zeros(span, np.bool_)
    there[places] = True
    words = np.flatnonzero(there)
    table = np.zeros(span, np.float64)
    table[words] = numbers_of(words + low)
    return table[places]


def numbered(column: Int64Array) -> tuple[Int64Array, int]:
    """Return words as numbers from 0, int64[n], equal for equal ones, and a bound of them all.

    Words that lie close together are not sorted for it; some numbers are then nobody's.

    Args:
        column: int64[n], n > 0.
    """
    low = int(column.min())
    span = int(column.max()) - low + 1
    if span <= 4 * len(column) + 1024:
        return column - low, span
    words, at = np.unique(column, return_inverse=True)
    return at, len(words)


def members_of(db: Db, name: str, targets: Int64Array) -> Words:
    """Return who refers to `targets` (ascending, distinct) by a reference attribute, by entity."""
    attribute = db.schema.get(name)
    if attribute is None or not len(targets):
        return Words(EMPTY, EMPTY, -1)
    rows = db.lookup_values(attribute.id, targets)
    order = np.argsort(rows.e, kind="stable")
    return Words(rows.e[order], rows.v[order], attribute.id)


def speakers_of(db: Db, messages: Int64Array) -> Int64Array:
    """Return who said messages: the sender, else the user or the agent, by the role; -1 for nobody.

    Args:
        messages: ascending, distinct.
    """
    found = first_words(db, ":message/sender", messages, -1)
    unknown = np.flatnonzero(found < 0)
    role = db.schema.get(":message/role")
    if not len(unknown) or role is None:
        return found
    found, without = found.copy(), messages[unknown]
    roles = first_words(db, ":message/role", without, -1)
    for name, owner in ((":user", ":message/user"), (":assistant", ":message/agent")):
        word = db.encode(role, name)
        if word is not None and (of_role := roles == word).any():
            found[unknown[of_role]] = first_words(db, owner, without[of_role], -1)
    return found
