"""Ids and words of one database in those of another: attributes by ident, entities by identity.

What has no counterpart gets a number that the other database cannot have, so that it equals nothing there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from datamem.ids import ATTR_BASE, TX_BASE, tx_of_t
from datamem.index.heap import Cut
from datamem.index.kernels import Int64Array
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute


class Translation(Protocol):
    """Columns of one value in the numbers of another."""

    def entities(self, e: Int64Array) -> Int64Array:
        """Return entity ids, int64[n]."""

    def attributes(self, a: Int64Array) -> Int64Array:
        """Return attribute ids, int64[n]."""

    def words(self, a: Int64Array, v: Int64Array) -> Int64Array:
        """Return value words, int64[n]; `a` are the attributes they had."""


class Same:
    """The translation between values of one history: every number means the same."""

    def entities(self, e: Int64Array) -> Int64Array:
        """Return the ids as they are."""
        return e

    def attributes(self, a: Int64Array) -> Int64Array:
        """Return the ids as they are."""
        return a

    def words(self, a: Int64Array, v: Int64Array) -> Int64Array:  # noqa: ARG002 - as the protocol
        """Return the words as they are."""
        return v


class Translator:
    """From the numbers of `source` to those of `target`, which are the same below `cut`.

    Cost: each distinct id or code above the cut is looked up once, some µs.
    """

    def __init__(self, source: Db, target: Db, cut: Cut) -> None:
        self._source = source
        self._target = target
        self._cut = cut
        self._entities: dict[int, int] = {}
        self._attributes: dict[int, int] = {}
        self._codes: dict[int, int] = {}

    def entities(self, e: Int64Array) -> Int64Array:
        """Return entity ids, int64[n]; negative where there is no counterpart.

        A shared entity that the target has retracted may have come back there under another id.
        """
        cut = self._cut
        apart = (e > 0) & (e < TX_BASE)
        apart |= (e > tx_of_t(cut.t)) & (e < ATTR_BASE)
        apart |= e >= cut.attribute
        return _mapped(e, apart, self._entities, self._entity)

    def attributes(self, a: Int64Array) -> Int64Array:
        """Return attribute ids, int64[n]; negative where there is no counterpart."""
        return _mapped(a, a >= self._cut.attribute, self._attributes, self._attribute)

    def words(self, a: Int64Array, v: Int64Array) -> Int64Array:
        """Return value words, int64[n]; `a` are the source's attributes."""
        out = v.copy()
        for attribute in np.unique(a).tolist():
            at = np.flatnonzero(a == attribute)
            known = self._source.schema.get(attribute)
            if known is None or known.is_heap:
                out[at] = self.codes(v[at])
            elif known.value_type is ValueType.REF:
                out[at] = self.entities(v[at])
        return out

    def codes(self, codes: Int64Array) -> Int64Array:
        """Return codes of equal values, int64[n]; negative where the target has none."""
        return _mapped(codes, codes >= self._cut.code, self._codes, self._code)

    def _code(self, code: int) -> int:
        target = self._target
        found = target.heap.find(*self._source.heap.get(code))
        return -code - 1 if found is None or found >= target.heap_size else found

    def _attribute(self, a: int) -> int:
        known = self._source.schema.get(a)
        found = None if known is None else self._target.schema.get(known.ident)
        if known is None or found is None or found.value_type is not known.value_type:
            return -a
        return found.id

    def _entity(self, e: int) -> int:
        if e >= ATTR_BASE:
            return self._attribute(e)
        if e >= TX_BASE:
            return -e
        if e < self._cut.entity and self._target.entity_words(e):
            return e
        for a, word in self._source.entity_words(e):
            known = self._source.schema.get(a)
            if known is not None and known.unique and known.value_type is not ValueType.REF:
                found = self._holder(known, word)
                if found is not None:
                    return found
        return e if e < self._cut.entity else -e

    def _holder(self, attribute: Attribute, word: int) -> int | None:
        """Return the target's entity with the same unique value."""
        a = self.attributes(np.array([attribute.id]))[0]
        v = self.words(np.array([attribute.id]), np.array([word]))[0]
        counterpart = self._target.schema.get(int(a))
        if counterpart is None or not counterpart.unique or (attribute.is_heap and v < 0):
            return None
        return self._target.entity_with(counterpart.id, int(v))


def _mapped(
    column: Int64Array,
    apart: np.ndarray[tuple[int], np.dtype[np.bool_]],
    known: dict[int, int],
    find: Callable[[int], int],
) -> Int64Array:
    """Return the column with each distinct number where `apart` replaced by `find` of it."""
    if not apart.any():
        return column
    numbers, places = np.unique(column[apart], return_inverse=True)
    for number in numbers.tolist():
        if number not in known:
            known[number] = find(number)
    out = column.copy()
    out[apart] = np.array([known[number] for number in numbers.tolist()], np.int64)[places]
    return out
