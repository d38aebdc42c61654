"""Exact search finds the nearest of what the view shows."""

from __future__ import annotations

import pytest

import datamem
from datamem.errors import DatamemError
from datamem.vector import nearest

SCHEMA = """
{:memory/content {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :memory/embedding {:db/valueType :db.type/vector :db/dimension 3
                    :db/metric-type :db.metric/cosine}}
"""


@pytest.fixture
def conn():
    with datamem.connect(":memory:", SCHEMA) as conn:
        conn.transact(
            [
                {"memory/content": "x", "memory/embedding": [1.0, 0.0, 0.0]},
                {"memory/content": "y", "memory/embedding": [0.0, 1.0, 0.0]},
                {"memory/content": "xy", "memory/embedding": [2.0, 2.0, 0.0]},
            ]
        )
        yield conn


def names(db, found):
    return [db.entity(e)[":memory/content"] for e, _ in found]


def test_nearest_first_with_its_similarity(conn) -> None:
    found = nearest(conn.db, ":memory/embedding", [1.0, 0.1, 0.0], 2)
    assert names(conn.db, found) == ["x", "xy"]
    assert found[0].score == pytest.approx(0.995, abs=0.001)


def test_a_retracted_vector_is_found_in_the_past_only(conn) -> None:
    before = conn.db
    x = before.resolve([":memory/content", "x"])
    conn.transact([[":db/retract", x, ":memory/embedding"]])
    query = [1.0, 0.0, 0.0]
    assert names(conn.db, nearest(conn.db, ":memory/embedding", query, 1)) == ["xy"]
    past = conn.db.as_of(before.basis_t)
    assert names(past, nearest(past, ":memory/embedding", query, 1)) == ["x"]


def test_search_among_some_entities(conn) -> None:
    y = conn.db.resolve([":memory/content", "y"])
    found = nearest(conn.db, ":memory/embedding", [1.0, 0.0, 0.0], 5, among=[y])
    assert [e for e, _ in found] == [y]


@pytest.mark.parametrize(
    ("attribute", "query", "k", "code"),
    [
        (":memory/content", [1.0, 0.0, 0.0], 1, "vector/not-a-vector-attribute"),
        (":memory/embedding", [1.0, 0.0, 0.0], 0, "vector/bad-k"),
        (":memory/embedding", [1.0, 0.0], 1, "schema/wrong-dimension"),
        (":memory/embedding", [1.0, float("nan"), 0.0], 1, "schema/not-finite"),
    ],
)
def test_what_cannot_be_searched_is_refused(conn, attribute, query, k, code) -> None:
    with pytest.raises(DatamemError) as refusal:
        nearest(conn.db, attribute, query, k)
    assert refusal.value.code == code
