"""Kernels agree with the plainest Python on any arrays, small and large, dense and sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamem.datalog.columns import joining, kernels
from datamem.datalog.rules.tables import SeenRows

words = st.one_of(
    st.integers(0, 20), st.integers(-(2**63), 2**63 - 1), st.integers(1 << 41, (1 << 41) + 9)
)
columns = st.lists(st.integers(0, 30), max_size=200)


def array(values: Any) -> kernels.Int64Array:
    return np.array(values, np.int64)


@given(
    left=st.lists(words, max_size=120),
    right=st.lists(words, max_size=120),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_a_join_lists_every_equal_pair(
    left: list[int], right: list[int], flags: tuple[bool, bool]
) -> None:
    left, right = (
        sorted(side) if flag else side for side, flag in zip((left, right), flags, strict=True)
    )
    plan = joining.JoinPlan(
        array(left), array(right), left_sorted=flags[0], right_sorted=flags[1]
    )
    rows, found = plan.pairs()
    expected = sorted((i, j) for i, a in enumerate(left) for j, b in enumerate(right) if a == b)
    assert sorted(zip(rows.tolist(), found.tolist(), strict=True)) == expected
    assert plan.size == len(expected)


@given(left=st.lists(words, max_size=90), right=st.lists(words, max_size=90))
def test_membership(left: list[int], right: list[int]) -> None:
    found = joining.member_mask(array(left), array(right))
    assert found.tolist() == [key in right for key in left]


@given(rows=st.lists(st.tuples(words, words, words), max_size=120), width=st.integers(1, 3))
def test_distinct_rows_and_groups(rows: list[tuple[int, ...]], width: int) -> None:
    rows = [row[:width] for row in rows]
    made = [array([row[i] for row in rows]) for i in range(width)]
    found = kernels.distinct_rows(made)
    assert sorted(zip(*(c.tolist() for c in found), strict=True)) == sorted(set(rows))
    ids, firsts, count = kernels.group_rows(made, len(rows))
    assert count == len(set(rows))
    for row, group in zip(rows, ids.tolist(), strict=True):
        assert rows[firsts[group]] == row


@given(
    left=st.lists(st.tuples(words, words, words), max_size=60),
    right=st.lists(st.tuples(words, words, words), max_size=60),
)
def test_joint_keys_are_equal_where_rows_are(left: list[Any], right: list[Any]) -> None:
    if not left or not right:
        return
    keys = kernels.joint_keys(
        [array([r[i] for r in left]) for i in range(3)],
        [array([r[i] for r in right]) for i in range(3)],
    )
    for a, row in zip(keys[0].tolist(), left, strict=True):
        for b, other in zip(keys[1].tolist(), right, strict=True):
            assert (a == b) == (row == other)


@given(st.lists(words, max_size=150))
def test_sorting_is_stable(keys: list[int]) -> None:
    ordered, order = kernels.sort_order(array(keys))
    assert order.tolist() == sorted(range(len(keys)), key=keys.__getitem__)
    assert ordered.tolist() == sorted(keys)


@settings(max_examples=50)
@given(
    batches=st.lists(st.lists(st.tuples(words, words), max_size=40), max_size=6),
    width=st.integers(1, 2),
)
def test_seen_rows_tell_new_ones(batches: list[Any], width: int) -> None:
    seen = SeenRows(width)
    known: set[Any] = set()
    for batch in batches:
        rows = sorted({row[:width] for row in batch})
        if not rows:
            continue
        fresh = seen.add([array([row[i] for row in rows]) for i in range(width)])
        assert fresh.tolist() == [row not in known for row in rows]
        known.update(rows)


@pytest.mark.parametrize("count", [0, 1, 47, 48, 5000])
def test_large_joins_take_every_path(count: int) -> None:
    rng = np.random.default_rng(count)
    for spread in (count + 1, 1 << 20, 1 << 60):
        left = rng.integers(0, spread, count)
        right = rng.integers(0, spread, count)
        right[: count // 2] = left[: count // 2]
        rows, found = joining.JoinPlan(left, right).pairs()
        assert (left[rows] == right[found]).all()
        uniques, counts = np.unique(right, return_counts=True)
        table = dict(zip(uniques.tolist(), counts.tolist(), strict=True))
        assert len(rows) == sum(table.get(key, 0) for key in left.tolist())
