"""Whether single entities are in a scope, before and after a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.memory.scope.owners import (
    DIMENSIONS,
    EVERYBODYS,
    PART_OF,
    known_attributes,
    owner_attributes,
)
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.memory.scope.scope import Scope
    from datamem.schema import Schema
    from datamem.transact.plan import TxPlan

Words = list[tuple[int, int]]
"""(attribute, word) of each datom of an entity."""


@dataclass(frozen=True, slots=True)
class _Roles:
    """What attributes say about owners.

    Attributes:
        owner: attribute to the dimension of the owner that it names.
        itself: identity to the dimension in which what has it is its own owner.
        whole: attributes that name what an entity is a part of.
        everybodys: identities of what belongs to nobody.
    """

    owner: Mapping[int, str]
    itself: Mapping[int, str]
    whole: frozenset[int]
    everybodys: frozenset[int]


def _roles(schema: Schema) -> _Roles:
    return _Roles(
        {a: name for name in DIMENSIONS for a in owner_attributes(schema, name)},
        {a: name for name in DIMENSIONS for a in known_attributes(schema, (f":{name}/id",))},
        frozenset(known_attributes(schema, PART_OF)),
        frozenset(known_attributes(schema, EVERYBODYS)),
    )


def wanted_owners(db: Db, scope: Scope) -> dict[str, int]:
    """Return the word of each owner that a scope asks for; -1 for an app that nothing names."""
    wanted = {name: getattr(scope, name) for name in DIMENSIONS}
    if scope.app is not None:
        code = db.heap.find(ValueType.STRING, scope.app)
        wanted["app"] = -1 if code is None else code
    return {name: word for name, word in wanted.items() if word is not None}


class Judge:
    """Tells of entities, one by one, whether a scope has them; remembers what it was asked."""

    def __init__(
        self,
        schema: Schema,
        wanted: Mapping[str, int],
        words_of: Callable[[int], Words],
        *,
        known: Callable[[int], bool | None] = lambda _: None,
    ) -> None:
        self._known_elsewhere = known
        self._roles: _Roles = schema.derive("memory-roles", _roles)
        self._wanted = wanted
        self._words_of = words_of
        self._known: dict[int, bool] = {}

    def shows(self, e: int) -> bool:
        """Tell whether a user entity is in the scope; what is a part of itself is not.

        Cost: one lookup, about 10 µs, for it and for each thing it is a part of.
        """
        found = self._known.get(e)
        if found is None:
            self._known[e] = False
            elsewhere = self._known_elsewhere(e)
            found = self._known[e] = self._decide(e) if elsewhere is None else elsewhere
        return found

    def _decide(self, e: int) -> bool:
        named: dict[str, bool] = {}
        wholes: list[int] = []
        is_everybodys = False
        for a, word in self._words_of(e):
            dimension = self._roles.owner.get(a)
            owner = word
            if dimension is None:
                dimension, owner = self._roles.itself.get(a), e
            if dimension is not None and dimension in self._wanted:
                matches = owner == self._wanted[dimension]
                named[dimension] = matches or named.get(dimension, False)
            if a in self._roles.whole:
                wholes.append(word)
            is_everybodys |= a in self._roles.everybodys
        if not all(named.values()) or not all(self.shows(whole) for whole in wholes):
            return False
        belongs = named.get("organization", False) or bool(wholes) or is_everybodys
        return belongs or "organization" not in self._wanted


def judge_of(db: Db, scope: Scope) -> Judge:
    """Return what judges the entities of an unfiltered value."""
    return Judge(db.schema, wanted_owners(db, scope), db.entity_words)


def check_writes(db: Db, plan: TxPlan, scope: Scope, before: Judge) -> None:
    """Refuse a plan that touches what is outside a scope, would put it there, or refers to it.

    Args:
        before: what judges the entities of `db`, perhaps with verdicts that it remembers.

    Raises:
        DatamemError: `scope/outside`.
    """
    touched, targets = _written(db, plan)
    old = [e for e in touched if e < db.next_entity]
    _refuse([e for e in old if _is_there(db, e) and not before.shows(e)], "is")
    wanted = wanted_owners(db, scope)
    if scope.app is not None and wanted["app"] == -1:
        wanted["app"] = _new_code(db, plan, scope.app)

    def known(e: int) -> bool | None:
        """Return what was known before of an entity that no change can have reached."""
        return None if old or e >= db.next_entity else before.shows(e)

    after = Judge(db.schema, wanted, lambda e: _words_after(db, e, touched), known=known)
    remaining = [e for e in touched if e >= db.next_entity or _words_after(db, e, touched)]
    _refuse([e for e in (*remaining, *targets) if not after.shows(e)], "would be")


def _written(db: Db, plan: TxPlan) -> tuple[dict[int, tuple[Words, set[Any]]], set[int]]:
    """Return what the plan asserts and retracts of each user entity, and what it refers to."""
    touched: dict[int, tuple[Words, set[Any]]] = {}
    targets: set[int] = set()
    refs = {a for a in set(plan.a) if db.value_type(a) is ValueType.REF}
    asserted: Words = []
    retracted: set[Any] = set()
    last = -1
    for e, a, v, added in zip(plan.e, plan.a, plan.v, plan.added, strict=True):
        if e >= TX_BASE:
            continue
        if e != last:  # an entity's rows lie together, mostly
            asserted, retracted = touched.setdefault(e, ([], set()))
            last = e
        if not added:
            retracted.add((a, v))
            continue
        asserted.append((a, v))
        if a in refs and v < TX_BASE:
            targets.add(v)
    return touched, targets - touched.keys()


def _is_there(db: Db, e: int) -> bool:
    return bool(db.entity_words(e))


def _words_after(db: Db, e: int, touched: Mapping[int, tuple[Words, set[Any]]]) -> Words:
    added, gone = touched.get(e, ((), ()))
    if e >= db.next_entity:
        return list(added)
    return [pair for pair in db.entity_words(e) if pair not in gone] + list(added)


def _new_code(db: Db, plan: TxPlan, app: str) -> int:
    """Return the code that a new name of an app gets by the plan, -1 if it gets none."""
    values = [value for _, value, _ in plan.new_values]
    return db.heap_size + values.index(app) if app in values else -1


def _refuse(entities: list[int], verb: str) -> None:
    if entities:
        raise DatamemError(
            f"entity {entities[0]} {verb} outside the scope",
            code="scope/outside",
            hint="a scope writes only what belongs to it",
            entities=entities,
        )
