"""Reading where an entity is named: ids, idents, tempids, lookup refs, the current transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Never

import numpy as np

from datamem.edn import Keyword, Tagged
from datamem.errors import TransactError
from datamem.ids import ATTR_BASE, TX_BASE
from datamem.schema import Attribute, ValueType
from datamem.schema.bootstrap import SYSTEM_BY_NAME
from datamem.schema.names import ident_of
from datamem.transact.conflicts import shown
from datamem.transact.forms.forms import LookupRef, PendingTuple, Place, Tempid

if TYPE_CHECKING:
    from datamem.transact.forms.forms import TxForms
    from datamem.transact.forms.vocabulary import Vocabulary

CURRENT_TX: Final = frozenset({"datomic.tx", "datamem.tx", ":db/current-tx", "db/current-tx"})
"""Ways to name the entity of the transaction itself."""

_IDENT: Final = SYSTEM_BY_NAME[Keyword(":db/ident")]


class PlaceReader:
    """Reads places; equal tempids are one object."""

    def __init__(self, vocabulary: Vocabulary, forms: TxForms, tx: int) -> None:
        self._vocabulary = vocabulary
        self._forms = forms
        self._tx = tx
        self._lookups: dict[tuple[int, Any], LookupRef] = {}

    def place(self, written: Any) -> Place:
        """Return the place that an entity position names.

        Raises:
            TransactError: `transact/bad-entity`; `lookup-ref/…` for what is no lookup ref.
        """
        match written:
            case bool():
                return _refuse(written)
            case int() | np.integer():
                return self._of_number(int(written))
            case str():
                return self._of_text(written)
            case list() | tuple() if len(written) == 2:
                return self._lookup(written[0], written[1])
            case Tagged(tag="db/id", value=[partition, *rest]):
                return self._of_tagged(partition, rest)
            case _:
                entity_id = getattr(written, "eid", None)
                return entity_id if isinstance(entity_id, int) else _refuse(written)

    def _of_number(self, number: int) -> Place:
        if number < 0:
            return self._tempid(number)
        if number == 0 or number >= ATTR_BASE << 1:
            _refuse(number)
        if TX_BASE <= number < ATTR_BASE and number > self._tx:
            _refuse(number, "ids of later transactions are not given yet")
        if number >= ATTR_BASE and not self._is_schema_entity(number):
            _refuse(number, "attributes get their ids themselves")
        return number

    def _is_schema_entity(self, number: int) -> bool:
        schema = self._vocabulary.schema
        known = number in schema.facts_by_id or number in schema.items
        return known or number in self._forms.declared

    def _of_text(self, text: str) -> Place:
        if text in CURRENT_TX:
            return self._tx
        if not text.startswith(":"):
            return self._tempid(text)
        known = self._forms.attributes.get(text)
        if known is not None:
            return known.id
        entity_id = self._vocabulary.schema.entity_id(text)
        if entity_id is not None:
            return entity_id
        return self._shared(_IDENT, ident_of(text))

    def _of_tagged(self, partition: Any, rest: list[Any]) -> Place:
        if partition == ":db.part/tx":
            return self._tx
        return self._tempid(rest[0]) if rest else Tempid()

    def _tempid(self, key: int | str) -> Tempid:
        found = self._forms.tempids.get(key)
        if found is None:
            found = self._forms.tempids[key] = Tempid(key)
        return found

    def is_lookup(self, written: Any) -> bool:
        """Tell whether a list is a lookup ref: two items, the first a unique attribute's name."""
        if not isinstance(written, list | tuple) or len(written) != 2:
            return False
        attribute = self._vocabulary.known(written[0])
        return attribute is not None and attribute.unique is not None

    def _lookup(self, name: Any, value: Any) -> LookupRef:
        attribute = self._vocabulary.known(name)
        written = f"[{shown(name)} {shown(value)}]"
        if attribute is None:
            raise TransactError(
                f"{shown(name)} is not an attribute, so {written} names no entity",
                code="lookup-ref/unknown-attribute",
                hint="a lookup ref is [attribute value] with a unique attribute",
                attribute=name,
                value=value,
            )
        if attribute.unique is None:
            raise TransactError(
                f"{attribute.ident} is not unique, so {written} cannot name one entity",
                code="lookup-ref/not-unique",
                hint="add :db/unique to the attribute, or query for the entity",
                attribute=attribute.ident,
                value=value,
            )
        if value is None:
            raise TransactError(
                f"{written} has no value, so it names no entity",
                code="lookup-ref/nil",
                attribute=attribute.ident,
            )
        if attribute.value_type is ValueType.REF:
            return LookupRef(attribute, self.place(value))
        return self._shared(attribute, self.value(attribute, value))

    def _shared(self, attribute: Attribute, value: Any) -> LookupRef:
        """Return one object for equal lookup refs, where the value allows it."""
        if isinstance(value, PendingTuple):
            return LookupRef(attribute, value)
        try:
            key = attribute.id, type(value), value
            return self._lookups.setdefault(key, LookupRef(attribute, value))  # type: ignore[arg-type]  # a wider key
        except TypeError:
            return LookupRef(attribute, value)

    def value(self, attribute: Attribute, written: Any) -> Any:
        """Return a canonical value, or a tuple whose references wait for their entities.

        Raises:
            SchemaError: as `attribute.check`.
        """
        if attribute.value_type is ValueType.TUPLE and isinstance(written, list | tuple):
            slots = self._slots(attribute, len(written))
            if slots is not None and len(slots) == len(written):
                return self._tuple(attribute, written, slots)
        return attribute.check(written)

    def _slots(self, attribute: Attribute, count: int) -> list[Attribute] | None:
        """Return an attribute for each slot: a component, or one that has the slot's type."""
        if attribute.tuple_attrs:
            parts = [self._vocabulary.known(name) for name in attribute.tuple_attrs]
            known = [part for part in parts if part is not None]
            return known if len(known) == len(parts) else None
        types = attribute.tuple_types or (attribute.tuple_type,) * count
        if ValueType.REF not in types:
            return None
        return [
            Attribute(attribute.id, attribute.ident, kind or ValueType.EDN) for kind in types
        ]

    def _tuple(
        self, attribute: Attribute, written: Any, slots: list[Attribute]
    ) -> tuple[Any, ...] | PendingTuple:
        values: list[Any] = []
        is_ref: list[bool] = []
        for slot, item in zip(slots, written, strict=True):
            is_ref.append(item is not None and slot.value_type is ValueType.REF)
            if item is None:
                values.append(None)
            else:
                values.append(self.place(item) if is_ref[-1] else slot.check(item))
        if any(is_ref):
            return PendingTuple(tuple(values), tuple(is_ref))
        checked: tuple[Any, ...] = attribute.check(values)
        return checked


def _refuse(written: Any, why: str | None = None) -> Never:
    raise TransactError(
        f"{shown(written)} does not name an entity" + (f": {why}" if why else ""),
        code="transact/bad-entity",
        hint="use an id, an ident, a tempid (negative or a string) or [attribute value]",
        entity=written,
    )
