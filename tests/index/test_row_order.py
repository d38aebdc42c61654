"""Rows that say they ascend do: joins believe it."""

from __future__ import annotations

import numpy as np
import pytest

import datamem

SCHEMA = {":n": {":db/valueType": ":db.type/long"}}
FACTS = [(9, 1), (3, 7), (8, 2), (1, 9), (5, 3), (7, 4)]


@pytest.fixture(params=["novelty", "compacted", "both"])
def db(request):
    """The same facts, asserted in no order, in each place where rows can be."""
    with datamem.connect(":memory:", SCHEMA) as conn:
        cut = {"novelty": 0, "compacted": len(FACTS), "both": 3}[request.param]
        parts = (FACTS[:cut], FACTS[cut:])
        for part in parts:
            conn.transact([[":db/add", e, ":n", n] for e, n in part])
            if part is parts[0] and part:
                conn.compact()
        yield conn.db


def test_rows_ascend_by_the_column_that_they_name(db):
    a = db.schema.get(":n").id
    keys = np.array([1, 3, 7, 8, 9])
    scans = [db.rows(a=a), db.rows(a=a, v=7), db.value_range(a, 2, 8)]
    for rows in [*scans, db.lookup_many(a, keys), db.lookup_values(a, keys)]:
        if rows.sorted_by is not None:
            column = getattr(rows, rows.sorted_by)
            assert column.tolist() == sorted(column.tolist())


def test_a_join_over_unordered_novelty_is_right():
    edges = [(n, 3 * n + i) for n in (1, 9, 3, 27, 4, 12, 10, 5, 28, 13) for i in range(9)]
    schema = {
        ":to": {":db/valueType": ":db.type/ref", ":db/cardinality": ":db.cardinality/many"}
    }
    with datamem.connect(":memory:", schema) as conn:
        conn.transact([[":db/add", e, ":to", v] for e, v in edges])
        found = conn.db.q("[:find ?a ?b ?c :where [?a :to ?b] [?b :to ?c]]")
    assert found == {(a, b, c) for a, b in edges for other, c in edges if other == b}
