"""The arithmetic of a ranking, on whole columns, against the same a candidate at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.memory.recall.pool import Pool
from datamem.memory.recall.ranking import fuse, kernel, neighbour
from datamem.memory.recall.weights import DEFAULT, OWN
from datamem.memory.records.columns import by_word
from datamem.memory.reflection.strength import Decay, relative_strengths

turns = st.lists(
    st.tuples(st.integers(1, 3), st.booleans(), st.integers(0, 5), st.floats(0, 1)),
    min_size=1,
    max_size=12,
)
"""Session, whether it is a message, place and own score of each candidate."""


def pool_of(rows: list[tuple[int, bool, int, float]]) -> Pool:
    """Return candidates in the order of a pool; their ids run backwards."""
    ordered = sorted(rows, key=lambda row: (row[0], not row[1], row[2] * row[1]))
    session, is_message, place, _ = (np.array(column) for column in zip(*ordered, strict=True))
    e = np.arange(len(rows), 0, -1)
    place = np.where(is_message, place, 0)
    nothing = np.zeros(len(rows), np.int64)
    by_entity = np.arange(len(rows))[::-1]
    return Pool(e, is_message, session, place, nothing, nothing, by_entity)


@given(rows=turns, rng=st.randoms(use_true_random=False))
def test_a_turn_gets_a_part_of_the_turns_beside_it(rows, rng) -> None:
    """Model: each neighbour is looked up by its place; a memory gets a part of its own score."""
    pool = pool_of(rows)
    signals = np.array([[rng.random() for _ in OWN] for _ in rows])
    starts = np.flatnonzero(np.diff(pool.session, prepend=-1))
    ranking = fuse(pool, signals, starts, np.zeros(len(starts)), DEFAULT)
    places = [(weight, neighbour(pool, by).tolist()) for by, weight in kernel(DEFAULT)]
    for at, own in enumerate(ranking.own.tolist()):
        given = sum(weight * ranking.own[of[at]] for weight, of in places if of[at] >= 0)
        if not pool.is_message[at]:
            given = DEFAULT.kept * own
        assert ranking.shared[at] == pytest.approx(own + given)


@given(rows=turns, values=st.lists(st.tuples(st.integers(1, 15), st.floats(0, 1)), max_size=9))
def test_values_of_entities_are_spread_over_the_candidates(rows, values) -> None:
    pool = pool_of(rows)
    es = np.array([e for e, _ in values], np.int64)
    spread = pool.spread(es, np.array([value for _, value in values], np.float64))
    expected = [sum(value for one, value in values if one == e) for e in pool.e.tolist()]
    assert spread.tolist() == pytest.approx(expected)


@given(
    memories=st.lists(
        st.tuples(st.integers(-1, 3), st.floats(0.1, 1), st.integers(0, 9)), max_size=9
    )
)
def test_strength_is_beside_others_of_the_same_kind(memories) -> None:
    """Model: the least and the greatest logarithm of each kind, found one by one."""
    kind, initial, since = (
        zip(*memories, strict=True) if memories else ((), (), ())  # no columns of nothing
    )
    count = len(memories)
    decay = Decay(
        np.arange(count),
        np.array(initial, np.float64),
        np.full(count, 0.01),
        np.array(since, np.int64),
        np.array(kind, np.int64),
    )
    found = relative_strengths(decay, 10).tolist()
    log = decay.log_at(10).tolist()
    for at in range(count):
        same = [log[other] for other in range(count) if kind[other] == kind[at]]
        spread = max(same) - min(same)
        assert found[at] == pytest.approx((log[at] - min(same)) / spread if spread else 1.0)


@given(column=st.lists(st.integers(-3, 5) | st.sampled_from([10**6, 10**12]), max_size=12))
def test_a_number_by_word_is_that_of_the_word(column) -> None:
    words = np.array(column, np.int64)
    asked: list[int] = []

    def half(distinct):
        asked.extend(distinct.tolist())
        return distinct / 2

    assert by_word(words, half).tolist() == [word / 2 for word in column]
    assert asked == sorted(set(column))
