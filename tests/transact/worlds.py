"""A database to transact on, real or of dictionaries, with its facts in plain sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from datamem.db.advance import advance, branch
from datamem.db.database import Db
from datamem.errors import TransactError
from datamem.ids import TX_BASE
from datamem.index.heap import RootHeap, heap_key
from datamem.index.index import Index
from datamem.index.words import INLINE, decode_inline
from datamem.schema import Schema, ValueType, read_schema, tag_of
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE
from datamem.transact import TxPlan, bootstrap_plan, resolve
from datamem.transact.forms.items import read_items
from datamem.transact.resolution import resolve_general

SCHEMA = """
{:user/id {:db/valueType :db.type/uuid :db/unique :db.unique/identity}
 :user/email {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :user/badge {:db/valueType :db.type/long :db/unique :db.unique/value}
 :user/name {:db/valueType :db.type/string}
 :user/age {:db/valueType :db.type/long}
 :user/score {:db/valueType :db.type/double}
 :user/admin {:db/valueType :db.type/boolean}
 :user/born {:db/valueType :db.type/instant}
 :user/role {:db/valueType :db.type/keyword}
 :user/tags {:db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}
 :user/friend {:db/valueType :db.type/ref}
 :user/friends {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
 :user/twin {:db/valueType :db.type/ref :db/unique :db.unique/identity}
 :user/anything {}
 :order/lines {:db/isComponent true :db/cardinality :db.cardinality/many}
 :order/buyer {:db/onDelete :cascade}
 :order/seller {:db/onDelete :restrict}
 :order/carrier {:db/onDelete :set-null}
 :line/product {:db/valueType :db.type/string}
 :seat/row {:db/valueType :db.type/string}
 :seat/number {:db/valueType :db.type/long}
 :seat/place {:db/tupleAttrs [:seat/row :seat/number] :db/unique :db.unique/identity}
 :link/from {:db/valueType :db.type/ref}
 :link/kind {:db/valueType :db.type/keyword}
 :link/key {:db/tupleAttrs [:link/from :link/kind] :db/unique :db.unique/identity}}
"""


@dataclass(frozen=True)
class DictRows:
    e: Any
    v: Any

    def __len__(self) -> int:
        return len(self.e)


@dataclass(frozen=True)
class DictDb:
    """What transactions need of a database, from dictionaries; the model of the real one."""

    schema: Schema = field(default_factory=Schema.bootstrap)
    basis_t: int = 0
    next_entity: int = 1
    next_attribute: int = FIRST_USER_ATTRIBUTE
    last_instant_us: int = -1
    heap: tuple[Any, ...] = ()
    facts: frozenset[tuple[int, int, int]] = frozenset()
    past: frozenset[tuple[int, int, int]] = frozenset()

    @property
    def heap_size(self) -> int:
        return len(self.heap)

    def entity_with(self, a: int, word: int) -> int | None:
        return next((e for e, x, v in self.facts if (x, v) == (a, word)), None)

    def words(self, e: int, a: int) -> list[int]:
        return [v for x, y, v in self.facts if (x, y) == (e, a)]

    def holds(self, e: int, a: int, word: int) -> bool:
        return (e, a, word) in self.facts

    def entity_words(self, e: int) -> list[tuple[int, int]]:
        return sorted((a, v) for x, a, v in self.facts if x == e)

    def referrers(self, e: int, a: int) -> list[int]:
        return [x for x, y, v in self.facts if (y, v) == (a, e)]

    def encode(self, attribute: Any, value: Any) -> int | None:
        make = INLINE.get(attribute.value_type)
        if make is not None:
            return make(value)
        tag = tag_of(value) if attribute.value_type is ValueType.EDN else attribute.value_type
        return self.find_code(tag, heap_key(tag, value))

    def find_code(self, tag: ValueType, key: Any) -> int | None:
        keys = [(t, k) for t, _, k in self.heap]
        return keys.index((tag, key)) if (tag, key) in keys else None

    def decode(self, value_type: ValueType, words: Any) -> list[Any]:
        if value_type in INLINE:
            return decode_inline(value_type, np.asarray(words, np.int64))
        return [self.heap[word][1] for word in words]

    def rows(
        self, e: int | None = None, a: int | None = None, v: int | None = None
    ) -> DictRows:
        wanted = (e, a, v)
        found = sorted(
            (fact[0], fact[2])
            for fact in self.facts
            if all(part in {None, own} for part, own in zip(wanted, fact, strict=True))
        )
        es, vs = zip(*found, strict=True) if found else ((), ())
        return DictRows(np.array(es, np.int64), np.array(vs, np.int64))

    def lookup_many(self, a: int, es: Any) -> DictRows:
        rows = self.rows(a=a)
        keep = np.isin(rows.e, es)
        return DictRows(rows.e[keep], rows.v[keep])

    def lookup_values(self, a: int, vs: Any) -> DictRows:
        rows = self.rows(a=a)
        keep = np.isin(rows.v, vs)
        return DictRows(rows.e[keep], rows.v[keep])

    def history(self) -> DictDb:
        return replace(self, facts=self.facts | self.past)


def advance_dict(db: DictDb, plan: TxPlan) -> DictDb:
    facts, past = set(db.facts), set(db.past)
    for e, a, v, added in zip(plan.e, plan.a, plan.v, plan.added, strict=True):
        if added:
            assert (e, a, v) not in facts, "a datom that holds is asserted again"
            facts.add((e, a, v))
        else:
            facts.remove((e, a, v))
            past.add((e, a, v))
    return DictDb(
        plan.schema,
        plan.t,
        plan.next_entity,
        plan.next_attribute,
        plan.instant_us,
        db.heap + tuple(plan.new_values),
        frozenset(facts),
        frozenset(past),
    )


def _empty_real() -> Db:
    return Db(
        Index(),
        RootHeap(),
        Schema.bootstrap(),
        basis_t=0,
        counters=(1, FIRST_USER_ATTRIBUTE),
        last_instant_us=-1,
    )


class World:
    """A database that moves on with each transaction, and stays where one is refused."""

    def __init__(self, kind: str = "real", schema: Any = SCHEMA) -> None:
        self.db: Any
        self._advance: Callable[[Any, TxPlan], Any]
        if kind == "real":
            self.db, self._advance = _empty_real(), lambda db, plan: advance(branch(db), plan)
        else:
            self.db, self._advance = DictDb(), advance_dict
        self.functions: dict[str, Callable[..., Any]] = {}
        self.now_us = 1_000_000
        self.db = self._advance(self.db, bootstrap_plan(self.db))
        if schema:
            self.transact(read_schema(schema))

    def resolve(self, tx_data: Any, **options: Any) -> TxPlan:
        options.setdefault("now_us", self.now_us)
        return resolve(self.db, tx_data, functions=self.functions, **options)

    def transact(self, tx_data: Any, **options: Any) -> TxPlan:
        """Transact and move on."""
        plan = self.resolve(tx_data, **options)
        if not plan.empty:
            self.db = self._advance(self.db, plan)
        return plan

    def refuse(self, tx_data: Any, **options: Any) -> list[str]:
        """Return the codes of all conflicts, in alphabetical order; nothing may have changed."""
        before = self.state()
        with pytest.raises(TransactError) as caught:
            self.resolve(tx_data, **options)
        assert self.state() == before
        error = caught.value
        assert error.code == error.data["conflicts"][0]["code"]
        for conflict in error.data["conflicts"]:
            assert not conflict["message"].endswith(".")
        return sorted(conflict["code"] for conflict in error.data["conflicts"])

    def error(self, tx_data: Any, **options: Any) -> TransactError:
        with pytest.raises(TransactError) as caught:
            self.resolve(tx_data, **options)
        return caught.value

    def general(self, tx_data: Any) -> TxPlan:
        """Return the plan without the fast way."""
        return resolve_general(read_items(tx_data), self.db, self.now_us, None, self.functions)

    def state(self) -> Any:
        return self.db.basis_t, self.db.heap_size, self.db.next_entity, self.facts()

    def facts(self) -> set[tuple[int, str, Any]]:
        """Return (entity, ident, value) of everything users said; tags tell 1 from True."""
        found = set()
        for attribute in self.db.schema:
            rows = self.db.rows(a=attribute.id)
            values = self.db.decode(attribute.value_type, rows.v.tolist())
            for e, value in zip(rows.e.tolist(), values, strict=True):
                if e < TX_BASE:
                    found.add((e, str(attribute.ident), freeze(value)))
        return found

    def of(self, e: int) -> dict[str, Any]:
        """Return what an entity has: a value, or a set of them where there may be many."""
        found: dict[str, Any] = {}
        for a, word in self.db.entity_words(e):
            attribute = self.db.schema.require(a)
            value = self.db.decode(attribute.value_type, [word])[0]
            if attribute.many:
                found.setdefault(str(attribute.ident), set()).add(freeze(value))
            else:
                found[str(attribute.ident)] = value
        return found


def freeze(value: Any) -> Any:
    """Return a hashable stand-in for a value that tells types apart."""
    if isinstance(value, Mapping):
        return frozenset((key, freeze(item)) for key, item in value.items())
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return (type(value).__name__, value) if isinstance(value, bool) else value


def datoms_of(plan: TxPlan, db: Any) -> list[tuple[int, str, Any, bool]]:
    """Return a plan's datoms without the transaction's own, in order, decoded."""
    found = []
    for e, a, word, added in zip(plan.e, plan.a, plan.v, plan.added, strict=True):
        if e == plan.tx:
            continue
        attribute = plan.schema.require(a)
        if attribute.is_heap and word >= db.heap_size:
            value = plan.new_values[word - db.heap_size][1]
        else:
            value = db.decode(attribute.value_type, [word])[0]
        found.append((e, str(attribute.ident), freeze(value), added))
    return found
