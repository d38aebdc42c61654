"""Tables of what a scope shows: one boolean an entity, kept from one database value to the next."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

import numpy as np

from datamem.ids import TX_BASE, tx_of_t
from datamem.index.changes import changed_facts
from datamem.index.kernels import BoolArray, Int64Array
from datamem.index.sets import ascending
from datamem.memory.scope.owners import PART_OF, known_attributes

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.index.companions import Companions
    from datamem.schema import Schema

Judges = Callable[["Db", Int64Array], BoolArray]
"""Whether each of the entities, ascending and distinct, is shown by a value."""

_MOST_CHANGED: Final = 4
"""A table is made anew when more than one in so many entities has changed."""
_MOST_SCOPES: Final = 256


class Tables:
    """The newest table of each scope; kept beside the heap, so that a commit costs what it changed."""

    def __init__(self, _: Companions) -> None:
        self._known: dict[Hashable, tuple[int, Schema, BoolArray]] = {}

    def truncate(self, size: int) -> None:  # noqa: ARG002 - of any size
        """Forget everything: what a failed commit changed may never be."""
        self._known = {}

    def close(self) -> None:
        """Forget everything."""
        self._known = {}

    def table(self, key: Hashable, db: Db, judges: Judges) -> BoolArray:
        """Return bool[next_entity]: which entities a scope shows; never written to after return.

        Args:
            key: which scope; `judges` must always say the same for it.
            db: an unfiltered value, past or present.
        """
        if db.t != db.basis_t:
            return judges(db, np.arange(db.next_entity, dtype=np.int64))
        known = self._known.get(key)
        if known is not None and known[:2] == (db.t, db.schema):
            return known[2]
        found = None
        if known is not None and known[0] < db.t and known[1] is db.schema:
            found = _carried_on(known[0], known[2], db, judges)
        if found is None:
            found = judges(db, np.arange(db.next_entity, dtype=np.int64))
        if known is None or known[0] <= db.t:
            if len(self._known) >= _MOST_SCOPES:
                self._known = {}
            self._known[key] = db.t, db.schema, found
        return found


def _carried_on(t: int, before: BoolArray, db: Db, judges: Judges) -> BoolArray | None:
    """Return the table at `db` from that at `t`; None where too much has changed in between."""
    changed, _, _ = changed_facts(db.index, tx_of_t(t), tx_of_t(db.t))
    entities = ascending(changed[changed < TX_BASE])
    if len(entities) * _MOST_CHANGED > db.next_entity:
        return None
    table = np.zeros(db.next_entity, np.bool_)
    table[: len(before)] = before
    parts_of = known_attributes(db.schema, PART_OF)
    while len(entities):
        shown = judges(db, entities)
        differs = entities[table[entities] != shown]
        table[entities] = shown
        parts = [db.lookup_values(a, differs).e for a in parts_of] if len(differs) else []
        entities = ascending(np.concatenate(parts)) if parts else differs
    return table
