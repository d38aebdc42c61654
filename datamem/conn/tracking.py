"""A database value that notes what is read of it.

Whatever reads a database does so through the column and scalar methods of `Db`; here each notes its
pattern first. What reaches past them, to the index itself or to a search engine's cache, counts as having
read everything: too much is a conflict more, too little would be a wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from datamem.conn.footprint import Footprint
from datamem.db.bounds import parse_range, word_bounds
from datamem.db.database import Db
from datamem.db.datom import Datom
from datamem.index.heap import heap_key
from datamem.index.words import INLINE
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db.view import View
    from datamem.index.heap import Heap
    from datamem.index.index import Index
    from datamem.index.kernels import Int64Array
    from datamem.index.rows import Rows
    from datamem.index.solid import Solid


class TrackedHeap:
    """A heap that notes which values were looked for in vain."""

    def __init__(self, heap: Heap, size: int, reads: Footprint) -> None:
        self._heap = heap
        self._size = size
        self._reads = reads

    def find(self, tag: ValueType, value: Any) -> int | None:
        """Return the code of an equal value, if there is one."""
        return self.find_key(tag, heap_key(tag, value))

    def find_key(self, tag: ValueType, key: Any) -> int | None:
        """Return the code of the value of this type with this key, if there is one."""
        code = self._heap.find_key(tag, key)
        if code is None or code >= self._size:
            self._reads.note_missing(tag, key)
        return code

    def __getattr__(self, name: str) -> Any:
        if name == "companions":
            self._reads.everything = True
        return getattr(self._heap, name)


class TrackedIndex:
    """An index whose use, but for counting, is a read of everything."""

    def __init__(self, index: Index, reads: Footprint) -> None:
        self._index = index
        self._reads = reads

    def count(
        self, e: int | None, a: int | None, v: int | None, *, with_ended: bool = False
    ) -> int:
        """Return about how many rows have the given parts: what is planned with."""
        found = self._index.count(e, a, v, with_ended=with_ended)
        if not found:
            self._reads.note(e, a, v)
        return found

    def __getattr__(self, name: str) -> Any:
        self._reads.everything = True
        return getattr(self._index, name)


class TrackedDb(Db):
    """The value that a transaction reads; `reads` is what it has read.

    Views of it are tracked as well, and into the same footprint.
    """

    __slots__ = ("_inner", "_tracked_heap", "_tracked_index", "reads")

    def __init__(self, inner: Db, reads: Footprint, heap: TrackedHeap | None = None) -> None:
        self._inner = inner
        self.reads = reads
        self._tracked_heap = (
            TrackedHeap(inner.heap, inner.heap_size, reads) if heap is None else heap
        )
        self._tracked_index = TrackedIndex(inner.index, reads)
        self.heap_size = inner.heap_size
        self.schema = inner.schema
        self.basis_t = inner.basis_t
        self.next_entity = inner.next_entity
        self.next_attribute = inner.next_attribute
        self.last_instant_us = inner.last_instant_us
        self._view = inner.view
        self._bounds = inner._bounds  # noqa: SLF001 - of the same class
        self._pasts = self._past = None
        self.cache = {}

    @property
    def index(self) -> Any:  # type: ignore[override]  # the value's own is not for reading past us
        """The index, whose use is a read of everything."""
        return self._tracked_index

    @property
    def heap(self) -> Any:  # type: ignore[override]
        """The heap, noting what it lacks."""
        return self._tracked_heap

    def _like(self, view: View) -> Db:
        return TrackedDb(self._inner._like(view), self.reads, self._tracked_heap)  # noqa: SLF001

    def rows(self, e: int | None = None, a: int | None = None, v: int | None = None) -> Rows:
        """Return the visible datoms with the given parts."""
        self.reads.note(e, a, v)
        return self._inner.rows(e, a, v)

    def value_range(self, a: int, low: int | None = None, high: int | None = None) -> Rows:
        """Return the visible datoms of an attribute with words low <= v <= high."""
        self.reads.note_range(a, low, high)
        return self._inner.value_range(a, low, high)

    def lookup_many(self, a: int, es: Int64Array) -> Rows:
        """Return the visible datoms of attribute `a` of entities `es`."""
        self.reads.note_entities(a, es)
        return self._inner.lookup_many(a, es)

    def lookup_values(self, a: int, vs: Int64Array) -> Rows:
        """Return the visible datoms of attribute `a` with words `vs`."""
        self.reads.note_values(a, vs)
        return self._inner.lookup_values(a, vs)

    def solids(self, a: int) -> tuple[Solid, ...]:
        """Return attribute `a` in pieces, where it is like that."""
        found = self._inner.solids(a)
        if found:
            self.reads.note(None, a, None)
        return found

    def count(self, e: int | None = None, a: int | None = None, v: int | None = None) -> int:
        """Return about how many datoms have the given parts; only what is not there is a read."""
        found = self._inner.count(e, a, v)
        if not found:
            self.reads.note(e, a, v)
        return found

    def entity_with(self, a: int, word: int) -> int | None:
        """Return the entity that has this word of a unique attribute."""
        self.reads.note(None, a, word)
        return self._inner.entity_with(a, word)

    def words(self, e: int, a: int) -> list[int]:
        """Return the words of an entity's attribute."""
        self.reads.note(e, a, None)
        return self._inner.words(e, a)

    def holds(self, e: int, a: int, word: int) -> bool:
        """Tell whether an entity's attribute has a word."""
        self.reads.note(e, a, word)
        return self._inner.holds(e, a, word)

    def entity_words(self, e: int) -> list[tuple[int, int]]:
        """Return all (attribute, word) pairs of an entity."""
        self.reads.note(e, None, None)
        return self._inner.entity_words(e)

    def entity_rows(self, e: int, most: int) -> list[tuple[int, ...]] | None:
        """Return all (entity, attribute, word) of an entity, if they are few."""
        self.reads.note(e, None, None)
        return self._inner.entity_rows(e, most)

    def referrers(self, e: int, a: int) -> list[int]:
        """Return the entities whose attribute `a` points to `e`."""
        self.reads.note(None, a, e)
        return self._inner.referrers(e, a)

    def datoms(self, index: str, *components: Any, reverse: bool = False) -> list[Datom]:
        """Return the datoms whose leading parts in an index equal the components."""
        self._note_components(index, components)
        return self._inner.datoms(index, *components, reverse=reverse)

    def _note_components(self, index: str, components: Sequence[Any]) -> None:
        """Note entity and attribute where they lead; values of an index count as the whole attribute."""
        e = a = None
        if index in {"eavt", ":eavt"} and components:
            e = self.resolve(components[0])
            a = self._attribute(components[1]) if len(components) > 1 else None
        elif index in {"aevt", ":aevt", "avet", ":avet"} and components:
            a = self._attribute(components[0])
            if index.endswith("aevt") and len(components) > 1:
                e = self.resolve(components[1])
        self.reads.note(e, a, None)

    def _attribute(self, name: Any) -> int | None:
        attribute = self.schema.get(name)
        return None if attribute is None else attribute.id

    def seek_datoms(
        self, index: str, *components: Any, reverse: bool = False
    ) -> Iterator[Datom]:
        """Return the datoms of an index from the components on: a read of everything."""
        self.reads.everything = True
        return self._inner.seek_datoms(index, *components, reverse=reverse)

    def index_range(
        self, attr: Any, start: Any = None, end: Any = None, *, reverse: bool = False
    ) -> list[Datom]:
        """Return the datoms of an attribute with start <= value <= end, in value order."""
        attribute = self.schema.get(attr)
        if attribute is not None:
            bounds: tuple[int | None, int | None] | None = None, None
            if attribute.value_type in INLINE:
                bounds = word_bounds(attribute, parse_range(attribute, start, end))
            if bounds is not None:
                self.reads.note_range(attribute.id, *bounds)
        return self._inner.index_range(attr, start, end, reverse=reverse)
