"""Attributes without a gap are looked up by arithmetic, once that is known; with what a scan finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.index.run import run_of

ASKED_OFTEN = 40

PAIRS = st.lists(st.tuples(st.integers(1, 3), st.integers(10, 20)), max_size=30)


@given(PAIRS)
def test_a_run_tells_where_there_is_no_gap(pairs: list[tuple[int, int]]) -> None:
    rows = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    values = np.arange(len(rows))
    run = run_of([rows[:, 0].copy(), rows[:, 1].copy(), values, np.ones(len(rows), np.int64)])
    for first in (1, 2, 3):
        mine = rows[rows[:, 0] == first, 1].tolist()
        told = [run.gapless(first) for _ in range(ASKED_OFTEN)]
        is_gapless = bool(mine) and mine == list(range(mine[0], mine[0] + len(mine)))
        assert told[-1] == (mine[0] if is_gapless else None)
        assert run.has(first) == bool(mine)


SCHEMA = [
    {
        ":db/ident": name,
        ":db/valueType": ":db.type/long",
        ":db/cardinality": f":db.cardinality/{cardinality}",
    }
    for name, cardinality in ((":item/one", "one"), (":item/many", "many"))
]
WRITES = st.lists(
    st.tuples(
        st.sampled_from([":db/add", ":db/retract"]), st.integers(0, 25), st.integers(0, 3)
    ),
    max_size=6,
    unique_by=lambda write: write[1:],
)
KEYS = st.lists(st.sets(st.integers(-3, 30)), min_size=1, max_size=4)


@given(st.lists(WRITES, max_size=3), KEYS, st.booleans())
def test_a_lookup_finds_what_a_scan_does(
    transactions: list[list[tuple[str, int, int]]], asked: list[set[int]], is_past: bool
) -> None:
    with datamem.connect() as conn:
        conn.transact(SCHEMA)
        first = conn.db.next_entity
        conn.load({":item/one": np.arange(25), ":item/many": np.arange(25) % 4})
        conn.compact()
        begin = conn.db.basis_t
        for _ in range(ASKED_OFTEN):
            for name in (":item/one", ":item/many"):
                conn.db.lookup_many(conn.db.schema.require(name).id, np.array([first]))
        for writes in transactions:
            conn.transact([[op, first + n, ":item/many", v] for op, n, v in writes])
        db = conn.db.as_of(begin) if is_past else conn.db
        for name in (":item/one", ":item/many"):
            a = db.schema.require(name).id
            whole = db.rows(a=a)
            for numbers in asked:
                keys = np.array(sorted(first + n for n in numbers), np.int64)
                rows = db.lookup_many(a, keys)
                keep = np.isin(whole.e, keys)
                expected = zip(whole.e[keep], whole.v[keep], whole.tx[keep], strict=True)
                assert sorted(zip(rows.e, rows.v, rows.tx, strict=True)) == sorted(expected)
