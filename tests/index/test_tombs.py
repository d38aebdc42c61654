"""Tombstones are looked up once: whoever reads, whatever was read before, and what was taken back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.ids import TX_BASE
from datamem.index import tombs
from datamem.index.freeze import freeze, with_datoms
from datamem.index.index import Bounds, Index
from datamem.index.orders import Order
from tests.index.test_index_model import Model, check_everything, facts, seen

KEYS = np.array([1, 2, 3], np.int64)


def check_attributes(index: Index, model: Model, basis: int, upto: int) -> None:
    """Compare reads of whole attributes, by entity and by value."""
    bounds = Bounds(upto, past=upto < basis)
    for a in (1, 2, 3):
        rows = sorted(model.at(upto, a=a))
        assert seen(index.scan(bounds, a=a)) == rows
        by_e = [row for row in rows if row[0] in {1, 2, 3}]
        assert seen(index.lookup(bounds, Order.AEVT, a, KEYS)) == by_e
        between = [row for row in rows if 1 <= row[2] <= 3]
        assert seen(index.between(bounds, a, 1, 3)) == between


steps = st.lists(
    st.one_of(
        facts,
        st.tuples(st.just("undo"), facts),
        st.sampled_from(["freeze", "branch", "again"]),
    ),
    min_size=1,
    max_size=16,
)


@pytest.mark.parametrize("few", [0, 32])
@given(base=facts, more=facts, steps=steps)
def test_every_reader_sees_what_its_tombstones_hide(
    few: int,
    base: set[tuple[int, int, int]],
    more: set[tuple[int, int, int]],
    steps: list[object],
) -> None:
    """Model: intervals. Older values and branches are read again after newer ones have been."""
    index, model, tx = Index(), Model([]), TX_BASE
    for change in (base, more):
        tx += 1
        index = freeze(with_datoms(index, model.change(change, tx), tx))
    values = [(index, tx)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tombs, "_FEW", few)
        for step in steps:
            if isinstance(step, set):
                tx += 1
                index = with_datoms(index, model.change(step, tx), tx)
                values.append((index, tx))
            elif isinstance(step, tuple):
                undone(index, model, tx, step[1])
            elif step == "freeze":
                index = freeze(index)
            elif step == "branch":
                values.append((index.snapshot(tx), tx))
            check_attributes(index, model, tx, tx)
            if step == "again":
                for value, basis in values:
                    check_attributes(value, model, basis, basis)
                    check_attributes(value, model, basis, max(basis - 1, TX_BASE))
    check_everything(index, model, tx, tx)


def undone(index: Index, model: Model, tx: int, change: set[tuple[int, int, int]]) -> None:
    """Commit something, read it, and take it back."""
    if not index.layers:
        return
    layer = index.layers[-1]
    doomed = Model([row.copy() for row in model.rows])
    after = with_datoms(index, doomed.change(change, tx + 1), tx + 1)
    if after.layers[-1].novelty is layer.novelty:
        check_attributes(after, doomed, tx + 1, tx + 1)
        layer.novelty.undo(layer.row_count, layer.tomb_count, tx)
