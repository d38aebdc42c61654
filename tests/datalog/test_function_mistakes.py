"""What the library cannot calculate is refused in its own words, at its place, and never runs away."""

from __future__ import annotations

import re
from typing import Any

import pytest

from datamem.datalog import q, register_function
from datamem.errors import QueryError

REFUSED = [
    ("(pow -1 0.5)", "query/bad-number", "(pow -1 0.5) has no value"),
    ("(pow 10 400)", "query/bad-number", "has no value"),
    ("(rand-int 0)", "query/bad-number", "a whole number above 0, and got 0"),
    ("(hash-map :a 1 :b)", "query/arity", ":b has no value"),
    ("(range 0 5 0)", "query/out-of-range", "(range 0 5 0)"),
    ("(range 100000000000)", "query/out-of-range", "10,000,000"),
    ('(range "a")', "query/not-a-number", 'whole numbers, and got "a"'),
    ("(first 5)", "query/not-a-collection", "(first …)"),
    ("(join 5)", "query/not-a-collection", "(join …)"),
    ("(vals [1])", "query/not-a-collection", "needs a map, and got [1]"),
    ('(contains? "abc" "b")', "query/not-a-collection", "(includes? text part)"),
    ('(instant/plus #inst "2024-03-01" "x" :day)', "query/not-a-number", 'number of units, and got "x"'),
    ('(instant/minus #inst "2024-03-01" "x" :day)', "query/not-a-number", 'number of units, and got "x"'),
    ('(instant/plus #inst "9999-12-31" 3 :week)', "query/out-of-range", "years 1 to 9999"),
    ('(includes? "abc" 5)', "query/bad-argument", '(includes? …) cannot take "abc" and 5'),
    ("(inc nil)", "query/not-a-number", "(inc …) needs numbers, and got nil"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "code", "said"), REFUSED)
def test_a_call_that_has_no_value_is_refused(call: str, code: str, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        q(f"[:find ?r :in ?unused :where [{call} ?r]]", 0)
    assert caught.value.code == code
    assert said in str(caught.value)
    assert caught.value.data["column"] == 31


def answer(call: str) -> Any:
    return q(f"[:find ?r . :in ?unused :where [{call} ?r]]", 0)


def test_items_count_from_the_first() -> None:
    assert answer("(nth [1 2] -1)") is None
    assert answer("(last [1 2])") == 2
    assert answer("(last [])") is None
    assert answer("(first #{7})") == 7


def test_a_regular_expression_replaces_its_matches_and_a_string_itself() -> None:
    assert answer('(replace "a.c" #"[ab]" "x")') == "x.c"
    assert answer('(replace "a.c" "." "x")') == "axc"
    assert answer(r'(re-find #"\d+\"" "12\"")') == '12"'
    assert answer(r'(str #"\d")') == r"\d"


def test_places_behind_a_regular_expression_are_right() -> None:
    text = r'[:find ?r :where [(re-find #"\d\d\d" "111") ?r] [(incc ?r)]]'
    with pytest.raises(QueryError) as caught:
        q(text, [])
    assert caught.value.data["offset"] == text.index("(incc")


def test_a_bad_regular_expression_is_shown_where_it_is() -> None:
    text = '[:find ?r :where [(re-find #"a(" "a") ?r]]'
    with pytest.raises(QueryError) as caught:
        q(text, [])
    assert caught.value.code == "query/bad-regex"
    assert caught.value.data["offset"] == text.index('#"a(')


def test_flags_of_a_compiled_expression_are_kept(people: Any) -> None:
    text = "[:find ?n :in $ ?p :where [_ :p/name ?n] [(re-find ?p ?n)]]"
    names = q(text, people, re.compile("^ANN|^BOB", re.IGNORECASE))
    assert names == q(text, people, re.compile("^(?i:ann|bob)"))


@pytest.mark.parametrize(
    ("name", "call", "code"),
    [
        ("my/five", 5, "query/not-a-function"),
        ("a b", len, "query/bad-name"),
        ("", len, "query/bad-name"),
        (5, len, "query/bad-name"),
        ("inc", len, "query/bad-name"),
    ],
)
def test_what_queries_could_not_call_is_not_registered(name: Any, call: Any, code: str) -> None:
    with pytest.raises(QueryError) as caught:
        register_function(name, call)
    assert caught.value.code == code
