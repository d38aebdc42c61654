"""Composite tuples follow their components; other tuples are values with slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from datamem.schema import read_schema

if TYPE_CHECKING:
    from tests.transact.worlds import World


def test_a_composite_follows_its_components(world: World) -> None:
    world.transact([{":db/id": 1, ":seat/row": "A"}])
    assert world.of(1)[":seat/place"] == ("A", None)
    world.transact([{":db/id": 1, ":seat/number": 7}])
    assert world.of(1)[":seat/place"] == ("A", 7)
    world.transact([[":db/retract", 1, ":seat/row", "A"]])
    assert world.of(1)[":seat/place"] == (None, 7)
    world.transact([[":db/retract", 1, ":seat/number"]])
    assert world.of(1) == {}


def test_a_composite_makes_no_datom_when_nothing_changes(world: World) -> None:
    seat = {":db/id": 1, ":seat/row": "A", ":seat/number": 7}
    world.transact([seat])
    assert world.transact([seat]).empty
    assert world.transact([{":db/id": 1, ":seat/place": ["A", 7]}]).empty


def test_a_composite_is_written_only_as_what_it_is(world: World) -> None:
    world.transact(
        [{":db/id": 1, ":seat/row": "A", ":seat/number": 7, ":seat/place": ["A", 7]}]
    )
    assert world.refuse([[":db/add", 1, ":seat/place", ["B", 8]]]) == [
        "transact/tuple-mismatch"
    ]
    assert world.refuse([{":seat/row": "C", ":seat/place": ["C", 1]}]) == [
        "transact/tuple-mismatch"
    ]
    assert world.transact([[":db/retract", 1, ":seat/place", ["A", 7]]]).empty


def test_a_unique_composite_upserts_by_its_components_and_names_its_entity(
    world: World,
) -> None:
    world.transact([{":seat/row": "A", ":seat/number": 7}])
    plan = world.transact(
        [{":db/id": "s", ":seat/row": "A", ":seat/number": 7, ":user/name": "mine"}]
    )
    assert plan.tempids == {"s": 1}
    world.transact([[":db/add", [":seat/place", ["A", 7]], ":user/age", 1]])
    assert world.of(1)[":user/age"] == 1
    plan = world.transact(
        [
            {":db/id": "x", ":seat/row": "B", ":seat/number": 1},
            {":db/id": "y", ":seat/row": "B", ":seat/number": 1},
        ]
    )
    assert plan.tempids["x"] == plan.tempids["y"]


def test_a_unique_composite_conflicts_unless_a_slot_is_empty(world: World) -> None:
    world.transact([{":db/id": 1, ":seat/row": "A", ":seat/number": 7}])
    assert world.refuse([{":db/id": 2, ":seat/row": "A", ":seat/number": 7}]) == [
        "transact/unique-conflict"
    ]
    world.transact([{":seat/row": "Q"}, {":seat/row": "Q"}])
    world.transact([{":seat/row": "Q"}])
    queues = [e for e, a, v in world.facts() if a == ":seat/place" and v == ("Q", None)]
    assert len(queues) == 3


def test_composites_of_references_upsert_within_and_across_transactions(world: World) -> None:
    forms = [
        {":user/email": "a", ":user/name": "A"},
        {":db/id": "l", ":link/from": [":user/email", "a"], ":link/kind": ":likes"},
        {":db/id": "m", ":link/from": [":user/email", "a"], ":link/kind": ":likes"},
    ]
    first = world.transact(forms)
    assert first.tempids["l"] == first.tempids["m"] == 2
    assert world.transact(forms).empty
    world.transact(
        [[":db/add", [":link/key", [[":user/email", "a"], "likes"]], ":user/age", 5]]
    )
    assert world.of(2)[":user/age"] == 5
    assert world.refuse(
        [[":db/add", [":link/key", [[":user/email", "b"], "likes"]], ":user/age", 5]]
    ) == ["lookup-ref/missing"]


def test_swapping_components_of_two_entities_is_legal(world: World) -> None:
    world.transact(
        [
            {":db/id": 1, ":seat/row": "A", ":seat/number": 1},
            {":db/id": 2, ":seat/row": "B", ":seat/number": 1},
        ]
    )
    world.transact([[":db/add", 1, ":seat/row", "B"], [":db/add", 2, ":seat/row", "A"]])
    assert world.of(1)[":seat/place"] == ("B", 1)


def test_a_composite_declared_later_is_filled_in(world: World) -> None:
    world.transact(
        [{":db/id": 1, ":user/name": "Ann", ":user/age": 1}, {":db/id": 2, ":user/name": "Bob"}]
    )
    world.transact(read_schema("{:user/both {:db/tupleAttrs [:user/name :user/age]}}"))
    assert world.of(1)[":user/both"] == ("Ann", 1)
    assert world.of(2)[":user/both"] == ("Bob", None)


def test_tuples_with_types_hold_references_and_nil(world: World) -> None:
    world.transact(
        read_schema(
            "{:x/pair {:db/tupleTypes [:db.type/ref :db.type/keyword]} :x/points {:db/tupleType :db.type/long :db/cardinality :db.cardinality/many}}"
        )
    )
    world.transact(
        [{":db/id": "a", ":user/email": "a"}, {":db/id": "p", ":x/pair": ["a", "likes"]}]
    )
    assert world.of(2) == {":x/pair": (1, ":likes")}
    world.transact(
        [{":db/id": 3, ":x/pair": [[":user/email", "a"], None], ":x/points": [1, 2]}]
    )
    world.transact([{":db/id": 3, ":x/points": [[3, 4], [5]]}])
    assert world.of(3) == {":x/pair": (1, None), ":x/points": {(1, 2), (3, 4), (5,)}}


@pytest.mark.parametrize(
    "value", [["a"], "text", [None, None], [5, ":k", 1], [":user/ghost", ":k"]]
)
def test_tuples_of_another_shape_are_refused(world: World, value: object) -> None:
    world.transact(read_schema("{:x/pair {:db/tupleTypes [:db.type/ref :db.type/keyword]}}"))
    assert world.refuse([[":db/add", 1, ":x/pair", value]])
