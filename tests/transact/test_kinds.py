"""Entity specs and what SQL documents declare: defaults, required, enumerations, ranges, predicates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.transact.worlds import World

KINDS = """
{:memory/id {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :memory/type {:db/valueType :db.type/keyword :db/enum [:fact :episode]}
 :memory/priority {:db/valueType :db.type/long :db/min 1 :db/max 10 :db/default 5}
 :memory/importance {:db/valueType :db.type/float :db/min 0.0 :db/max 1.0 :db/default 0}
 :memory/created-at {:db/valueType :db.type/instant :db/default :db/now}
 :memory/active {:db/valueType :db.type/boolean :db/default false}
 :memory/label {:db/valueType :db.type/string :db/minLength 1 :db/maxLength 5}
 :memory/even {:db/valueType :db.type/long :db.attr/preds [my.app/even?]}
 :kind/memory {:db.entity/kind :memory/id
               :db.entity/attrs [:memory/id :memory/type :memory/priority :memory/created-at :memory/active]}
 :kind/balanced {:db.entity/attrs [:memory/importance] :db.entity/preds [my.app/balanced?]}}
"""


@pytest.fixture(params=["real", "dict"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param, KINDS)


def test_new_entities_of_a_kind_get_defaults(world: World) -> None:
    plan = world.transact([{":memory/id": "m", ":memory/type": ":fact"}], now_us=7_000_000)
    assert world.of(1) == {
        ":memory/id": "m",
        ":memory/type": ":fact",
        ":memory/priority": 5,
        ":memory/created-at": datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC),
        ":memory/active": False,
    }
    assert plan.instant_us == 7_000_000
    world.transact([{":memory/id": "m", ":memory/type": ":episode"}])
    assert world.of(1)[":memory/created-at"].second == 7


def test_a_given_value_wins_over_the_default(world: World) -> None:
    world.transact(
        [
            {
                ":memory/id": "m",
                ":memory/type": ":fact",
                ":memory/priority": 9,
                ":memory/active": True,
            }
        ]
    )
    assert world.of(1)[":memory/priority"] == 9
    assert world.of(1)[":memory/active"] is True


def test_required_attributes_are_required_of_the_final_state(world: World) -> None:
    assert world.refuse([{":memory/id": "m"}]) == ["transact/required-missing"]
    world.transact([{":memory/id": "m", ":memory/type": ":fact"}])
    assert world.refuse([[":db/retract", 1, ":memory/type"]]) == ["transact/required-missing"]
    assert world.refuse([[":db/retract", 1, ":memory/priority"]]) == [
        "transact/required-missing"
    ]
    world.transact([[":db/retractEntity", 1]])
    assert world.facts() == set()
    error = world.error([{":memory/id": "m"}])
    assert error.data["missing"] == [":memory/type"]


def test_a_refused_value_is_not_missing_besides(world: World) -> None:
    assert world.refuse([{":memory/id": "m", ":memory/type": ":dream"}]) == [
        "schema/not-in-enum"
    ]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("memory/type", ":dream", "schema/not-in-enum"),
        ("memory/priority", 0, "schema/out-of-range"),
        ("memory/priority", 11, "schema/out-of-range"),
        ("memory/importance", 1.5, "schema/out-of-range"),
        ("memory/label", "", "schema/wrong-length"),
        ("memory/label", "too long", "schema/wrong-length"),
    ],
)
def test_values_out_of_bounds_are_refused(
    world: World, name: str, value: Any, code: str
) -> None:
    assert world.refuse([[":db/add", 1, name, value]]) == [code]


def test_bounds_are_inclusive(world: World) -> None:
    world.transact(
        [
            {
                ":db/id": 1,
                ":memory/priority": 10,
                ":memory/importance": 1,
                ":memory/label": "12345",
            }
        ]
    )
    assert world.of(1)[":memory/importance"] == 1.0


def test_predicates_of_attributes_see_every_asserted_value(world: World) -> None:
    assert world.refuse([{":memory/even": 2}]) == ["transact/unknown-predicate"]
    world.functions["my.app/even?"] = lambda value: value % 2 == 0
    world.transact([{":memory/even": 2}])
    assert world.refuse([{":memory/even": 3}]) == ["transact/predicate-failed"]
    world.functions["my.app/even?"] = lambda value: 1 / 0
    assert world.refuse([{":memory/even": 2}]) == ["transact/predicate-failed"]


def test_ensure_checks_a_spec_on_demand(world: World) -> None:
    assert world.refuse([[":db/ensure", 1, ":kind/ghost"]]) == ["transact/unknown-spec"]
    assert world.refuse([{":db/id": 1, ":memory/label": "x", ":db/ensure": 7}]) == [
        "transact/unknown-spec"
    ]
    world.transact([{":db/id": 1, ":memory/label": "x"}])
    assert world.refuse([[":db/ensure", 1, ":kind/balanced"]]) == ["transact/required-missing"]
    assert not any(a == ":db/ensure" for _, a, _ in world.facts())


def test_predicates_of_entities_see_the_database_after() -> None:
    world = World("real", KINDS)

    def balanced(db: Any, e: int) -> bool:
        return db.words(e, db.schema.require(":memory/importance").id) != []

    world.functions[":my.app/balanced?"] = balanced
    world.transact(
        [{":db/id": "a", ":memory/importance": 0.5, ":db/ensure": [":kind/balanced"]}]
    )
    assert world.of(1) == {":memory/importance": 0.5}
    world.functions[":my.app/balanced?"] = lambda db, e: False
    assert world.refuse([{":memory/importance": 0.5, ":db/ensure": ":kind/balanced"}]) == [
        "transact/predicate-failed"
    ]


def test_a_spec_may_come_with_its_first_entities() -> None:
    world = World("dict", None)
    world.transact(
        """[{:db/ident :x/id :db/valueType :db.type/long :db/unique :db.unique/identity}
            {:db/ident :x/n :db/valueType :db.type/long :db/default 3}
            {:db/ident :x/kind :db.entity/kind :x/id :db.entity/attrs [:x/n]}
            {:x/id 1}]"""
    )
    assert world.of(1) == {":x/id": 1, ":x/n": 3}
