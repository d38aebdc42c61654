"""An attribute in one piece: its values are read at their places, however wide they are."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datamem.index import solid
from datamem.index.solid import solid_of

words = st.one_of(
    st.integers(-3, 3),
    st.integers(-(1 << 9), 1 << 9),
    st.integers((1 << 40) - 70_000, (1 << 40) + 70_000),
    st.integers(-(1 << 63), (1 << 63) - 1),
)


@given(
    values=st.one_of(
        st.lists(st.integers(5, 90), min_size=1, max_size=40),
        st.lists(words, min_size=1, max_size=40),
    ),
    data=st.data(),
    small_rows=st.sampled_from([0, 65_536]),
)
def test_values_are_read_at_their_places(
    values: list[int], data: st.DataObject, small_rows: int
) -> None:
    """Model: the list of values, indexed."""
    e, v = np.arange(7, 7 + len(values)), np.array(values, np.int64)
    piece = solid_of(3, e, v, e + 100, np.argsort(v, kind="stable"))
    at = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=20))
    with patch.object(solid, "SMALL_ROWS", small_rows), patch.object(solid, "_FEW", 1):
        found = piece.values_at(np.array(at, np.int64))
    assert found.dtype == np.int64
    assert found.tolist() == [values[i] for i in at]
