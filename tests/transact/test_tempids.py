"""Who is who: tempids, upserts, lookup refs and idents, whatever the order of the forms."""

from __future__ import annotations

from itertools import permutations

import pytest

from datamem.ids import TX_BASE
from tests.transact.worlds import World


def test_tempids_are_numbers_or_strings_and_last_one_transaction(world: World) -> None:
    plan = world.transact(
        [
            {":db/id": -1, ":user/name": "Ann", ":user/friend": "bob"},
            {":db/id": "bob", ":user/name": "Bob"},
        ]
    )
    assert plan.tempids == {-1: 1, "bob": 2}
    assert world.of(1) == {":user/name": "Ann", ":user/friend": 2}
    assert world.transact([{":db/id": -1, ":user/name": "Cy"}]).tempids == {-1: 3}


def test_legacy_tempid_literals_are_read(world: World) -> None:
    world.transact(
        '[{:db/id #db/id [:db.part/user -1] :user/name "Ann"} [:db/add #db/id [:db.part/user -1] :user/age 3]]'
    )
    assert world.of(1) == {":user/name": "Ann", ":user/age": 3}


def test_explicit_ids_move_the_counter(world: World) -> None:
    world.transact(
        [{":db/id": 50, ":user/name": "Ann", ":user/friend": 70}, {":user/name": "new"}]
    )
    assert world.of(71) == {":user/name": "new"}
    world.transact([{":user/name": "next"}])
    assert world.of(72) == {":user/name": "next"}


def test_an_identity_finds_its_entity(world: World) -> None:
    world.transact([{":user/email": "ann@x", ":user/name": "Ann"}])
    plan = world.transact([{":db/id": "a", ":user/email": "ann@x", ":user/age": 3}])
    assert plan.tempids == {"a": 1}
    assert world.of(1) == {":user/email": "ann@x", ":user/name": "Ann", ":user/age": 3}


def test_a_late_identity_in_list_forms_upserts(world: World) -> None:
    world.transact([{":user/email": "ann@x"}])
    world.transact([[":db/add", -1, ":user/age", 3], [":db/add", -1, ":user/email", "ann@x"]])
    assert world.of(1) == {":user/email": "ann@x", ":user/age": 3}


def test_unique_value_never_upserts(world: World) -> None:
    world.transact([{":user/badge": 7}])
    assert world.refuse([{":user/badge": 7, ":user/age": 3}]) == ["transact/unique-conflict"]
    assert world.refuse([{":user/badge": 8}, {":user/badge": 8}]) == [
        "transact/unique-conflict"
    ]


def test_maps_with_one_new_identity_are_one_entity(world: World) -> None:
    plan = world.transact(
        [
            {":db/id": "a", ":user/email": "n@x", ":user/age": 3},
            {":db/id": "b", ":user/email": "n@x", ":user/name": "N"},
        ]
    )
    assert plan.tempids == {"a": 1, "b": 1}
    assert world.of(1) == {":user/email": "n@x", ":user/age": 3, ":user/name": "N"}


def test_a_map_joins_an_explicit_entity_with_the_same_new_identity(world: World) -> None:
    world.transact(
        [{":db/id": 5, ":user/email": "n@x"}, {":user/email": "n@x", ":user/age": 3}]
    )
    assert world.of(5) == {":user/email": "n@x", ":user/age": 3}


def test_identities_of_two_entities_conflict_and_are_named(world: World) -> None:
    world.transact(
        [{":user/email": "a@x"}, {":user/id": "00000000-0000-0000-0000-000000000001"}]
    )
    both = [{":user/email": "a@x", ":user/id": "00000000-0000-0000-0000-000000000001"}]
    error = world.error(both)
    assert error.code == "transact/upsert-conflict"
    assert error.data["entities"] == [1, 2]
    assert world.refuse([{":db/id": 2, ":user/email": "a@x"}]) == ["transact/unique-conflict"]


def test_a_self_reference_by_identity_is_one_entity(world: World) -> None:
    world.transact('[{:user/email "p" :user/friend {:user/email "p"}}]')
    assert world.of(1) == {":user/email": "p", ":user/friend": 1}


def test_an_identity_that_is_a_reference_resolves_by_fixpoint(world: World) -> None:
    world.transact(
        [{":user/email": "a@x"}, {":user/twin": [":user/email", "a@x"], ":user/age": 1}]
    )
    forms = [
        {":db/id": "t", ":user/age": 2, ":user/twin": "e"},
        {":db/id": "e", ":user/email": "a@x"},
    ]
    for order in permutations(forms):
        plan = world.resolve(list(order))
        assert plan.tempids == {"t": 2, "e": 1}


def test_chains_of_new_reference_identities_unite(world: World) -> None:
    plan = world.transact(
        [
            {":db/id": "a", ":user/twin": "x"},
            {":db/id": "b", ":user/twin": "y"},
            {":db/id": "x", ":user/email": "e@x"},
            {":db/id": "y", ":user/email": "e@x"},
        ]
    )
    assert plan.tempids["a"] == plan.tempids["b"]
    assert plan.tempids["x"] == plan.tempids["y"]


