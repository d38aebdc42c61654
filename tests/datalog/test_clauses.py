"""not, or, and, their joins, optional."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.datalog import q
from datamem.db.database import Db
from datamem.errors import QueryError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[:find ?e :where (not [?e :p/age 30]) [?e :p/name]]", {(2,), (4,)}),
        ("[:find ?e :where [?e :p/name] (not [?e :p/aka ?z])]", {(2,), (4,)}),
        (
            "[:find ?e :where [?e :p/name] (not [?e :p/age 30] [?e :p/active true])]",
            {(2,), (3,), (4,)},
        ),
        ("[:find ?e :where [?e :p/name] (not [?e :p/age] (not [?e :p/age 15]))]", {(2,), (4,)}),
        ('[:find ?e :where [?e :p/aka ?k] [(not= ?k "A")]]', {(1,), (3,)}),
        ('[:find ?e :where [?e :p/name] (not [?e :p/aka "A"])]', {(2,), (3,), (4,)}),
        (
            "[:find ?e :where [?e :p/name] (not-join [?e] [?e :p/boss ?n] [?n :p/age 30])]",
            {(1,), (3,), (4,)},
        ),
        (
            "[:find ?e ?a :where [?e :p/age ?a] (not-join [?e] [?e :p/boss ?b] [?b :p/age ?a])]",
            {(1, 30)},
        ),
        ("[:find ?e :where [?e :p/age 15] (not-join [] [_ :p/age 99])]", {(2,)}),
        ("[:find ?e :where [?e :p/age 15] (not-join [] [_ :p/age 30])]", set()),
        ("[:find ?e :where (or [?e :p/age 15] [?e :p/boss 2])]", {(2,), (3,)}),
        (
            '[:find ?e :where (or (and [?e :p/age 30] [?e :p/aka "C"]) [?e :p/boss 1])]',
            {(2,), (3,)},
        ),
        ("[:find ?e :where [?e :p/age ?a] (or [(< ?a 20)] [?e :p/active true])]", {(1,), (2,)}),
        ("[:find ?e :where [?e :p/name] (or (not [?e :p/age]) [?e :p/age 15])]", {(2,), (4,)}),
        (
            "[:find ?e :where (or-join [?e] [?e :p/age 15] (and [?e :p/boss ?b] [?b :p/age 15]))]",
            {(2,), (3,)},
        ),
        (
            "[:find ?e ?n :where [?e :p/name ?n] (optional [?e :p/age ?a])]",
            {(1, "Ann"), (2, "Bob"), (3, "Cid"), (4, "Dot")},
        ),
        (
            "[:find ?e ?a :where [?e :p/name] (optional [?e :p/age ?a])]",
            {(1, 30), (2, 15), (3, 30), (4, None)},
        ),
        (
            "[:find ?e ?b ?a :where [?e :p/name] (optional [?e :p/boss ?b] [?b :p/age ?a])]",
            {(1, None, None), (2, 1, 30), (3, 2, 15), (4, None, None)},
        ),
        ('[:find ?e :where (and [?e :p/age 30] [?e :p/aka "C"])]', {(3,)}),
    ],
)
def test_clauses(people: Db, text: str, expected: set[Any]) -> None:
    assert q(text, people) == expected


def test_or_join_keeps_its_own_variables_to_itself(people: Db) -> None:
    text = "[:find ?e :in $ ?c :where (or-join [?e] [?e :p/age ?c] [?e :p/boss ?c])]"
    assert q(text, people, "unrelated") == {(1,), (2,), (3,), (4,)}


def test_or_join_may_require_variables(people: Db) -> None:
    text = "[:find ?e :in $ ?min :where [?e :p/name] (or-join [[?min] ?e] (and [?e :p/age ?a] [(>= ?a ?min)]) [?e :p/boss ?min])]"
    assert q(text, people, 20) == {(1,), (3,)}
    assert q(text, people, 2) == {(1,), (2,), (3,)}


def test_negation_of_constants_is_a_gate(people: Db) -> None:
    text = "[:find ?n :in $ ?x :where [_ :p/name ?n] (not [(= ?x 1)])]"
    assert len(q(text, people, 2)) == 4
    assert q(text, people, 1) == set()


def test_nested_clauses_take_the_source_of_their_form(people: Db) -> None:
    text = "[:find ?n :in $ $b :where [?e :p/name ?n] ($b not [?e :p/age])]"
    assert q(text, people, people) == {("Dot",)}


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("[:find ?e :where [?e :p/name] (not [?x :p/age])]", "query/not-unjoined", "not-join"),
        (
            "[:find ?e :where [?e :p/name] (or [?e :p/age ?x] [?e :p/boss])]",
            "query/unbound-variable",
            "?x",
        ),
        (
            "[:find ?e ?x :where [?e :p/name] (or-join [?e ?x] [?e :p/age ?x] [?e :p/boss])]",
            "query/unbound-variable",
            "?x",
        ),
        ("[:find ?e :where (not)]", "query/empty-clause", "no clauses"),
        ("[:find ?e :where [?e :p/name] (or)]", "query/empty-clause", "no branch"),
        ("[:find ?e :where []]", "query/empty-clause", "empty"),
    ],
)
def test_errors(people: Db, text: str, code: str, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        q(text, people)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert "line" in caught.value.data or code == "query/unbound-variable"
