"""What a transaction changes: facts asserted and retracted, each known to differ from before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from datamem.ids import TX_BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datamem.schema import Attribute, Schema
    from datamem.transact.encoder import Encoder
    from datamem.transact.ports import DbView

Slot = tuple[int, int]
"""An entity and an attribute."""


_FEW: Final = 4
"""After so many questions about one entity's values of an attribute, all of them are read."""


class Changes:
    """Net changes against a database value.

    A fact is in `asserted` only if it does not hold before, in `retracted` only if it does.

    Attributes:
        asserted: words by entity and attribute, in the order they came.
        retracted: the same for what goes.
        gone: entities that are retracted and not asserted again.
        attributes: attribute by id, for all that occur: those of the transaction come first.
    """

    def __init__(self, db: DbView, encoder: Encoder, first_new: int) -> None:
        self.db = db
        self.encoder = encoder
        self.asserted: dict[Slot, dict[int, None]] = {}
        self.retracted: dict[Slot, dict[int, None]] = {}
        self.gone: set[int] = set()
        self.attributes: dict[int, Attribute] = {}
        self._first_new = first_new
        self._before: dict[Slot, dict[int, None]] = {}
        self._asked: dict[Slot, int] = {}

    def attribute(self, attribute_id: int) -> Attribute:
        """Return an attribute of this transaction or of the schema."""
        return self.attributes.get(attribute_id) or self.db.schema.require(attribute_id)

    def is_new(self, e: int) -> bool:
        """Tell whether an entity had no datom before."""
        return self._first_new <= e < TX_BASE or not self.db.entity_words(e)

    def before(self, e: int, a: int) -> dict[int, None]:
        """Return the words of an entity's attribute before the transaction, as keys."""
        slot = e, a
        words = self._before.get(slot)
        if words is None:
            known = e < self._first_new or e >= TX_BASE
            words = dict.fromkeys(self.db.words(e, a)) if known else {}
            self._before[slot] = words
        return words

    def holds(self, e: int, attribute: Attribute, word: int) -> bool:
        """Tell whether a fact held before, without reading all values where there may be many."""
        slot = e, attribute.id
        asked = self._asked.get(slot, 0)
        if not attribute.many or slot in self._before or asked >= _FEW:
            return word in self.before(e, attribute.id)
        if self._first_new <= e < TX_BASE:
            return False
        self._asked[slot] = asked + 1
        return self.db.holds(e, attribute.id, word)

    def after(self, e: int, a: int) -> list[int]:
        """Return the words of an entity's attribute after the transaction."""
        slot = e, a
        gone = self.retracted.get(slot, ())
        kept = [word for word in self.before(e, a) if word not in gone]
        return kept + list(self.asserted.get(slot, ()))

    def assert_word(self, e: int, attribute: Attribute, word: int) -> None:
        """Assert a fact; one that holds is left alone, and one value replaces another."""
        self.attributes[attribute.id] = attribute
        if self.holds(e, attribute, word):
            return
        slot = e, attribute.id
        self.asserted.setdefault(slot, {})[word] = None
        if not attribute.many:
            for old in self.before(e, attribute.id):
                self.retracted.setdefault(slot, {})[old] = None

    def retract_word(self, e: int, attribute: Attribute, word: int) -> None:
        """Retract a fact; one that does not hold is passed over."""
        if self.holds(e, attribute, word):
            self.retract_known(e, attribute.id, word)

    def retract_known(self, e: int, attribute_id: int, word: int) -> None:
        """Retract a fact that is known to hold."""
        self.retracted.setdefault((e, attribute_id), {})[word] = None

    def value(self, attribute_id: int, word: int) -> Any:
        """Return the value of a word."""
        return self.encoder.value(self.attribute(attribute_id), word)

    def attributes_before(self, e: int) -> set[int]:
        """Return the attributes that an entity had before the transaction."""
        known = e < self._first_new or e >= TX_BASE
        return {a for a, _ in self.db.entity_words(e)} if known else set()

    def touched(self) -> dict[int, dict[int, None]]:
        """Return the entities of which anything changes, each with its changed attributes."""
        found: dict[int, dict[int, None]] = {}
        for e, a in (*self.asserted, *self.retracted):
            found.setdefault(e, {})[a] = None
        return found

    def rows(self) -> Iterator[tuple[int, int, int, bool]]:
        """Yield (e, a, word, added) of every change; in a slot, what goes before what comes."""
        for slot in {**self.asserted, **self.retracted}:
            e, a = slot
            for word in self.retracted.get(slot, ()):
                yield e, a, word, False
            for word in self.asserted.get(slot, ()):
                yield e, a, word, True

    def is_empty(self) -> bool:
        """Tell whether nothing changes."""
        return not self.asserted and not self.retracted


def composites_of(schema: Schema) -> dict[int, tuple[Attribute, ...]]:
    """Return the composite tuples that each attribute is a component of, by its id."""

    def compute(schema: Schema) -> dict[int, tuple[Attribute, ...]]:
        found: dict[int, tuple[Attribute, ...]] = {}
        for attribute in schema:
            for name in attribute.tuple_attrs:
                component = schema.get(name)
                if component is not None:
                    found[component.id] = (*found.get(component.id, ()), attribute)
        return found

    return schema.derive("composites_of", compute)
