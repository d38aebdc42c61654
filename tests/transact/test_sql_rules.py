"""What tables declare, as attributes: not null, default, check, unique pairs, on delete."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transact.worlds import World

TABLES = """
{:org/id {:db/valueType :db.type/string :db/unique :db.unique/identity :db/maxLength 255}
 :org/name {:db/valueType :db.type/string}
 :org/deleted {:db/valueType :db.type/boolean :db/default false}
 :org/created-at {:db/valueType :db.type/instant :db/default :db/now}
 :table/orgs {:db.entity/kind :org/id
              :db.entity/attrs [:org/name :org/deleted :org/created-at]}

 :mem/id {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :mem/org {:db/valueType :db.type/ref :db/onDelete :cascade}
 :mem/content {:db/valueType :db.type/doc}
 :mem/priority {:db/valueType :db.type/long :db/min 1 :db/max 10 :db/default 5}
 :mem/status {:db/valueType :db.type/keyword :db/enum [:active :archived] :db/default :active}
 :table/memories {:db.entity/kind :mem/id
                  :db.entity/attrs [:mem/org :mem/content :mem/priority :mem/status]}

 :tag/memory {:db/valueType :db.type/ref :db/onDelete :cascade}
 :tag/name {:db/valueType :db.type/string :db/maxLength 64}
 :tag/key {:db/tupleAttrs [:tag/memory :tag/name] :db/unique :db.unique/value}
 :table/tags {:db.entity/kind [:tag/memory :tag/name] :db.entity/attrs [:tag/memory :tag/name]}

 :state/agent {:db/valueType :db.type/string}
 :state/session {:db/valueType :db.type/ref :db/onDelete :set-null}
 :state/key {:db/tupleAttrs [:state/agent :state/session] :db/unique :db.unique/value}

 :log/memory {:db/valueType :db.type/ref :db/onDelete :set-null}
 :log/operation {:db/valueType :db.type/keyword :db/enum [:create :read :update :delete :search]}
 :lock/memory {:db/valueType :db.type/ref :db/onDelete :restrict}}
"""
ORG = {":org/id": "o", ":org/name": "Org"}
MEMORY = {":mem/id": "m", ":mem/org": [":org/id", "o"], ":mem/content": {"text": "tea"}}
TAG = {":tag/memory": [":mem/id", "m"], ":tag/name": "drinks"}


@pytest.fixture(params=["real", "dict"])
def world(request: pytest.FixtureRequest) -> World:
    world = World(request.param, TABLES)
    world.transact(
        [ORG, MEMORY, TAG, {":log/memory": [":mem/id", "m"], ":log/operation": ":read"}]
    )
    return world


def test_defaults_are_filled_in(world: World) -> None:
    assert world.of(1)[":org/deleted"] is False
    assert world.of(2)[":mem/priority"] == 5
    assert world.of(2)[":mem/status"] == ":active"


@pytest.mark.parametrize(
    ("forms", "code"),
    [
        ([{":mem/id": "x", ":mem/content": {}}], "transact/required-missing"),
        ([[":db/retract", [":org/id", "o"], ":org/name"]], "transact/required-missing"),
        ([{**MEMORY, ":mem/priority": 11}], "schema/out-of-range"),
        ([{**MEMORY, ":mem/status": ":gone"}], "schema/not-in-enum"),
        ([{**MEMORY, ":mem/org": [":org/id", "ghost"]}], "lookup-ref/missing"),
        ([TAG], "transact/unique-conflict"),
        ([{":tag/name": "alone"}], "transact/required-missing"),
        ([{":log/operation": ":guess"}], "schema/not-in-enum"),
        ([{":org/id": "x" * 256, ":org/name": ""}], "schema/wrong-length"),
    ],
)
def test_each_constraint_can_be_broken(world: World, forms: list[Any], code: str) -> None:
    assert world.refuse(forms) == [code]


def test_a_pair_with_null_is_nobodys(world: World) -> None:
    world.transact([{":state/agent": "a"}, {":state/agent": "a"}])
    world.transact([{":state/agent": "a", ":state/session": 1}])
    pair = {":state/agent": "a", ":state/session": 1}
    assert world.refuse([pair]) == ["transact/unique-conflict"]


def test_deleting_cascades_and_sets_null(world: World) -> None:
    world.transact([[":db/retractEntity", [":org/id", "o"]]])
    assert {(a, v) for _, a, v in world.facts()} == {(":log/operation", ":read")}


def test_deleting_is_restricted(world: World) -> None:
    world.transact([{":lock/memory": [":mem/id", "m"]}])
    assert world.refuse([[":db/retractEntity", [":org/id", "o"]]]) == ["transact/restricted"]
    world.transact([[":db/retractEntity", 5], [":db/retractEntity", [":org/id", "o"]]])
    assert len(world.facts()) == 1
