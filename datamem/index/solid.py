"""An attribute in one piece: all its rows of one level, in two orders, none of them dead.

Most attributes of a database at rest are one such piece, or one a level. What is asked of a piece needs no list
of what is visible: a value is two searches and a slice, and where entities follow each other without a gap,
the value of an entity is read at its number.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from datamem.index.orders import Order
from datamem.index.run import Run
from datamem.index.segment import Segment
from datamem.index.select import in_sorted

if TYPE_CHECKING:
    from datamem.index.index import Bounds, Index
    from datamem.index.kernels import BoolArray, Int64Array
    from datamem.index.level import Kills, Level

Span = tuple[int, int]

NarrowArray = NDArray[Any]

_NARROW: Final = (np.uint8, np.uint16, np.uint32)

SMALL_ROWS: Final = 65_536
"""An attribute of so few rows keeps its columns at hand; larger ones share what their segments keep."""

_SHORT: Final = 16
"""A stretch of fewer than one row in so many is read from its segments; for more the column is made whole."""

_FEW: Final = 64
"""So with rows here and there: below this they are searched for one by one."""

_SHAPED_ROWS: Final = 1 << 20
"""Whether so many rows have a gap is found out, by one pass, once few of them were searched for often."""


class Solid:
    """Rows of one attribute, all visible. Positions count from the attribute's first row.

    Attributes:
        a: the attribute.
        row_count: how many rows there are, at least one.
    """

    __slots__ = (
        "_base_e",
        "_base_v",
        "_by_entity",
        "_by_value",
        "_few_count",
        "_kept",
        "_narrow",
        "_shape",
        "_words",
        "a",
        "row_count",
    )

    def __init__(self, a: int, by_entity: Run, by_value: Run) -> None:
        self.a = a
        self._by_entity = by_entity
        self._by_value = by_value
        self._base_e = by_entity.span(a)[0]
        self._base_v, stop = by_value.span(a)
        self.row_count = stop - self._base_v
        self._kept: dict[tuple[Order, int], Int64Array] = {}
        self._narrow: tuple[int, NarrowArray] | None = None
        self._words: memoryview | None = None
        self._shape: tuple[bool, int | None] | None = None
        self._few_count = 0

    # in the order of values

    def equal(self, word: int) -> Span:
        """Return the positions, in the order of values, of the rows with one value."""
        words = self._words
        if words is None:
            words = self._searchable()
            if words is None:
                start, stop = self._by_value.range((self.a, word))
                return start - self._base_v, stop - self._base_v
        start = bisect_left(words, word)
        return start, bisect_right(words, word, start)

    def between(self, low: int | None, high: int | None) -> Span:
        """Return the positions, in the order of values, of the rows with low <= v <= high."""
        words = self._words
        if words is None:
            words = self._searchable()
            if words is None:
                return self._between(low, high)
        start = 0 if low is None else bisect_left(words, low)
        return start, self.row_count if high is None else bisect_right(words, high, start)

    def _between(self, low: int | None, high: int | None) -> Span:
        start = 0 if low is None else self._by_value.lower((self.a, low)) - self._base_v
        if high is None:
            return start, self.row_count
        return start, max(start, self._by_value.upper((self.a, high)) - self._base_v)

    def _searchable(self) -> memoryview | None:
        if self.row_count > SMALL_ROWS and len(self._by_value.segments) > 1:
            return None
        self._words = self._column(Order.AVET, 1).data.cast("B").cast("q")
        return self._words

    def entities(self, start: int, stop: int) -> Int64Array:
        """Return the entities of a stretch in the order of values; ascending where it has one value."""
        return self._stretch(2, start, stop)

    def values(self, start: int, stop: int) -> Int64Array:
        """Return the values of a stretch in the order of values."""
        return self._stretch(1, start, stop)

    def _stretch(self, i: int, start: int, stop: int) -> Int64Array:
        kept = self._kept.get((Order.AVET, i))
        if kept is None:
            if self.row_count > SMALL_ROWS and (stop - start) * _SHORT < self.row_count:
                return self._by_value.column(i, self._base_v + start, self._base_v + stop)
            kept = self._column(Order.AVET, i)
        return kept[start:stop]

    # in the order of entities

    def all_entities(self) -> Int64Array:
        """Return every row's entity, ascending."""
        return self._column(Order.AEVT, 1)

    def all_values(self) -> Int64Array:
        """Return every row's value, in the order of entities."""
        return self._column(Order.AEVT, 2)

    @property
    def is_single(self) -> bool:
        """Whether no entity has two rows."""
        return (self._shape or self._find_shape())[0]

    @property
    def first_entity(self) -> int | None:
        """The least entity, where each from there to the greatest has one row; else None."""
        return (self._shape or self._find_shape())[1]

    def has_entities_of(self, other: Solid | None) -> bool:
        """Tell whether both have one row for each entity of one gapless range."""
        first = None if other is None else other.first_entity
        if other is None or first is None or other.row_count != self.row_count:
            return False
        return self.first_entity == first

    def _is_known_gapless(self) -> bool:
        """Tell whether places can be told without a look at the entities; found out when that pays."""
        if self._shape is None and self.row_count <= _SHAPED_ROWS:
            self._few_count += 1
            if self._few_count >= _FEW:
                self._find_shape()
        return self._shape is not None and self._shape[1] is not None

    def _find_shape(self) -> tuple[bool, int | None]:
        es = self.all_entities()
        is_single = bool((es[1:] > es[:-1]).all())
        has_no_gap = is_single and int(es[-1]) - int(es[0]) + 1 == len(es)
        self._shape = is_single, int(es[0]) if has_no_gap else None
        return self._shape

    def places(self, es: Int64Array) -> tuple[Int64Array, BoolArray | None] | None:
        """Return where in the order of entities each of `es` is, and which are there (None: all).

        None where an entity has several rows. REQUIRES: `es` are distinct.
        """
        is_few = self.row_count > SMALL_ROWS and len(es) * _FEW < self.row_count
        if is_few and not self._is_known_gapless():
            return self._few_places(es)
        if not self.is_single:
            return None
        first = self.first_entity
        if first is not None:
            at = es - first
            if len(at) and int(at.min()) >= 0 and int(at.max()) < self.row_count:
                return at, None
            found = (at >= 0) & (at < self.row_count)
            return np.where(found, at, 0), found
        known = self.all_entities()
        at = np.minimum(np.searchsorted(known, es), len(known) - 1)
        found = known[at] == es
        return at, None if bool(found.all()) else found

    def _few_places(self, es: Int64Array) -> tuple[Int64Array, BoolArray | None] | None:
        """Do the same without decoding what lies between the entities."""
        keys, by = ascending(es)
        start, stop = self._by_entity.span(self.a)
        rows = self._by_entity.find_second(start, stop, keys)
        known = self._by_entity.take(1, rows)
        return placed(keys, by, known, rows - start)

    def values_at(self, at: Int64Array) -> Int64Array:
        """Return the values at positions in the order of entities, which come in any order."""
        if self.row_count > SMALL_ROWS and len(at) * _FEW < self.row_count:
            rows, by = ascending(at)
            taken = self._by_entity.take(2, rows + self._base_e)
            if by is None:
                return taken
            found = np.empty(len(at), np.int64)
            found[by] = taken
            return found
        if self.row_count <= SMALL_ROWS:
            return self._column(Order.AEVT, 2)[at]
        low, narrow = self._narrow or self._find_narrow()
        values: Int64Array = narrow[at].astype(np.int64, copy=False)
        if low:
            values += low
        return values

    def _find_narrow(self) -> tuple[int, NarrowArray]:
        """Return the values in the order of entities, each as the least one and what it is above it.

        Rows here and there are read from as few bytes as hold them: from wide columns, that is one row for
        each line of cache, and several such columns are no longer in it.
        """
        wide = self.all_values()
        low = int(wide.min())
        spread = int(wide.max()) - low
        kind = next((kind for kind in _NARROW if spread <= np.iinfo(kind).max), None)
        self._narrow = (0, wide) if kind is None else (low, (wide - low).astype(kind))
        return self._narrow

    def _column(self, order: Order, i: int) -> Int64Array:
        kept = self._kept.get((order, i))
        if kept is None:
            run = self._by_value if order is Order.AVET else self._by_entity
            kept = run.whole(i, self.a)
            if self.row_count <= SMALL_ROWS or len(run.segments) == 1:
                self._kept[order, i] = kept
        return kept


