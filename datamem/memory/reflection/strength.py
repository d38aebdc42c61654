"""How strong a memory is at an instant: a rule over columns, never a job that writes.

    r(t) = initial * exp(-rate * hours since the latest of last recall, last review and creation)

after Chessa and Murre's model, with the rates of a taxonomy of memory types. Each review slows the decay:
the rate is divided by one more than the number of reviews. An hour is the unit of the rates unless a type
says otherwise. Strength is computed for the instant that somebody asks about, on whole columns;
`:memory/current-strength` is written only when somebody wants it stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from datamem.db.time import instant_us_of_t
from datamem.edn import Keyword
from datamem.index.kernels import EMPTY, Int64Array
from datamem.index.words import doubles_of_words, us_of_instant
from datamem.memory.records.columns import (
    Words,
    by_word,
    first_words,
    has_words,
    numbered,
    words_by_entity,
)
from datamem.schema.bootstrap import TX_INSTANT

if TYPE_CHECKING:
    from datamem.db.database import Db

Float64Array = npt.NDArray[np.float64]

HOUR_US: Final = 3_600_000_000


class MemoryType(NamedTuple):
    """A kind of memory and how it fades.

    Attributes:
        decay_rate: per `decay_hours`; 0.0 never fades.
        decay_hours: hours in the unit of the rate.
        level: 0 raw, 1 episode, 2 theme, 3 archetype.
    """

    decay_rate: float
    decay_hours: float = 1.0
    level: int = 0
    doc: str = ""


TAXONOMY: Final[dict[str, MemoryType]] = {
    ":interaction": MemoryType(0.8, level=0, doc="Raw message, transient"),
    ":episode": MemoryType(0.4, level=1, doc="Session summary"),
    ":theme": MemoryType(0.2, level=2, doc="Cross-session pattern"),
    ":archetype": MemoryType(0.05, level=3, doc="Permanent knowledge"),
    ":fact": MemoryType(0.1, doc="Extracted knowledge"),
    ":preference": MemoryType(0.05, doc="User-specific"),
    ":procedural": MemoryType(0.1, doc="How-to patterns"),
}
"""What holds for a type that the database says nothing about."""

UNKNOWN_TYPE: Final = TAXONOMY[":fact"]


def taxonomy_tx() -> list[dict[str, Any]]:
    """Return the taxonomy as entities, for whoever wants to change it: `conn.transact(taxonomy_tx())`."""
    return [
        {
            ":memory-type/name": Keyword(name),
            ":memory-type/decay-rate": kind.decay_rate,
            ":memory-type/decay-hours": kind.decay_hours,
            ":memory-type/level": kind.level,
            ":memory-type/doc": kind.doc,
        }
        for name, kind in TAXONOMY.items()
    ]


class Decay(NamedTuple):
    """What the strengths of some memories follow from at any instant.

    Attributes:
        e: int64[n], the memories, ascending.
        initial: float64[n].
        rate_per_us: float64[n], reviews and the type's unit taken into account.
        since_us: int64[n], from when on they fade.
        kind: int64[n], the word of their type; -1 where they have none.
    """

    e: Int64Array
    initial: Float64Array
    rate_per_us: Float64Array
    since_us: Int64Array
    kind: Int64Array

    def at(self, us: int) -> Float64Array:
        """Return float64[n]: the strengths at an instant; a memory of the future has not faded."""
        found = self._faded(us)
        np.exp(found, out=found)
        found *= self.initial
        return found

    def log_at(self, us: int) -> Float64Array:
        """Return float64[n]: the logarithms of the strengths, finite however old they are."""
        return np.log(np.maximum(self.initial, 1e-12)) + self._faded(us)

    def _faded(self, us: int) -> Float64Array:
        """Return float64[n]: the logarithms of what is left of each; a new array."""
        age = us - self.since_us
        np.maximum(age, 0, out=age)
        found = age * self.rate_per_us
        return np.negative(found, out=found)


def instant_us(db: Db, at: datetime | int | None = None) -> int:
    """Return an instant in µs: `at`, or that of the newest transaction which `db` sees.

    So a query of a database value answers the same whenever it is asked.
    """
    if isinstance(at, datetime):
        return us_of_instant(at if at.tzinfo else at.replace(tzinfo=UTC))
    return instant_us_of_t(db, db.t) if at is None else at


def decay_of(
    db: Db, es: Int64Array | None = None, *, created_us: Int64Array | None = None
) -> Decay:
    """Return the decay of memories: of `es` (ascending, distinct), or of all that `db` shows.

    All are found by their type or creation, and kept with the database value: strengths at
    another instant then cost one pass. Cost of the first call: seven columns.

    Args:
        created_us: of `es`, where that is known already; 0 for those that do not say.
    """
    if es is None:
        found: Decay | None = db.cache.get("memory decay")
        if found is None:
            kept = {name: words_by_entity(db, name) for name in _IDENTIFYING}
            es = _shared(kept)
            found = db.cache["memory decay"] = _decay(db, es, kept)
        return found
    return _decay(db, es, created_us=created_us)


_IDENTIFYING: Final = (":memory/id", ":memory/type", ":memory/initial-strength")
"""Whoever has one of these is a memory."""


def _shared(columns: dict[str, Words]) -> Int64Array:
    """Return the entities of several columns, ascending; equal columns of entities become one."""
    found = EMPTY
    for name, column in columns.items():
        if not len(found):
            found = column.e
        elif len(column.e) == len(found) and np.array_equal(column.e, found):
            columns[name] = column._replace(e=found)
        elif len(column.e):
            found = np.union1d(found, column.e)
    return found


def _decay(
    db: Db,
    es: Int64Array,
    kept: dict[str, Words] | None = None,
    created_us: Int64Array | None = None,
) -> Decay:
    """Return the decay of some memories; of all, where columns that are known are given."""

    def column(name: str, absent: int) -> Int64Array:
        known = None if kept is None else kept.get(name)
        return first_words(db, name, es, absent, whole=kept is not None, found=known)

    kind = column(":memory/type", -1)
    since = column(":memory/created-at", 0) if created_us is None else created_us
    for name in (":memory/last-recall", ":memory/last-reviewed"):
        if has_words(db, name):
            since = np.maximum(since, column(name, 0))
    if len(since) and not since.all():
        since = np.where(since == 0, _asserted_us(db, es), since)
    initial = doubles_of_words(column(":memory/initial-strength", _ONE))
    per_us = _type_rates(db, kind)
    if has_words(db, ":memory/decay-rate"):
        own = column(":memory/decay-rate", _NONE)
        has_own = own != _NONE
        hours = _type_hours(db, kind)
        mine = doubles_of_words(np.where(has_own, own, _ONE)) / (hours * HOUR_US)
        per_us = np.where(has_own, mine, per_us)
    if has_words(db, ":memory/review-count"):
        per_us = per_us / (1 + np.maximum(column(":memory/review-count", 0), 0))
    return Decay(es, initial, per_us, since, kind)


def _asserted_us(db: Db, es: Int64Array) -> Int64Array:
    """Return when the database learned of memories that do not say when they were made, µs, int64[n].

    That is the instant of the transaction which gave them their type, or their content.
    """
    found = np.zeros(len(es), np.int64)
    for name in (":memory/type", ":memory/content"):
        attribute = db.schema.get(name)
        if attribute is None:
            continue
        rows = db.lookup_many(attribute.id, es)
        instants = db.lookup_many(TX_INSTANT, np.unique(rows.tx))
        if len(instants.e):
            order = np.argsort(instants.e)
            at = order[np.searchsorted(instants.e, rows.tx, sorter=order)]
            where = np.searchsorted(es, rows.e)
            found[where] = np.where(found[where] == 0, instants.v[at], found[where])
    return found


_ONE: Final = int(np.float64(1.0).view(np.int64))
_NONE: Final = np.iinfo(np.int64).min
"""No double's word: the transform gives it to a NaN only."""


