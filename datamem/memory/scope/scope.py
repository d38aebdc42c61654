"""A scope: the part of a database that one tenant, application, user, agent or session may see.

An entity is in a scope if every owner it names (`datamem.memory.scope.owners`) is the scope's own where the scope
says so, and if what it is a part of is in the scope. What names no user, agent, session or app is shared by
all of those within its organisation; what names no organisation, and is no part of anything that does, is
nobody's, and no tenant sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import DatamemError
from datamem.ids import ATTR_BASE, TX_BASE
from datamem.index.kernels import BoolArray, Int64Array
from datamem.memory.scope.judge import Judge, check_writes, judge_of, wanted_owners
from datamem.memory.scope.owners import (
    EVERYBODYS,
    PART_OF,
    known_attributes,
    owner_attributes,
)
from datamem.memory.scope.tables import Tables
from datamem.schema.bootstrap import TX_INSTANT

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.transact.plan import TxPlan

_FEW: Final = 256
"""Up to so many entities are looked at one set at a time; more make a table of all entities."""
_DEEPEST: Final = 8
"""Longest chain of parts and wholes that is followed."""


_SEEN_BY: Final = "memory seen by"
"""Where a value keeps the scope that it is seen by."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Owners that an entity must have: entity ids, and the name of the app; None asks for nothing."""

    organization: int | None = None
    app: str | None = None
    user: int | None = None
    agent: int | None = None
    session: int | None = None

    @property
    def is_everything(self) -> bool:
        """Tell whether the scope leaves nothing out."""
        return self is EVERYTHING or self == EVERYTHING

    def with_owner(self, dimension: str, owner: Any) -> Scope:
        """Return the scope with one more owner."""
        return replace(self, **{dimension: owner})

    def of(self, db: Db) -> Db:
        """Return `db` with only what the scope may see; it stays a value, and takes any query.

        Cost: nothing now. A query that reads few entities asks about those. One that reads many takes a
        table of all entities, 50 ns each, which the next value only brings up to date.
        """
        if self.is_everything or db.cache.get(_SEEN_BY) == self:
            return db
        key = "memory scope", self
        found: Db | None = db.cache.get(key)
        if found is None:
            found = db.cache[key] = db.showing(_Shows(self, db))
            found.cache[_SEEN_BY] = self
        return found

    def check_plan(self, db: Db, plan: TxPlan) -> None:
        """Refuse a transaction that touches, or refers to, anything outside the scope.

        Raises:
            DatamemError: `scope/outside` with the entities, `scope/schema` for changes of the schema.
        """
        if self.is_everything or plan.empty:
            return
        if plan.changes_schema:
            raise DatamemError(
                "a scope cannot change the schema, which is everybody's",
                code="scope/schema",
                hint="declare attributes on the whole database first",
            )
        shows = self.of(db).view.shows
        before = shows.judge if isinstance(shows, _Shows) else judge_of(db, self)
        check_writes(db, plan, self, before)


EVERYTHING: Final = Scope()
"""The scope that leaves nothing out."""


class _Shows:
    """Which entities of one database value a scope shows."""

    def __init__(self, scope: Scope, db: Db) -> None:
        self._scope = scope
        self._db = db.unfiltered()
        self._table: BoolArray | None = None

    @cached_property
    def judge(self) -> Judge:
        """What judges single entities, and remembers its verdicts."""
        return judge_of(self._db, self._scope)

    def __call__(self, e: Int64Array) -> BoolArray:
        if self._table is None and len(e) <= _FEW:
            return self._decide(e)
        if self._table is None:
            tables = self._db.heap.companions.get("memory scopes", Tables)
            self._table = tables.table(self._scope, self._db, self._visible)
        is_user = e < TX_BASE
        if is_user.all():
            return self._table[e]
        shown = np.empty(len(e), np.bool_)
        shown[is_user] = self._table[e[is_user]]
        shown[~is_user] = self._decide(e[~is_user])
        return shown

    def _visible(self, db: Db, e: Int64Array) -> BoolArray:
        return visible(db, e, self._scope)

    def _decide(self, e: Int64Array) -> BoolArray:
        """Decide about entities of any partition one by one: attributes are everybody's."""
        found = {one: self._decide_one(one) for one in set(e.tolist())}
        return np.array([found[one] for one in e.tolist()], np.bool_)

    def _decide_one(self, e: int) -> bool:
        if e < TX_BASE:
            return self.judge.shows(e)
        return e >= ATTR_BASE or self._shows_transaction(e)

    def _shows_transaction(self, tx: int) -> bool:
        """Tell whether a transaction says nothing but when it was, or was written in the scope."""
        said = dict(self._db.entity_words(tx))
        said.pop(TX_INSTANT, None)
        own = known_attributes(self._db.schema, (":tx/organization",))
        wanted = self._scope.organization
        return not said or (wanted is not None and any(said.get(a) == wanted for a in own))


def visible(db: Db, entities: Int64Array, scope: Scope, depth: int = _DEEPEST) -> BoolArray:
    """Tell which entities are in the scope, a column at a time; says what `Judge` says of each.

    Args:
        db: an unfiltered value.
        entities: int64[n] user entities, ascending and distinct.
    """
    shown = np.ones(len(entities), np.bool_)
    if not len(entities) or depth == 0:
        return shown if depth else np.zeros(len(entities), np.bool_)
    owned = np.zeros(len(entities), np.bool_)
    for dimension, wanted in wanted_owners(db, scope).items():
        named, matches = _owners(db, entities, dimension, wanted)
        shown &= matches | ~named
        if dimension == "organization":
            owned = matches
    is_part, is_shown = _wholes(db, entities, scope, depth)
    shown &= is_shown | ~is_part
    if scope.organization is not None:
        shown &= owned | is_part | _everybodys(db, entities)
    return shown


def _owners(
    db: Db, entities: Int64Array, dimension: str, wanted: int
) -> tuple[BoolArray, BoolArray]:
    """Return which entities name an owner, and which name the wanted one."""
    named = np.zeros(len(entities), np.bool_)
    matches = np.zeros(len(entities), np.bool_)
    for a in owner_attributes(db.schema, dimension):
        rows = db.lookup_many(a, entities)
        at = np.searchsorted(entities, rows.e)
        named[at] = True
        matches[at[rows.v == wanted]] = True
    for a in known_attributes(db.schema, (f":{dimension}/id",)):
        at = np.searchsorted(entities, db.lookup_many(a, entities).e)
        named[at] = True
        matches[at] = entities[at] == wanted
    return named, matches


def _wholes(
    db: Db, entities: Int64Array, scope: Scope, depth: int
) -> tuple[BoolArray, BoolArray]:
    """Return which entities are parts of something, and of which all wholes are shown."""
    is_part = np.zeros(len(entities), np.bool_)
    shown = np.ones(len(entities), np.bool_)
    for a in known_attributes(db.schema, PART_OF):
        rows = db.lookup_many(a, entities)
        if not len(rows):
            continue
        wholes, inverse = np.unique(rows.v, return_inverse=True)
        whole_shown = visible(db, wholes, scope, depth - 1)[inverse]
        at = np.searchsorted(entities, rows.e)
        is_part[at] = True
        shown[at[~whole_shown]] = False
    return is_part, shown


def _everybodys(db: Db, entities: Int64Array) -> BoolArray:
    found = np.zeros(len(entities), np.bool_)
    for a in known_attributes(db.schema, EVERYBODYS):
        found[np.searchsorted(entities, db.lookup_many(a, entities).e)] = True
    return found