LOOKUPS = [
    {":user/email": "new@x", ":user/age": 1},
    [":db/add", [":user/email", "new@x"], ":user/name", "New"],
    {":db/id": "o", ":user/friend": [":user/email", "new@x"], ":user/badge": 9},
    [":db/add", [":user/badge", 9], ":user/age", 5],
]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_lookup_refs_find_what_the_transaction_makes_in_any_order(
    order: tuple[int, ...],
) -> None:
    world = World("dict")
    plan = world.transact([LOOKUPS[i] for i in order])
    maker = world.of(plan.tempids["o"])[":user/friend"]
    assert world.of(maker) == {":user/email": "new@x", ":user/age": 1, ":user/name": "New"}
    assert world.of(plan.tempids["o"]) == {
        ":user/friend": maker,
        ":user/badge": 9,
        ":user/age": 5,
    }


def test_idents_name_entities_as_place_and_as_value(world: World) -> None:
    world.transact([{":db/ident": ":status/active", ":user/name": "active"}])
    world.transact(
        "[{:db/id 7 :user/friend :status/active} [:db/add :status/active :user/age 1]]"
    )
    assert world.of(7) == {":user/friend": 1}
    assert world.of(1)[":user/age"] == 1
    world.transact([{":db/id": 8, ":user/friend": ":status/new"}, {":db/ident": ":status/new"}])
    assert world.of(world.of(8)[":user/friend"]) == {":db/ident": ":status/new"}
    assert world.refuse([{":user/friend": ":status/ghost"}]) == ["transact/unknown-ident"]


def test_a_reference_to_many_takes_lookup_refs_ids_and_maps(world: World) -> None:
    world.transact([{":user/email": "a@x"}, {":user/email": "b@x"}])
    world.transact([{":db/id": 9, ":user/friends": [":user/email", "a@x"]}])
    assert world.of(9) == {":user/friends": {1}}
    world.transact(
        [{":db/id": 9, ":user/friends": [[":user/email", "b@x"], 7, {":user/email": "c@x"}]}]
    )
    assert world.of(9) == {":user/friends": {1, 2, 7, 10}}


def test_tempids_name_only_what_is_new(world: World) -> None:
    assert world.refuse([[":db/retract", -1, ":user/age", 1]]) == ["transact/tempid-in-retract"]
    assert world.refuse([[":db/retractEntity", "x"]]) == ["transact/tempid-in-retract"]
    assert world.refuse([[":db/cas", -1, ":user/age", None, 1]]) == [
        "transact/tempid-in-retract"
    ]
    assert world.refuse([{":user/friend": -5}]) == ["transact/tempid-not-an-entity"]
    assert world.refuse([{":user/friend": -5}, {":db/id": -5}]) == [
        "transact/tempid-not-an-entity"
    ]


def test_the_current_transaction_is_an_entity(world: World) -> None:
    plan = world.transact(
        '[[:db/add "datomic.tx" :user/name "why"] {:db/id :db/current-tx :user/age 3} {:user/friend "datamem.tx"}]'
    )
    assert world.of(plan.tx)[":user/name"] == "why"
    assert world.of(1) == {":user/friend": TX_BASE + plan.t}


@pytest.mark.parametrize(
    ("lookup", "code"),
    [
        ([":user/email", "ghost"], "lookup-ref/missing"),
        ([":user/name", "Ann"], "lookup-ref/not-unique"),
        ([":no/such", 1], "lookup-ref/unknown-attribute"),
        ([5, 1], "lookup-ref/unknown-attribute"),
        ([":user/email", None], "lookup-ref/nil"),
        ([":user/email", 5], "schema/wrong-type"),
        ([":user/email"], "transact/bad-entity"),
    ],
)
def test_lookup_refs_that_name_nothing_are_refused(
    world: World, lookup: list[object], code: str
) -> None:
    world.transact([{":user/name": "Ann"}])
    assert world.refuse([[":db/add", lookup, ":user/age", 1]]) == [code]
    assert world.refuse([{":db/id": 1, ":user/friend": lookup}]) == [code]


def test_a_lookup_ref_does_not_make_its_own_entity(world: World) -> None:
    error = world.error([{":db/id": [":user/email", "fresh"], ":user/email": "fresh"}])
    assert error.code == "lookup-ref/missing"
    assert "leave :db/id out" in str(error.hint)


def test_unique_values_are_handed_over_and_swapped(world: World) -> None:
    world.transact([{":db/id": 1, ":user/email": "a"}, {":db/id": 2, ":user/email": "b"}])
    swap = [
        [":db/add", [":user/email", "a"], ":user/email", "b"],
        [":db/add", [":user/email", "b"], ":user/email", "a"],
    ]
    world.transact(swap)
    assert world.of(1) == {":user/email": "b"}
    assert world.of(2) == {":user/email": "a"}
    for forms in permutations(
        [[":db/retract", 1, ":user/email", "b"], [":db/add", 3, ":user/email", "b"]]
    ):
        world.resolve(list(forms))
    world.transact([[":db/retract", 1, ":user/email", "b"], [":db/add", 3, ":user/email", "b"]])
    assert world.of(3) == {":user/email": "b"}


def test_after_an_identity_is_gone_it_makes_a_new_entity(world: World) -> None:
    world.transact([{":user/email": "a"}])
    world.transact([[":db/retract", 1, ":user/email", "a"]])
    world.transact([{":user/email": "a"}])
    assert world.of(2) == {":user/email": "a"}
