"""Values of one attribute, those of many entities at once, turned into words a column at a time."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import numpy as np

from datamem.edn import Keyword
from datamem.index.kernels import Int64Array
from datamem.index.words import words_of_doubles
from datamem.schema.types import ValueType
from datamem.transact.fast.plain import COLLECTIONS, SEQUENCES, NotPlain, is_tempid
from datamem.transact.forms.places import CURRENT_TX

if TYPE_CHECKING:
    from datamem.transact.encoder import Encoder
    from datamem.transact.fast.plain import Column
    from datamem.transact.ports import DbView

_NUMBERS: Final = {
    ValueType.LONG: frozenset({int}),
    ValueType.BOOLEAN: frozenset({bool}),
    ValueType.DOUBLE: frozenset({float}),
}
"""Python type of the values that numpy takes as they are."""

_COLON: Final = ":"
_FIRST: Final = itemgetter(slice(1))
"""The first character of a string, if it has one."""

_HASHED: Final = tuple(frozenset({kind}) for kind in (str, Keyword, UUID, bytes))
"""Types whose equal values are the same value, where all are of one of them."""


class ColumnReader:
    """Turns columns of one transaction into words.

    Attributes:
        tempids: entity of each tempid, to be filled in before references are read.
    """

    def __init__(self, db: DbView, encoder: Encoder) -> None:
        self._db = db
        self._encoder = encoder
        self.tempids: dict[int | str, int] = {}

    def words(self, column: Column, values: list[Any], types: set[type]) -> Int64Array:
        """Return the word of each value, int64[n], of an attribute that is no reference.

        Args:
            types: those of the values.

        Raises:
            NotPlain: where the general way must see them.
            DatamemError: when the attribute cannot hold one of them.
        """
        numbers = _NUMBERS.get(column.attribute.value_type)
        if numbers is not None and types == numbers and not column.is_limited:
            return _number_words(column, values)
        if column.tag is None or types not in _HASHED:
            return self._each(column, values)
        codes = dict.fromkeys(values)
        checked = list(map(column.check, codes))
        found = dict(zip(codes, self._encoder.codes(column.tag, checked), strict=True))
        return np.fromiter(map(found.__getitem__, values), np.int64, len(values))

    def _each(self, column: Column, values: list[Any]) -> Int64Array:
        """Return the words of values that must be looked at one by one."""
        word, attribute = self._encoder.word, column.attribute
        checked = map(column.check, values)
        words = (
            map(column.make, checked)
            if column.make is not None
            else (word(attribute, value) for value in checked)
        )
        return np.fromiter(words, np.int64, len(values))

    def flat(self, column: Column, values: list[Any]) -> tuple[Int64Array | None, list[Any]]:
        """Return how many values each entity has of an attribute with many, and all of them; None is one each.

        Raises:
            NotPlain: for collections that have nil in them.
        """
        types = set(map(type, values))
        if types.isdisjoint(COLLECTIONS):
            return None, values
        if not types <= COLLECTIONS or (column.is_ref and not types.isdisjoint(SEQUENCES)):
            values = [item if self._is_many(column, item) else (item,) for item in values]
        counts = np.fromiter(map(len, values), np.int64, len(values))
        found = [item for items in values for item in items]
        if type(None) in set(map(type, found)):
            raise NotPlain
        return counts, found

    def _is_many(self, column: Column, value: Any) -> bool:
        if type(value) not in COLLECTIONS:
            return False
        return not (column.is_ref and type(value) in SEQUENCES and self._is_lookup(value))

    def _is_lookup(self, value: Any) -> bool:
        if len(value) != 2 or not isinstance(value[0], str):
            return False
        attribute = self._db.schema.get(value[0])
        return attribute is not None and attribute.unique is not None

    def entities(self, values: list[Any]) -> Int64Array:
        """Return the entities that references name: by ids, tempids or lookup refs, all in one way.

        Raises:
            NotPlain: for other ways, and for what is not there.
        """
        types = set(map(type, values))
        if types == {int} and min(values) > 0:
            return np.array(values, np.int64)
        if types <= {int, str}:
            found = [self.tempids.get(value) for value in values]
            if None in found:
                raise NotPlain
            return np.array(found, np.int64)
        return self.lookups(values)

    def lookups(self, values: list[Any]) -> Int64Array:
        """Return the entities of lookup refs of one attribute.

        Raises:
            NotPlain: for anything else, lookup refs of several attributes, and those that name none.
        """
        if not set(map(type, values)) <= SEQUENCES or set(map(len, values)) != {2}:
            raise NotPlain
        names, wanted = zip(*values, strict=True)
        if set(map(type, names)) - {str, Keyword} or len(set(names)) > 1:
            raise NotPlain
        attribute = self._db.schema.get(names[0])
        if attribute is None or not attribute.unique or attribute.value_type in _NOT_SIMPLE:
            raise NotPlain
        words = [self._db.encode(attribute, attribute.check(value)) for value in wanted]
        if None in words:
            raise NotPlain
        keys = np.array(words, np.int64)
        entities = self.owners(attribute.id, keys)
        if not entities.all():
            raise NotPlain
        return entities

    def owners(self, attribute_id: int, words: Int64Array) -> Int64Array:
        """Return the entity that has each word of a unique attribute, 0 where none has.

        Args:
            words: int64[n], those that the heap lacks included.
        """
        distinct, inverse = np.unique(words, return_inverse=True)
        rows = self._db.lookup_values(attribute_id, distinct)
        found = np.zeros(len(distinct), np.int64)
        found[np.searchsorted(distinct, rows.v)] = rows.e
        owners: Int64Array = found[inverse]
        return owners


_NOT_SIMPLE: Final = frozenset({ValueType.REF, ValueType.TUPLE})


def _number_words(column: Column, values: list[Any]) -> Int64Array:
    if column.attribute.value_type is not ValueType.DOUBLE:
        try:
            return np.array(values, np.int64)
        except OverflowError:
            raise NotPlain from None
    doubles = np.array(values, np.float64)
    if np.isnan(doubles).any():
        raise NotPlain
    return words_of_doubles(doubles)


def written_ids(values: list[Any]) -> Int64Array | None:
    """Return ids written as positive numbers; None where all are tempids.

    Raises:
        NotPlain: for anything else.
    """
    types = set(map(type, values))
    if types == {int} and min(values) > 0 and not max(values) >> 63:
        return np.array(values, np.int64)
    if (
        types == {str}
        and _COLON not in set(map(_FIRST, values))
        and CURRENT_TX.isdisjoint(values)
    ):
        return None
    if types <= {int, str} and all(map(is_tempid, values)):
        return None
    raise NotPlain
