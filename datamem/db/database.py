"""`Db`: an immutable database value, its views, and the column interface that engines read through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.datom import Datom
from datamem.db.past import PastColumns, Pasts
from datamem.db.refs import resolve_entity
from datamem.db.time import t_of_point
from datamem.db.view import NOW, Shows, View
from datamem.hooks import hook
from datamem.ids import MAX_T, TX_BASE, t_of_tx, tx_of_t
from datamem.index.heap import Heap, decode_codes, heap_key
from datamem.index.index import Bounds, Index
from datamem.index.kernels import BoolArray, Int64Array
from datamem.index.orders import Order
from datamem.index.rows import Rows, rows_of
from datamem.index.scalar import entity_rows, small_rows, small_scan
from datamem.index.solid import Solid, find_solids
from datamem.index.words import INLINE, decode_inline
from datamem.schema.types import ValueType
from datamem.schema.values import tag_of

if TYPE_CHECKING:
    from datamem.db.report import TxReport
    from datamem.schema.attribute import Attribute
    from datamem.schema.schema import Schema


_MUTABLE: Final = {ValueType.DOC, ValueType.EDN}
"""Types whose values are copied for whoever reads them, since the heap's own must not change."""


class Db:
    """A database value: all facts up to `basis_t`, seen through a view.

    Immutable, hashable by identity, and safe to read from any number of threads. `as_of`, `since`,
    `history` and `filter` return other values over the same data in about a microsecond.
    """

    __slots__ = (
        "_bounds",
        "_here",
        "_past",
        "_pasts",
        "_solids",
        "_view",
        "basis_t",
        "cache",
        "heap",
        "heap_size",
        "index",
        "last_instant_us",
        "next_attribute",
        "next_entity",
        "schema",
    )

    def __init__(
        self,
        index: Index,
        heap: Heap,
        schema: Schema,
        *,
        basis_t: int,
        counters: tuple[int, int],
        last_instant_us: int,
        view: View = NOW,
    ) -> None:
        self.index = index
        self.heap = heap
        self.heap_size = heap.size
        self.schema = schema
        self.basis_t = basis_t
        self.next_entity, self.next_attribute = counters
        self.last_instant_us = last_instant_us
        self._view = view
        basis = TX_BASE + basis_t
        upto = basis if view.upto is None else min(view.upto, basis)
        self._bounds = Bounds(upto, past=upto < basis)
        self._pasts: Pasts | None = None
        self._past: PastColumns | None = None
        self._here: PastColumns | None = None
        self._solids: dict[int, tuple[Solid, ...]] = {}
        self.cache: dict[Any, Any] = {}
        """For upper layers: what is true of this value for ever, such as ranks of strings."""

    def __repr__(self) -> str:
        shown = [f"basis_t={self.basis_t}"]
        if self._bounds.past:
            shown.append(f"as_of={self.t}")
        if self._view.since is not None:
            shown.append(f"since={t_of_tx(self._view.since)}")
        shown += ["history"] if self._view.is_history else []
        shown += ["filtered"] if self._view.keep or self._view.shows else []
        return f"<Db {' '.join(shown)}>"

    # Views

    @property
    def t(self) -> int:
        """The newest transaction this value sees; `basis_t` unless it is an as-of view."""
        return t_of_tx(self._bounds.upto)

    @property
    def newest_tx(self) -> int:
        """Entity id of the newest transaction this value sees."""
        return self._bounds.upto

    @property
    def is_history(self) -> bool:
        """Tell whether this is a history view, whose rows may be retractions."""
        return self._view.is_history

    @property
    def view(self) -> View:
        """What part of the history this value shows."""
        return self._view

    def as_of(self, point: int | datetime) -> Db:
        """Return the database as it was at a t, a transaction's entity id, or an instant.

        An instant means after the last transaction that is not later than it.

        Raises:
            DatamemError: `db/bad-point` for anything else.
        """
        upto = tx_of_t(t_of_point(self, point))
        return self._with_view(upto=min(upto, self._bounds.upto))

    def since(self, point: int | datetime) -> Db:
        """Return a value with only what was asserted after a t, transaction or instant."""
        tx = tx_of_t(t_of_point(self, point))
        since = self._view.since
        return self._with_view(since=tx if since is None else max(tx, since))

    def history(self) -> Db:
        """Return a value of every assertion and retraction; patterns see `tx` and `added`."""
        return self._with_view(is_history=True)

    def filter(self, keep: Callable[[Db, Datom], bool]) -> Db:
        """Return a value without the datoms for which `keep(db, datom)` is false."""
        inner = self._view.keep
        if inner is None:
            return self._with_view(keep=keep)
        return self._with_view(keep=lambda db, datom: inner(db, datom) and keep(db, datom))

    def showing(self, shows: Shows) -> Db:
        """Return a value without the entities that `shows` answers False for.

        Args:
            shows: from entity ids, int64[n], to bool[n]; called for whole columns, so it costs what it
                costs for a few thousand at once, and never a call per datom.
        """
        inner = self._view.shows
        if inner is None:
            return self._with_view(shows=shows)
        return self._with_view(shows=lambda e: inner(e) & shows(e))

    def _with_view(self, **changes: Any) -> Db:
        view = self._view
        names = ("upto", "since", "is_history", "keep", "shows")
        parts = {name: getattr(view, name) for name in names}
        return self._like(View(**(parts | changes)))

    def _like(self, view: View) -> Db:
        db = Db(
            self.index,
            self.heap,
            self.schema,
            basis_t=self.basis_t,
            counters=(self.next_entity, self.next_attribute),
            last_instant_us=self.last_instant_us,
            view=view,
        )
        db.heap_size = self.heap_size
        if self._pasts is None:
            self._pasts = Pasts()
        db._pasts = self._pasts
        if db._bounds.past and view.is_plain:
            db._past = self._pasts.at(db._bounds.upto)
            db._solids = db._past.pieces
        return db

    def unfiltered(self) -> Db:
        """Return the same instant without `since`, `history` and `filter`."""
        return self._like(View(upto=self._view.upto))

    def unbounded(self) -> Db:
        """Return the present of the same database."""
        return self if self._view == NOW else self._like(NOW)

    # Columns: words of int64

    def rows(self, e: int | None = None, a: int | None = None, v: int | None = None) -> Rows:
        """Return the visible datoms with the given parts, as columns of words.

        Args:
            e, a: entity ids.
            v: a word of attribute `a`'s type; without `a`, compared with every attribute's words.

        Cost: a few µs for an index lookup, then what the columns you read cost.
        """
        if self._view.is_history:
            return self._filtered(self._history_rows(e, a, v))
        if self._past is not None and a is not None and e is None and v is None:
            kept = self._past.attribute(self.index, self._bounds, a)
            if kept is not None:
                return kept
        rows = self.index.scan(self._bounds, e, a, v)
        return rows if self._view.is_plain else self._filtered(rows)

    def value_range(self, a: int, low: int | None = None, high: int | None = None) -> Rows:
        """Return the visible datoms of an attribute with words low <= v <= high."""
        if self._view.is_history:
            rows = self.rows(a=a)
            keep = np.ones(len(rows), np.bool_)
            keep &= rows.v >= low if low is not None else True
            keep &= rows.v <= high if high is not None else True
            return rows.where(keep)
        rows = self.index.between(self._bounds, a, low, high)
        return rows if self._view.is_plain else self._filtered(rows)

    def lookup_many(self, a: int, es: Int64Array) -> Rows:
        """Return the visible datoms of attribute `a` of entities `es`, ascending and distinct."""
        if self._past is not None:
            kept = self._past.entities(self.index, self._bounds, a, es)
            if kept is not None:
                return kept
        return self._lookup(Order.AEVT, a, es)

    def lookup_values(self, a: int, vs: Int64Array) -> Rows:
        """Return the visible datoms of attribute `a` with words `vs`, ascending and distinct."""
        return self._lookup(Order.AVET, a, vs)

    def _lookup(self, order: Order, a: int, keys: Int64Array) -> Rows:
        if self._view.is_history:
            rows = self.rows(a=a)
            column = rows.e if order is Order.AEVT else rows.v
            return rows.where(np.isin(column, keys))
        rows = self.index.lookup(self._bounds, order, a, keys)
        return rows if self._view.is_plain else self._filtered(rows)

    def solids(self, a: int) -> tuple[Solid, ...]:
        """Return attribute `a` in pieces without dead rows, one a level; none where it is not like that.

        REQUIRES: a plain view. What is asked for again is put together in one.

        Cost: a dict lookup; the first time two searches a level and a pass over the novelty.
        """
        try:
            found = self._solids[a]
        except KeyError:
            found = self._solids[a] = find_solids(self.index, self._bounds, a)
        return found or self._kept_here().solids(self.index, self._bounds, a)

    def _kept_here(self) -> PastColumns:
        """Return what is kept of this instant."""
        if self._here is None:
            self._pasts = self._pasts or Pasts()
            self._here = self._past or self._pasts.at(self._bounds.upto)
        return self._here

    def count(self, e: int | None = None, a: int | None = None, v: int | None = None) -> int:
        """Return about how many datoms have the given parts; never fewer than there are.

        Exact for the present but for what ended since the novelty was last frozen; for other views,
        what the whole history holds. Cost: two binary searches a level.
        """
        if self._view.is_history:
            return 2 * self.index.count(e, a, v, with_ended=True)
        return self.index.count(e, a, v, with_ended=self._bounds.past)

    def _history_rows(self, e: int | None, a: int | None, v: int | None) -> Rows:
        upto = self._bounds.upto
        es, as_, vs, tx, ended = self.index.history(upto, e, a, v)
        gone = ended <= upto
        both = [np.concatenate((column, column[gone])) for column in (es, as_, vs)]
        added = np.zeros(len(both[0]), np.bool_)
        added[: len(es)] = True
        txs = np.concatenate((tx, ended[gone]))
        return rows_of(both[0], both[1], both[2], txs, added=added)

    def _filtered(self, rows: Rows) -> Rows:
        view = self._view
        if view.since is not None:
            rows = rows.where(rows.tx > view.since)
        if view.shows is not None and len(rows):
            rows = rows.where(view.shows(rows.e))
        if view.keep is not None and len(rows):
            whole = self.unfiltered()
            kept = [bool(view.keep(whole, datom)) for datom in self.datoms_of_rows(rows)]
            rows = rows.where(np.array(kept, np.bool_))
        return rows

    # Scalars: Python ints, a few µs

    def entity_with(self, a: int, word: int) -> int | None:
        """Return the entity that has this word of a unique attribute, or None."""
        if self._view.is_plain:
            found = small_scan(self.index, self._bounds, Order.AVET, (a, word), 2)
        else:
            found = self.rows(a=a, v=word).e.tolist()
        return found[-1] if found else None

    def words(self, e: int, a: int) -> list[int]:
        """Return the words of an entity's attribute; ascending unless it changed lately."""
        if self._view.is_plain:
            return small_scan(self.index, self._bounds, Order.EAVT, (e, a), 2)
        found: list[int] = self.rows(e=e, a=a).v.tolist()
        return found

    def holds(self, e: int, a: int, word: int) -> bool:
        """Tell whether an entity's attribute has a word, however many others it has."""
        if self._view.is_plain:
            return bool(small_rows(self.index, self._bounds, Order.EAVT, (e, a, word)))
        return len(self.rows(e, a, word)) > 0

    def entity_words(self, e: int) -> list[tuple[int, int]]:
        """Return all (attribute, word) pairs of an entity, by attribute."""
        return [(a, v) for _, a, v in self.entity_rows(e, MAX_T) or ()]

    def entity_rows(self, e: int, most: int) -> list[tuple[int, ...]] | None:
        """Return (entity, attribute, word) of an entity's datoms, by attribute; None if more than `most`."""
        if self._view.is_plain:
            return entity_rows(self.index, self._bounds, e, most)
        found = self.rows(e=e)
        columns = found.e.tolist(), found.a.tolist(), found.v.tolist()
        return sorted(zip(*columns, strict=True)) if len(found) <= most else None

    def referrers(self, e: int, a: int) -> list[int]:
        """Return the entities whose ref attribute `a` points to `e`."""
        if self._view.is_plain:
            return small_scan(self.index, self._bounds, Order.AVET, (a, e), 2)
        found: list[int] = self.rows(a=a, v=e).e.tolist()
        return found

    def resolve(self, ref: Any) -> int | None:
        """Return the entity id that an id, an ident or a lookup ref names, or None.

        Raises:
            DatamemError: `lookup-ref/not-unique` and others for what cannot name an entity.
        """
        return resolve_entity(self, ref)

    def ident(self, e: int) -> str | None:
        """Return the `:db/ident` of an entity, if it has one."""
        attribute = self.schema.get(e)
        if attribute is not None:
            return attribute.ident
        ident = self.schema.get(":db/ident")
        words = self.words(e, ident.id) if ident is not None else []
        return self.heap.get(words[0])[1] if words else None

    # Words and values

    def encode(self, attribute: Attribute, value: Any) -> int | None:
        """Return the word of a canonical value; None if the heap has no equal value."""
        value_type = attribute.value_type
        make = INLINE.get(value_type)
        if make is not None:
            return make(value)
        tag = tag_of(value) if value_type is ValueType.EDN else value_type
        return self.find_code(tag, heap_key(tag, value))

    def find_code(self, tag: ValueType, key: Any) -> int | None:
        """Return the code of the value of this type with this `heap_key`, None if there is none."""
        code = self.heap.find_key(tag, key)
        return code if code is not None and code < self.heap_size else None

    def decode(self, value_type: ValueType, words: Sequence[int] | Int64Array) -> list[Any]:
        """Return the values of words of one type."""
        array = np.asarray(words, np.int64)
        if value_type in INLINE:
            return decode_inline(value_type, array)
        values = decode_codes(self.heap, array)
        if value_type in _MUTABLE and any(
            issubclass(k, list | dict) for k in set(map(type, values))
        ):
            return [deepcopy(v) if isinstance(v, list | dict) else v for v in values]
        return values

    def value_type(self, a: int) -> ValueType:
        """Return the type of attribute `a`'s words."""
        attribute = self.schema.get(a)
        return ValueType.EDN if attribute is None else attribute.value_type

    def datoms_of_rows(self, rows: Rows) -> list[Datom]:
        """Return rows as datoms, in their order."""
        return self.datoms_of(rows.e, rows.a, rows.v, rows.tx, rows.added)

    def datoms_of(
        self,
        e: Int64Array,
        a: Int64Array,
        v: Int64Array,
        tx: Int64Array,
        added: BoolArray | None = None,
    ) -> list[Datom]:
        """Return columns of words as datoms, in their order."""
        values = self.values_of(a, v)
        flags = [True] * len(e) if added is None else added.tolist()
        columns = (e.tolist(), a.tolist(), values, tx.tolist(), flags)
        return list(map(Datom, *columns))

    def values_of(self, a: Int64Array, v: Int64Array) -> list[Any]:
        """Return the values of words whose attributes are `a`, int64[n] each."""
        if not len(a):
            return []
        low = int(a.min())
        if low == int(a.max()):
            return self.decode(self.value_type(low), v)
        values = np.empty(len(a), object)
        for attribute in np.unique(a).tolist():
            at = np.flatnonzero(a == attribute)
            decoded = self.decode(self.value_type(attribute), v[at])
            for i, value in zip(at.tolist(), decoded, strict=True):
                values[i] = value
        return values.tolist()

    # What people call; engines above do the work

    def q(self, query: Any, *inputs: Any, **options: Any) -> Any:
        """Answer a Datalog query; `$` is this value. See `datamem.q`."""
        return hook("q")(query, self, *inputs, **options)

    def prepare(self, query: Any) -> Callable[..., Any]:
        """Return the query parsed and planned once, to be called with its inputs."""
        prepared: Callable[..., Any] = hook("prepare")(query, self)
        return prepared

    def explain(self, query: Any, *inputs: Any, **options: Any) -> Any:
        """Return how a query would be answered, step by step with sizes."""
        return hook("explain")(query, self, *inputs, **options)

    def pull(self, pattern: Any, eid: Any) -> Any:
        """Return the parts of an entity that a pull pattern names, as nested data, or None."""
        return hook("pull")(self, pattern, eid)

    def pull_many(self, pattern: Any, eids: Any) -> list[Any]:
        """Return `pull` of each entity, in their order."""
        found: list[Any] = hook("pull_many")(self, pattern, eids)
        return found

    def entity(self, eid: Any) -> Any:
        """Return a lazy, read-only mapping of an entity's attributes, or None if it has no id."""
        return hook("entity")(self, eid)

    def with_tx(
        self, tx_data: Any, meta: Any = None, functions: Mapping[str, Any] | None = None
    ) -> TxReport:
        """Return what transacting would give; nothing is stored, nobody else sees it.

        Args:
            tx_data, meta: as `Connection.transact` takes them.
            functions: transaction functions and predicates by name; a value knows none itself.
        """
        report: TxReport = hook("with_tx")(self, tx_data, meta, functions)
        return report

    def datoms(self, index: str, *components: Any, reverse: bool = False) -> list[Datom]:
        """Return the datoms whose leading parts in an index equal the components.

        Args:
            index: "eavt", "aevt", "avet" or "vaet".
            components: entity (id, ident or lookup ref), attribute, value, transaction, in the
                index's order.
            reverse: from the last to the first.

        Returns:
            datoms in the index's order; values in the order of their type, strings by code point.
        """
        found: list[Datom] = hook("datoms")(self, index, components, reverse=reverse)
        return found

    def seek_datoms(
        self, index: str, *components: Any, reverse: bool = False
    ) -> Iterator[Datom]:
        """Return the datoms of an index from the components on, to its end (or start)."""
        found: Iterator[Datom] = hook("seek_datoms")(self, index, components, reverse=reverse)
        return found

    def index_range(
        self, attr: Any, start: Any = None, end: Any = None, *, reverse: bool = False
    ) -> list[Datom]:
        """Return the datoms of an attribute with start <= value <= end, in value order.

        Args:
            start: the least value, None for no bound; or a whole range as Datalevin writes it:
                `[":closed", a, b]`, `[":at-least", a]`, `[":open-closed", a, b]`, …
            end: the greatest value, None for no bound.
        """
        found: list[Datom] = hook("index_range")(self, attr, start, end, reverse=reverse)
        return found
