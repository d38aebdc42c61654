"""Nearness of two vectors as a function of queries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.datalog.functions.vectors import FUNCTIONS
from datamem.errors import DatamemError

CALLS = {function.name: function.call for function in FUNCTIONS}
components = st.floats(-1e3, 1e3, width=32)
pairs = st.lists(st.tuples(*[st.lists(components, min_size=3, max_size=3)] * 2), max_size=5)


@given(pairs=pairs)
def test_distances_and_products_are_those_of_numpy(pairs) -> None:
    """Model: numpy, a pair at a time."""
    left, right = [p[0] for p in pairs], [p[1] for p in pairs]
    dots = [float(np.dot(a, b)) for a, b in pairs]
    assert CALLS["dot-product"](left, right) == pytest.approx(dots)
    lengths = [float(np.linalg.norm(np.subtract(a, b))) for a, b in pairs]
    assert CALLS["l2-distance"](left, right) == pytest.approx(lengths)


def test_stored_vectors_are_compared_with_each_other_and_with_inputs() -> None:
    schema = "{:m/v {:db/valueType :db.type/vector :db/dimension 2 :db/metric-type :db.metric/cosine}}"
    with datamem.connect(":memory:", schema) as conn:
        report = conn.transact([{"db/id": "a", "m/v": [1, 0]}, {"db/id": "b", "m/v": [1, 1]}])
        a, b = report.tempids["a"], report.tempids["b"]
        text = """[:find ?x ?y ?s :where [?x :m/v ?v] [?y :m/v ?w] [(< ?x ?y)]
                   [(vec-similarity ?v ?w) ?s]]"""
        assert conn.db.q(text).rows() == [(a, b, pytest.approx(0.5**0.5))]
        text = (
            "[:find ?x ?s :in $ ?q :where [?x :m/v ?v] [(l2-distance ?v ?q) ?s] [(< ?s 0.5)]]"
        )
        for query in ([1.0, 0.25], np.array([1.0, 0.25]), np.array([1, 0.25], "f4")):
            assert conn.db.q(text, query).rows() == [(a, pytest.approx(0.25))]
        assert conn.db.q("[:find [?x ...] :in $ ?q :where [?x :m/v ?q]]", [1.0, 1.0]) == [b]


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        ([0.0, 0.0], [1.0, 1.0], "vector/no-direction"),
        ([1.0], [1.0, 1.0], "vector/different-dimensions"),
        ([1.0, float("nan")], [1.0, 1.0], "vector/not-a-vector"),
        ("ab", [1.0, 1.0], "vector/not-a-vector"),
        ([[1.0]], [[1.0]], "vector/not-a-vector"),
    ],
)
def test_what_cannot_be_compared_is_refused(left, right, code) -> None:
    with datamem.connect(":memory:") as conn, pytest.raises(DatamemError) as refusal:
        conn.db.q("[:find ?s . :in $ ?a ?b :where [(vec-similarity ?a ?b) ?s]]", left, right)
    assert refusal.value.code == code
