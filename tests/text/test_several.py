"""Several searches at once: each says what it says by itself."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.text import search, search_each
from tests.text.test_views import (
    SmallParts,
    change,
    changes,
    play,
    seeded,
    sizes,
    texts,
)

queries = st.lists(texts | st.sampled_from(["", "+", '"ant bee"', "nothing"]), max_size=4)
NAMES = ["m/text", "m/many"]


def views(conn, ts):
    """Yield present, past, filtered and widened views, and a branch."""
    yield conn.db
    yield from (conn.db.as_of(t) for t in ts)
    yield conn.db.history()
    yield conn.db.filter(lambda _, datom: datom.e % 2 == 0)
    yield conn.db.showing(lambda e: e > 2)
    with conn.fork() as branch:
        branch.transact([{"m/text": "ant of a branch"}, {"m/many": ["bee", "cow ant"]}])
        yield branch.db


@given(
    made=changes,
    asked=queries,
    sizes=sizes,
    k=st.integers(1, 4),
    among=st.none() | st.sets(st.integers(1, 9)).map(lambda es: np.array(sorted(es), np.int64)),
)
def test_each_search_says_what_it_says_by_itself(made, asked, sizes, k, among) -> None:
    with SmallParts(sizes), seeded() as conn:
        states = play(conn, made)
        conn.transact([{"m/many": ["ant", "bee cow"]}])
        for db in views(conn, range(len(states))):
            for query, hits in zip(
                asked, search_each(db, NAMES, asked, k, among=among), strict=True
            ):
                alone = search(db, NAMES, query, k, among=among)
                for one, other in zip(hits, alone, strict=True):
                    assert one.tolist() == pytest.approx(other.tolist())


def test_where_little_is_visible_a_search_looks_further() -> None:
    with SmallParts((0, 0)), seeded() as conn, patch("datamem.text.several._LEAST", 1):
        for e in range(1, 40):
            change(conn, e, "ant " * (1 + e % 3))
        db = conn.db.showing(lambda e: e % 13 == 0)
        (hits,) = search_each(db, ["m/text"], ["ant"], 3)
        assert sorted(hits.e.tolist()) == [13, 26, 39]


def test_a_damaged_index_is_built_anew() -> None:
    with SmallParts((0, 0)), seeded() as conn:
        change(conn, 1, "ant")
        assert len(search(conn.db, "m/text", "ant").e) == 1
        fault = ValueError("a file is not as it was left")
        with patch("datamem.text.several._found", side_effect=fault):
            hits = search_each(conn.db, ["m/text"], ["ant", "bee"], 3)
        assert [len(found.e) for found in hits] == [1, 0]
