"""The schema: an immutable value that finds an attribute by any of its names in one lookup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from datamem.schema.attribute import Attribute
from datamem.schema.bootstrap import (
    FIRST_USER_ATTRIBUTE,
    SETTINGS,
    SETTINGS_IDENT,
    SYSTEM_ATTRIBUTES,
)
from datamem.schema.facts import Facts, facts_of_attribute
from datamem.schema.names import unknown_attribute_error
from datamem.schema.persistent import PersistentMap, persistent_map
from datamem.schema.specs import EntitySpec, facts_of_spec
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from datamem.edn import Keyword

D = TypeVar("D")


class Schema:
    """Attributes, entity specs and the mode of a database; immutable.

    Made by `Schema.bootstrap()` and `apply_changes`, so that the datoms of the attribute partition
    are the whole truth. Lookups fill a private cache, which any number of threads may do at once.

    Attributes:
        facts_by_id: what holds of each entity of the schema.
        items: attributes and entity specs by id.
        names: id by ident and by former ident, with colon.
        strict: whether an attribute that nobody declared is refused.
    """

    __slots__ = ("_cache", "_derived", "facts_by_id", "items", "names", "strict")

    def __init__(
        self,
        facts_by_id: PersistentMap[int, Facts],
        items: PersistentMap[int, Attribute | EntitySpec],
        names: PersistentMap[str, int],
        *,
        strict: bool,
    ) -> None:
        self.facts_by_id = facts_by_id
        self.items = items
        self.names = names
        self._cache: dict[str | int, Attribute] = {}
        self._derived: dict[str, Any] = {}
        self.strict = strict

    @classmethod
    def bootstrap(cls) -> Schema:
        """Return the schema that every database starts with."""
        return _BOOTSTRAP

    def get(self, name: str | int) -> Attribute | None:
        """Return the attribute of an ident (colon or not), a former ident or an id, or None.

        Cost: one dict lookup after the first time.
        """
        found = self._cache.get(name)
        return found if found is not None else self._find(name)

    def require(self, name: str | int) -> Attribute:
        """Return the attribute of this name, or raise `schema/unknown-attribute` with near names."""
        found = self.get(name)
        if found is None:
            raise unknown_attribute_error(str(name), self.idents())
        return found

    def _find(self, name: str | int) -> Attribute | None:
        entity_id = self.entity_id(name) if isinstance(name, str) else name
        found = None if entity_id is None else self.items.get(entity_id)
        if not isinstance(found, Attribute):
            return None
        self._cache[name] = found
        return found

    def canonical(self, attribute: Attribute, value: Any) -> Any:
        """Return the canonical value; the slots of a composite tuple are those of its components.

        Raises:
            SchemaError: as `attribute.check`.
        """
        parts = [self.get(name) for name in attribute.tuple_attrs]
        if parts and isinstance(value, list | tuple) and len(value) == len(parts):
            slots = zip(parts, value, strict=True)
            value = [x if part is None or x is None else part.check(x) for part, x in slots]
        return attribute.check(value)

    def spec(self, name: str | int) -> EntitySpec | None:
        """Return the entity spec of an ident or id, or None."""
        entity_id = self.entity_id(name) if isinstance(name, str) else name
        found = None if entity_id is None else self.items.get(entity_id)
        return found if isinstance(found, EntitySpec) else None

    def entity_id(self, name: str) -> int | None:
        """Return the id of an attribute, spec or the settings entity by ident, or None."""
        return self.names.get(name if name.startswith(":") else f":{name}")

    def facts(self, entity_id: int) -> Facts:
        """Return what holds of an entity of the schema, by ident of the system attribute."""
        return self.facts_by_id.get(entity_id, {})

    @property
    def by_id(self) -> Mapping[int, Attribute]:
        """Every attribute by its id, system attributes included."""
        return self.derive(
            "by_id", lambda s: {i: a for i, a in s.items.items() if isinstance(a, Attribute)}
        )

    @property
    def specs(self) -> Mapping[Keyword, EntitySpec]:
        """Every entity spec by its ident."""
        return self.derive(
            "specs",
            lambda s: {x.ident: x for x in s.items.values() if isinstance(x, EntitySpec)},
        )

    @property
    def refs(self) -> tuple[Attribute, ...]:
        """Every attribute of type ref, by id."""
        return self.derive(
            "refs", lambda s: tuple(a for a in s if a.value_type is ValueType.REF)
        )

    def derive(self, name: str, make: Callable[[Schema], D]) -> D:
        """Return `make(self)`, made once for this schema; `name` is the key of the caller.

        For what upper layers compile from a schema. `make` must be pure.
        """
        found: D | None = self._derived.get(name)
        if found is None:
            found = self._derived[name] = make(self)
        return found

    def idents(self) -> Iterator[Keyword]:
        """Yield the ident of every attribute, system attributes included."""
        return (attribute.ident for attribute in self.by_id.values())

    def __iter__(self) -> Iterator[Attribute]:
        """Yield every attribute, by id."""
        by_id = self.by_id
        return (by_id[entity_id] for entity_id in sorted(by_id))

    def __len__(self) -> int:
        return len(self.by_id)

    def __contains__(self, name: str | int) -> bool:
        return self.get(name) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return self.strict == other.strict and self.items == other.items

    __hash__ = None  # type: ignore[assignment]  # compared by value, and large

    def __repr__(self) -> str:
        mode = "strict" if self.strict else "open"
        return f"<Schema of {len(self) - len(SYSTEM_ATTRIBUTES)} attributes, {mode}>"

    def to_data(self) -> dict[Keyword, dict[str, Any]]:
        """Return the users' part in the shape of a schema file: ident to properties."""
        users = (self.items[i] for i in sorted(self.items) if i >= FIRST_USER_ATTRIBUTE)
        return {
            item.ident: facts_of_attribute(item)
            if isinstance(item, Attribute)
            else facts_of_spec(item)
            for item in users
        }


_BOOTSTRAP: Final = Schema(
    persistent_map({SETTINGS: {":db/ident": SETTINGS_IDENT}}),
    persistent_map({attribute.id: attribute for attribute in SYSTEM_ATTRIBUTES}),
    persistent_map(
        {str(attribute.ident): attribute.id for attribute in SYSTEM_ATTRIBUTES}
        | {str(SETTINGS_IDENT): SETTINGS}
    ),
    strict=False,
)
