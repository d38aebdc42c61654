"""Map forms: nested maps, reverse attributes, nil, collections, open attributes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from datamem.edn import Keyword, Symbol
from datamem.schema import ValueType

if TYPE_CHECKING:
    from tests.transact.worlds import World


def test_nil_asserts_nothing(world: World) -> None:
    world.transact(
        '[{:db/id nil :user/name "Ann" :user/age nil :user/tags [] :user/friend nil}]'
    )
    assert world.of(1) == {":user/name": "Ann"}
    assert world.transact([{":db/id": 1, ":user/age": None}, {}, {":db/id": "x"}]).empty


def test_nested_maps_are_entities_of_their_own(world: World) -> None:
    world.transact(
        """[{:db/id "a" :user/name "Ann"
             :user/friend {:user/name "Bob" :user/friend {:db/id "a"}}
             :user/friends [{:user/name "Cy"} {:db/id "d" :user/name "Di"}]
             :order/lines [{:line/product "tea"} {:line/product "cup"}]}]"""
    )
    assert world.of(1)[":user/friends"] == {3, 4}
    assert world.of(1)[":order/lines"] == {5, 6}
    assert world.of(2) == {":user/name": "Bob", ":user/friend": 1}


def test_reverse_attributes_turn_a_reference_round(world: World) -> None:
    world.transact(
        """[{:db/id "p" :user/name "P" :user/_friend [{:user/name "C1"} "c2"]}
            {:db/id "c2" :user/name "C2"}
            {:user/name "T" :user/_friends {:user/name "G"}}]"""
    )
    friends = {(e, v) for e, a, v in world.facts() if a in {":user/friend", ":user/friends"}}
    assert friends == {(2, 1), (3, 1), (5, 4)}
    assert world.refuse([{":user/_name": 5}]) == ["transact/reverse-not-ref"]
    world.transact(
        [{":db/id": 1, "user/_friend": [":user/email", "e"]}, {":db/id": 9, ":user/email": "e"}]
    )
    assert world.of(9)[":user/friend"] == 1


def test_attributes_are_written_with_or_without_colon(world: World) -> None:
    world.transact(
        [{"db/id": 3, "user/name": "Ann", "user/role": "admin", "user/tags": {"x", ":y"}}]
    )
    assert world.of(3) == {
        ":user/name": "Ann",
        ":user/role": ":admin",
        ":user/tags": {":x", ":y"},
    }
    assert world.refuse([{"user/name": "a", ":user/name": "b"}]) == [
        "transact/cardinality-conflict"
    ]
    assert world.of(
        world.transact([{"user/name": "a", ":user/name": "a"}]).next_entity - 1
    ) == {":user/name": "a"}


def test_collections_of_many_are_lists_sets_tuples_and_iterables(world: World) -> None:
    world.transact([{":db/id": 1, ":user/tags": (Keyword(f":t{n}") for n in range(3))}])
    world.transact(
        "[{:db/id 1 :user/tags (:t3 :t4)} {:db/id 1 :user/tags #{:t5}} {:db/id 1 :user/tags :t6}]"
    )
    assert world.of(1)[":user/tags"] == {f":t{n}" for n in range(7)}


INFERRED = [
    (True, ValueType.BOOLEAN),
    (5, ValueType.LONG),
    (2**70, ValueType.BIGINT),
    (0.5, ValueType.DOUBLE),
    ("text", ValueType.STRING),
    (Keyword(":k"), ValueType.KEYWORD),
    (Symbol("s"), ValueType.SYMBOL),
    (UUID(int=5), ValueType.UUID),
    (datetime(2024, 1, 1, tzinfo=UTC), ValueType.INSTANT),
    (b"bytes", ValueType.BYTES),
    (Decimal("1.5"), ValueType.BIGDEC),
    ({"a": [1, None]}, ValueType.DOC),
    ([1, 2], ValueType.DOC),
    ({5: "five"}, ValueType.EDN),
    (np.array([1.0, 2.0], np.float32), ValueType.VECTOR),
]


@pytest.mark.parametrize(("value", "value_type"), INFERRED)
def test_an_undeclared_attribute_takes_the_type_of_its_first_value(
    world: World, value: object, value_type: ValueType
) -> None:
    world.transact([{":db/id": 1, "memory/new": value}])
    attribute = world.db.schema.require(":memory/new")
    assert (attribute.value_type, attribute.declared, attribute.many) == (
        value_type,
        False,
        False,
    )
    ((_, _, found),) = world.facts()
    assert found is not None
    assert world.transact([[":db/add", 1, ":memory/new", value]]).empty


def test_another_type_is_refused_once_inferred(world: World) -> None:
    world.transact([[":db/add", 1, ":memory/new-attribute", "value"]])
    assert world.refuse([{":memory/new-attribute": 5}]) == ["schema/wrong-type"]
    assert world.refuse([{":x/n": 5}, {":x/n": "five"}]) == ["schema/wrong-type"]
    assert world.refuse([{":x/n": "five"}, {":x/n": 5}]) == ["schema/wrong-type"]


def test_inference_does_not_depend_on_the_order_of_forms(world: World) -> None:
    for forms in ([{":x/n": 1}, {":x/n": 0.5}], [{":x/n": 0.5}, {":x/n": 1}]):
        plan = world.resolve(forms)
        assert plan.schema.require(":x/n").value_type is ValueType.DOUBLE


def test_a_set_makes_an_undeclared_attribute_many(world: World) -> None:
    world.transact([{":db/id": 1, ":memory/labels": {Keyword(":a"), Keyword(":b")}}])
    assert world.db.schema.require(":memory/labels").many
    assert world.of(1) == {":memory/labels": {":a", ":b"}}


def test_a_strict_schema_refuses_unknown_names_and_suggests(world: World) -> None:
    world.transact([{":db/id": ":datamem/settings", ":datamem/mode": ":strict"}])
    assert world.db.schema.strict
    error = world.error([{":user/nmae": "Ann"}])
    assert error.code == "schema/unknown-attribute"
    assert ":user/name" in error.data["near"]
    assert re.search("did you mean .*:user/name", str(error.hint))
    assert world.refuse([[":db/retract", 1, ":user/nmae"]]) == ["schema/unknown-attribute"]
    world.transact("[{:db/id :datamem/settings :datamem/mode :open}]")
    world.transact([{":user/nmae": "Ann"}])
    assert world.refuse([{":db/id": ":datamem/settings", ":datamem/mode": ":loose"}]) == [
        "schema/unknown-mode"
    ]
    assert world.refuse([[":db/add", 1, ":datamem/mode", ":open"]]) == [
        "schema/not-an-attribute"
    ]


def test_strange_names_are_refused(world: World) -> None:
    assert world.refuse([{"": 1}]) == ["schema/bad-name"]
    assert world.refuse([{"a b": 1}]) == ["schema/bad-name"]
    assert world.refuse([{5: 1}]) == ["schema/unknown-attribute"]
    assert world.refuse([{None: 1}]) == ["schema/bad-name"]


def test_nesting_ends_in_an_error(world: World) -> None:
    form: dict[str, object] = {":user/name": "end"}
    for _ in range(500):
        form = {":user/friend": form}
    assert "transact/too-deep" in world.refuse([form])
    document: object = "end"
    for _ in range(500):
        document = [document]
    assert world.refuse([{":x/doc": document}]) == ["schema/too-deep"]


def test_one_bad_value_does_not_make_others_look_bad(world: World) -> None:
    assert world.refuse([{":db/id": "a", ":user/age": "x"}, {":user/friend": "a"}]) == [
        "schema/wrong-type"
    ]
    assert world.refuse([{":user/friend": {":user/age": "x"}}]) == ["schema/wrong-type"]


def test_the_error_names_entity_attribute_value_and_type(world: World) -> None:
    error = world.error([{":db/id": 5, ":user/age": "forty"}])
    (conflict,) = error.data["conflicts"]
    assert (conflict["entity"], conflict["attribute"], conflict["value"]) == (
        5,
        ":user/age",
        "forty",
    )
    assert conflict["expected"] == ":db.type/long"