def _type_rates(db: Db, kind: Int64Array) -> Float64Array:
    return _by_type(db, kind, lambda found: found.decay_rate / (found.decay_hours * HOUR_US))


def _type_hours(db: Db, kind: Int64Array) -> Float64Array:
    return _by_type(db, kind, lambda found: found.decay_hours)


def _by_type(db: Db, kind: Int64Array, number: Callable[[MemoryType], float]) -> Float64Array:
    """Return a number of each memory's type, float64[n]."""
    known = memory_types(db)

    def numbers_of(words: Int64Array) -> Float64Array:
        named = words[words >= 0]
        value_type = db.schema.require(":memory/type").value_type
        names = [""] * (len(words) - len(named)) + db.decode(value_type, named)
        return np.array([number(known.get(str(name), UNKNOWN_TYPE)) for name in names])

    return by_word(kind, numbers_of)


def memory_types(db: Db) -> dict[str, MemoryType]:
    """Return the taxonomy of a database value: what it says itself, else the defaults."""
    kept: dict[str, MemoryType] | None = db.cache.get("memory types")
    if kept is not None:
        return kept
    known = dict(TAXONOMY)
    names = words_by_entity(db, ":memory-type/name")
    for e, name in zip(names.e.tolist(), names.values(db), strict=True):
        entity = db.entity(e)
        before = known.get(str(name), UNKNOWN_TYPE)
        known[str(name)] = MemoryType(
            entity.get(":memory-type/decay-rate", before.decay_rate),
            entity.get(":memory-type/decay-hours", 1.0) or 1.0,
            entity.get(":memory-type/level", before.level),
            entity.get(":memory-type/doc", before.doc),
        )
    db.cache["memory types"] = known
    return known


