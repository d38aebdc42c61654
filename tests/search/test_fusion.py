"""Fusing rankings, against a model of dicts; hybrid search over a database."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.db.hits import Hits
from datamem.search import fuse, hybrid
from datamem.search.embedders import embedder

scores = st.sampled_from([-2.0, 0.0, 0.25, 1.0, 7.5])
lists = st.dictionaries(
    st.sampled_from(["words", "close", "new"]),
    st.dictionaries(st.integers(1, 6), scores, max_size=5),
    max_size=3,
)


def hits_of(found: dict[int, float]) -> Hits:
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    e = np.array([e for e, _ in ordered], np.int64)
    return Hits(e, e, e, np.array([s for _, s in ordered], np.float64))


def model(found: dict[str, dict[int, float]], method: str, weights: dict[str, float]) -> Any:
    total: dict[int, float] = {}
    for name, one in found.items():
        low, high = min(one.values(), default=0), max(one.values(), default=0)
        ranked = sorted(one, key=lambda e: (-one[e], e))
        for e, score in one.items():
            share = (score - low) / (high - low) if high > low else 1.0
            if method != "min-max":
                share = 1 / (61 + ranked.index(e))
            total[e] = total.get(e, 0.0) + weights.get(name, 1.0) * share
    return total


@given(found=lists, method=st.sampled_from(["min-max", "reciprocal-rank"]), data=st.data())
def test_lists_are_fused_as_the_model_does(
    found: dict[str, dict[int, float]], method: Any, data: st.DataObject
) -> None:
    names = st.sampled_from(sorted(found)) if found else st.nothing()
    weights = data.draw(st.dictionaries(names, st.sampled_from([0.0, 0.5, 2.0])))
    k = data.draw(st.none() | st.integers(1, 4))
    lists = {name: hits_of(one) for name, one in found.items()}
    fused = fuse(lists, method=method, weights=weights, k=k)
    expected = model(found, method, weights)
    assert len(fused.e) == min(len(expected), k or len(expected))
    assert dict(zip(fused.e.tolist(), fused.score.tolist(), strict=True)) == pytest.approx(
        {e: expected[e] for e in fused.e.tolist()}
    )
    assert fused.score.tolist() == sorted(fused.score.tolist(), reverse=True)
    best = sorted(expected.values(), reverse=True)[: len(fused.e)]
    assert fused.score.tolist() == pytest.approx(best)
    for name, one in found.items():
        for e, score in zip(fused.e.tolist(), fused.parts[name].tolist(), strict=True):
            assert score == one[e] if e in one else np.isnan(score)


def test_an_entity_several_times_in_a_list_counts_with_its_best_score() -> None:
    twice = Hits(*(np.array([1, 1, 2]),) * 3, np.array([3.0, 1.0, 2.0]))
    assert fuse({"a": twice}).e.tolist() == [1, 2]
    assert fuse({"a": twice}).parts["a"].tolist() == [3.0, 2.0]


@pytest.mark.parametrize(
    "options",
    [
        {"method": "sum"},
        {"weights": {"b": 1.0}},
        {"weights": {"a": -1.0}},
        {"weights": {"a": "1"}},
    ],
)
def test_an_option_that_cannot_be_is_refused(options: Any) -> None:
    with pytest.raises(datamem.DatamemError, match="search/bad-option"):
        fuse({"a": hits_of({1: 1.0})}, **options)


SCHEMA = """{:m/text {:db/valueType :db.type/string :db/fulltext true :db/embed :m/vector}
             :m/vector {:db/index-type :db.index/vector :db/dimension 256}
             :m/room {:db/valueType :db.type/string}}"""
TEXTS = ["the gardener waters roses", "a rose garden", "stock prices fall", "watering can"]


@pytest.fixture
def conn() -> Any:
    with datamem.connect(schema=SCHEMA, embedders={"hash": "hash"}) as conn:
        conn.transact(
            [{"db/id": i + 1, "m/text": t, "m/room": "ab"[i % 2]} for i, t in enumerate(TEXTS)]
        )
        yield conn


def test_words_and_vectors_are_asked_together(conn: datamem.Connection) -> None:
    embed = embedder("hash")
    searches = {"words": ("m/text", "rose watering"), "close": ("m/vector", "rose watering")}
    found = hybrid(conn.db, searches, 3, embedder=embed)
    assert len(found.e) == 3
    assert 3 not in found.e.tolist()
    assert set(found.parts) == {"words", "close"}
    alone = hybrid(conn.db, searches, 3, embedder=embed, among=np.array([3, 4]))
    assert alone.e.tolist()[0] == 4
    past = conn.db.as_of(conn.db.basis_t - 1)
    assert hybrid(past, searches, 3, embedder=embed).e.tolist() == []
    only = {"words": {"attribute": "m/text", "query": "rose prices", "operator": "and"}}
    assert hybrid(conn.db, only).e.tolist() == []


def test_a_query_fuses_searches_and_joins_what_they_find(conn: datamem.Connection) -> None:
    query = """[:find ?room ?score ?words ?close :in $ ?text ?vector :where
                [(hybrid $ :m/text ?text :m/vector ?vector {:k 1 :weights [2 1]})
                 [[?e ?score ?words ?close]]]
                [?e :m/room ?room]]"""
    vector = embedder("hash")(["stock prices"])[0]
    ((room, score, words, close),) = conn.db.q(query, "prices", vector)
    assert room == "a"
    assert score == pytest.approx(3.0)
    assert words > 0
    assert close > 0.5


def test_fulltext_joins_with_everything_else(conn: datamem.Connection) -> None:
    query = """[:find ?text ?room :in $ ?q :where [(fulltext $ :m/text ?q) [[?e ?text _ ?score]]]
                [?e :m/room ?room] [(> ?score 0.1)]]"""
    assert conn.db.q(query, "rose") == {(TEXTS[0], "a"), (TEXTS[1], "b")}
    narrow = (
        """[:find [?e ...] :where [?e :m/room "b"] [(fulltext $ "rose* wat*" {:k 5}) [[?e]]]]"""
    )
    assert sorted(conn.db.q(narrow)) == [2, 4]


@pytest.mark.parametrize(
    ("searches", "k"),
    [({}, 3), ({"a": "m/text"}, 3), ({"a": ("m/text", "x")}, 0), ({"a": {"query": "x"}}, 3)],
)
def test_searches_that_cannot_be_are_refused(
    conn: datamem.Connection, searches: Any, k: int
) -> None:
    with pytest.raises(datamem.DatamemError, match="search/bad-option"):
        hybrid(conn.db, searches, k)