def ascending(keys: Int64Array) -> tuple[Int64Array, Int64Array | None]:
    """Return distinct keys in ascending order, and the permutation that did it, None where they were."""
    if bool((keys[1:] > keys[:-1]).all()):
        return keys, None
    by = np.argsort(keys)
    return keys[by], by


def placed(
    keys: Int64Array, by: Int64Array | None, known: Int64Array, places: Int64Array
) -> tuple[Int64Array, BoolArray | None] | None:
    """Bring the places of those keys that are known into the order in which keys were asked.

    Args:
        keys, by: as `ascending` gives them.
        known: int64[m], ascending: the keys that are there, once for each row.
        places: int64[m].

    Returns:
        (place of each key, which of them are there or None for all); None where `known` has one twice.
    """
    if not bool((known[1:] > known[:-1]).all()):
        return None
    if len(known) == len(keys):
        if by is None:
            return places, None
        at = np.empty(len(keys), np.int64)
        at[by] = places
        return at, None
    mask = in_sorted(keys, known)
    rows = np.flatnonzero(mask) if by is None else by[mask]
    at, found = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    at[rows], found[rows] = places, True
    return at, found


def find_solids(index: Index, bounds: Bounds, a: int) -> tuple[Solid, ...]:
    """Return an attribute as one piece a level, none where some of its rows are dead, new or not there.

    Cost: two searches a level, and a pass over the novelty.
    """
    if _is_in_novelty(index, bounds, a):
        return ()
    found = []
    for level, kills in zip(index.levels, index.kills, strict=True):
        seen = _seen(level, kills, bounds, a)
        if seen is None:
            return ()
        if seen:
            found.append(_solid_in(level, a))
    return tuple(found)


