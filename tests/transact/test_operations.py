"""List forms: add, retract, retractAttribute, retractEntity, and what they leave alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from datamem.db.datom import Datom
from datamem.edn import EdnList
from tests.transact.worlds import World, datoms_of


def test_add_as_text_and_as_data_say_the_same(world: World) -> None:
    plan = world.resolve('[[:db/add 1 :user/name "Ann"] [:db/add 1 :user/age 40]]')
    same = world.resolve([[":db/add", 1, "user/name", "Ann"], ("db/add", 1, ":user/age", 40)])
    listed = world.resolve(
        iter([EdnList([":db/add", 1, ":user/name", "Ann"]), [":db/add", 1, ":user/age", 40]])
    )
    expected = [(1, ":user/name", "Ann", True), (1, ":user/age", 40, True)]
    assert datoms_of(plan, world.db) == datoms_of(same, world.db) == expected
    assert datoms_of(listed, world.db) == expected


def test_one_form_alone_is_tx_data(world: World) -> None:
    assert datoms_of(world.resolve([":db/add", 1, ":user/age", 1]), world.db) == [
        (1, ":user/age", 1, True)
    ]
    assert datoms_of(world.resolve({":user/age": 1}), world.db) == [(1, ":user/age", 1, True)]


def test_the_first_datom_is_the_instant_of_the_transaction(world: World) -> None:
    plan = world.resolve([[":db/add", 1, ":user/age", 1]], now_us=5_000_000)
    instant = plan.schema.require(":db/txInstant").id
    assert (plan.e[0], plan.a[0], plan.v[0], plan.added[0]) == (
        plan.tx,
        instant,
        5_000_000,
        True,
    )


def test_one_value_replaces_another_and_the_same_makes_no_datom(world: World) -> None:
    world.transact([[":db/add", 1, ":user/age", 40]])
    plan = world.transact([[":db/add", 1, ":user/age", 41]])
    assert datoms_of(plan, world.db) == [
        (1, ":user/age", 40, False),
        (1, ":user/age", 41, True),
    ]
    again = world.transact([[":db/add", 1, ":user/age", 41]])
    assert again.empty
    assert world.db.basis_t == plan.t


def test_many_values_are_a_set(world: World) -> None:
    world.transact([{":db/id": 1, ":user/tags": [":a", ":b", ":a", None]}])
    plan = world.transact([{":db/id": 1, ":user/tags": [":b", "c"]}])
    assert datoms_of(plan, world.db) == [(1, ":user/tags", ":c", True)]
    assert world.of(1) == {":user/tags": {":a", ":b", ":c"}}


def test_retract_takes_a_value_or_all_and_passes_over_what_is_not_there(world: World) -> None:
    world.transact([{":db/id": 1, ":user/tags": [":a", ":b", ":c"], ":user/age": 3}])
    world.transact([[":db/retract", 1, ":user/tags", ":a"]])
    assert world.of(1) == {":user/tags": {":b", ":c"}, ":user/age": 3}
    assert world.transact([[":db/retract", 1, ":user/age", 4]]).empty
    assert world.transact([[":db/retract", 1, ":user/name"]]).empty
    assert world.transact([[":db/retract", 77, ":user/name", "nobody"]]).empty
    assert world.transact([[":db/retractEntity", 77]]).empty
    assert world.transact([[":db/retract", 1, ":never/heard-of", 1]]).empty
    world.transact([[":db/retract", 1, ":user/tags"], [":db/retractAttribute", 1, ":user/age"]])
    assert world.of(1) == {}


def test_false_is_a_value(world: World) -> None:
    world.transact([{":db/id": 1, ":user/admin": False}])
    assert world.of(1) == {":user/admin": False}
    assert world.transact([[":db/retract", 1, ":user/admin", True]]).empty
    world.transact([[":db/retract", 1, ":user/admin", False]])
    assert world.of(1) == {}


def test_an_untyped_attribute_tells_1_true_and_1_0_apart(world: World) -> None:
    world.transact([{":db/id": 1, ":user/anything": 1}])
    plan = world.transact([[":db/add", 1, ":user/anything", True]])
    assert len(datoms_of(plan, world.db)) == 2
    assert world.transact([[":db/retract", 1, ":user/anything", 1]]).empty
    plan = world.transact([[":db/add", 1, ":user/anything", 1.0]])
    assert [type(v) for _, _, v, added in datoms_of(plan, world.db) if added] == [float]


def test_equal_new_values_share_a_code_and_types_do_not(world: World) -> None:
    plan = world.resolve(
        [
            {":user/name": ":x", ":user/role": ":x", ":user/anything": ":x"},
            {":user/name": ":x", ":user/anything": True},
            {":user/anything": 1},
        ]
    )
    new = [(tag.name, value) for tag, value, _ in plan.new_values]
    assert sorted(map(str, new)) == sorted(
        map(str, [("STRING", ":x"), ("KEYWORD", ":x"), ("BOOLEAN", True), ("LONG", 1)])
    )


def test_retract_entity_takes_components_and_references(world: World) -> None:
    world.transact(
        """[{:db/id 1 :user/name "Ann" :user/friend 2 :user/friends [2 3]}
            {:db/id 2 :user/name "Bob"}
            {:db/id 3 :order/lines [{:db/id 4 :line/product "tea"
                                     :order/lines [{:db/id 5 :line/product "cup"}]}]}]"""
    )
    world.transact([[":db/retractEntity", 2]])
    assert world.of(1) == {":user/name": "Ann", ":user/friends": {3}}
    world.transact("[[:db.fn/retractEntity 3]]")
    assert world.facts() == {(1, ":user/name", "Ann")}


def test_retract_leaves_a_component_and_retract_attribute_takes_it(world: World) -> None:
    order = {":db/id": 1, ":order/lines": [{":db/id": 2, ":line/product": "tea"}]}
    world.transact([order])
    world.transact([[":db/retract", 1, ":order/lines", 2]])
    assert world.of(2) == {":line/product": "tea"}
    world.transact([order])
    world.transact([[":db.fn/retractAttribute", 1, ":order/lines"]])
    assert world.facts() == set()


def test_an_entity_may_be_retracted_and_said_anew(world: World) -> None:
    world.transact([{":db/id": 1, ":user/name": "Ann", ":user/age": 3}])
    world.transact([[":db/retractEntity", 1], {":db/id": 1, ":user/name": "Bea"}])
    assert world.of(1) == {":user/name": "Bea"}


def test_references_follow_their_policy_when_the_target_goes(world: World) -> None:
    world.transact(
        """[{:db/id 1 :user/name "Ann"} {:db/id 2 :user/name "Bob"} {:db/id 3 :user/name "Cy"}
            {:db/id 10 :order/buyer 1 :order/carrier 2 :order/lines [{:line/product "tea"}]}
            {:db/id 20 :order/seller 3 :order/carrier 2}]"""
    )
    world.transact([[":db/retractEntity", 2]])
    assert world.of(10).keys() == {":order/buyer", ":order/lines"}
    world.transact([[":db/retractEntity", 1]])
    assert world.of(10) == {}
    assert world.refuse([[":db/retractEntity", 3]]) == ["transact/restricted"]
    world.transact([[":db/retractEntity", 3], [":db/retract", 20, ":order/seller", 3]])
    assert world.facts() == set()


def test_restrict_lets_both_go_together(world: World) -> None:
    world.transact([{":db/id": 1, ":user/age": 1}, {":db/id": 2, ":order/seller": 1}])
    world.transact([[":db/retractEntity", 1], [":db/retractEntity", 2]])
    assert world.facts() == set()


def test_datoms_of_another_database_are_forms(world: World) -> None:
    age = world.db.schema.require(":user/age").id
    world.transact([Datom(1, age, 3, 0, True)])
    assert world.of(1) == {":user/age": 3}
    world.transact([Datom(1, age, 3, 0, False)])
    assert world.of(1) == {}


def test_rows_of_maps_are_tx_data(world: World) -> None:
    world.transact('[[{:db/id 1 :user/name "Ann"}] [{:db/id 2 :user/name "Bob"}]]')
    assert len(world.facts()) == 2


def test_an_entity_object_names_its_entity(world: World) -> None:
    world.transact(
        [[":db/add", SimpleNamespace(eid=5), ":user/friend", SimpleNamespace(eid=6)]]
    )
    assert world.of(5) == {":user/friend": 6}


@pytest.mark.parametrize(
    ("tx_data", "codes"),
    [
        ([[":db/add", 1, ":user/age", 1], [":db/add", 1, ":user/age", 2]], ["transact/cardinality-conflict"]),
        ([[":db/add", 1, ":user/age", 9], [":db/retract", 1, ":user/age", 9]], ["transact/assert-retract-conflict"]),
        ([[":db/add", 1, ":user/name", "new"], [":db/retract", 1, ":user/name", "new"]], ["transact/assert-retract-conflict"]),
        ([[":db/add", 1, ":user/age", 7], [":db/retract", 1, ":user/age"]], ["transact/assert-retract-conflict"]),
        ([[":db/retractEntity", 1], [":db/add", 1, ":user/age", 7]], ["transact/assert-retract-conflict"]),
        ([[":db/retractEntity", 1], [":db/add", 2, ":user/friend", 1]], ["transact/refers-to-retracted"]),
        ([[":db/add", 1, ":user/age"]], ["transact/bad-form"]),
        ([[":db/add", 1, ":user/age", 1, 2]], ["transact/bad-form"]),
        ([[":db/ad", 1, ":user/age", 1]], ["transact/unknown-operation"]),
        ([[]], ["transact/bad-form"]),
        ([7], ["transact/bad-form"]),
        ([None], ["transact/bad-form"]),
        ([[":db/add", 1, ":user/age", None]], ["transact/nil-value"]),
        ([[":db/retract", 1, ":user/age", None]], ["transact/nil-value"]),
        ([[":db/add", 0, ":user/age", 1]], ["transact/bad-entity"]),
        ([[":db/add", True, ":user/age", 1]], ["transact/bad-entity"]),
        ([[":db/add", 1.5, ":user/age", 1]], ["transact/bad-entity"]),
        ([[":db/add", 1 << 60, ":user/age", 1]], ["transact/bad-entity"]),
        ([[":db/add", (1 << 40) + 99, ":user/age", 1]], ["transact/bad-entity"]),
        ([[":db/add", (1 << 41) + 5000, ":user/age", 1]], ["transact/bad-entity"]),
        ([[":db/add", 1, ":user/friend", {"x"}]], ["transact/bad-entity"]),
        ([[":db/add", 1, 5, 1]], ["schema/unknown-attribute"]),
        ([[":db/add", 1, None, 1]], ["schema/bad-name"]),
        ([[":db/add", 1, ":db/nonsense", 1]], ["schema/unknown-attribute"]),
        ([[":db/add", 1, ":user/age", "forty"]], ["schema/wrong-type"]),
        ([[":db/add", 1, ":user/tags", [":a", ":b"]]], ["schema/wrong-type"]),
        ([[":db/add", 1, ":user/score", float("nan")]], ["schema/nan"]),
        ([[":db/add", 1, ":user/age", 2**63]], ["schema/out-of-range"]),
        ([[":db/add", "datomic.tx", ":db/txInstant", 3]], ["schema/wrong-type"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(world: World, tx_data: object, codes: list[str]) -> None:
    world.transact([{":db/id": 1, ":user/age": 7}])
    assert world.refuse(tx_data) == codes


@pytest.mark.parametrize("tx_data", [None, 5, b"x"])
def test_what_holds_no_forms_is_refused(world: World, tx_data: object) -> None:
    assert world.error(tx_data).code == "transact/bad-tx-data"


def test_all_conflicts_are_told_at_once(world: World) -> None:
    world.transact([{":db/id": 1, ":user/badge": 7}])
    codes = world.refuse(
        [
            [":db/add", 1, ":user/age", "x"],
            [":db/add", 2, ":user/age", 1],
            [":db/add", 2, ":user/age", 2],
            {":user/badge": 7},
            [":db/cas", 1, ":user/name", "a", "b"],
            [":db/add", [":user/email", "nobody"], ":user/age", 1],
            {":user/friend": "ghost"},
            [":db/nonsense", 1],
        ]
    )
    assert codes == [
        "lookup-ref/missing",
        "schema/wrong-type",
        "transact/cardinality-conflict",
        "transact/cas-failed",
        "transact/tempid-not-an-entity",
        "transact/unique-conflict",
        "transact/unknown-operation",
    ]


def test_an_entity_with_many_values_takes_and_loses_single_ones(world: World) -> None:
    world.transact([{":db/id": 1, ":user/friends": list(range(2, 40)), ":user/age": 1}])
    assert world.transact([[":db/add", 1, ":user/friends", 7]]).empty
    more = world.transact(
        [[":db/add", 1, ":user/friends", n] for n in (39, 40, 41, 5, 6, 7, 42)]
    )
    assert [v for _, _, v, _ in datoms_of(more, world.db)] == [40, 41, 42]
    world.transact([[":db/retract", 1, ":user/friends", n] for n in (2, 3, 99)])
    assert world.of(1)[":user/friends"] == set(range(4, 43))
