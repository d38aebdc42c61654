"""Kernels over sorted columns, against the same by plain numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datamem.index.kernels import equal_rows, sort_order

columns = st.one_of(
    st.integers(0, 5).map(lambda first: list(range(first, first + 60))),
    st.lists(st.integers(0, 80), max_size=60).map(sorted),
    st.tuples(st.integers(0, 58), st.integers(0, 58)).map(
        lambda at: sorted([*(n for n in range(60) if n != at[0]), at[1]])
    ),
)
"""Without a gap; anything; and with one gap and one repetition."""


@given(
    seed=st.integers(0, 1 << 30),
    row_count=st.sampled_from([0, 1, 2, 90, 511, 600, 2_000]),
    bits=st.lists(st.sampled_from([0, 1, 5, 16, 17, 40, 62, 63]), min_size=1, max_size=4),
    far_count=st.sampled_from([0, 1, 30]),
    is_in_order=st.booleans(),
)
def test_rows_are_sorted_and_equal_ones_stay_in_order(
    seed, row_count, bits, far_count, is_in_order
) -> None:
    """Model: a sort of tuples with the row's number, whichever way the ranges allow."""
    rng = np.random.default_rng(seed)
    rows = [rng.integers(-(1 << b) // 2, (1 << b) // 2 + 1, row_count) for b in bits]
    rows[0][:far_count] += 1 << 61 if bits[0] < 60 else 0
    if is_in_order:
        by = np.lexsort(rows[::-1])
        rows = [column[by] for column in rows]
    expected = sorted(range(row_count), key=lambda i: (*(column[i] for column in rows), i))
    assert sort_order(rows).tolist() == expected


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
