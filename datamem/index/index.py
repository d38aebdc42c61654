"""The index: levels of sorted runs, the kills found since, and novelty on top; an immutable value.

`Index.scan` and its kin select rows by leading parts of an order as of a transaction: a row is there
when `tx <= upto < ended`. Present and past differ only in whether ended rows are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from datamem.index.kernels import Int64Array, match_rows, sort_order
from datamem.index.level import NO_KILLS, Columns, Kills, Level, find_kills
from datamem.index.novelty import Novelty
from datamem.index.orders import Order, arrange
from datamem.index.rows import NoveltyPart, Part, Rows, RunPart
from datamem.index.run import Run
from datamem.index.select import in_sorted
from datamem.index.tombs import find_facts

Hidden = Callable[[Run], Int64Array]
"""From a run of some order to the rows that tombstones hide, int64[n] in no order."""

Selected = tuple[int, int, Int64Array | None]
"""Rows of a run: start, stop, and which of those, None for all."""

_FEW_TOMBS: Final = 8
_SORTED_BY = {Order.EAVT: "e", Order.AEVT: "e", Order.AVET: "v"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A novelty and how much of it is visible."""

    novelty: Novelty
    row_count: int
    tomb_count: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which datoms a read sees.

    Attributes:
        upto: transaction id; later ones do not exist.
        past: whether `upto` lies before the index's basis, so that ended rows may be visible.
    """

    upto: int
    past: bool


@dataclass(frozen=True, slots=True)
class Index:
    """Levels, oldest first, each with its kills; then layers of novelty, oldest first."""

    levels: tuple[Level, ...] = ()
    kills: tuple[Kills, ...] = ()
    layers: tuple[Layer, ...] = ()

    def seen(self) -> Index:
        """Return the index with its last layer's counts brought up to date."""
        if not self.layers:
            return self
        novelty = self.layers[-1].novelty
        layer = Layer(novelty, novelty.row_count, novelty.tomb_count)
        return Index(self.levels, self.kills, (*self.layers[:-1], layer))

    def snapshot(self, basis_tx: int) -> Index:
        """Return an index that shares all data and that no later commit of its owner touches.

        Only the last layer has an owner; those below it are snapshots already.
        """
        if not self.layers:
            return self
        last = self.layers[-1]
        layer = replace(last, novelty=last.novelty.snapshot(basis_tx))
        return replace(self, layers=(*self.layers[:-1], layer))

    def with_level(self, level: Level, facts: Columns, ended: Int64Array) -> Index:
        """Return the index with one more level, and older rows ended by `facts` (e, a, v)."""
        kills = self.find_kills(facts, ended)
        return replace(self, levels=(*self.levels, level), kills=(*kills, NO_KILLS))

    def find_kills(self, facts: Columns, ended: Int64Array) -> tuple[Kills, ...]:
        """Return the levels' kills after `facts` ended; newest levels are asked first."""
        found = list(self.kills)
        left = np.arange(len(ended))
        for i in range(len(self.levels) - 1, -1, -1):
            if not len(left):
                break
            part = [column[left] for column in facts]
            found[i], missing = find_kills(self.levels[i], found[i], part, ended[left])
            left = left[missing]
        return tuple(found)

    def scan(
        self, bounds: Bounds, e: int | None = None, a: int | None = None, v: int | None = None
    ) -> Rows:
        """Return the visible rows that have the given parts, from the order that fits best.

        Cost: two binary searches a level; columns are read when they are used.
        """
        order, prefix, rest = _choose(e, a, v)

        def select(run: Run) -> Selected:
            return (*run.range(prefix), None)

        attribute = None if order is Order.EAVT else a
        hidden = self._hidden(bounds, order, e, a, v)
        parts = self._run_parts(bounds, order, attribute, hidden, select)
        parts += self._novelty_parts(bounds, e, a, v)
        rows = Rows([part for part in parts if len(part)], _SORTED_BY[order])
        return rows if rest is None else rows.where(rows.v == rest)

    def between(self, bounds: Bounds, a: int, low: int | None, high: int | None) -> Rows:
        """Return the visible rows of an attribute with `low <= v <= high`, as words."""

        def select(run: Run) -> Selected:
            start = run.lower((a,) if low is None else (a, low))
            return start, run.upper((a,) if high is None else (a, high)), None

        hidden = self._hidden(bounds, Order.AVET, None, a, None)
        parts = self._run_parts(bounds, Order.AVET, a, hidden, select)
        for fresh in self._novelty_parts(bounds, None, a, None):
            v = fresh.column("v")
            keep = np.ones(len(v), np.bool_)
            if low is not None:
                keep &= v >= low
            if high is not None:
                keep &= v <= high
            parts.append(NoveltyPart(fresh.novelty, fresh.rows[keep]))
        return Rows([part for part in parts if len(part)], "v")

    def lookup(self, bounds: Bounds, order: Order, a: int, keys: Int64Array) -> Rows:
        """Return the visible rows of attribute `a` whose e (AEVT) or v (AVET) is among `keys`.

        Args:
            keys: int64[n], ascending, distinct.

        Cost: that of a scan for a single key, a batched binary search when keys are few beside the
        attribute's rows, else one pass over its rows.
        """
        if len(keys) == 1:
            key = int(keys[0])
            return self.scan(bounds, a=a, **{_SORTED_BY[order]: key})

        def select(run: Run) -> Selected:
            rows = _matching(run, a, keys)
            return (int(rows[0]), int(rows[-1]) + 1, rows) if len(rows) else (0, 0, None)

        name = _SORTED_BY[order]
        hidden = self._hidden(bounds, order, None, a, None)
        parts = self._run_parts(bounds, order, a, hidden, select)
        for fresh in self._novelty_parts(bounds, None, a, None):
            keep = in_sorted(fresh.column(name), keys)
            parts.append(NoveltyPart(fresh.novelty, fresh.rows[keep]))
        found = Rows([part for part in parts if len(part)], name)
        found.know_keys(a, keys)
        return found

    def _run_parts(
        self,
        bounds: Bounds,
        order: Order,
        a: int | None,
        hidden: Hidden | None,
        select: Callable[[Run], Selected],
    ) -> list[Part]:
        """Return what `bounds` sees of the rows that `select` picks from each run.

        Of an attribute `a` the runs know when its rows began and ended, which spares a past
        view the runs that hold none it could see.
        """
        parts: list[Part] = []
        for level, kills in zip(self.levels, self.kills, strict=True):
            live = level.live[order]
            first, last = _span(live, a, bounds)
            if first <= bounds.upto and (a is None or live.has(a)):
                start, stop, rows = select(live)
                if start < stop:
                    dead = _dead_rows(live, kills, order, (start, stop), bounds, hidden)
                    part = _live_part(live, order, (start, stop, rows), dead, bounds, last)
                    parts.append(part)
            if bounds.past:
                ended = level.ended[order]
                first, last = _span(ended, a, bounds)
                if first <= bounds.upto < last:
                    start, stop, rows = select(ended)
                    if start < stop:
                        parts.append(_ended_part(ended, order, (start, stop, rows), bounds))
        return parts

    def count(
        self, e: int | None, a: int | None, v: int | None, *, with_ended: bool = False
    ) -> int:
        """Return how many rows of the present have the given parts; never too few.

        Rows that tombstones hide are counted. `with_ended` adds the rows that ended, which
        bounds any past view from above.
        """
        order, prefix, _ = _choose(e, a, v)
        total = 0
        for level, kills in zip(self.levels, self.kills, strict=True):
            live = level.live[order]
            start, stop = (
                live.range(prefix) if order is not Order.AEVT else live.span(prefix[0])
            )
            total += stop - start
            if len(kills) and start < stop:
                inside = np.searchsorted(kills.rows[order], (start, stop))
                total -= 0 if with_ended else int(inside[1] - inside[0])
            if with_ended:
                start, stop = level.ended[order].range(prefix)
                total += stop - start
        for layer in self.layers:
            total += len(layer.novelty.rows(layer.row_count, e, a, v))
        return total

    def history(
        self, upto: int, e: int | None = None, a: int | None = None, v: int | None = None
    ) -> tuple[Int64Array, ...]:
        """Return every row asserted up to `upto`, ended or not, as columns (e, a, v, tx, ended).

        A row that `upto` still sees has MAX_T, or a later transaction, as `ended`.
        """
        from datamem.index.past import history_columns

        return history_columns(self, upto, e, a, v)

    def _hidden(
        self, bounds: Bounds, order: Order, e: int | None, a: int | None, v: int | None
    ) -> Hidden | None:
        """Return how to find what tombstones hide of the levels' rows with the given parts."""
        layers = [layer for layer in self.layers if layer.tomb_count]
        if not layers:
            return None
        if a is not None and e is None and v is None:
            attribute = a

            def of_attribute(run: Run) -> Int64Array:
                found = [
                    layer.novelty.places.rows(
                        layer.novelty.tombs_below(layer.tomb_count),
                        run,
                        order,
                        attribute,
                        bounds.upto,
                    )
                    for layer in layers
                ]
                return found[0] if len(found) == 1 else np.concatenate(found)

            return of_attribute
        tombs = _known_tombs(layers, bounds.upto, e, a, v)
        return (lambda run: find_facts(run, arrange(order, tombs))[1]) if tombs else None

    def _novelty_parts(
        self, bounds: Bounds, e: int | None, a: int | None, v: int | None
    ) -> list[NoveltyPart]:
        parts = []
        for i, layer in enumerate(self.layers):
            novelty = layer.novelty
            rows = novelty.rows(layer.row_count, e, a, v)
            if not len(rows):
                continue
            keep = novelty.ended[rows] > bounds.upto
            if bounds.past:
                keep &= novelty.tx[rows] <= bounds.upto
            for above in self.layers[i + 1 :]:
                if above.tomb_count:
                    tombs = above.novelty.tomb_rows(above.tomb_count, e, a, v)
                    keep &= ~_hidden(novelty, rows, tombs, bounds.upto)
            parts.append(NoveltyPart(novelty, rows[keep]))
        return parts


