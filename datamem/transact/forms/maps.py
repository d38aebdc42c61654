"""Map forms: nested maps, reverse attributes, and the values of attributes with many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import DatamemError, TransactError
from datamem.schema import Attribute, ValueType
from datamem.schema.bootstrap import ENSURE
from datamem.schema.names import forward_of
from datamem.schema.properties import INSTALL
from datamem.transact.conflicts import shown
from datamem.transact.forms.forms import Place, Tempid, TxForms
from datamem.transact.forms.vocabulary import Draft

if TYPE_CHECKING:
    from datamem.transact.forms.places import PlaceReader
    from datamem.transact.forms.vocabulary import Vocabulary

MAX_NESTING: Final = 100
"""Deepest nesting of maps in a transaction."""

_IDS: Final = frozenset({":db/id", "db/id"})


class MapReader:
    """Takes map forms apart into assertions."""

    def __init__(self, vocabulary: Vocabulary, places: PlaceReader, forms: TxForms) -> None:
        self._vocabulary = vocabulary
        self._places = places
        self._forms = forms

    def read(self, form: Mapping[Any, Any], depth: int) -> Place:
        """Read a map and return the place of its entity; each refused value is a conflict.

        Raises:
            TransactError: `transact/bad-entity` for its `:db/id`, `transact/too-deep`.
        """
        if depth > MAX_NESTING:
            raise TransactError(
                f"maps are nested deeper than {MAX_NESTING}", code="transact/too-deep"
            )
        written = form.get(":db/id", form.get("db/id"))
        place = Tempid() if written is None else self._places.place(written)
        self.read_into(place, form, depth)
        return place

    def read_into(self, place: Place, form: Mapping[Any, Any], depth: int) -> None:
        """Read the attributes of a map whose entity is known."""
        for name, value in form.items():
            if value is None or name in _IDS:
                continue
            try:
                self._read_entry(place, name, value, depth)
            except DatamemError as error:
                self._forms.conflicts.add_error(error, entity=place)
                self.mention(place)

    def _read_entry(self, place: Place, name: Any, value: Any, depth: int) -> None:
        forward = forward_of(name) if isinstance(name, str) else None
        if forward is not None and name.lstrip(":") != INSTALL[1:]:
            self._read_reverse(place, forward, value, depth)
            return
        if forward is not None:
            return
        attribute = self._vocabulary.attribute(name)
        if isinstance(attribute, Draft):
            attribute.put(place, value)
            self.mention(place)
        elif attribute.id == ENSURE:
            for spec in value if isinstance(value, list | tuple | AbstractSet) else [value]:
                self.ensure(place, spec)
        elif attribute.many:
            for item in self._values_of_many(attribute, value):
                self.add_one(place, attribute, item, depth)
        else:
            self.add_one(place, attribute, value, depth)

    def _read_reverse(self, place: Place, name: str, value: Any, depth: int) -> None:
        """Read `:memory/_parent`: each value names an entity that refers to this one."""
        attribute = self._vocabulary.known(name)
        if attribute is None or attribute.value_type is not ValueType.REF:
            raise TransactError(
                f"{name} is not a reference, so it cannot be turned round",
                code="transact/reverse-not-ref",
                hint="declare it with :db/valueType :db.type/ref",
                attribute=name,
            )
        for item in self._values_of_many(attribute, value):
            if isinstance(item, Mapping):
                child = Tempid() if _id_of(item) is None else self._places.place(_id_of(item))
                self._forms.add(child, attribute, place)
                self._read_nested(child, item, depth)
            else:
                self._forms.add(self._places.place(item), attribute, place)

    def add_one(self, place: Place, attribute: Attribute, value: Any, depth: int) -> None:
        """Assert one value as written; a map as a ref's value is an entity of its own.

        Raises:
            SchemaError: when the attribute cannot hold the value.
            TransactError: when a reference names nothing.
        """
        try:
            self._add_one(place, attribute, value, depth)
        except DatamemError:
            self._forms.faulty.add((place, attribute.id))
            raise

    def _add_one(self, place: Place, attribute: Attribute, value: Any, depth: int) -> None:
        if attribute.value_type is not ValueType.REF:
            self._forms.add(place, attribute, self._places.value(attribute, value))
        elif isinstance(value, Mapping):
            written = _id_of(value)
            child = Tempid() if written is None else self._places.place(written)
            self._forms.add(place, attribute, child)
            self._read_nested(child, value, depth)
        else:
            self._forms.add(place, attribute, self._places.place(value))

    def _read_nested(self, child: Place, form: Mapping[Any, Any], depth: int) -> None:
        if depth >= MAX_NESTING:
            raise TransactError(
                f"maps are nested deeper than {MAX_NESTING}", code="transact/too-deep"
            )
        self.read_into(child, form, depth + 1)

    def mention(self, place: Place) -> None:
        """Note that something is said of an entity, so that it is one."""
        if type(place) is Tempid:
            self._forms.entities.setdefault(place)

    def ensure(self, place: Place, spec: Any) -> None:
        """Note that an entity must satisfy a spec.

        Raises:
            TransactError: `transact/unknown-spec` for what is no name.
        """
        if not isinstance(spec, str):
            raise TransactError(
                f"{shown(spec)} is not the name of an entity spec", code="transact/unknown-spec"
            )
        self._forms.ensures.append((place, spec))

    def _values_of_many(self, attribute: Attribute, value: Any) -> Iterable[Any]:
        """Return the values in a collection; a lookup ref, map, tuple, document or vector is one.

        A list of two whose first names a unique attribute is a lookup ref where the attribute is a
        ref. nil among the values is passed over.
        """
        if not _is_collection(value):
            return [value]
        if _is_one_value(attribute, value, self._places):
            return [value]
        return [item for item in value if item is not None]


def _is_collection(value: Any) -> bool:
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return False
    return isinstance(value, Iterable)


def _is_one_value(attribute: Attribute, value: Any, places: PlaceReader) -> bool:
    first = value[0] if isinstance(value, list | tuple | np.ndarray) and len(value) else None
    match attribute.value_type:
        case ValueType.REF:
            return places.is_lookup(value)
        case ValueType.TUPLE:
            return first is not None and not isinstance(first, list | tuple)
        case ValueType.VECTOR:
            return first is not None and np.ndim(first) == 0
        case _:
            return False


def _id_of(form: Mapping[Any, Any]) -> Any:
    return form.get(":db/id", form.get("db/id"))