def strengths(
    db: Db, memories: Sequence[int] | Int64Array, at: datetime | int | None = None
) -> Float64Array:
    """Return the strength of each memory at an instant, float64[n] in the order asked.

    Args:
        memories: entity ids.
        at: an instant or µs; None for that of the newest transaction which `db` sees.
    """
    asked = np.asarray(memories, np.int64)
    es, at_index = np.unique(asked, return_inverse=True)
    return decay_of(db, es).at(instant_us(db, at))[at_index]


def relative_strengths(decay: Decay, us: int) -> Float64Array:
    """Return float64[n] in [0, 1]: strength beside others of the same kind, strongest 1.

    On a logarithmic scale between the weakest and the strongest of each kind, so that age alone
    never makes a memory disappear behind a kind that fades more slowly.
    """
    log = decay.log_at(us)
    if not len(log):
        return log
    of, count = numbered(decay.kind)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, of, log)
    np.maximum.at(high, of, log)
    spread = high - low  # below 0 where nothing is of a number
    is_even = spread <= 0
    spread[is_even] = 1.0
    found: Float64Array = np.where(is_even[of], 1.0, (log - low[of]) / spread[of])
    return found


def memory_strength(
    dbs: Sequence[Db],
    memories: Sequence[int],
    at: Sequence[datetime | int | None] | None = None,
) -> list[float]:
    """Answer `[(memory/strength $ ?m) ?s]` and `[(memory/strength $ ?m ?at) ?s]` for all rows."""
    if at is None:
        return [float(one) for one in strengths(dbs[0], memories)]
    decay_es, at_index = np.unique(np.asarray(memories, np.int64), return_inverse=True)
    decay = decay_of(dbs[0], decay_es)
    us = np.array([instant_us(dbs[0], one) for one in at], np.int64)
    age = np.maximum(us - decay.since_us[at_index], 0)
    found = decay.initial[at_index] * np.exp(-decay.rate_per_us[at_index] * age)
    return [float(one) for one in found]


memory_strength.vectorised = True  # type: ignore[attr-defined]


def materialise_tx(
    db: Db, at: datetime | int | None = None, es: Int64Array | None = None
) -> Iterator[list[Any]]:
    """Yield `[:db/add e :memory/current-strength s]` for memories whose stored one differs."""
    decay = decay_of(db, es)
    now = decay.at(instant_us(db, at))
    stored = first_words(db, ":memory/current-strength", decay.e, _NONE, whole=es is None)
    before = doubles_of_words(np.where(stored == _NONE, _ONE, stored))
    changed = (stored == _NONE) | (before != now)
    for e, value in zip(decay.e[changed].tolist(), now[changed].tolist(), strict=True):
        yield [":db/add", e, ":memory/current-strength", value]
