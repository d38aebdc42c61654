"""Words for values that the heap has, and provisional codes for those it will get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.index.heap import heap_key
from datamem.index.words import INLINE
from datamem.schema import ValueType, tag_of

if TYPE_CHECKING:
    from datamem.index.heap import NewValue
    from datamem.schema import Attribute
    from datamem.transact.ports import DbView


class Encoder:
    """Turns canonical values into words for one transaction.

    Attributes:
        new_values: what the heap lacks, in the order met; the i-th has code `heap_size + i`.
    """

    __slots__ = ("_codes", "_db", "_find", "new_values")

    def __init__(self, db: DbView) -> None:
        self._db = db
        self._find = db.find_code
        self._codes: dict[tuple[ValueType, Any], int] = {}
        self.new_values: list[NewValue] = []

    def word(self, attribute: Attribute, value: Any) -> int:
        """Return the word of a canonical value, giving it a code if it has none."""
        make = INLINE.get(attribute.value_type)
        if make is not None:
            return make(value)
        tag = attribute.value_type
        return self.code(tag_of(value) if tag is ValueType.EDN else tag, value)

    def code(self, tag: ValueType, value: Any) -> int:
        """Return the code of a canonical value of a heap type, a new one if it has none."""
        key = heap_key(tag, value)
        code = self._find(tag, key)
        if code is None:
            code = self._codes.get((tag, key))
        if code is None:
            code = self._codes[tag, key] = self._db.heap_size + len(self.new_values)
            self.new_values.append((tag, value, key))
        return code

    def codes(self, tag: ValueType, values: list[Any]) -> list[int]:
        """Return the codes of canonical values of a heap type, new ones for those that have none."""
        code = self.code
        return [code(tag, value) for value in values]

    def find(self, attribute: Attribute, value: Any) -> int | None:
        """Return the word of a canonical value, or None if neither heap nor transaction has it."""
        make = INLINE.get(attribute.value_type)
        if make is not None:
            return make(value)
        tag = tag_of(value) if attribute.value_type is ValueType.EDN else attribute.value_type
        key = heap_key(tag, value)
        code = self._find(tag, key)
        return self._codes.get((tag, key)) if code is None else code

    def value(self, attribute: Attribute, word: int) -> Any:
        """Return the value of a word that this transaction or the database knows."""
        if attribute.value_type not in INLINE and word >= self._db.heap_size:
            return self.new_values[word - self._db.heap_size][1]
        return self._db.decode(attribute.value_type, [word])[0]
