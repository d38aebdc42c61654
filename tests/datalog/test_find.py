"""What :find gives: shapes, labels, aggregates, order, having, limits, pull; and results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamem.datalog import Result, explain, prepare, q
from datamem.db.database import Db
from datamem.edn import Keyword, Symbol
from datamem.errors import DatamemError, QueryError


def test_shapes(people: Db) -> None:
    assert isinstance(q("[:find ?n :where [_ :p/name ?n]]", people), Result)
    assert sorted(q("[:find [?n ...] :where [_ :p/name ?n]]", people)) == [
        "Ann",
        "Bob",
        "Cid",
        "Dot",
    ]
    assert q("[:find [?n ?a] :where [2 :p/name ?n] [2 :p/age ?a]]", people) == ("Bob", 15)
    assert q("[:find ?n . :where [2 :p/name ?n]]", people) == "Bob"
    assert q("[:find ?n . :where [9 :p/name ?n]]", people) is None
    assert q("[:find [?n ?a] :where [9 :p/name ?n] [9 :p/age ?a]]", people) is None
    assert q("[:find [?n ...] :where [9 :p/name ?n]]", people) == []
    assert q("[:find ?x . :where [2 :p/active ?x]]", people) is False


def test_labels(people: Db) -> None:
    where = ":where [?e :p/name ?n] [?e :p/age 15]]"
    assert list(q(f"[:find ?e ?n :keys id name {where}", people)) == [
        {":id": 2, ":name": "Bob"}
    ]
    assert q(f"[:find ?e ?n :strs id name {where}", people)[0] == {"id": 2, "name": "Bob"}
    assert q(f"[:find ?e ?n :syms id name {where}", people)[0] == {
        Symbol("id"): 2,
        Symbol("name"): "Bob",
    }
    assert q(f"[:find [?e ?n] :keys id name {where}", people) == {":id": 2, ":name": "Bob"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[:find (sum ?a) . :where [_ :p/age ?a]]", 45),
        ("[:find (sum ?a) . :with ?e :where [?e :p/age ?a]]", 75),
        ("[:find (count ?e) . :where [?e :p/age]]", 3),
        ("[:find (count ?e) . :where [?e :p/age 99]]", None),
        ("[:find (count ?e) :where [?e :p/age 99]]", set()),
        ("[:find ?a (count ?e) :where [?e :p/age ?a]]", {(30, 2), (15, 1)}),
        ("[:find (avg ?a) . :where [_ :p/age ?a]]", 22.5),
        ("[:find (median ?a) . :where [_ :p/age ?a]]", 22.5),
        ("[:find (variance ?a) . :where [_ :p/age ?a]]", 56.25),
        ("[:find (stddev ?a) . :where [_ :p/age ?a]]", 7.5),
        ("[:find (min ?a) (max ?a) :where [_ :p/age ?a]]", {(15, 30)}),
        ("[:find (min ?n) . :where [_ :p/name ?n]]", "Ann"),
        ("[:find (min 2 ?n) . :where [_ :p/name ?n]]", ["Ann", "Bob"]),
        ("[:find (max 2 ?n) . :where [_ :p/name ?n]]", ["Cid", "Dot"]),
        ("[:find (distinct ?a) . :where [_ :p/age ?a]]", frozenset({15, 30})),
        ("[:find (count-distinct ?a) . :with ?e :where [?e :p/age ?a]]", 2),
        ("[:find (sum ?s) . :where [_ :p/score ?s]]", 3.0),
        ("[:find (min ?v) . :where [_ :p/any ?v]]", True),
        ("[:find (count ?v) . :where [_ :p/any ?v]]", 4),
        ("[:find (/ (sum ?a) (count ?e)) . :with ?e :where [?e :p/age ?a]]", 25.0),
        ("[:find ?a (count ?e) :where [?e :p/age ?a] :having [(> (count ?e) 1)]]", {(30, 2)}),
        ("[:find ?a :where [?e :p/age ?a] :having [[(> (count ?e) 1)]]]", {(30,)}),
    ],
)
def test_aggregates(people: Db, text: str, expected: Any) -> None:
    found = q(text, people)
    assert found == expected
    if not isinstance(expected, set):
        assert type(found) is type(expected)


def test_aggregates_take_constants_from_inputs_and_callables(people: Db) -> None:
    assert q("[:find (max ?k ?a) . :in $ ?k :where [_ :p/age ?a]]", people, 1) == [30]
    assert q("[:find (aggregate ?f ?a) . :in $ ?f :where [_ :p/age ?a]]", people, sorted) == [
        15,
        30,
    ]
    assert q(
        "[:find (mine ?a) . :where [_ :p/age ?a]]", people, functions={"mine": sorted}
    ) == [15, 30]
    assert len(q("[:find (sample 2 ?n) . :where [_ :p/name ?n]]", people)) == 2
    assert len(q("[:find (rand 5 ?n) . :where [_ :p/name ?n]]", people)) == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[:find (count ?e :default 0) . :where [?e :p/age 99]]", 0),
        ("[:find (count ?e :default 0) . :where [?e :p/age 15]]", 1),
        ("[:find (count ?e) . :where [?e :p/age 99]]", None),
        ("[:find [(count ?e :default 0) (max ?e)] :where [?e :p/age 99]]", (0, None)),
        ("[:find (count ?e :default 0) (sum ?e :default -1) :where [?e :p/age 99]]", {(0, -1)}),
        ("[:find (count ?e) :where [?e :p/age 99]]", set()),
        ("[:find ?n (count ?e :default 0) :where [?e :p/name ?n] [?e :p/age 99]]", set()),
        ("[:find (+ 1 (count ?e :default 0)) . :where [?e :p/age 99]]", 1),
        ("[:find (+ 1 (count ?e)) . :where [?e :p/age 99] [?e :p/name ?n]]", None),
        ('[:find (max ?a :default "none") . :where [_ :p/age ?a] [(> ?a 99)]]', "none"),
        (
            "[:find (count ?e :default 0) :where [?e :p/age 99] :having [(> (count ?e) 1)]]",
            set(),
        ),
    ],
)
def test_defaults_of_aggregates_over_no_rows(people: Db, text: str, expected: Any) -> None:
    assert q(text, people) == expected


def test_a_default_is_a_constant(people: Db) -> None:
    with pytest.raises(QueryError, match="followed by a constant"):
        q("[:find (count ?e :default ?n) . :where [?e :p/name ?n]]", people)


def test_large_integers_stay_exact() -> None:
    rows = [(i, 2**62) for i in range(4)]
    assert q("[:find (sum ?v) . :with ?i :where [?i ?v]]", rows) == 2**64


def test_with_alone_makes_a_bag(people: Db) -> None:
    assert sorted(q("[:find ?a :with ?e :where [?e :p/age ?a]]", people)) == [
        (15,),
        (30,),
        (30,),
    ]


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        (":order-by ?n", ["Ann", "Bob", "Cid", "Dot"]),
        (":order-by [?n :desc]", ["Dot", "Cid", "Bob", "Ann"]),
        (":order-by [?n :desc] :limit 2", ["Dot", "Cid"]),
        (":order-by 0 :offset 1 :limit 2", ["Bob", "Cid"]),
        (":order-by [?e :desc] :limit 1", ["Dot"]),
        (":order-by ?n :asc :limit 0", []),
    ],
)
def test_order_and_limits(people: Db, clause: str, expected: list[str]) -> None:
    found = q(f"[:find ?n :where [?e :p/name ?n] {clause}]", people)
    assert [row[0] for row in found] == expected


def test_order_of_mixed_types_and_by_several_keys(people: Db) -> None:
    found = q("[:find ?v :where [_ :p/any ?v] :order-by ?v]", people)
    assert [row[0] for row in found] in ([True, 1, 1.0, "1"], [True, 1.0, 1, "1"])
    found = q(
        "[:find ?a ?n :where [?e :p/age ?a] [?e :p/name ?n] :order-by [?a :desc ?n :asc]]",
        people,
    )
    assert list(found) == [(30, "Ann"), (30, "Cid"), (15, "Bob")]
    found = q(
        "[:find ?a (count ?e) :where [?e :p/age ?a] :order-by [(count ?e) :desc]]", people
    )
    assert list(found) == [(30, 2), (15, 1)]
    found = q(
        "[:find ?n :keys name :where [?e :p/name ?n] :order-by [?n :desc] :limit 1]", people
    )
    assert list(found) == [{":name": "Dot"}]


def test_limits_from_inputs(people: Db) -> None:
    assert len(q("[:find ?n :in $ ?k :where [_ :p/name ?n] :limit ?k]", people, 3)) == 3


def test_queries_as_data_and_maps(people: Db) -> None:
    assert q([":find", "?e", ":where", ["?e", ":p/name", "Bob"]], people) == {(2,)}
    assert q({":find": ["?e"], ":where": [["?e", ":p/name", "Bob"]]}, people) == {(2,)}
    assert q('{:find [?e] :where [[?e :p/name "Bob"]]}', people) == {(2,)}
    assert q("{:find [?e .] :in [$ ?n] :where [[?e :p/name ?n]]}", people, "Bob") == 2
    text = [
        ":find",
        "?e",
        ":in",
        "$",
        "?n",
        ":where",
        ["?e", ":p/name", "?n"],
        ("not", ["?e", ":p/age", 30]),
    ]
    assert q(text, people, "Bob") == {(2,)}
    assert q(text, people, "Ann") == set()


@pytest.mark.parametrize(
    ("inputs", "given", "expected"),
    [
        ("[?n ...]", ["Ann", "Bob"], {(1,), (2,)}),
        ("[?n ...]", [], set()),
        ("[?n ...]", {"Ann"}, {(1,)}),
        ("[?n _]", ["Ann", 5], {(1,)}),
        ("[[?n ?x]]", [["Ann", 1], ["Bob", 2]], {(1,), (2,)}),
        ("[[?n _] ...]", {"Ann": 1, "Dot": 2}, {(1,), (4,)}),
        ("[[?n [?x ...]] ...]", [["Ann", [1, 2]], ["Bob", []]], {(1,)}),
    ],
)
def test_inputs(people: Db, inputs: str, given: Any, expected: set[Any]) -> None:
    assert q(f"[:find ?e :in $ {inputs} :where [?e :p/name ?n]]", people, given) == expected


def test_an_empty_collection_empties_the_result(people: Db) -> None:
    assert q("[:find ?e :in $ [?x ...] :where [?e :p/name]]", people, []) == set()


def test_an_input_may_be_nil_false_or_zero(people: Db) -> None:
    assert q("[:find ?x :in $ ?x :where [1 :p/name]]", people, None) == {(None,)}
    assert q("[:find ?e :in $ ?x :where [?e :p/active ?x]]", people, False) == {(2,)}
    assert q("[:find ?e :in $ ?x :where [?e :p/active ?x]]", people, 0) == set()


def test_results_are_columns_first(people: Db) -> None:
    found = q(
        "[:find ?e ?a ?s ?n :where [?e :p/age ?a] [?e :p/score ?s] [?e :p/name ?n]]", people
    )
    assert len(found) == 3
    columns = found.columns
    assert columns["?a"].dtype == np.int64
    assert columns["?s"].dtype == np.float64
    assert sorted(columns["?n"]) == ["Ann", "Bob", "Cid"]
    assert found == {(1, 30, 1.5, "Ann"), (2, 15, 2.5, "Bob"), (3, 30, -1.0, "Cid")}
    assert (2, 15, 2.5, "Bob") in found
    assert "3 rows" in repr(found)
    assert "<table>" in found._repr_html_()
    assert found[0] in found.to_set()
    with pytest.raises(TypeError):
        hash(found)


def test_prepared_queries_are_reused(people: Db) -> None:
    prepared = prepare("[:find ?n . :in $ ?id :where [?e :p/age ?id] [?e :p/name ?n]]")
    assert prepared(people, 15) == "Bob"
    assert prepared.bound_to(people)(15) == "Bob"
    assert (
        prepare("[:find ?n . :in $ ?id :where [?e :p/age ?id] [?e :p/name ?n]]").query
        is prepared.query
    )
    assert q(prepared, people, 15) == "Bob"


def test_explain_as_text_and_data(people: Db) -> None:
    text = '[:find ?a :where [?e :p/age ?a] [?e :p/name "Bob"]]'
    plan = explain(text, people)
    assert [step["clause"] for step in plan.steps] == ['[?e :p/name "Bob"]', "[?e :p/age ?a]"]
    analysed = explain(text, people, analyze=True)
    assert analysed.rows == 1
    assert analysed.steps[0]["rows_out"] == 1
    assert "clause" in str(analysed)


@pytest.mark.parametrize(
    ("text", "given", "code"),
    [
        ("[:find ?x :where [?e :p/name ?n]]", (), "query/unbound-variable"),
        ("[:find ?e :with ?e :where [?e :p/name]]", (), "query/repeated-variable"),
        ("[:find ?e :in $ ?x ?x :where [?e :p/name]]", (1, 2), "query/repeated-variable"),
        ("[:find ?e :in $ ?x :where [?e :p/name ?x]]", (), "query/inputs"),
        ("[:find ?e :where [?e :p/name ?x]]", (1,), "query/inputs"),
        ("[:find ?e :where [$b ?e :p/name]]", (), "query/unknown-source"),
        ("[:find ?e :keys a b :where [?e :p/name]]", (), "query/keys"),
        ("[:find ?e . :keys a :where [?e :p/name]]", (), "query/keys"),
        ("[:find ?e :wher [?e :p/name]]", (), "query/unknown-key"),
        ("[:find ?e :where [?e :p/name] :where [?e :p/age]]", (), "query/repeated-key"),
        ("[:find ?e :where [?e :p/name]", (), "query/syntax"),
        ("[:where [?e :p/name]]", (), "query/no-find"),
        ("[:find ?e :in $ [] :where [?e :p/name]]", (1,), "query/empty-binding"),
        ("[:find ?e :in $ [?a ?b] :where [?e :p/name]]", ([1],), "query/binding-shape"),
        ("[:find ?e :in $ [?a ...] :where [?e :p/name]]", (1,), "query/binding-shape"),
        ("[:find (sums ?a) :where [_ :p/age ?a]]", (), "query/unknown-aggregate"),
        ("[:find (sum ?n) :where [_ :p/name ?n]]", (), "query/not-a-number"),
        ("[:find ?e :where [?e :p/name] :order-by 3]", (), "query/bad-order"),
        ("[:find ?e :where [?e :p/name nme]]", (), "query/syntax"),
        ("[:find ?e :where [?e :p/name ?n 1 true 5]]", (), "query/syntax"),
    ],
)
def test_errors(people: Db, text: str, given: tuple[Any, ...], code: str) -> None:
    with pytest.raises(DatamemError) as caught:
        q(text, people, *given)
    assert caught.value.code == code


def test_errors_show_the_place(people: Db) -> None:
    with pytest.raises(QueryError) as caught:
        q("[:find ?e\n :where [?e :p/name ?n]\n        [(> ?x 5)]]", people)
    assert caught.value.data["line"] == 3
    assert "[(> ?x 5)]]\n" in str(caught.value)
    assert "^" in str(caught.value)


def test_budgets_name_the_step(people: Db) -> None:
    with pytest.raises(QueryError) as caught:
        q("[:find ?a ?b :where [?a :p/name] [?b :p/name]]", people, max_rows=10)
    assert caught.value.code == "query/too-many-rows"
    with pytest.raises(QueryError) as caught:
        q("[:find ?a ?b :where [?a :p/age ?x] [?b :p/age ?x]]", people, max_rows=4)
    assert "[?" in str(caught.value)


def test_keyword_values_come_back_as_keywords(people: Db) -> None:
    found = q("[:find ?s . :where [1 :p/status ?s]]", people)
    assert isinstance(found, Keyword)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("[:find ?n where [?u :p/name ?n]]", "did you mean :where?"),
        ("[:find ?n :where [?u p/name ?n]]", ":p/name"),
        ('[:find ?u :where [?u :p/name "Ann" :p/age 30]]', "one clause for each"),
        ("select * from people", "cannot stand here"),
        ("", "the query is empty"),
        ("[:find ?n :where [?u :p/name ?n]", "bracket is not closed"),
        ("[:find ?n :where [?u :p/name ?n]]]", "a bracket too many"),
        ("select * from people", "a query is a vector"),
        ("[:find :p/name :where [_ :p/name _]]", "[:find ?v :where [?e :p/name ?v]]"),
        ('[:find "?n" :where [_ :p/name ?n]]', "without quotes: ?n"),
        ("[:find (pull ?e) :where [?e :p/name]]", "(pull ?e [*])"),
        ("[:find ?n :where ?e :p/name ?n]", "a clause has brackets"),
        ("[:find ?e :where [?e :p/age < 3]]", "[?e :attribute ?v] [(< ?v …)]"),
        ("[:find ?e :where [?e :p/age (> 3)]]", "[?e :attribute ?v] [(> ?v …)]"),
        ('[:find ?e :where [?e :p/name ?n] (like ?n "A%")]', "write [(like …)]"),
        ("[:find ?n :where (or [?e :p/name ?n] [?e :p/age ?m])]", "or-join"),
        ("[:find ?n :where [?e :p/name ?n] :order-by (?n)]", "(?n) aggregates nothing"),
        ("[:find (average ?a) :where [_ :p/age ?a]]", "did you mean avg?"),
    ],
)
def test_what_a_newcomer_writes(people: Db, query: str, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        q(query, people)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("takes", "value", "words"),
    [
        ("[?n ...]", "Ann", "[?n ...] takes a collection, and the value is 'Ann'"),
        ("[[?n ?a]]", ["Ann"], "[?n ?a] takes a tuple, and the value is 'Ann'"),
        ("[?n ?a]", ["Ann"], "[[?x ?y]] a list of such lists"),
    ],
)
def test_an_input_of_another_shape_shows_both(
    people: Db, takes: str, value: Any, words: str
) -> None:
    with pytest.raises(QueryError) as caught:
        q(f"[:find ?e :in $ {takes} :where [?e :p/name ?n]]", people, value)
    assert words in str(caught.value)


def test_a_map_of_plain_strings_is_a_query(people: Db) -> None:
    query = {"find": ["?e"], "in": ["$", "?n"], "where": [["?e", ":p/name", "?n"]], "limit": 1}
    assert q(query, people, "Bob") == {(2,)}
