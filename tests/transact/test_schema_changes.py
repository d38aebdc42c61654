"""Altering attributes: free while unused, then what the data allow, and reasons for the rest."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.ids import ATTR_BASE
from datamem.schema import ValueType, from_datoms, read_schema
from tests.transact.worlds import World

START = """
{:u/id {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :u/n {:db/valueType :db.type/long}
 :u/s {:db/valueType :db.type/string}
 :u/many {:db/valueType :db.type/long :db/cardinality :db.cardinality/many}
 :u/ref {:db/valueType :db.type/ref}
 :u/vec {:db/valueType :db.type/vector :db/dimension 2}}
"""


@pytest.fixture(params=["real", "dict"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param, START)


def replayed(world: World) -> Any:
    """Return the schema that the datoms of the database describe."""
    rows = []
    for attribute in world.db.schema:
        found = world.db.rows(a=attribute.id)
        values = world.db.decode(attribute.value_type, found.v.tolist())
        rows += [
            (e, attribute.id, v, True)
            for e, v in zip(found.e.tolist(), values, strict=True)
            if e >= ATTR_BASE
        ]
    return from_datoms(rows)


def test_attributes_are_entities_and_the_schema_is_their_datoms(world: World) -> None:
    attribute = world.db.schema.require("u/id")
    assert attribute.id >= ATTR_BASE
    assert world.of(attribute.id) == {
        ":db/ident": ":u/id",
        ":db/valueType": ":db.type/string",
        ":db/cardinality": ":db.cardinality/one",
        ":db/unique": ":db.unique/identity",
    }
    assert replayed(world) == world.db.schema


def test_the_same_schema_again_is_nothing(world: World) -> None:
    assert world.transact(read_schema(START)).empty


def test_attributes_may_be_used_in_the_transaction_that_declares_them(world: World) -> None:
    forms = [{":y/name": "Ann"}, {":db/ident": ":y/name", ":db/valueType": ":db.type/keyword"}]
    world.transact(forms)
    assert world.of(1) == {":y/name": ":Ann"}


def test_list_forms_and_tempids_declare_too(world: World) -> None:
    plan = world.transact(
        """[[:db/add "x" :db/ident :y/x] [:db/add "x" :db/valueType :db.type/long]
            {:db/id "y" :db/ident :y/y :db/cardinality :db.cardinality/many}
            {:db/ident :y/z :db.install/_attribute :db.part/db}]"""
    )
    assert plan.tempids["x"] == world.db.schema.require(":y/x").id
    assert plan.tempids["y"] == world.db.schema.require(":y/y").id
    assert world.db.schema.require(":y/x").value_type is ValueType.LONG
    assert world.db.schema.require(":y/z").value_type is ValueType.EDN
    assert replayed(world) == world.db.schema


USE = [
    {
        ":db/id": 1,
        ":u/id": "a",
        ":u/n": 1,
        ":u/s": "same",
        ":u/many": [1, 2],
        ":u/ref": 2,
        ":u/vec": [1, 0],
    },
    {":db/id": 2, ":u/s": "same", ":u/n": 5},
]

FREE = [
    {":db/id": ":u/n", ":db/valueType": ":db.type/string"},
    {":db/ident": ":u/many", ":db/cardinality": ":db.cardinality/one"},
    {":db/ident": ":u/vec", ":db/dimension": 3},
    {":db/ident": ":u/s", ":db/unique": ":db.unique/value"},
    {":db/ident": ":u/n", ":db/max": 3},
    {
        ":db/ident": ":u/s",
        ":db/tupleAttrs": [":u/n", ":u/ref"],
        ":db/valueType": ":db.type/tuple",
    },
    {":db/ident": ":u/s", ":db/enum": ["other"]},
    {":db/ident": ":u/s", ":db/maxLength": 2},
]


@pytest.mark.parametrize("change", FREE)
def test_an_unused_attribute_changes_freely_and_a_used_one_as_its_data_allow(
    world: World, change: dict[str, Any]
) -> None:
    plan = world.resolve([change])
    assert plan.changes_schema
    world.transact(USE)
    assert world.refuse([change]) == ["schema/contradicts-data"]


def test_what_was_used_once_keeps_its_type(world: World) -> None:
    world.transact([{":db/id": 1, ":u/n": 1}])
    world.transact([[":db/retract", 1, ":u/n"]])
    assert world.refuse([{":db/ident": ":u/n", ":db/valueType": ":db.type/string"}]) == [
        "schema/contradicts-data"
    ]


@pytest.mark.parametrize(
    "change",
    [
        {":db/ident": ":u/n", ":db/cardinality": ":db.cardinality/many"},
        {":db/ident": ":u/n", ":db/index": True, ":db/doc": "a number"},
        {":db/ident": ":u/n", ":db/unique": ":db.unique/value"},
        {":db/ident": ":u/n", ":db/min": 1, ":db/max": 5},
        {":db/ident": ":u/id", ":db/unique": ":db.unique/value"},
        {":db/ident": ":u/ref", ":db/isComponent": True, ":db/onDelete": ":restrict"},
        {":db/ident": ":u/s", ":db/fulltext": True, ":db/maxLength": 4},
        {":db/ident": ":u/n", ":db/noHistory": True, ":db/default": 3},
        {":db/ident": ":u/vec", ":db/metric-type": ":db.metric/l2"},
    ],
)
def test_what_widens_or_fits_the_data_is_done(world: World, change: dict[str, Any]) -> None:
    world.transact(USE)
    plan = world.transact([change])
    assert plan.changes_schema
    assert replayed(world) == world.db.schema


def test_constraints_are_dropped_by_retracting_them(world: World) -> None:
    world.transact(
        [{":db/ident": ":u/n", ":db/max": 3}, {":db/ident": ":u/s", ":db/enum": ["a", "b"]}]
    )
    assert world.refuse([{":u/n": 4}]) == ["schema/out-of-range"]
    world.transact(
        [
            [":db/retract", ":u/n", ":db/max", 3],
            [":db/retract", ":u/id", ":db/unique"],
            [":db/retract", ":u/s", ":db/enum", "a"],
        ]
    )
    world.transact([{":u/n": 4, ":u/id": "x"}, {":u/id": "x", ":u/s": "b"}])
    assert world.db.schema.require(":u/id").unique is None
    assert world.refuse([{":u/s": "a"}]) == ["schema/not-in-enum"]
    assert replayed(world) == world.db.schema


def test_one_to_many_and_back_as_long_as_there_is_one(world: World) -> None:
    world.transact([{":db/id": 1, ":u/many": [5]}])
    world.transact([{":db/ident": ":u/many", ":db/cardinality": ":db.cardinality/one"}])
    world.transact([{":db/id": 1, ":u/many": 6}])
    assert world.of(1) == {":u/many": 6}


def test_a_renamed_attribute_answers_to_both_names(world: World) -> None:
    world.transact([{":db/id": 1, ":u/n": 1}])
    before = world.db.schema.require(":u/n")
    world.transact([{":db/id": ":u/n", ":db/ident": ":u/number"}])
    schema = world.db.schema
    assert schema.require(":u/n") is schema.require("u/number")
    assert schema.require(":u/n").id == before.id
    world.transact([{":db/id": 1, ":u/n": 2}])
    assert world.of(1) == {":u/number": 2}
    assert replayed(world) == schema
    world.transact(
        [{":db/ident": ":u/n", ":db/valueType": ":db.type/keyword", ":db/id": "fresh"}]
    )


def test_a_name_that_was_given_up_may_be_taken_by_another(world: World) -> None:
    world.transact([{":db/id": ":u/n", ":db/ident": ":u/number"}])
    world.transact(
        [
            [":db/add", "new", ":db/ident", ":u/n"],
            [":db/add", "new", ":db/valueType", ":db.type/string"],
        ]
    )
    assert world.db.schema.require(":u/n").value_type is ValueType.STRING
    assert world.db.schema.require(":u/number").value_type is ValueType.LONG
    assert replayed(world) == world.db.schema


def test_an_unused_attribute_can_be_retracted(world: World) -> None:
    world.transact([[":db/retractEntity", ":u/s"]])
    assert world.db.schema.get(":u/s") is None
    world.transact([{":u/n": 1}])
    assert world.refuse([[":db/retractEntity", ":u/n"]]) == ["schema/contradicts-data"]
    assert replayed(world) == world.db.schema


@pytest.mark.parametrize(
    ("forms", "code"),
    [
        ([{":db/ident": ":x/a", ":db/valueType": ":db.type/strnig"}], "schema/bad-attribute"),
        ([{":db/ident": ":x/a", ":db/cardinality": ":db.cardinality/few"}], "schema/bad-attribute"),
        ([{":db/ident": ":x/a", ":db/valueType": ":db.type/long", ":db/isComponent": True}], "schema/bad-attribute"),
        ([{":db/ident": ":x/a", ":db/index": "yes"}], "schema/wrong-type"),
        ([{":db/ident": ":x/a", ":db/valuetype": ":db.type/long"}], "schema/unknown-attribute"),
        ([{":db/ident": ":x/a", ":db/index": True, ":db/valuetype": ":db.type/long"}], "schema/unknown-property"),
        ([{":db/valueType": ":db.type/long"}], "schema/no-ident"),
        ([{":db/ident": ":x/t", ":db/tupleAttrs": [":no/such", ":u/n"]}], "schema/bad-attribute"),
        ([{":db/ident": ":x/t", ":db/tupleAttrs": [":u/many", ":u/n"]}], "schema/bad-attribute"),
        ([{":db/ident": ":x/v", ":db/valueType": ":db.type/vector"}], "schema/bad-attribute"),
        ([{":db/ident": ":x/v", ":db/dimension": 0, ":db/valueType": ":db.type/vector"}], "schema/bad-attribute"),
        ([{":db/ident": ":x/v", ":db/dimension": 3, ":db/metric-type": ":nearest"}], "schema/bad-attribute"),
        ([{":db/ident": ":x/d", ":db/valueType": ":db.type/long", ":db/default": "x"}], "schema/wrong-type"),
        ([{":db/ident": ":x/d", ":db/valueType": ":db.type/long", ":db/max": 3, ":db/default": 4}], "schema/out-of-range"),
        ([{":db/ident": ":db/doc", ":db/valueType": ":db.type/long"}], "schema/system-attribute"),
        ([[":db/add", ":db/doc", ":db/index", True]], "schema/system-attribute"),
        ([[":db/retractEntity", ":db/txInstant"]], "schema/system-attribute"),
        ([{":db/id": 5, ":db/valueType": ":db.type/long", ":db/ident": ":x/y"}], "schema/not-an-attribute"),
        ([[":db/add", 5, ":db/valueType", ":db.type/long"]], "schema/not-an-attribute"),
        ([[":db/retract", ":u/n", ":db/ident", ":u/n"]], "schema/bad-attribute"),
    ],
)  # fmt: skip
def test_attributes_that_cannot_be_are_refused(
    world: World, forms: list[Any], code: str
) -> None:
    assert code in world.refuse(forms)


def test_a_spec_that_the_data_contradict_is_refused(world: World) -> None:
    world.transact([{":u/id": "a"}])
    spec = {":db/ident": ":kind/u", ":db.entity/kind": ":u/id", ":db.entity/attrs": [":u/n"]}
    assert world.refuse([spec]) == ["schema/contradicts-data"]
    world.transact([{":u/id": "a", ":u/n": 1}])
    world.transact([spec])
    assert world.refuse([{":u/id": "b"}]) == ["transact/required-missing"]


def test_vector_options_may_come_after_the_attribute(world: World) -> None:
    world.transact(
        read_schema("{:m/e {:db/valueType :db.type/f64 :db/cardinality :db.cardinality/many}}")
    )
    assert (
        world.db.schema.require(":m/e").value_type,
        world.db.schema.require(":m/e").many,
    ) == (ValueType.DOUBLE, True)
    world.transact(
        read_schema(
            "{:m/e {:db/index-type :db.index/vector :db/dimension 3 :db/metric-type :db.metric/cosine}}"
        )
    )
    attribute = world.db.schema.require(":m/e")
    assert (attribute.value_type, attribute.many) == (ValueType.VECTOR, False)
    world.transact([{":db/id": 1, ":m/e": [1.0, 2, 3]}])
    assert world.of(1)[":m/e"].tolist() == [1.0, 2.0, 3.0]
    assert world.transact([{":db/id": 1, ":m/e": [1, 2, 3]}]).empty