def _choose(
    e: int | None, a: int | None, v: int | None
) -> tuple[Order, tuple[int, ...], int | None]:
    """Return the order to read, the prefix to find, and a value left to compare."""
    if e is not None:
        if a is None:
            return Order.EAVT, (e,), v
        return Order.EAVT, (e, a) if v is None else (e, a, v), None
    if a is not None:
        return (Order.AEVT, (a,), None) if v is None else (Order.AVET, (a, v), None)
    return Order.EAVT, (), v


def _span(run: Run, a: int | None, bounds: Bounds) -> tuple[int, int]:
    """Return the first and last transaction of the rows to be read, or of more than those."""
    if a is None or not bounds.past:
        return run.min_tx, run.max_tx
    return run.tx_span(a)


def _live_part(
    run: Run,
    order: Order,
    selected: Selected,
    dead: Int64Array,
    bounds: Bounds,
    last: int,
) -> RunPart:
    """Select the live rows that `bounds` sees: not dead, and not asserted later."""
    start, stop, rows = selected
    later = last > bounds.upto
    if not len(dead) and not later:
        return RunPart(run, order, start, stop, rows)
    if rows is None:
        keep = np.ones(stop - start, np.bool_)
        keep[dead - start] = False
        if later:
            keep &= run.column(3, start, stop) <= bounds.upto
        rows = np.flatnonzero(keep) + start
    else:
        keep = ~in_sorted(rows, dead)
        if later:
            keep &= run.take(3, rows) <= bounds.upto
        rows = rows[keep]
    return RunPart(run, order, start, stop, rows)


