"""`datamem search`: by words and by vectors, now and then; `datamem q` with a vector as an input."""

from __future__ import annotations

import json

import pytest

SCHEMA = """{:memory/name {:db/valueType :db.type/string :db/unique :db.unique/identity}
             :memory/content {:db/valueType :db.type/string :db/fulltext true}
             :memory/embedding {:db/valueType :db.type/vector :db/dimension 2
                                :db/metric-type :db.metric/cosine}}"""
DATA = """[{:memory/name "tea" :memory/content "green tea with jasmine" :memory/embedding [1 0]}
           {:memory/name "rail" :memory/content "a train ticket to Kyoto" :memory/embedding [0 1]}
           {:memory/name "both" :memory/content "tea on the train" :memory/embedding [1 1]}]"""


@pytest.fixture
def filled(datamem, tmp_path):
    (tmp_path / "schema.edn").write_text(SCHEMA)
    assert datamem("init", "--schema", "schema.edn").code == 0
    assert datamem("transact", DATA).code == 0
    return datamem


def records(said) -> list[dict]:
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.mark.parametrize("query", ["[0.9, 0.1]", "[0.9 0.1]"])
def test_vectors_as_json_or_edn(filled, query, tmp_path) -> None:
    arguments = ["--in", ":memory/embedding", "-k", "2", "--format", "json"]
    found = records(filled("search", *arguments, "--pull", "[:memory/name]", query))
    assert [next(iter(row["found"].values())) for row in found] == ["tea", "both"]
    (tmp_path / "query.json").write_text(query)
    again = records(filled("search", *arguments, "@query.json"))
    assert [row["entity"] for row in again] == [row["entity"] for row in found]


def test_near_an_entity_and_in_the_past(filled) -> None:
    arguments = ["--in", "memory/embedding", "--format", "json"]
    near = ["--near", '[:memory/name "rail"]']
    found = records(filled("search", *arguments, *near, "--exact"))
    assert [row["score"] for row in found] == [1.0, 0.7071, 0.0]
    assert records(filled("search", *arguments, "--as-of", "1", "[1, 0]")) == []


def test_words(filled) -> None:
    found = records(filled("search", "--format", "json", "train"))
    assert {row["text"] for row in found} == {"a train ticket to Kyoto", "tea on the train"}
    one = records(
        filled("search", "--in", ":memory/content", "--format", "json", '"green tea"')
    )
    assert [row["text"] for row in one] == ["green tea with jasmine"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--in", ":memory/embedding", "[1, 2, 3]"], 1),
        (["--in", ":memory/embedding", "[1, 0]", "-k", "0"], 1),
        (["--in", ":memory/embedding", "--near", '[:memory/name "no"]'], 1),
        (["--near", "17"], 2),
        ([], 2),
    ],
)
def test_what_cannot_be_searched_is_refused(filled, arguments, code) -> None:
    assert filled("search", *arguments).code == code


def test_a_query_takes_a_vector_as_json(filled) -> None:
    text = """[:find ?n ?s :in $ ?q ?k :where [?m :memory/name ?n]
               [(vec-neighbors $ :memory/embedding ?q {:k ?k}) [[?m _ ?s]]] :order-by [?s :desc]]"""
    said = filled("q", "--format", "json", text, "[0.9, 0.1]", "1")
    assert said.code == 0, said.err
    assert "tea" in said.out
    assert "rail" not in said.out
