"""Values in order: ranks of heap codes, made lazily per level, since codes are not in value order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from datamem.index.heap import decode_codes
from datamem.index.kernels import Int64Array
from datamem.index.level import Level
from datamem.index.orders import Order
from datamem.index.words import INLINE
from datamem.schema.values import order_key

if TYPE_CHECKING:
    from datamem.db.database import Db

Sorted = tuple[list[Any], Int64Array]
"""Order keys, ascending, and the code of each."""

_by_level: Final[WeakKeyDictionary[Level, dict[int, Sorted]]] = WeakKeyDictionary()


def ranks(db: Db, a: Int64Array, v: Int64Array) -> Int64Array:
    """Return int64[n] that sort, within one attribute, as the values of the words do."""
    if not len(a):
        return v
    out = v.copy()
    for attribute in np.unique(a).tolist():
        if db.value_type(attribute) in INLINE:
            continue
        at = a == attribute
        codes, inverse = np.unique(v[at], return_inverse=True)
        keys = [order_key(value) for value in decode_codes(db.heap, codes)]
        by = sorted(range(len(keys)), key=keys.__getitem__)
        rank = np.empty(len(by), np.int64)
        rank[by] = np.arange(len(by))
        out[at] = rank[inverse]
    return out


def codes_between(
    db: Db, a: int, low: Any, high: Any, *, open_low: bool, open_high: bool
) -> Int64Array:
    """Return the codes of attribute `a` whose values lie between two, ascending as codes.

    Args:
        low, high: canonical values, None for no bound; `open_` leaves the bound itself out.

    Cost: the first time, the attribute's distinct values of each level are decoded and sorted;
    then two binary searches a level.
    """
    found = [
        _slice(known, low, high, open_low=open_low, open_high=open_high)
        for known in _sorted_parts(db, a)
    ]
    return np.unique(np.concatenate(found))


def codes_from(db: Db, a: int, value: Any, *, reverse: bool) -> Iterator[int]:
    """Yield the codes of attribute `a` in the order of their values, each once.

    Args:
        value: where to begin, NOTHING for the first; reversed, it goes down from there.

    Cost: as `codes_between` the first time, then a merge of the levels as it is read.
    """
    streams = []
    for keys, codes in _sorted_parts(db, a):
        if value is NOTHING:
            start = len(keys) if reverse else 0
        else:
            start = (bisect_right if reverse else bisect_left)(keys, order_key(value))
        places = range(start - 1, -1, -1) if reverse else range(start, len(keys))
        streams.append(_pairs(keys, codes, places))
    last = -1
    for _, code in merge(*streams, reverse=reverse):
        if code != last:
            yield code
        last = code


NOTHING: Final = object()


def _pairs(
    keys: list[Any], codes: Int64Array, places: Iterable[int]
) -> Iterator[tuple[Any, int]]:
    for i in places:
        yield keys[i], int(codes[i])


def _sorted_parts(db: Db, a: int) -> list[Sorted]:
    """Return the codes of each level, and of all novelty together, by value."""
    recent = [
        layer.novelty.v[layer.novelty.rows(layer.row_count, None, a, None)]
        for layer in db.index.layers
    ]
    fresh = _sort(db, np.concatenate(recent)) if recent else _sort(db, np.empty(0, np.int64))
    return [*(_sorted_codes(db, level, a) for level in db.index.levels), fresh]


def _sorted_codes(db: Db, level: Level, a: int) -> Sorted:
    known = _by_level.setdefault(level, {})
    found = known.get(a)
    if found is None:
        columns = []
        for run in (level.live[Order.AVET], level.ended[Order.AVET]):
            start, stop = run.range((a,))
            columns.append(run.column(1, start, stop))
        found = known[a] = _sort(db, np.concatenate(columns))
    return found


def _sort(db: Db, codes: Int64Array) -> Sorted:
    distinct = np.unique(codes)
    keys = [order_key(value) for value in decode_codes(db.heap, distinct)]
    by = sorted(range(len(keys)), key=keys.__getitem__)
    return [keys[i] for i in by], distinct[by]


def _slice(
    ordered: Sorted, low: Any, high: Any, *, open_low: bool, open_high: bool
) -> Int64Array:
    keys, codes = ordered
    start, stop = 0, len(keys)
    if low is not None:
        start = places(keys, low)[int(open_low)]
    if high is not None:
        stop = places(keys, high)[int(not open_high)]
    return codes[start:stop]


def places(keys: list[Any], value: Any) -> tuple[int, int]:
    """Return where a value begins and ends among ascending order keys.

    Equal numbers of all types are one place.
    """
    low = high = order_key(value)
    if low[0] == _NUMBER_GROUP:
        low, high = low[:2], (*low[:2], _ABOVE_RANKS)
    return bisect_left(keys, low), bisect_right(keys, high)


_NUMBER_GROUP: Final = order_key(0)[0]
_ABOVE_RANKS: Final = 100
