"""The index against a plain list of intervals, through freezes, merges, roots and forks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.ids import MAX_T, TX_BASE
from datamem.index import compaction, merge, run
from datamem.index import index as indexes
from datamem.index.compaction import Compactor
from datamem.index.freeze import freeze, with_datoms, with_log
from datamem.index.index import Bounds, Index, Layer
from datamem.index.novelty import Novelty
from datamem.index.orders import Order
from datamem.index.pack import Packs
from datamem.index.root import Root, decode_root, encode_root
from datamem.index.scalar import small_scan


@pytest.fixture(autouse=True, scope="module")
def small_pieces():
    """Segments of three rows, packs of two segments, so that few rows make many; few is two, often is once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "SEGMENT_ROWS", 3)
        patch.setattr(run, "_OFTEN", 1)
        patch.setattr(merge, "PACK_BYTES", 40)
        patch.setattr(indexes, "_FEW_TOMBS", 2)
        yield


class MemoryBlobs:
    """A blob store in a dict."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, name: str, data: bytes, *, durable: bool | None = None) -> None:
        self.blobs[name] = data

    def open_blob(self, name: str) -> memoryview:
        return memoryview(self.blobs[name])

    def delete(self, name: str) -> None:
        del self.blobs[name]

    def names(self, prefix: str = "") -> list[str]:
        return [name for name in self.blobs if name.startswith(prefix)]


@dataclass
class Model:
    """Intervals [e, a, v, tx, ended] in a list."""

    rows: list[list[int]]

    def change(self, facts: set[tuple[int, int, int]], tx: int) -> tuple[list[int], ...]:
        """Toggle facts: what holds is retracted, what does not is asserted."""
        out = []
        for e, a, v in sorted(facts):
            held = [r for r in self.rows if r[:3] == [e, a, v] and r[4] == MAX_T]
            if held:
                held[0][4] = tx
            else:
                self.rows.append([e, a, v, tx, MAX_T])
            out.append((e, a, v, not held))
        return tuple(list(column) for column in zip(*out, strict=True))

    def at(self, upto: int, e=None, a=None, v=None) -> set[tuple[int, ...]]:
        return {
            tuple(r[:4])
            for r in self.rows
            if r[3] <= upto < r[4]
            and (e is None or r[0] == e)
            and (a is None or r[1] == a)
            and (v is None or r[2] == v)
        }


def seen(rows) -> list[tuple[int, ...]]:
    return sorted(
        zip(rows.e.tolist(), rows.a.tolist(), rows.v.tolist(), rows.tx.tolist(), strict=True)
    )


def check_everything(index: Index, model: Model, basis: int, upto: int) -> None:
    bounds = Bounds(upto, past=upto < basis)
    for e in (None, 1, 4):
        for a in (None, 2, 3):
            for v in (None, 0, 5):
                expected = sorted(model.at(upto, e, a, v))
                assert seen(index.scan(bounds, e, a, v)) == expected
                if e is None and a is not None and v is not None:
                    small = small_scan(index, bounds, Order.AVET, (a, v), 2)
                    assert sorted(small) == [row[0] for row in expected]
                if e is not None and a is not None and v is None:
                    small = small_scan(index, bounds, Order.EAVT, (e, a), 2)
                    assert sorted(small) == [row[2] for row in expected]
    keys = np.array([1, 2, 4, 9], np.int64)
    by_e = [row for row in sorted(model.at(upto, a=2)) if row[0] in {1, 2, 4, 9}]
    assert seen(index.lookup(bounds, Order.AEVT, 2, keys)) == by_e
    by_v = [row for row in sorted(model.at(upto, a=3)) if row[2] in {1, 2, 4, 9}]
    assert seen(index.lookup(bounds, Order.AVET, 3, keys)) == by_v
    between = [row for row in sorted(model.at(upto, a=2)) if 1 <= row[2] <= 4]
    assert seen(index.between(bounds, 2, 1, 4)) == between
    history = sorted(tuple(r) for r in model.rows if r[3] <= upto)
    found = zip(*(column.tolist() for column in index.history(upto)), strict=True)
    assert [r if r[4] <= upto else (*r[:4], MAX_T) for r in sorted(found)] == [
        r if r[4] <= upto else (*r[:4], MAX_T) for r in history
    ]


facts = st.sets(
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 6)), min_size=1, max_size=12
)
steps = st.lists(
    st.one_of(
        facts,
        st.sampled_from(["freeze", "compact", "store", "reopen", "fork", "plan"]),
    ),
    min_size=1,
    max_size=25,
)


@given(steps=steps, data=st.data())
def test_every_read_agrees_with_a_list_of_intervals(steps, data) -> None:
    """Model: rows are intervals; a view at `upto` sees those with tx <= upto < ended."""
    packs = Packs(MemoryBlobs())
    compactor = Compactor(packs)
    index, model, tx = Index(), Model([]), TX_BASE
    older = []
    for step in steps:
        if isinstance(step, set):
            tx += 1
            index = with_datoms(index, model.change(step, tx), tx)
            older.append((index, tx))
        elif step == "freeze":
            index = freeze(index)
        elif step == "compact":
            index = compactor.compact(freeze(index))
        elif step == "store":
            index = compactor.store(index)
        elif step == "plan":
            index = compactor.after_commit(freeze(index), 5)
        elif step == "fork":
            index = replace(index, layers=(*index.layers, Layer(Novelty(), 0, 0)))
        else:
            index = compactor.store(freeze(compactor.finish(index)))
            root = Root(tx - TX_BASE, 1, 1, b"", index, (), ())
            index = decode_root(encode_root(root), packs).index
    check_everything(index, model, tx, tx)
    upto = data.draw(st.integers(TX_BASE, tx))
    check_everything(index, model, tx, upto)
    for old, then in older[-3:]:
        assert seen(old.scan(Bounds(then, past=False))) == sorted(model.at(then))


@pytest.mark.parametrize("inline", [0, 1 << 16])
@given(changes=st.lists(facts, min_size=3, max_size=20), pace=st.integers(1, 40))
def test_merging_piece_by_piece_changes_no_answer(inline, changes, pace) -> None:
    """Commits go on while a merge is under way; kills that arrive meanwhile are not lost."""
    packs = Packs(MemoryBlobs())
    compactor = Compactor(packs)
    index, model, tx = Index(), Model([]), TX_BASE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "INLINE_ROWS", inline)
        for change in changes:
            tx += 1
            index = freeze(with_datoms(index, model.change(change, tx), tx))
            index = compactor.after_commit(index, pace)
            assert seen(index.scan(Bounds(tx, past=False))) == sorted(model.at(tx))
        index = compactor.finish(index)
    check_everything(index, model, tx, tx)
    check_everything(index, model, tx, TX_BASE + len(changes) // 2)


@given(changes=st.lists(facts, min_size=1, max_size=15), cut=st.integers(0, 15))
def test_replaying_a_stretch_of_the_log_gives_the_same_rows(changes, cut) -> None:
    index, model, tx = Index(), Model([]), TX_BASE
    log: list[tuple[int, int, int, int, bool]] = []
    for i, change in enumerate(changes):
        tx += 1
        datoms = model.change(change, tx)
        if i < cut:
            index = with_datoms(index, datoms, tx)
        else:
            log += [(e, a, v, tx, added) for e, a, v, added in zip(*datoms, strict=True)]
    if log:
        columns = [np.array(column, np.int64) for column in zip(*log, strict=True)]
        index = with_log(index, columns[:4], columns[4].astype(np.bool_))
    check_everything(index, model, tx, tx)
    check_everything(index, model, tx, TX_BASE + len(changes) // 2)


@given(change=facts, more=facts, kept=facts)
def test_undo_takes_back_what_was_not_committed(change, more, kept) -> None:
    model, tx = Model([]), TX_BASE + 1
    index = with_datoms(Index(), model.change(change, tx), tx)
    novelty, layer = index.layers[0].novelty, index.layers[0]
    doomed = Model([row.copy() for row in model.rows])
    with_datoms(index, doomed.change(more, tx + 1), tx + 1)
    novelty.undo(layer.row_count, layer.tomb_count, tx)
    index = with_datoms(index, model.change(kept, tx + 1), tx + 1)
    check_everything(index, model, tx + 1, tx + 1)
