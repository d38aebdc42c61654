"""Strings that embed themselves when they are committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import datamem
from datamem.search.embedders import embedder

SCHEMA = """{:m/text {:db/valueType :db.type/string :db/embed :m/vector}
             :m/title {:db/valueType :db.type/string
                       :db/embed {:to :m/title-vector :with "other"}}
             :m/vector {:db/index-type :db.index/vector :db/dimension 4}
             :m/title-vector {:db/index-type :db.index/vector :db/dimension 2}
             :m/name {:db/valueType :db.type/string :db/unique :db.unique/identity}
             :m/parts {:db/valueType :db.type/ref :db/isComponent true
                       :db/cardinality :db.cardinality/many}}"""


class Lengths:
    """An embedder that tells a text by its length, and what it was asked."""

    name = "lengths"

    def __init__(self, dimensions: int = 4) -> None:
        self.dimensions = dimensions
        self.batches: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Any:
        self.batches.append(list(texts))
        return np.array([[len(text), *[1.0] * (self.dimensions - 1)] for text in texts])


@pytest.fixture
def lengths() -> Lengths:
    return Lengths()


@pytest.fixture
def conn(lengths: Lengths) -> Any:
    with datamem.connect(
        schema=SCHEMA, embedders={"default": lengths, "other": Lengths(2)}
    ) as conn:
        yield conn


def vector_of(db: datamem.Db, e: Any) -> list[float] | None:
    found = db.pull(["m/vector"], e)
    return None if not found else found[":m/vector"].tolist()


def test_a_text_gets_its_vector_in_the_same_transaction(
    conn: datamem.Connection, lengths: Lengths
) -> None:
    report = conn.transact([{"db/id": "a", "m/text": "four"}, {"m/text": "sixsix"}])
    assert vector_of(report.db_after, report.tempids["a"]) == [4, 1, 1, 1]
    assert {d.tx for d in report.tx_data} == {report.tx}
    assert lengths.batches == [["four", "sixsix"]]


def test_every_form_of_a_text_is_embedded_ahead_in_one_batch(
    conn: datamem.Connection, lengths: Lengths
) -> None:
    conn.transact("""[{:m/name "x" :m/text "one" :m/parts [{:m/text "three"}]}
                      [:db/add "t" :m/text "seven"]]""")
    assert lengths.batches == [["one", "three", "seven"]]
    assert vector_of(conn.db, [":m/name", "x"]) == [3, 1, 1, 1]


def test_what_a_function_asserts_is_embedded_as_well(
    conn: datamem.Connection, lengths: Lengths
) -> None:
    conn.register("say", lambda _, text: [{"m/name": "said", "m/text": text}])
    conn.transact([["say", "hello"]])
    assert vector_of(conn.db, [":m/name", "said"]) == [5, 1, 1, 1]
    conn.update(lambda _: [{"m/name": "said", "m/text": "goodbye"}])
    assert vector_of(conn.db, [":m/name", "said"]) == [7, 1, 1, 1]


def test_a_text_that_is_known_is_not_embedded_again(
    conn: datamem.Connection, lengths: Lengths
) -> None:
    conn.transact([{"m/text": "four"}])
    with conn.fork() as branch:
        branch.transact([{"m/text": "four", "m/name": "b"}])
        assert vector_of(branch.db, [":m/name", "b"]) == [4, 1, 1, 1]
    assert len(lengths.batches) == 1


def test_a_vector_goes_with_its_text_and_a_given_one_stays(conn: datamem.Connection) -> None:
    given = [9.0, 9.0, 9.0, 9.0]
    conn.transact([{"m/name": "x", "m/text": "four"}, {"m/name": "y", "m/vector": given}])
    conn.transact([[":db/retract", [":m/name", "x"], "m/text"]])
    assert vector_of(conn.db, [":m/name", "x"]) is None
    assert vector_of(conn.db.as_of(conn.db.basis_t - 1), [":m/name", "x"]) == [4, 1, 1, 1]
    conn.transact([{"m/name": "y", "m/text": "given", "m/vector": given}])
    assert vector_of(conn.db, [":m/name", "y"]) == given
    conn.transact([[":db/retractEntity", [":m/name", "y"]]])
    assert not len(conn.db.rows(a=conn.db.schema.require("m/vector").id))


def test_the_model_is_remembered_on_the_vector_attribute(conn: datamem.Connection) -> None:
    conn.transact([{"m/text": "a text", "m/title": "a title"}])
    found = conn.db.q("""[:find ?attribute ?model ?dimensions :where
                          [?a :db.embed/model ?model] [?a :db/ident ?attribute]
                          [?a :db/dimension ?dimensions]]""")
    assert found == {(":m/vector", "lengths", 4), (":m/title-vector", "lengths", 2)}
    assert conn.db.schema.to_data()[":m/vector"][":db.embed/model"] == "lengths"  # type: ignore[index]
    conn.embedder("default", "hash")
    with pytest.raises(datamem.DatamemError, match="embed/other-model"):
        conn.transact([{"m/text": "another text"}])


def test_a_replay_and_a_speculation_call_no_model(tmp_path: Any, lengths: Lengths) -> None:
    path = tmp_path / "db"
    with datamem.connect(path, schema=SCHEMA, embedders={"default": lengths}) as conn:
        conn.transact([{"m/name": "x", "m/text": "four"}])
        after = conn.db.with_tx([{"m/name": "z", "m/text": "what if"}]).db_after
        assert vector_of(after, [":m/name", "z"]) is None
    with datamem.connect(path) as again:
        assert vector_of(again.db, [":m/name", "x"]) == [4, 1, 1, 1]
        with pytest.raises(datamem.DatamemError, match="embed/no-embedder"):
            again.transact([{"m/text": "who embeds me?"}])
    assert len(lengths.batches) == 1


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda texts: 1 / 0, "embed/failed"),
        (lambda texts: np.ones((len(texts), 3)), "embed/wrong-shape"),
        (lambda texts: np.ones((len(texts) - 1, 4)), "embed/wrong-shape"),
        (lambda texts: np.ones(4), "embed/wrong-shape"),
        (lambda texts: np.full((len(texts), 4), np.nan), "embed/not-finite"),
    ],
)
def test_an_embedder_that_fails_half_way_leaves_nothing(made: Any, code: str) -> None:
    with datamem.connect(schema=SCHEMA, embedders={"bad": made}) as conn:
        t = conn.db.basis_t
        with pytest.raises(datamem.DatamemError, match=code):
            conn.transact([{"m/text": "one"}, {"m/text": "two"}])
        assert conn.db.basis_t == t


def test_a_load_of_columns_embeds_its_texts(conn: datamem.Connection) -> None:
    report = conn.load({"m/text": ["a", "bb", "a"]})
    assert [vector_of(conn.db, report.first_entity + i) for i in range(3)] == [
        [1, 1, 1, 1],
        [2, 1, 1, 1],
        [1, 1, 1, 1],
    ]


@pytest.mark.parametrize(
    "schema",
    [
        "{:a/b {:db/valueType :db.type/string :db/embed 3}}",
        "{:a/b {:db/valueType :db.type/string :db/embed {:into :a/c}}}",
        """{:a/b {:db/valueType :db.type/string :db/embed :a/c
                  :db/cardinality :db.cardinality/many}}""",
        "{:a/b {:db/valueType :db.type/long :db/embed :a/c}}",
    ],
)
def test_an_attribute_that_cannot_be_embedded_is_refused(schema: str) -> None:
    with pytest.raises(datamem.DatamemError, match="schema/bad-attribute"):
        datamem.connect(schema=schema)


def test_a_target_that_is_no_vector_is_refused() -> None:
    schema = "{:a/b {:db/valueType :db.type/string :db/embed :a/c}}"
    refused = pytest.raises(datamem.DatamemError, match="embed/no-target")
    with datamem.connect(schema=schema, embedders={"hash": embedder("hash")}) as conn, refused:
        conn.transact([{"a/b": "text"}])
