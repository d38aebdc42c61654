"""An index in pieces: stretches of a few thousand rows that follow each other, either way.

A piece ends between two entities (EAVT), two entities of an attribute (AEVT) or two values (AVET, VAET): so it
can be sorted by value on its own, and only its own rows are read. Where words do not sort as their values
do, the values of the attribute are ranked, and looked up some at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.ranks import NOTHING, codes_from
from datamem.ids import MAX_T
from datamem.index.index import Layer
from datamem.index.kernels import BoolArray, Int64Array, match_rows, sort_order
from datamem.index.orders import COLUMN_OF, KEY_COLUMNS, Order
from datamem.index.rows import Rows, rows_of
from datamem.index.run import Run
from datamem.index.words import INLINE

if TYPE_CHECKING:
    from datamem.db.database import Db

Key = tuple[int, ...]
Columns = list[Int64Array]

_FIRST_ROWS: Final = 64
_MOST_ROWS: Final = 8192
_WIDTH: Final = {"eavt": 1, "aevt": 2, "avet": 2, "vaet": 1}
_ORDER: Final = {
    "eavt": Order.EAVT,
    "aevt": Order.AEVT,
    "avet": Order.AVET,
    "vaet": Order.AVET,
}


class Pieces:
    """The rows of one index of a database value, to be read a piece at a time."""

    def __init__(self, db: Db, order: str) -> None:
        self._db = db
        self._name = order
        self._order = _ORDER[order]
        self._prefixes: list[Key] = [()]
        if order == "vaet":
            self._prefixes = [(attribute.id,) for attribute in db.schema.refs]
        self._has_past = db.is_history or db.t != db.basis_t

    def group(self, key: Key) -> Key:
        """Return the part of a key at which pieces may be cut."""
        if self._name == "avet" and key and self._db.value_type(key[0]) not in INLINE:
            return key[:1]
        return key[: _WIDTH[self._name]]

    def forward(self, start: Key, value: Any) -> Iterator[Rows]:
        """Yield the rows from a group on, piece by piece, unsorted; the first piece has it all.

        Args:
            start: the group, or () for the whole index.
            value: where to begin in an attribute that is read by value; NOTHING for its start.
        """
        count = _FIRST_ROWS
        low: Key | None = start
        while low is not None:
            if self._is_by_value(low):
                high = _successor(low)
                yield from self._by_value(low[0], value if low == start else NOTHING)
            else:
                high = self._cut_after(low, count)
                yield self._between(low, high)
            low = high
            count = min(count * 4, _MOST_ROWS)

    def backward(self, start: Key, value: Any) -> Iterator[Rows]:
        """Yield the rows down from a group, piece by piece, unsorted; as `forward`."""
        count = _FIRST_ROWS
        high = _successor(start)
        if self._is_by_value(start):
            yield from self._by_value(start[0], value, reverse=True)
            high = start
        low: Key | None = ()
        while low is not None:
            low = self._cut_before(high, count)
            if low is not None and self._is_by_value(low):
                yield self._between((low[0] + 1,), high)
                yield from self._by_value(low[0], NOTHING, reverse=True)
            else:
                yield self._between(low or (), high)
            high = low
            count = min(count * 4, _MOST_ROWS)

    def _is_by_value(self, key: Key) -> bool:
        """Tell whether a key is an attribute in AVET whose words are not in value order."""
        return self._name == "avet" and len(key) == 1 and self.group((*key, 0)) == key

    def _by_value(self, a: int, value: Any, *, reverse: bool = False) -> Iterator[Rows]:
        """Yield the rows of an attribute from a value on, some values at a time."""
        db = self._db
        count, found = _FIRST_ROWS, 0
        codes: list[int] = []
        for code in codes_from(db, a, value, reverse=reverse):
            codes.append(code)
            found += max(1, db.index.count(None, a, code))
            if found >= count:
                yield db.lookup_values(a, np.sort(np.array(codes, np.int64)))
                count, found = min(count * 4, _MOST_ROWS), 0
                codes.clear()
        if codes:
            yield db.lookup_values(a, np.sort(np.array(codes, np.int64)))

    def _runs(self) -> Iterator[tuple[Run, Key]]:
        for level in self._db.index.levels:
            for prefix in self._prefixes:
                yield level.live[self._order], prefix
                if self._has_past:
                    yield level.ended[self._order], prefix

    def _cut_after(self, low: Key, count: int) -> Key | None:
        """Return a group about `count` rows on; None where the end is nearer."""
        cuts = []
        for run, prefix in self._runs():
            row = run.lower((*prefix, *low)) + count
            if row < _lower(run, _successor(prefix)):
                cuts.append(self._key_at(run, row, prefix))
        if not cuts:
            return None
        cut = min(cuts)
        return cut if cut > low else _successor(low)

    def _cut_before(self, high: Key | None, count: int) -> Key | None:
        """Return a group about `count` rows back; None where the start is nearer."""
        cuts = []
        for run, prefix in self._runs():
            last = _lower(run, _successor(prefix) if high is None else (*prefix, *high))
            if last - count > run.lower(prefix):
                cuts.append(self._key_at(run, last - count, prefix))
        return max(cuts, default=None)

    def _key_at(self, run: Run, row: int, prefix: Key) -> Key:
        return self.group((run.at(0, row), run.at(1, row))[len(prefix) :])

    def _between(self, low: Key, high: Key | None) -> Rows:
        """Return the visible rows with low <= key < high."""
        db = self._db
        parts = []
        for prefix in self._prefixes:
            end = _successor(prefix) if high is None else (*prefix, *high)
            parts.append(self._columns((*prefix, *low), end))
        e, a, v, tx, ended = (np.concatenate(column) for column in zip(*parts, strict=True))
        asserted, gone = tx <= db.newest_tx, ended <= db.newest_tx
        if not db.is_history:
            keep = asserted & ~gone
            rows = rows_of(e[keep], a[keep], v[keep], tx[keep])
        else:
            gone &= asserted
            added = np.repeat((True, False), (int(asserted.sum()), int(gone.sum())))
            e, a, v = (np.concatenate((x[asserted], x[gone])) for x in (e, a, v))
            tx = np.concatenate((tx[asserted], ended[gone]))
            rows = rows_of(e, a, v, tx, added=added)
        return db._filtered(rows)  # noqa: SLF001 - the same layer; views filter in one place

    def _columns(self, low: Key, high: Key | None) -> Columns:
        """Return every row ever asserted with low <= key < high, as e, a, v, tx, ended."""
        index, order = self._db.index, self._order
        parts: list[Columns] = []
        for level, kills in zip(index.levels, index.kills, strict=True):
            run = level.live[order]
            span = (run.lower(low), _lower(run, high))
            ended = np.full(span[1] - span[0], MAX_T, np.int64)
            first, last = np.searchsorted(kills.rows[order], span)
            ended[kills.rows[order][first:last] - span[0]] = kills.txs[order][first:last]
            parts.append([*_read(run, order, span), ended])
            if self._has_past:
                run = level.ended[order]
                parts.append(_read(run, order, (run.lower(low), _lower(run, high))))
        below = (
            [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else None
        )
        for layer in index.layers:
            own = _recent(layer, order, low, high)
            if below is not None:
                _bury(below, layer)
                own = [np.concatenate(pair) for pair in zip(below, own, strict=True)]
            below = own
        return [np.empty(0, np.int64)] * 5 if below is None else below


def _successor(key: Key) -> Key | None:
    """Return the least key above all that begin with `key`; None if none is."""
    return (*key[:-1], key[-1] + 1) if key else None


def _lower(run: Run, key: Key | None) -> int:
    return run.row_count if key is None else run.lower(key)


def _read(run: Run, order: Order, span: tuple[int, int]) -> Columns:
    names = ("e", "a", "v", "tx", "ended")[: run.column_count]
    return [run.column(COLUMN_OF[order][name], *span) for name in names]


def _recent(layer: Layer, order: Order, low: Key, high: Key | None) -> Columns:
    """Return the rows of a layer of novelty with low <= key < high."""
    novelty, count = layer.novelty, layer.row_count
    columns = [novelty.e, novelty.a, novelty.v, novelty.tx, novelty.ended]
    keys = [columns[i][:count] for i in KEY_COLUMNS[order]]
    keep = _from(keys, low, count)
    if high is not None:
        keep &= ~_from(keys, high, count)
    return [column[:count][keep] for column in columns]


def _from(columns: Columns, key: Key, count: int) -> BoolArray:
    """Tell which rows are not before a key, by its columns."""
    if not key:
        return np.ones(count, np.bool_)
    column, word = columns[0], key[0]
    if word > np.iinfo(np.int64).max:
        return np.zeros(count, np.bool_)
    if len(key) == 1:
        return column >= word
    after: BoolArray = (column > word) | ((column == word) & _from(columns[1:], key[1:], count))
    return after


def _bury(columns: Columns, layer: Layer) -> None:
    """Write into the ended column what a layer's tombstones say of rows below it."""
    if not layer.tomb_count or not len(columns[0]):
        return
    tombs = layer.novelty.tomb_rows(layer.tomb_count, None, None, None)
    standing = np.flatnonzero(columns[4] == MAX_T)
    facts = [column[standing] for column in columns[:3]]
    if not len(standing):
        return
    by = sort_order(facts)
    found = match_rows([fact[by] for fact in facts], list(tombs[:3]))
    hit = found >= 0
    columns[4][standing[by[found[hit]]]] = tombs[3][hit]
