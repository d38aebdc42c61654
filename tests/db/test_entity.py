"""Entities: lazy, read-only mappings whose references lead on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from datamem.db import Db
from datamem.db.entity import Entity
from datamem.errors import QueryError
from tests.db.worlds import SCHEMA, connect

FACTS = """
[{:db/id 1 :u/name "ann" :u/age 40 :u/tags ["tea" "art"] :u/pair ["a" 1] :u/doc {"a" [1]}
  :u/boss {:db/id 2 :u/name "bob"} :u/friend [2 {:db/id 3 :u/name "cy" :u/boss 2}]
  :u/home {:db/id 5 :u/any ["street"] :u/part [{:db/id 6 :u/any ["door"]}]}}]
"""


@pytest.fixture
def db() -> Db:
    return connect(SCHEMA, FACTS).db


@pytest.fixture
def ann(db: Db) -> Entity:
    found = db.entity([":u/name", "ann"])
    assert isinstance(found, Entity)
    return found


def test_it_is_a_mapping_of_attributes(ann: Entity) -> None:
    assert isinstance(ann, Mapping)
    assert (ann["u/name"], ann[":u/age"], ann[":db/id"], ann["db/id"]) == ("ann", 40, 1, 1)
    assert ann["u/tags"] == ["art", "tea"]
    assert ann["u/pair"] == ("a", 1)
    assert list(ann) == [
        ":db/id", ":u/name", ":u/age", ":u/tags", ":u/pair", ":u/doc",
        ":u/boss", ":u/friend", ":u/home",
    ]  # fmt: skip
    assert len(ann) == 9
    assert dict(ann)[":u/age"] == 40


def test_what_it_has_not_is_no_key(ann: Entity) -> None:
    assert "u/email" not in ann
    assert ":u/_friend" not in ann
    assert 7 not in ann
    assert ann.get("u/email") is None
    assert ann.get("u/tagz", "none") == "none"
    with pytest.raises(KeyError, match="has no value of u/email"):
        ann["u/email"]
    with pytest.raises(QueryError) as refused:
        ann["u/nmae"]
    assert refused.value.code == "entity/no-value"
    assert "did you mean :u/name" in str(refused.value.hint)


def test_references_lead_on_both_ways(ann: Entity) -> None:
    assert ann["u/boss"]["u/name"] == "bob"
    assert [friend["u/name"] for friend in ann["u/friend"]] == ["bob", "cy"]
    assert [x["u/name"] for x in ann["u/boss"]["u/_boss"]] == ["ann", "cy"]
    assert ann["u/home"][":u/_home"] == ann
    assert ann["u/home"]["u/part"][0]["u/_part"]["u/any"] == ["street"]
    assert ":u/_boss" in ann["u/boss"]
    assert ":u/_boss" not in list(ann["u/boss"])


def test_it_is_read_only_and_its_values_are_copies(ann: Entity, db: Db) -> None:
    with pytest.raises(TypeError):
        ann["u/name"] = "zoe"  # type: ignore[index]
    ann["u/tags"].append("more")
    ann["u/doc"]["a"].append(2)
    assert ann["u/tags"] == ["art", "tea"]
    assert ann["u/doc"] == {"a": [1]}
    again = db.entity(1)
    assert again["u/doc"] == {"a": [1]}


def test_equal_means_the_same_entity_of_the_same_value(db: Db) -> None:
    assert db.entity(1) == db.entity([":u/name", "ann"])
    assert len({db.entity(1), db.entity(1), db.entity(2)}) == 2
    assert db.entity(1) != db.entity(2)
    assert db.entity(1) == db.as_of(db.basis_t).entity(1)
    assert db.entity(1) != db.as_of(1).entity(1)
    assert db.entity(1) != db.filter(lambda _db, _datom: True).entity(1)
    assert db.entity(1) != connect(SCHEMA, FACTS).db.entity(1)
    assert db.entity(1) != {":db/id": 1}


def test_it_stays_as_its_database_value_is() -> None:
    conn = connect(SCHEMA, FACTS)
    before = conn.db.entity(1)
    conn.transact([{":db/id": 1, ":u/age": 41}])
    assert before["u/age"] == 40
    assert conn.db.entity(1)["u/age"] == 41
    assert conn.db.entity(1) != before
    assert conn.db.since(conn.db.basis_t - 1).entity(1).get("u/name") is None


def test_touch_reads_everything_and_components(ann: Entity) -> None:
    assert repr(ann) == "{':db/id': 1}"
    assert ann.touch() is ann
    assert repr(ann) == (
        "{':db/id': 1, ':u/name': 'ann', ':u/age': 40, ':u/tags': ['art', 'tea'], "
        "':u/pair': ('a', 1), ':u/doc': {'a': [1]}, ':u/boss': {':db/id': 2}, "
        "':u/friend': [{':db/id': 2}, {':db/id': 3}], "
        "':u/home': {':db/id': 5, ':u/any': ['street'], "
        "':u/part': [{':db/id': 6, ':u/any': ['door']}]}}"
    )


def test_touch_ends_on_components_that_contain_each_other() -> None:
    db = connect(SCHEMA, [[":db/add", 1, ":u/part", 2], [":db/add", 2, ":u/part", 1]]).db
    assert (
        repr(db.entity(1).touch())
        == "{':db/id': 1, ':u/part': [{':db/id': 2, ':u/part': [{':db/id': 1}]}]}"
    )


def test_no_name_no_entity(db: Db) -> None:
    assert db.entity([":u/name", "zoe"]) is None
    assert db.entity(":kind/unheard") is None
    assert list(db.entity(99)) == [":db/id"]
    assert db.pull("[:u/name]", db.entity(1)) == {":u/name": "ann"}


def test_reading_a_part_first_changes_nothing(db: Db) -> None:
    whole, piecemeal = db.entity(1), db.entity(1)
    for name in ("u/home", "u/_boss", "u/age", "u/nope"):
        piecemeal.get(name)
    assert list(whole) == list(piecemeal)
    assert [whole[name] for name in whole] == [piecemeal[name] for name in whole]