def _known_tombs(
    layers: Sequence[Layer], upto: int, e: int | None, a: int | None, v: int | None
) -> tuple[Int64Array, ...]:
    """Return tombstones (e, a, v, tx) with the given parts, or () if there are none."""
    found = []
    for layer in layers:
        columns = layer.novelty.tomb_rows(layer.tomb_count, e, a, v)
        keep = columns[3] <= upto
        if keep.any():
            found.append([column[keep] for column in columns])
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def _dead_rows(
    run: Run,
    kills: Kills,
    order: Order,
    span: tuple[int, int],
    bounds: Bounds,
    hidden: Hidden | None,
) -> Int64Array:
    """Return the positions inside `span` of live rows that ended by `bounds.upto`, ascending."""
    dead = kills.rows[order]
    if len(dead):
        first, last = np.searchsorted(dead, span)
        dead = dead[first:last]
        if kills.max_tx > bounds.upto:
            dead = dead[kills.txs[order][first:last] <= bounds.upto]
    if hidden is not None:
        rows = hidden(run)
        rows = rows[(rows >= span[0]) & (rows < span[1])]
        dead = np.sort(np.concatenate((dead, rows)))
    return dead


def _ended_part(run: Run, order: Order, selected: Selected, bounds: Bounds) -> RunPart:
    """Select the ended rows whose interval holds `bounds.upto`."""
    start, stop, rows = selected
    if rows is None:
        seen = run.column(4, start, stop) > bounds.upto
        seen &= run.column(3, start, stop) <= bounds.upto
        return RunPart(run, order, start, stop, np.flatnonzero(seen) + start)
    seen = (run.take(4, rows) > bounds.upto) & (run.take(3, rows) <= bounds.upto)
    return RunPart(run, order, start, stop, rows[seen])


def _matching(run: Run, a: int, keys: Int64Array) -> Int64Array:
    """Return the positions, ascending, of rows (a, key, …) for any of the keys."""
    start, stop = run.span(a)
    if start == stop or not len(keys):
        return np.empty(0, np.int64)
    least = run.gapless(a)
    if least is not None:
        first = int(np.searchsorted(keys, least))
        last = int(np.searchsorted(keys, least + (stop - start - 1), "right"))
        return keys[first:last] - least + start
    return run.find_second(start, stop, keys)


def _hidden(
    novelty: Novelty, rows: Int64Array, tombs: tuple[Int64Array, ...], upto: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell which rows of a lower layer a layer above has ended."""
    known = tombs[3] <= upto
    facts = [column[known] for column in tombs[:3]]
    columns = novelty.e[rows], novelty.a[rows], novelty.v[rows]
    if len(facts[0]) > _FEW_TOMBS:
        by = sort_order(facts)
        return match_rows([fact[by] for fact in facts], columns) >= 0
    hidden = np.zeros(len(rows), np.bool_)
    for fact in zip(*(fact.tolist() for fact in facts), strict=True):
        hidden |= np.logical_and.reduce(
            [column == word for column, word in zip(columns, fact, strict=True)]
        )
    return hidden
