"""Aggregates that cannot be made are refused at their place, also where there is no row."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.db.database import Db
from datamem.errors import QueryError

REFUSED = [
    ("(sample ?a)", "query/arity", "(sample 2 ?x)"),
    ("(sum 2 ?a)", "query/arity", "sum takes nothing before its variable, and got 1"),
    ("(min 1 2 ?a)", "query/arity", "min takes a number before its variable, and got 2"),
    ("(min -1 ?a)", "query/bad-count", "got -1"),
    ("(max 1.5 ?a)", "query/bad-count", "got 1.5"),
    ("(rand :x ?a)", "query/bad-count", "got :x"),
    ("(count :x)", "query/arity", "(count :x) aggregates nothing"),
    ("(round (avg ?a) 2)", "query/arity", "round does not take 2 arguments"),
    ("(+ ?a 1)", "query/bad-aggregate", "[(+ ?a 1) ?x]"),
    ("(count ?e ?a)", "query/bad-aggregate", "only the last argument"),
    ("(pull [:p/age] ?e)", "query/unknown-aggregate", "(pull ?e [*])"),
]


@pytest.mark.parametrize("age", ["?a", "?a] [(> ?a 999)"])
@pytest.mark.parametrize(("element", "code", "said"), REFUSED)
def test_an_aggregate_that_cannot_be(
    people: Db, element: str, code: str, said: str, age: str
) -> None:
    with pytest.raises(QueryError) as caught:
        people.q(f"[:find {element} :where [?e :p/age {age}]]")
    assert caught.value.code == code
    assert caught.value.data["column"] == 8
    assert said in str(caught.value)


def test_an_input_that_is_no_aggregate_is_named(people: Db) -> None:
    with pytest.raises(QueryError, match=r"\?f is 3, which cannot be called") as caught:
        people.q("[:find (aggregate ?f ?a) :in $ ?f :where [_ :p/age ?a]]", 3)
    assert caught.value.data["column"] == 8


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("[:find ?a (count ?e) :where [?e :p/age ?a] :order-by ?e]", "such as (min ?e)"),
        ("[:find ?a :where [?e :p/age ?a] :order-by [5 :desc]]", "column 5, and there are 1"),
        ("[:find (pull ?e [*]) :where [?e :p/age ?a] :order-by 0]", "a variable of :where"),
    ],
)
def test_what_orders_nothing_is_refused_at_its_place(people: Db, order: str, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        people.q(order)
    assert caught.value.code == "query/bad-order"
    assert said in str(caught.value)
    place: Any = caught.value.data["offset"]
    assert order[:place].endswith((":order-by ", ":order-by ["))
