"""Values of every type are found whichever way they come: stored, written, given or made by a function."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import datamem
from datamem.db.database import Db
from datamem.edn import BigInt, Keyword, Uri

SCHEMA = """
{:v/long {:db/valueType :db.type/long} :v/double {:db/valueType :db.type/double}
 :v/big {:db/valueType :db.type/bigint} :v/dec {:db/valueType :db.type/bigdec}
 :v/text {:db/valueType :db.type/string} :v/uri {:db/valueType :db.type/uri}
 :v/pair {:db/valueType :db.type/tuple :db/tupleTypes [:db.type/long :db.type/string]}
 :v/doc {:db/valueType :db.type/doc} :v/any {:db/valueType :db.type/edn}}"""


@pytest.fixture(scope="module")
def db() -> Db:
    """Entity 1 has a value of each type; entity 2 has the same vector without a type."""
    conn = datamem.connect(":memory:", schema=SCHEMA)
    values: dict[str, Any] = {
        ":v/long": 2, ":v/double": 0.5, ":v/big": 2, ":v/dec": Decimal("1.50"), ":v/text": ":a",
        ":v/uri": "http://x.org", ":v/pair": [1, "a"], ":v/doc": {"a": [1]}, ":v/any": {"a": [1]},
    }  # fmt: skip
    conn.transact(
        [[":db/add", 1, name, v] for name, v in values.items()]
        + [[":db/add", 2, ":v/any", [1, "a"]]]
    )
    return conn.db


EQUAL = [
    (":v/pair", [1, "a"]), (":v/pair", (1, "a")), (":v/dec", Decimal("1.500")), (":v/dec", 1.5),
    (":v/big", 2), (":v/big", BigInt(2)), (":v/big", 2.0), (":v/long", 2.0), (":v/long", Decimal(2)),
    (":v/double", Decimal("0.5")), (":v/uri", Uri("http://x.org")), (":v/doc", {"a": [1]}),
    (":v/any", {"a": (1,)}), (":v/text", ":a"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), EQUAL)
def test_an_input_is_found_as_the_attribute_holds_it(db: Db, name: str, value: Any) -> None:
    text = f"[:find [?e ...] :in $ ?v :where [?e {name} ?v]]"
    assert db.q(text, value) == [1]
    assert db.q(text.replace("?v :", "[?v ...] :"), [value, value]) == [1]
    assert db.q(text, value, max_rows=9) == [1]


OTHERS = [
    (":v/text", Keyword(":a")), (":v/dec", 1.1), (":v/big", True), (":v/long", 2.5),
    (":v/long", True), (":v/uri", Keyword(":a")), (":v/pair", [1.0, "a"]), (":v/doc", {"a": [1.0]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), OTHERS)
def test_a_value_of_another_type_is_not_found(db: Db, name: str, value: Any) -> None:
    assert db.q(f"[:find [?e ...] :in $ ?v :where [?e {name} ?v]]", value) == []


def test_a_constant_that_reads_like_a_value_of_another_type_is_not_it(db: Db) -> None:
    assert db.q("[:find [?e ...] :where [?e :v/text :a]]") == []
    assert db.q('[:find [?e ...] :where [?e :v/text ":a"]]') == [1]
    assert db.q("[:find [?e ...] :where [?e :v/dec 1.500M]]") == [1]


@pytest.mark.parametrize("made", ['(tuple 1 "a")', '(vector 1 "a")', '(ground [1 "a"])'])
def test_a_vector_that_a_function_makes_is_a_stored_one(db: Db, made: str) -> None:
    """A tuple and an untyped vector of the same items are equal, and each joins with both."""
    assert db.q(f"[:find [?e ...] :where [{made} ?v] [?e :v/pair ?v]]") == [1]
    assert db.q(f"[:find [?e ...] :where [{made} ?v] [?e :v/any ?v]]") == [2]
    assert db.q("[:find [?e ...] :where [_ :v/pair ?v] [?e :v/any ?v]]") == [2]
    assert tuple(db.q(f"[:find ?v . :where [_ :v/pair ?v] [{made} ?v]]")) == (1, "a")


def test_a_documents_equal_is_found_among_untyped_values(db: Db) -> None:
    assert db.q("[:find [?f ...] :where [1 :v/doc ?v] [?f :v/any ?v]]") == [1]


def test_a_constant_is_converted_alike_whether_its_attribute_is_named_or_not() -> None:
    """A reference was found by 1.0 where its attribute was named, and not where it was any."""
    conn = datamem.connect(":memory:", schema="{:v/ref {:db/valueType :db.type/ref}}")
    conn.transact([[":db/add", 1, ":v/ref", 1]])
    for constant in ("1", "1.0", "1N"):
        assert conn.db.q(f"[:find [?e ...] :where [?e :v/ref {constant}]]") == [1]
        assert 1 in conn.db.q(f"[:find [?e ...] :where [?e ?a {constant}]]")
