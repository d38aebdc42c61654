"""What is no query is refused where it stops being one, and the hint says what was probably meant."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.datalog.parse.parse import parse_query, parse_rules
from datamem.db.database import Db
from datamem.edn import Symbol
from datamem.errors import EdnError, QueryError

TEXTS = [
    # find
    ("[:find n :where [?e :u/name ?n]]", "n :where", "variables start with a question mark: ?n"),
    ("[:find * :where [?e :u/name ?n]]", "* :where", "(pull ?e [*])"),
    ("[:find _ :where [?e :u/name ?n]]", "_ :where", ":find names variables"),
    ("[:find count(?n) :where [?e :u/name ?n]]", "count(", "(count ?x)"),
    ("[:find (count *) :where [?e :u/name ?n]]", "*)", "(count ?e)"),
    ("[:find ?n ... :where [?e :u/name ?n]]", "... :where", "[?x ...]"),
    ("[:find [?n .] :where [?e :u/name ?n]]", ".]", "?x ."),
    ("[:find (pull ?e) :where [?e :u/name ?n]]", ") :where", "(pull ?e [*])"),
    ('[:find "?n" :where [?e :u/name ?n]]', '"?n"', "without quotes: ?n"),
    ("[:find ?n . ?e :where [?e :u/name ?n]]", "?e :where", "before a dot"),
    ("[:find ?n :keys :name :where [?e :u/name ?n]]", ":name", ":keys name age"),
    ("[:find ?n ?e :keys n n :where [?e :u/name ?n]]", ":keys", "a name of its own"),
    # inputs and settings
    ("[:find ?n :in $ :x :where [?e :u/name ?n]]", ":x", "is not a part"),
    ("[:find ?n :in $ 5 :where [?e :u/name ?n]]", "5 :where", "[[?x ?y]]"),
    ("[:find ?n :in $ [?l ...] :where [?e :u/name ?n] :limit ?l]", "?l]", "by itself"),
    ("[:find (pull ?e ?p) :where [?e :u/name ?n]]", "?p)", "name ?p in :in"),
    ("[:find (pull ?e shape) :where [?e :u/name ?n]]", "?e shape", "name shape in :in"),
    ("[:find ?n :where [?e :u/name ?n] :limit [2]]", "[2]", "a number, or a variable"),
    ('[:find ?n :where [?e :u/name ?n] :limit "2"]', '"2"', "0, 1, 2"),
    ("[:find ?n :where [?e :u/name ?n] :sort ?n]", ":sort", ":order-by"),
    ("[:find ?n :where [?e :u/name ?n] :group-by ?n]", ":group-by", "beside aggregates"),
    ("[:find ?n :where [?e :u/name ?n] :order-by :u/name]", ":u/name]", "ordered by variables"),
    ("[:find ?n :where [?e :u/name ?n] :order-by [[?n :desc]]]", "[?n :desc", "in one list"),
    ("[:find ?n :where [?e :u/name ?n] :order-by [?n desc]]", "desc]", ":desc"),
    ("[:find ?n :where [?e :u/name ?n] :order-by [?n :asc :desc]]", ":desc]", "one direction"),
    ("[:find (sum ?a) :where [_ :u/a ?a] :having (> (sum ?a) 1)]", "(> (sum", "[(> (count ?e) 1)]"),
    ("[:find (sum ?a) :where [_ :u/a ?a] :having [(> (sum ?a) 1) (< (sum ?a) 9)]]", "(< (sum", "each in brackets"),
    # clauses
    ("[:find ?n :where [?e :u/name ?n] (not ?e :u/age 3)]", "?e :u/age", "inside of (not …)"),
    ("[:find ?n :where [?e :u/name ?n] [not [?e :u/age 3]]]", "not [", "(not …) has parentheses"),
    ("[:find ?n :where [?e :u/name ?n] (or-join ?e [?e :u/age 3])]", "?e [?e", "(or-join [?e] …)"),
    ("[:find ?n :where [?e :u/name ?n] ((> ?n 3))]", "(> ?n 3))", "[(> ?a 3)]"),
    ("[:find ?n :where [?e :u/name ?n] [[(> ?n 3)]]]", "[(> ?n 3)", "one pair of brackets"),
    ("[:find ?n :where [[?e :u/name ?n]]]", "[?e :u/name", "one pair of brackets"),
    ("[:find ?n :where [?e :u/name ?n] [(> ?n 3) true]]", "true", "bound to a variable"),
    ("[:find ?n :where [?e :u/name ?n] [(inc ?n) ?x ?y]]", "?y", "[(f …) [?x ?y]]"),
    ("[:find ?n :where [?e :u/name ?n] [(= ?x [?n 3])]]", "[?n 3]", "(vector ?x ?y)"),
    ("[:find (count [?n]) :where [?e :u/name ?n]]", "[?n]", "(vector ?x ?y)"),
    ("[:find ?n :where [?e :u/name ?n] [(q [:find ?x] [?n]) ?z]]", "[?n]", "(vector ?x ?y)"),
    ("[:find ?n :where [?e :u/name ?n] [(= ?x {:a ?n})]]", "{:a", "(hash-map :key ?x)"),
    ("[:find ?n :where [?e :u/name ?n] [(f {:a}) ?x]]", "{:a}", "{key value …}"),
    ("[:find ?n :where [?e :u/name ?n] (gone? $ ?e)]", "$ ?e", "[(f $ …)]"),
    ("[:find ?n :where [?e :u/name Ann]]", "Ann", '"Ann"'),
    ("[:find ?n :where [?e :u/name 'Ann']]", "Ann'", 'double quotes: "Ann"'),
    ("[:find ?n :where [?e :u/active True]]", "True", "write true"),
    ("[:find ?n :where [old ?e]]", "old", "(old …)"),
    ("[:find ?n :where (not [?e :u/age 36)]", ")]", "a ] is missing"),
    # maps
    ("{:find ?n :where [[?e :u/name ?n]]}", "?n :where", "every part is a list"),
    ("{:find [?n] :where [?e :u/name ?n]}", "?e :u/name", "every part is a list"),
    ("{:find [?n] :where [[?e :u/name ?n]] :order-by ?n}", "?n}", "every part is a list"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "hint"), TEXTS)
def test_a_text_is_refused_at_its_place_with_a_hint(text: str, place: str, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    error = caught.value
    line, mark = str(error.message).splitlines()[-2:]
    assert line[mark.index("^") :].startswith(place)
    assert hint in f"{error.message}\n{error.hint}"


DATA = [
    ({"find": "?n", "where": [["?e", "u/name", "?n"]]}, "every part is a list"),
    ({"find": ["?n"], "wher": [["?e", "u/name", "?n"]]}, "did you mean :where"),
    ([":find", "?n", ":where", ("?e", "u/name", "?n")], "in Python data a list is […]"),
    ([":find", ["count", "?e"], ":where", ["?e", "u/name"]], "in Python data a list is […]"),
    ([":find", "?n", ":where", ["not", ["?e", "u/name"]]], "in Python data a list is […]"),
    (5, "a query is a vector"),
]


@pytest.mark.parametrize(("form", "hint"), DATA)
def test_python_data_is_refused_with_a_hint(form: Any, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(form)
    assert hint in (caught.value.hint or "")


RULES = [
    ("(r ?a) [?a :u/name]", "a list of rules"),
    ("[[(r a) [?a :u/name]]]", "the head of a rule names variables"),
    ("[[(r ?a _) [?a :u/name]]]", "the head of a rule names variables"),
    ("[[(r ?a :x) [?a :u/name]]]", "the head of a rule names variables"),
    ([[["r", "?a"], ["?a", ":u/name"]]], "in Python data the head is a tuple"),
]


@pytest.mark.parametrize(("form", "hint"), RULES)
def test_rules_are_refused_with_a_hint(form: Any, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_rules(form)
    assert hint in (caught.value.hint or "")


def test_what_cannot_stand_is_shown_as_it_is_written() -> None:
    for value, shown in ((None, "nil"), (True, "true"), ("x", '"x"')):
        with pytest.raises(QueryError, match=f"^query/syntax: {shown} cannot stand here"):
            parse_query([Symbol("?x"), value][1:])


def test_a_pattern_may_be_a_plain_name_as_in_datomic(people: Db) -> None:
    text = "[:find [(pull ?e shape) ...] :in $ shape :where [?e :p/age 15]]"
    assert people.q(text, "[:p/age]") == [{":p/age": 15}]
    every = people.q("[:find (pull ?e *) . :where [?e :p/age 15]]")
    assert every[":p/age"] == 15


def test_a_caret_stands_under_its_place_behind_tabs() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query("[:find ?n :where\n\t[?e :u/name ?n]\n\t((> ?n 3))]")
    assert str(caught.value.message).endswith("\n\t((> ?n 3))]\n\t ^")


def test_a_tagged_value_is_refused_at_its_place_in_the_query() -> None:
    text = '[:find ?n\n :where [?e :u/since #inst "someday"]]'
    with pytest.raises(EdnError) as caught:
        parse_query(text)
    assert caught.value.code == "edn/bad-tag-value"
    assert (caught.value.data["line"], caught.value.data["column"]) == (2, 28)


def test_an_entity_in_a_query_is_its_id(people: Db) -> None:
    """An entity leads on to others, without end where they refer to each other."""
    name = people.q([":find", "?n", ".", ":where", [people.entity(1), "p/name", "?n"]])
    assert name == people.entity(1)["p/name"]