def _solid_in(level: Level, a: int) -> Solid:
    by_entity = level.live[Order.AEVT]
    solid: Solid | None = by_entity.solids.get(a)
    if solid is None:
        solid = by_entity.solids[a] = Solid(a, by_entity, level.live[Order.AVET])
    return solid


def _is_in_novelty(index: Index, bounds: Bounds, a: int) -> bool:
    for layer in index.layers:
        novelty = layer.novelty
        rows = np.flatnonzero(novelty.a[: layer.row_count] == a)
        if len(rows):
            seen = novelty.ended[rows] > bounds.upto
            if bool((seen & (novelty.tx[rows] <= bounds.upto)).any()):
                return True
        if layer.tomb_count and len(novelty.tomb_rows(layer.tomb_count, None, a, None)[0]):
            return True
    return False


def _seen(level: Level, kills: Kills, bounds: Bounds, a: int) -> bool | None:
    """Tell whether all (True), none (False) or some (None) of a level's live rows are visible."""
    if bounds.past:
        first, last = level.ended[Order.AEVT].tx_span(a)
        if first <= bounds.upto < last:
            return None
    live = level.live[Order.AEVT]
    start, stop = live.span(a)
    if start == stop:
        return False
    first, last = live.tx_span(a) if bounds.past else (live.min_tx, live.max_tx)
    if first > bounds.upto:
        return False
    dead = _dead_count(kills, (start, stop), bounds)
    if last > bounds.upto or 0 < dead < stop - start:
        return None
    return not dead


def _dead_count(kills: Kills, span: Span, bounds: Bounds) -> int:
    if not len(kills):
        return 0
    first, last = np.searchsorted(kills.rows[Order.AEVT], span).tolist()
    if kills.max_tx <= bounds.upto:
        return int(last - first)
    return int((kills.txs[Order.AEVT][first:last] <= bounds.upto).sum())


def solid_of(a: int, e: Int64Array, v: Int64Array, tx: Int64Array, by: Int64Array) -> Solid:
    """Return an attribute of columns at hand.

    Args:
        a: the attribute.
        e, v, tx: int64[n], n > 0, sorted by entity.
        by: int64[n], the permutation that sorts them by value, then entity.
    """
    by_entity = _constant_run(a, (e, v, tx))
    return Solid(a, by_entity, _constant_run(a, (v[by], e[by], tx[by])))


def _constant_run(a: int, columns: tuple[Int64Array, ...]) -> Run:
    views = [None, *(np.ascontiguousarray(column).data for column in columns)]
    first, last = ((a, *(int(column[at]) for column in columns)) for at in (0, -1))
    bounds = (first, last, int(columns[2].min()), int(columns[2].max()))
    return Run((Segment(views, (a, 0, 0, 0), len(columns[0]), bounds),), 4)
