"""Kernels over sorted columns, against the same by plain numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datamem.index.kernels import equal_rows

columns = st.one_of(
    st.integers(0, 5).map(lambda first: list(range(first, first + 60))),
    st.lists(st.integers(0, 80), max_size=60).map(sorted),
    st.tuples(st.integers(0, 58), st.integers(0, 58)).map(
        lambda at: sorted([*(n for n in range(60) if n != at[0]), at[1]])
    ),
)
"""Without a gap; anything; and with one gap and one repetition."""


@given(column=columns, keys=st.sets(st.integers(0, 80), max_size=8))
def test_rows_that_equal_a_key(column, keys) -> None:
    rows = equal_rows(np.array(column, np.int64), np.array(sorted(keys), np.int64))
    assert rows.tolist() == [row for row, value in enumerate(column) if value in keys]


def test_a_repeated_key_is_found_twice_wherever_the_gap_is() -> None:
    for gap in range(1, 40):
        for repeated in set(range(40)) - {gap}:
            column = np.array(sorted([*(set(range(40)) - {gap}), repeated]), np.int64)
            rows = equal_rows(column, np.array([repeated], np.int64))
            assert (column[rows] == repeated).sum() == len(rows) == 2
