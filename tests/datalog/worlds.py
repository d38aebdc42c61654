"""Small databases for query tests, made straight from facts, without transactions or a log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datamem.db.database import Db
from datamem.edn import Keyword
from datamem.ids import TX_BASE
from datamem.index.freeze import freeze, with_datoms
from datamem.index.heap import RootHeap, heap_key
from datamem.index.index import Index
from datamem.index.words import INLINE
from datamem.schema.attribute import Attribute
from datamem.schema.facts import facts_of_attribute
from datamem.schema.persistent import with_entries
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType
from datamem.schema.values import tag_of

FIRST_ATTRIBUTE = (1 << 41) + 1000


class World:
    """A database that grows by facts; `db` is its value now."""

    def __init__(self, attributes: dict[str, dict[str, Any]], *, strict: bool = False) -> None:
        base = Schema.bootstrap()
        self.attributes: dict[str, Attribute] = {}
        items: dict[int, Any] = {}
        names: dict[str, int] = {}
        for number, (name, settings) in enumerate(attributes.items()):
            entity_id = FIRST_ATTRIBUTE + number
            attribute = Attribute(entity_id, Keyword(name), **settings)
            self.attributes[name] = items[entity_id] = attribute
            names[str(Keyword(name))] = entity_id
        facts = {i: facts_of_attribute(a) for i, a in items.items()}
        self.schema = Schema(
            with_entries(base.facts_by_id, facts),
            with_entries(base.items, items),
            with_entries(base.names, names),
            strict=strict,
        )
        self.heap = RootHeap()
        self.index = Index()
        self.t = 0
        ident = base.get(":db/ident")
        assert ident is not None
        self.attributes[":db/ident"] = ident

    def word(self, attribute: Attribute, value: Any) -> int:
        """Return the word of a value, interned if it is new."""
        if attribute.value_type in INLINE:
            return INLINE[attribute.value_type](value)
        tag = tag_of(value) if attribute.value_type is ValueType.EDN else attribute.value_type
        code = self.heap.find(tag, value)
        if code is None:
            code = self.heap.size
            self.heap.extend([(tag, value, heap_key(tag, value))])
        return code

    def add(self, facts: Iterable[tuple[Any, ...]], *, frozen: bool = False) -> Db:
        """Add facts (e, attribute, value) or (e, attribute, value, added) as one transaction."""
        self.t += 1
        columns: tuple[list[Any], ...] = ([], [], [], [])
        for e, name, value, *rest in facts:
            attribute = self.attributes[name if name.startswith(":") else f":{name}"]
            columns[0].append(e)
            columns[1].append(attribute.id)
            columns[2].append(self.word(attribute, value))
            columns[3].append(rest[0] if rest else True)
        self.index = with_datoms(self.index, columns, TX_BASE + self.t)
        if frozen:
            self.index = freeze(self.index)
        return self.db

    @property
    def db(self) -> Db:
        """The database value now."""
        return Db(
            self.index,
            self.heap,
            self.schema,
            basis_t=self.t,
            counters=(1_000_000, 10),
            last_instant_us=0,
        )


STRING: dict[str, Any] = {"value_type": ValueType.STRING}
LONG: dict[str, Any] = {"value_type": ValueType.LONG}
DOUBLE: dict[str, Any] = {"value_type": ValueType.DOUBLE}
REF: dict[str, Any] = {"value_type": ValueType.REF}
KEYWORD: dict[str, Any] = {"value_type": ValueType.KEYWORD}
BOOLEAN: dict[str, Any] = {"value_type": ValueType.BOOLEAN}
INSTANT: dict[str, Any] = {"value_type": ValueType.INSTANT}
EDN: dict[str, Any] = {"value_type": ValueType.EDN}
MANY: dict[str, Any] = {"many": True}
UNIQUE: dict[str, Any] = {"unique": "identity"}
