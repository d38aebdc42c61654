"""Data patterns: positions, constants, lookup refs, variable attributes, sources."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.datalog import q
from datamem.db.database import Db
from datamem.edn import Keyword
from datamem.errors import DatamemError, QueryError
from datamem.ids import TX_BASE

from .conftest import UUIDS


def ask(db: Db, text: str, *inputs: Any) -> Any:
    return q(text, db, *inputs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[:find ?e :where [?e :p/age]]", {(1,), (2,), (3,)}),
        ("[:find ?e :where [?e :p/age _]]", {(1,), (2,), (3,)}),
        ("[:find ?e :where [?e :p/age 30]]", {(1,), (3,)}),
        ("[:find ?n :where [1 :p/name ?n]]", {("Ann",)}),
        ('[:find ?e :where [?e :p/name "Nobody"]]', set()),
        ("[:find ?a ?b :where [?a :p/friend ?b] [?b :p/age 15]]", {(1, 2), (2, 2)}),
        ("[:find ?e :where [?e :p/friend ?e]]", {(2,)}),
        ("[:find ?e :where [?e :p/status :status/on]]", {(1,)}),
        ("[:find ?e :where [?e :p/active false]]", {(2,)}),
        ("[:find ?e :where [?e :p/boss :team/red]]", {(4,)}),
        (
            '[:find ?n :where [[:p/id #uuid "00000000-0000-0000-0000-000000000002"] :p/name ?n]]',
            {("Bob",)},
        ),
        (
            '[:find ?e :where [?e :p/boss [:p/id #uuid "00000000-0000-0000-0000-000000000001"]]]',
            {(2,)},
        ),
        (
            "[:find ?x ?y :where [1 :p/aka ?x] [1 :p/aka ?y]]",
            {("A", "A"), ("A", "Annie"), ("Annie", "A"), ("Annie", "Annie")},
        ),
        ("[:find ?b ?e :where [?b :p/_boss ?e]]", {(1, 2), (2, 3), (50, 4)}),
        ("[:find ?e :where [?e :never/used ?x]]", set()),
        ("[:find ?e :where [?e :never/used]]", set()),
        ("[:find ?e :where [?e :p/name] (not [?e :never/used ?x])]", {(1,), (2,), (3,), (4,)}),
        ("[:find ?e :where (or [?e :never/used] [?e :p/age 15])]", {(2,)}),
    ],
)
def test_patterns(people: Db, text: str, expected: set[Any]) -> None:
    assert ask(people, text) == expected


def test_numbers_match_exactly_and_booleans_are_none(people: Db) -> None:
    assert ask(people, "[:find ?e :where [?e :p/age 30.0]]") == {(1,), (3,)}
    assert ask(people, "[:find ?e :where [?e :p/age 30.5]]") == set()
    assert ask(people, "[:find ?e :where [?e :p/age true]]") == set()
    assert ask(people, '[:find ?e :where [?e :p/age "30"]]') == set()
    assert ask(people, "[:find ?e :where [?e :p/score -1]]") == {(3,)}


def test_untyped_values_keep_one_true_and_one_point_zero_apart(people: Db) -> None:
    assert ask(people, "[:find ?e :where [?e :p/any 1]]") == {(1,)}
    assert ask(people, "[:find ?e :where [?e :p/any 1.0]]") == {(2,)}
    assert ask(people, "[:find ?e :where [?e :p/any true]]") == {(3,)}
    assert ask(people, '[:find ?e :where [?e :p/any "1"]]') == {(4,)}
    assert ask(people, "[:find ?e :in $ ?x :where [?e :p/any ?x]]", True) == {(3,)}
    assert ask(people, "[:find ?e :in $ [?x ...] :where [?e :p/any ?x]]", [1, 1.0]) == {
        (1,),
        (2,),
    }


def test_typed_and_untyped_values_join_by_type_and_value(people: Db) -> None:
    text = "[:find ?e ?x :in $ [[?x ?v] ...] :where [?e :p/any ?v]]"
    assert ask(people, text, [["i", 1], ["f", 1.0], ["b", True], ["s", "1"]]) == {
        (1, "i"), (2, "f"), (3, "b"), (4, "s"),
    }  # fmt: skip


def test_long_and_double_never_join_as_equal(people: Db) -> None:
    assert ask(people, "[:find ?v :where [_ :p/age ?v] [_ :p/score ?v]]") == set()


def test_the_attribute_may_be_a_variable(people: Db) -> None:
    found = ask(people, "[:find ?i ?v :where [2 ?a ?v] [?a :db/ident ?i]]")
    assert set() == found or all(isinstance(row[0], str) for row in found)
    assert (15,) in ask(people, "[:find ?v :where [2 ?a ?v]]")
    assert ask(people, "[:find ?e :in $ ?a :where [?e ?a 15]]", ":p/age") == {(2,)}
    assert ask(people, "[:find ?e ?v :in $ [?a ...] :where [?e ?a ?v]]", [":p/age", "p/boss"]) == {
        (1, 30), (2, 15), (3, 30), (2, 1), (3, 2), (4, 50),
    }  # fmt: skip
    assert ask(people, "[:find ?e :where [?e ?a 1]]") == {(1,), (2,)}
    assert ask(people, "[:find (count ?v) . :where [_ ?a ?v]]") > 10


def test_transaction_and_added_positions(people: Db) -> None:
    assert ask(people, "[:find ?t :where [1 :p/age _ ?t]]") == {(TX_BASE + 1,)}
    assert ask(people, "[:find ?e :where [?e :p/age 15 1]]") == {(2,)}
    assert ask(people, "[:find ?e :where [?e :p/age 15 _ true]]") == {(2,)}
    assert ask(people, "[:find ?e :where [?e :p/age 15 _ false]]") == set()
    assert ask(people, "[:find ?op :where [1 :p/age _ _ ?op]]") == {(True,)}


def test_a_missing_lookup_ref_is_an_error_as_a_literal_and_nothing_as_an_input(
    people: Db,
) -> None:
    missing = [":p/id", UUIDS[9]]
    with pytest.raises(QueryError, match="no entity has") as caught:
        ask(people, f'[:find ?n :where [[:p/id #uuid "{UUIDS[9]}"] :p/name ?n]]')
    assert caught.value.code == "lookup-ref/missing"
    text = "[:find ?n :in $ [?e ...] :where [?e :p/name ?n]]"
    assert ask(people, text, [missing, [":p/id", UUIDS[2]], 3]) == {("Bob",), ("Cid",)}
    assert ask(people, "[:find ?n . :in $ ?e :where [?e :p/name ?n]]", missing) is None


def test_a_lookup_ref_given_as_input_comes_back_as_the_entity(people: Db) -> None:
    text = "[:find ?e ?n :in $ ?e :where [?e :p/name ?n]]"
    assert ask(people, text, [":p/id", UUIDS[2]]) == {(2, "Bob")}
    assert ask(people, text, (":p/id", UUIDS[2])) == {(2, "Bob")}


def test_a_lookup_ref_may_hold_a_variable(people: Db) -> None:
    text = "[:find ?n . :in $ ?id :where [[:p/id ?id] :p/name ?n]]"
    assert ask(people, text, UUIDS[3]) == "Cid"


def test_idents_name_entities_literally_and_through_inputs(people: Db) -> None:
    assert (
        ask(people, "[:find ?e . :in $ ?t :where [?e :p/boss ?t]]", Keyword(":team/red")) == 4
    )
    assert ask(people, "[:find ?e . :in $ ?t :where [?e :p/boss ?t]]", ":team/red") == 4


@pytest.mark.parametrize("value", ["text", UUIDS[1]])
def test_a_string_or_uuid_against_a_ref_is_refused(people: Db, value: Any) -> None:
    with pytest.raises(QueryError) as caught:
        ask(people, "[:find ?e :in $ ?id :where [?e :p/boss ?id]]", value)
    assert caught.value.code == "query/not-an-entity"
    assert "lookup ref" in str(caught.value)
    with pytest.raises(QueryError, match="can never be one"):
        ask(people, '[:find ?e :where [?e :p/boss "text"]]')


def test_a_keyword_attribute_takes_a_plain_string(people: Db) -> None:
    assert ask(people, "[:find ?e . :in $ ?s :where [?e :p/status ?s]]", ":status/on") == 1
    assert ask(people, '[:find ?e . :where [?e :p/status "status/on"]]') == 1


def test_collections_of_tuples_are_sources(people: Db) -> None:
    rows = [(1, "x"), (2, "y"), (9, "z")]
    text = "[:find ?n ?l :in $ $labels :where [?e :p/name ?n] [$labels ?e ?l]]"
    assert ask(people, text, rows) == {("Ann", "x"), ("Bob", "y")}
    assert q("[:find ?a :where [?a ?b] [(> ?b 1)]]", [(1, 1), (2, 2), (2, 2)]) == {(2,)}
    assert q("[:find ?k :where [?k 5]]", {"a": 5, "b": 6}) == {("a",)}
    assert q("[:find ?a :where [?a ?a]]", [(1, 1), (1, 2), (True, 1)]) == {(1,)}
    assert q("[:find ?a :where [?a]]", []) == set()
    with pytest.raises(QueryError) as caught:
        q("[:find ?a :where [?a ?b ?c]]", [(1, 2)])
    assert caught.value.code == "query/tuple-size"


def test_several_databases(people: Db) -> None:
    text = "[:find ?n :in $ $old :where [?e :p/name ?n] (not [$old ?e :p/age 30])]"
    assert ask(people, text, people) == {("Bob",), ("Dot",)}
    assert ask(
        people, "[:find ?n :in $ $b :where [$b ?e :p/name ?n] [?e :p/age 15]]", people
    ) == {("Bob",)}


def test_strict_schemas_refuse_unknown_attributes() -> None:
    from .worlds import LONG, World

    world = World({":p/name": LONG}, strict=True)
    with pytest.raises(DatamemError) as caught:
        q("[:find ?e :where [?e :p/nam ?n]]", world.add([]))
    assert caught.value.code == "query/unknown-attribute"
    assert ":p/name" in str(caught.value)
    assert caught.value.data["column"] == 22


def test_unrelated_patterns_multiply_only_where_both_are_asked_for(people: Db) -> None:
    assert len(ask(people, "[:find ?a ?b :where [?a :p/name] [?b :p/age]]")) == 12
    assert len(ask(people, "[:find ?a :where [?a :p/name] [?b :p/age]]")) == 4
    assert ask(people, "[:find ?a :where [?a :p/name] [?b :p/age 99]]") == set()


def test_databases_of_two_heaps_and_of_two_times_join_by_value() -> None:
    from .worlds import LONG, STRING, World

    one, other = World({":a/name": STRING}), World({":b/x": LONG, ":b/name": STRING})
    other.add([(9, "b/name", "unrelated")])
    old = one.add([(1, "a/name", "x"), (2, "a/name", "y")])
    new = one.add([(3, "a/name", "late")])
    there = other.add([(10, "b/name", "y"), (11, "b/name", "late"), (10, "b/x", 5)])
    text = "[:find ?e ?f :in $ $b :where [?e :a/name ?n] [$b ?f :b/name ?n]]"
    assert q(text, old, there) == {(2, 10)}
    assert q(text, new, there) == {(2, 10), (3, 11)}
    text = "[:find ?e ?f :in $ $b [?n ...] :where [?e :a/name ?n] [$b ?f :a/name ?n]]"
    assert q(text, old, new, ["x", "late"]) == {(1, 1)}
    text = "[:find ?f :in $ $b [?n ...] :where (not [$ _ :a/name ?n]) [$b ?f :a/name ?n]]"
    assert q(text, old, new, ["x", "late"]) == {(3,)}
    text = "[:find ?f :in $old $new ?n :where [$new ?f :a/name ?m] [(str ?n) ?m]]"
    assert q(text, old, new, "late") == {(3,)}


def test_a_transaction_given_as_input_may_be_a_t(people: Db) -> None:
    text = "[:find ?e :in $ ?t :where [?e :p/age 15 ?t]]"
    assert q(text, people, 1) == q(text, people, TX_BASE + 1) == {(2,)}
    assert q(text, people, 2) == set()
    assert q("[:find ?e :in $ [?t ...] :where [?e :p/age 15 ?t]]", people, [1, 2]) == {(2,)}
