"""The fast way for the usual transaction: maps of plain values that make new entities.

It gives the same plan as the general stages (`resolve_general`), without an object for each form, or
None as soon as it meets anything else: operations, nested or reverse maps, an entity that exists,
an undeclared attribute, a refused value. The general way then starts from the beginning, and reports
whatever is wrong.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import DatamemError
from datamem.ids import TX_BASE, tx_of_t
from datamem.index.words import INLINE, instant_of_us
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE, NOW, TX_INSTANT
from datamem.schema.types import HEAP_TYPES, ValueType
from datamem.transact.effects.changes import composites_of
from datamem.transact.effects.kinds import specs_by_kind
from datamem.transact.encoder import Encoder
from datamem.transact.forms.places import CURRENT_TX
from datamem.transact.plan import TxPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from datamem.schema import Attribute, Schema
    from datamem.transact.ports import DbView

_NOT_PLAIN: Final = frozenset({ValueType.TUPLE, ValueType.VECTOR, ValueType.DOC, ValueType.EDN})
"""Types whose collections are not simply collections of values, where there are many."""

_TYPED: Final = HEAP_TYPES - {ValueType.EDN}
"""Types whose values are in the heap under their attribute's own type."""

SEQUENCES: Final = frozenset({list, tuple})
COLLECTIONS: Final = frozenset({list, tuple, set, frozenset})

_FEW: Final = 8
"""Up to so many unique values are looked up one by one."""


class NotPlain(Exception):  # noqa: N818  # not an error: the general way takes over
    """The transaction needs the general way."""


class Column:
    """What the loop needs of an attribute."""

    __slots__ = (
        "attribute",
        "check",
        "id",
        "is_limited",
        "is_many",
        "is_ref",
        "is_unique",
        "make",
        "tag",
    )

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        self.id = attribute.id
        self.check: Callable[[Any], Any] = attribute.check
        self.make: Callable[[Any], int] | None = INLINE.get(attribute.value_type)
        self.tag = attribute.value_type if attribute.value_type in _TYPED else None
        self.is_many = attribute.many
        self.is_ref = attribute.value_type is ValueType.REF
        self.is_unique = attribute.unique is not None
        self.is_limited = bool(attribute.enum) or not (
            attribute.min is None and attribute.max is None
        )


class Table:
    """The columns of a schema by name, made when first used, and its entity kinds.

    Attributes:
        is_ambiguous: whether some attribute was met under two names.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._lock = Lock()
        self._components = composites_of(schema)
        self.columns: dict[str, Column] = {}
        self.is_ambiguous = False
        self.kinds = specs_by_kind(schema)

    def column(self, name: Any) -> Column:
        """Return the column of a name that is met for the first time.

        Raises:
            NotPlain: for an attribute that the general way must see.
        """
        attribute = self._schema.get(name) if isinstance(name, str) else None
        if attribute is None or not self.is_plain(attribute):
            raise NotPlain
        with self._lock:
            self.is_ambiguous |= any(
                known.id == attribute.id
                for other, known in self.columns.items()
                if other != name
            )
            column = self.columns[name] = Column(attribute)
        return column

    def is_plain(self, attribute: Attribute) -> bool:
        """Tell whether an assertion of an attribute's value is just that."""
        return not (
            attribute.id < FIRST_USER_ATTRIBUTE
            or attribute.id in self._components
            or attribute.value_type is ValueType.TUPLE
            or attribute.preds
            or attribute.embed is not None
            or (attribute.many and attribute.value_type in _NOT_PLAIN)
            or (attribute.unique and attribute.value_type is ValueType.REF)
        )


def resolve_plain(
    items: list[Any], db: DbView, now_us: int, meta: Mapping[Any, Any] | None = None
) -> TxPlan | None:
    """Return the plan of plain maps, or None if anything among them is not plain."""
    try:
        return PlainReader(db, now_us).plan(items, meta)
    except (NotPlain, DatamemError):
        return None


