"""Compare and set, functions of the database, preconditions, and the transaction as an entity."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.errors import TransactError
from tests.transact.worlds import World, datoms_of


def test_cas_compares_with_the_database_before(world: World) -> None:
    world.transact([[":db/cas", 1, ":user/age", None, 1]])
    world.transact([[":db/cas", 1, ":user/age", 1, 2]])
    assert world.of(1) == {":user/age": 2}
    error = world.error([[":db.fn/cas", 1, ":user/age", 1, 3]])
    assert (error.code, error.data["expected"], error.data["actual"]) == (
        "transact/cas-failed",
        1,
        2,
    )
    assert world.refuse([[":db/cas", 1, ":user/age", None, 3]]) == ["transact/cas-failed"]
    assert world.refuse([[":db/cas", 1, ":user/name", "x", "y"]]) == ["transact/cas-failed"]
    assert world.refuse([[":db/cas", 1, ":user/age", True, 3]]) == ["schema/wrong-type"]
    assert world.transact([[":db/cas", 1, ":user/age", 2, 2]]).empty


def test_cas_does_not_chain_and_agrees_with_itself(world: World) -> None:
    world.transact([{":db/id": 1, ":user/age": 1}])
    assert "transact/cas-failed" in world.refuse(
        [[":db/cas", 1, ":user/age", 1, 2], [":db/cas", 1, ":user/age", 2, 3]]
    )
    assert world.refuse(
        [[":db/cas", 1, ":user/age", 1, 2], [":db/cas", 1, ":user/age", 1, 3]]
    ) == ["transact/cardinality-conflict"]
    world.transact([[":db/cas", 1, ":user/age", 1, 2], [":db/cas", 1, ":user/age", 1, 2]])
    assert world.of(1) == {":user/age": 2}


def test_cas_of_references_and_lookup_refs(world: World) -> None:
    world.transact([{":user/email": "a"}, {":user/email": "b"}])
    world.transact([{":db/id": 9, ":user/friend": 1}])
    world.transact([[":db/cas", 9, ":user/friend", [":user/email", "a"], [":user/email", "b"]]])
    assert world.of(9) == {":user/friend": 2}
    world.transact([[":db/cas", [":user/email", "a"], ":user/name", None, "A"]])
    assert world.of(1)[":user/name"] == "A"


def test_cas_is_for_one_value(world: World) -> None:
    assert world.refuse([[":db/cas", 1, ":user/tags", None, ":a"]]) == ["transact/cas-many"]
    assert world.refuse([[":db/cas", 1, ":user/age", 1, None]]) == ["transact/nil-value"]
    assert world.refuse([[":db/cas", 1, ":new/x", 1, 2]]) == ["transact/cas-failed"]
    world.transact([[":db/cas", 1, ":new/x", None, 2]])
    assert world.of(1) == {":new/x": 2}


def add_one(db: Any, e: Any, name: str) -> list[Any]:
    words = db.words(e, db.schema.require(name).id)
    return [[":db/add", e, name, (words[0] if words else 0) + 1]]


def test_functions_see_the_database_before_and_return_tx_data(world: World) -> None:
    world.functions = {
        ":my/add-one": add_one,
        "my/twice": lambda db, e: [[":my/add-one", e, ":user/age"]],
    }
    world.transact([[":my/add-one", 1, ":user/age"]])
    world.transact([[":my/twice", 1], [":db/add", 1, ":user/name", "Ann"]])
    assert world.of(1) == {":user/age": 2, ":user/name": "Ann"}
    world.transact([[":db.fn/call", add_one, 1, ":user/age"], ["db.fn/call", "my/twice", 2]])
    assert world.of(1)[":user/age"] == 3
    assert world.of(2) == {":user/age": 1}


def test_tempids_are_shared_with_what_functions_return(world: World) -> None:
    world.functions = {"my/make": lambda db, name: {":db/id": "made", ":user/name": name}}
    world.transact([["my/make", "Ann"], {":user/friend": "made"}])
    friend = next(v for _, a, v in world.facts() if a == ":user/friend")
    assert world.of(friend) == {":user/name": "Ann"}


def test_functions_may_return_text_nothing_or_refuse(world: World) -> None:
    def refuse(db: Any) -> None:
        raise TransactError("not today", code="mine/closed")

    def fail(db: Any) -> None:
        raise ValueError("broken")

    world.functions = {
        "f/text": lambda db: '[{:user/name "T"}]',
        "f/none": lambda db: None,
        "f/refuse": refuse,
        "f/fail": fail,
        "f/loop": lambda db: [["f/loop"]],
    }
    world.transact([["f/text"], ["f/none"]])
    assert world.of(1) == {":user/name": "T"}
    assert world.error([["f/refuse"]]).code == "mine/closed"
    assert world.error([["f/fail"]]).code == "transact/function-failed"
    assert world.error([["f/loop"]]).code == "transact/too-many-calls"
    error = world.error([["f/txet"]])
    assert error.code == "transact/unknown-operation"
    assert ":f/text" in error.data["near"]


def test_a_stale_basis_is_refused(world: World) -> None:
    basis_t = world.db.basis_t
    world.transact([{":user/age": 1}], basis_t=basis_t)
    error = world.error([{":user/age": 2}], basis_t=basis_t)
    assert (error.code, error.data["actual"]) == ("transact/stale-basis", basis_t + 1)


def test_metadata_is_data_of_the_transaction(world: World) -> None:
    plan = world.transact([{":user/age": 1}], meta={"tx/agent": "planner", ":user/name": "why"})
    assert world.of(plan.tx)[":tx/agent"] == "planner"
    assert world.of(plan.tx)[":user/name"] == "why"
    alone = world.transact([], meta={":tx/agent": "nobody"})
    assert not alone.empty
    assert alone.t == plan.t + 1
    assert world.transact([], meta={}).empty
    assert world.transact([]).empty


def test_instants_only_go_forward(world: World) -> None:
    first = world.transact([{":user/age": 1}], now_us=50_000_000)
    second = world.transact([{":user/age": 2}], now_us=10)
    assert second.instant_us == first.instant_us + 1
    given = world.transact(
        '[{:user/age 3} [:db/add "datomic.tx" :db/txInstant #inst "2024-05-20T00:00:00Z"]]'
    )
    assert given.instant_us == 1_716_163_200_000_000
    assert world.db.words(given.tx, world.db.schema.require(":db/txInstant").id) == [
        given.instant_us
    ]
    same = world.transact('[{:db/id "datomic.tx" :db/txInstant #inst "2024-05-20T00:00:00Z"}]')
    assert same.instant_us == given.instant_us + 1
    assert world.refuse('[[:db/add "datomic.tx" :db/txInstant #inst "2024-05-19"]]') == [
        "transact/instant-before"
    ]
    assert world.refuse('[[:db/add 1 :db/txInstant #inst "2024-05-19"]]') == [
        "transact/instant-elsewhere"
    ]
    assert world.refuse([[":db/retract", given.tx, ":db/txInstant"]]) == [
        "transact/instant-elsewhere"
    ]


def test_a_failed_transaction_uses_up_nothing(world: World) -> None:
    state = world.state()
    with pytest.raises(TransactError):
        world.transact([{":user/name": "a new value", ":user/age": "x"}, {":never/seen": 1}])
    assert world.state() == state
    assert world.db.schema.get(":never/seen") is None
    plan = world.transact([{":user/name": "a new value"}])
    assert datoms_of(plan, world.db)[0][0] == 1