class PlainReader:
    """One attempt.

    Attributes:
        encoder, table: for the transaction's values and the schema's columns.
        e, a, v: the datoms so far, that of the transaction's instant first.
    """

    __slots__ = (
        "_claimed",
        "_db",
        "_instant_us",
        "_later",
        "_lookups",
        "_placeholders",
        "_tempids",
        "a",
        "e",
        "encoder",
        "table",
        "v",
    )

    def __init__(self, db: DbView, now_us: int) -> None:
        self._db = db
        self.encoder = Encoder(db)
        self.table: Table = db.schema.derive("plain_table", Table)
        previous = db.last_instant_us if db.basis_t else now_us - 1
        self._instant_us = max(now_us, previous + 1)
        self.e = [tx_of_t(db.basis_t + 1)]
        self.a = [TX_INSTANT]
        self.v = [self._instant_us]
        self._tempids: dict[int | str, int] = {}
        self._later: list[tuple[int, int | str]] = []
        self._placeholders: dict[int | str, int] = {}
        self._lookups: dict[tuple[int, int], int] = {}
        self._claimed: dict[int, dict[int, None]] = {}

    def plan(self, items: list[Any], meta: Mapping[Any, Any] | None) -> TxPlan | None:
        """Return the plan; None where nothing is asserted."""
        entity = self._db.next_entity
        if meta:
            self.read_meta(meta)
        first = len(self.a)
        for form in items:
            if type(form) is not dict:
                raise NotPlain
            start = len(self.a)
            self._read_map(form, entity)
            count = len(self.a) - start
            if count:
                if self.table.kinds or self.table.is_ambiguous:
                    count = self._finish_entity(start)
                self.e += [entity] * count
                entity += 1
            elif ":db/id" in form or "db/id" in form:
                raise NotPlain
        for row, key in self._later:
            if key not in self._tempids:
                raise NotPlain
            self.v[row] = self._tempids[key]
        self._check_claims()
        return self._plan(entity) if len(self.a) > first else None

    def read_meta(self, meta: Mapping[Any, Any]) -> None:
        """Put what is said of the transaction itself.

        Raises:
            NotPlain: where the general way must see it.
        """
        self._read_map(dict(meta), self.e[0])
        if self._claimed or self._tempids:
            raise NotPlain
        count = len(self.a) - 1
        if self.table.kinds or self.table.is_ambiguous:
            count = self._finish_entity(1)
        self.e += [self.e[0]] * count

    def _read_map(self, form: dict[Any, Any], entity: int) -> None:
        columns = self.table.columns
        put_a, put_v, encode = self.a.append, self.v.append, self.encoder.code
        for name, value in form.items():
            if value is None:
                continue
            column = columns.get(name)
            if column is None:
                if name in {":db/id", "db/id"}:
                    self._read_id(value, entity)
                    continue
                column = self.table.column(name)
            if column.is_many:
                self._read_many(column, value)
                continue
            if column.is_ref:
                word = self._ref(value)
            elif column.tag is not None:
                word = encode(column.tag, column.check(value))
            elif column.make is not None:
                word = column.make(column.check(value))
            else:
                word = self.encoder.word(column.attribute, column.check(value))
            if column.is_unique:
                self._claim(column, word)
            put_a(column.id)
            put_v(word)

    def _read_id(self, value: Any, entity: int) -> None:
        """Note a tempid."""
        if not is_tempid(value) or value in self._tempids:
            raise NotPlain
        self._tempids[value] = entity

    def _read_many(self, column: Column, value: Any) -> None:
        kind = type(value)
        is_one = kind not in COLLECTIONS or (
            column.is_ref and kind in SEQUENCES and self._is_lookup(value)
        )
        values = [value] if is_one else [item for item in value if item is not None]
        start = len(self.v)
        for item in values:
            if column.is_ref:
                word = self._ref(item)
            elif column.make is not None:
                word = column.make(column.check(item))
            else:
                word = self.encoder.word(column.attribute, column.check(item))
            if column.is_unique:
                self._claim(column, word)
            self.a.append(column.id)
            self.v.append(word)
        if len(set(self.v[start:])) != len(self.v) - start:
            raise NotPlain

    def _ref(self, value: Any) -> int:
        """Return the id that a reference has now; a tempid's is put in at the end."""
        kind = type(value)
        if kind is int and 0 < value < self._db.next_entity:
            return int(value)
        if kind in SEQUENCES and self._is_lookup(value):
            return self._look_up(value)
        if not is_tempid(value):
            raise NotPlain
        self._later.append((len(self.v), value))
        return self._placeholders.setdefault(value, -1 - len(self._placeholders))

    def _is_lookup(self, value: Any) -> bool:
        if len(value) != 2 or not isinstance(value[0], str):
            return False
        attribute = self._db.schema.get(value[0])
        return attribute is not None and attribute.unique is not None

    def _look_up(self, value: Any) -> int:
        attribute = self._db.schema.get(value[0])
        if attribute is None or attribute.value_type in {ValueType.REF, ValueType.TUPLE}:
            raise NotPlain
        word = self._db.encode(attribute, attribute.check(value[1]))
        if word is None:
            raise NotPlain
        key = attribute.id, word
        found = self._lookups.get(key) or self._db.entity_with(attribute.id, word)
        if found is None:
            raise NotPlain
        self._lookups[key] = found
        return found

    def _claim(self, column: Column, word: int) -> None:
        """Note a unique value; one met twice is for the general way."""
        claimed = self._claimed.setdefault(column.id, {})
        if word in claimed:
            raise NotPlain
        claimed[word] = None

    def _check_claims(self) -> None:
        """Leave to the general way what the database has already."""
        size = self._db.heap_size
        for attribute_id, claimed in self._claimed.items():
            attribute = self._table_attribute(attribute_id)
            words = [word for word in claimed if not attribute.is_heap or word < size]
            if len(words) > _FEW:
                keys = np.array(sorted(words), np.int64)
                if len(self._db.lookup_values(attribute_id, keys)):
                    raise NotPlain
            elif any(self._db.entity_with(attribute_id, word) is not None for word in words):
                raise NotPlain

    def _table_attribute(self, attribute_id: int) -> Attribute:
        return self._db.schema.require(attribute_id)

    def _finish_entity(self, start: int) -> int:
        """Fill in defaults and return how many datoms the entity has.

        Raises:
            NotPlain: when it lacks a required attribute.
        """
        present = set(self.a[start:])
        if self.table.is_ambiguous and self._has_two_values(start, present):
            raise NotPlain
        kinds = self.table.kinds
        specs = {spec.id: spec for a in kinds.keys() & present for spec in kinds[a]}
        for _, spec in sorted(specs.items()):
            for name in spec.attrs:
                attribute = self._db.schema.get(name)
                if attribute is None or spec.preds:
                    raise NotPlain
                if attribute.id not in present:
                    self.a.append(attribute.id)
                    self.v.append(self.default_of(attribute))
                    present.add(attribute.id)
        return len(self.a) - start

    def _has_two_values(self, start: int, present: set[int]) -> bool:
        """Tell whether an attribute came under two names with values that do not go together."""
        attributes = self.a[start:]
        if len(present) == len(attributes):
            return False
        ones = [a for a in attributes if not self._table_attribute(a).many]
        facts = set(zip(attributes, self.v[start:], strict=True))
        return len(set(ones)) != len(ones) or len(facts) != len(attributes)

    def default_of(self, attribute: Attribute) -> int:
        """Return the word of an attribute's default.

        Raises:
            NotPlain: where it has none that is plain.
        """
        default = attribute.default
        if default is None or attribute.unique or not self.table.is_plain(attribute):
            raise NotPlain
        value = instant_of_us(self._instant_us) if default == NOW else default
        return self.encoder.word(attribute, value)

    def _plan(self, next_entity: int) -> TxPlan:
        db = self._db
        return TxPlan(
            db.basis_t + 1,
            TX_BASE + db.basis_t + 1,
            self._instant_us,
            tuple(self.e),
            tuple(self.a),
            tuple(self.v),
            (True,) * len(self.a),
            self.encoder.new_values,
            next_entity,
            db.next_attribute,
            self._tempids,
            db.schema,
        )


def is_tempid(value: Any) -> bool:
    """Tell whether a value names an entity of this transaction only: a negative number, or a string."""
    if type(value) is int:
        return value < 0
    return type(value) is str and not value.startswith(":") and value not in CURRENT_TX
