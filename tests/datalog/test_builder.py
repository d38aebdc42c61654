"""Queries composed in Python: what they print, what they give, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import datamem
from datamem import query
from datamem.db.database import Db
from datamem.edn import Keyword
from datamem.errors import QueryError

SCHEMA = """{:user/email {:db/valueType :db.type/string :db/unique :db.unique/identity}
             :user/friend {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
             :user/tags {:db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}
             :user/team {:db/valueType :db.type/ref}}"""


@pytest.fixture(scope="module")
def users() -> Db:
    """Ada 36, Bob 17, Cyd 52, and Dot, who has no age; Ada and Cyd are in the red team."""
    with datamem.connect(":memory:", schema=SCHEMA) as conn:
        conn.transact([
            {"db/id": "red", "team/name": "Red"},
            {"db/id": "a", "user/email": "ada@x", "user/name": "Ada", "user/age": 36,
             "user/tags": [":a", ":b"], "user/team": "red"},
            {"db/id": "b", "user/email": "bob@x", "user/name": "Bob", "user/age": 17, "user/friend": ["a"]},
            {"user/email": "cyd@x", "user/name": "Cyd", "user/age": 52, "user/friend": ["a", "b"],
             "user/team": "red"},
            {"user/name": "Dot"},
        ])  # fmt: skip
        return conn.db


NAMES = query.find("?n").where(["?e", "user/name", "?n"]).collection()
AGES = query.find("?n", "?a").where(["?e", "user/name", "?n"], ["?e", "user/age", "?a"])
ALL = query.entities("user/name")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (AGES.filter("?a", ">=", 18), {("Ada", 36), ("Cyd", 52)}),
        (AGES.between("?a", 17, 36), {("Ada", 36), ("Bob", 17)}),
        (AGES.between("?a", high=17), {("Bob", 17)}),
        (AGES.filter("?a", "in", [17, 52]).filter("?n", "starts-with?", "C"), {("Cyd", 52)}),
        (AGES.filter("?n", lambda name: name > "B"), {("Bob", 17), ("Cyd", 52)}),
        (AGES.order_by(query.desc("?a")).limit(1, offset=1), [("Ada", 36)]),
        (AGES.order_by("?a").row(), ("Bob", 17)),
        (AGES.labels("who", "age").filter("?a", "=", 17), [{"who": "Bob", "age": 17}]),
        (NAMES.where(("not", ["?e", "user/age", "_"])), ["Dot"]),
        (NAMES.where(("or", ["?e", "user/age", 17], ["?e", "user/tags", ":a"])), ["Ada", "Bob"]),
        (NAMES.where(("or-join", ["?e"], ["?e", "user/age", 17],
                      ("and", ["?e", "user/team", "?t"], ["?t", "team/name", "Red"]))), ["Ada", "Bob", "Cyd"]),
        (NAMES.where("[?e :user/age ?a] [(< ?a 20)]"), ["Bob"]),
        (NAMES.where(["?e", "user/age", "?a"], [("in", "?a", [17, 36])]), ["Ada", "Bob"]),
        (NAMES.where([["user/email", "cyd@x"], "user/friend", "?e"]), ["Ada", "Bob"]),
        (NAMES.where(["?e", "user/age", "?a"], [("<", ("+", "?a", 1), 30)]), ["Bob"]),
        (NAMES.where(("young", "?e")).rules("[[(young ?x) [?x :user/age ?a] [(< ?a 20)]]]"), ["Bob"]),
        (query.find("?m").where(["_", "user/age", "?a"], [("dec", "?a"), "?m"]), {(35,), (16,), (51,)}),
        (query.find("?m").where([("ground", [1, 2]), ["?m", "..."]]), {(1,), (2,)}),
        (query.find("(sum ?a)").with_("?e").where(["?e", "user/age", "?a"]).scalar(), 105),
        (query.find(("max", 1, "?a")).where(["?e", "user/age", "?a"]).scalar(), [52]),
        (query.find((sorted, "?a")).where(["?e", "user/age", "?a"]).scalar(), [17, 36, 52]),
        (query.find("?t", ("count", "?e")).where(["?e", "user/team", "?t"]).having(("count", "?e"), ">", 2), []),
        (query.find(("pull", "?e", ["user/name"])).where(["?e", "user/age", 17]).scalar(), {":user/name": "Bob"}),
    ],
)  # fmt: skip
def test_clauses(users: Db, made: query.Find, expected: Any) -> None:
    found = made.run(users)
    assert found == expected
    assert users.q(made) == found
    assert users.prepare(made)() == found
    assert users.q(made.edn(), *made.values) == found


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (ALL.where("user/age", ">", 18), ["Ada", "Cyd"]),
        (ALL.where("user/age", "=", 17), ["Bob"]),
        (ALL.between("user/age", 17, 36), ["Ada", "Bob"]),
        (ALL.without("user/age"), ["Dot"]),
        (ALL.without("user/age", ">", 18), ["Bob", "Dot"]),
        (ALL.without("user/tags", "=", Keyword(":a")), ["Bob", "Cyd", "Dot"]),
        (ALL.where("user/tags", "=", ":a").where("user/tags", "=", ":b"), ["Ada"]),
        (ALL.where("user/team team/name", "=", "Red"), ["Ada", "Cyd"]),
        (ALL.where("user/friend", "=", ["user/email", "ada@x"]), ["Bob", "Cyd"]),
        (ALL.where("user/_friend user/name", "=", "Cyd"), ["Ada", "Bob"]),
        (ALL.where("user/name", "=", "?e"), []),
        (ALL.where("user/name", lambda name: len(name) > 3), []),
        (ALL.clauses(["?e", "user/friend", "?f"], ["?f", "user/age", 17]), ["Cyd"]),
        (ALL.where("user/age", ">", 18).where("user/age", "<", 40), ["Ada"]),
    ],
)
def test_entities(users: Db, made: query.Entities, expected: list[str]) -> None:
    assert [
        row["user/name"] for row in made.select("user/name").order_by("user/name").run(users)
    ] == expected
    assert sorted(row[":user/name"] for row in made.pull(["user/name"]).run(users)) == expected
    assert len(made.run(users)) == len(expected)


def test_selecting(users: Db) -> None:
    rows = ALL.select("user/name", age="user/age", team="user/team team/name").order_by(
        query.desc("user/age"), "user/name"
    )
    assert list(rows.run(users)) == [
        {"user/name": "Cyd", "age": 52, "team": "Red"},
        {"user/name": "Ada", "age": 36, "team": "Red"},
        {"user/name": "Bob", "age": 17, "team": None},
        {"user/name": "Dot", "age": None, "team": None},
    ]
    assert [row["user/name"] for row in rows.limit(2, offset=2).run(users)] == ["Bob", "Dot"]
    tags = ALL.where("user/tags").select("user/name", "user/tags").order_by("user/tags")
    assert [row["user/tags"] for row in tags.run(users)] == [":a", ":b"]
    assert ALL.order_by(query.desc("user/name")).limit(1).run(users) == ALL.where(
        "user/name", "=", "Dot"
    ).run(users)


def test_entities_with_equal_rows_stay_apart(users: Db) -> None:
    db = users.with_tx([{"user/name": "Dot"}]).db_after
    assert len(ALL.where("user/name", "=", "Dot").select("user/name").run(db)) == 2


def test_a_query_is_never_changed() -> None:
    before = AGES.edn()
    AGES.filter("?a", ">", 3).order_by("?a").limit(3).with_("?e").labels("a", "b")
    assert AGES.edn() == before
    assert ALL.edn() == "[:find [?e ...] :where [?e :user/name _]]"


def test_inputs_come_before_the_values_it_brings(users: Db) -> None:
    made = NAMES.where(["?e", "user/age", "?a"]).filter("?a", ">", 20).inputs("?a")
    assert made.run(users, 36) == ["Ada"]
    assert made.run(users, 17) == []
    assert made.inputs("$then").where(["$then", "?e", "user/name", "_"]).run(
        users, 36, users
    ) == ["Ada"]


def test_pages_follow_each_other(users: Db) -> None:
    made = query.find("?e", "?n").where(["?e", "user/name", "?n"]).order_by("?n").limit(1)
    rows, page = [], made.after(None).run(users)
    while page.cursor is not None:
        rows += page.rows()
        page = made.after(page.cursor).run(users)
    assert rows + page.rows() == made.limit(99).run(users).rows()
    assert len(rows) > 1


def test_a_default_of_an_aggregate(users: Db) -> None:
    made = query.find(("count", "?e", ":default", 0)).where(["?e", "user/name", "Nobody"])
    assert made.scalar().run(users) == 0


def test_what_somebody_typed_is_a_value(users: Db) -> None:
    text = '"] [?e :user/age 17'
    made = NAMES.filter("?n", "=", text)
    assert text not in made.edn()
    assert made.run(users) == []
    assert NAMES.where(["?e", "user/name", query.value("?n")]).run(users) == []
    assert NAMES.filter("?n", "=", query.value("?e")).run(users) == []


def test_names_of_values_avoid_the_authors() -> None:
    made = query.find("?value1").where(["_", "user/age", "?value1"]).filter("?value1", ">", 1)
    assert (
        made.edn()
        == "[:find ?value1 :in $ ?value2 :where [_ :user/age ?value1] [(> ?value1 ?value2)]]"
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: query.find("name"), "variables start with ?: ?name"),
        (lambda: NAMES.where(5), "5 is no clause"),
        (lambda: NAMES.where([]), "no clause"),
        (lambda: NAMES.where("name"), "EDN text"),
        (lambda: AGES.filter("?a", "<", "?n"), 'query.value("?n")'),
        (lambda: AGES.filter("?a", "=>", 3), "did you mean"),
        (lambda: AGES.filter("age", ">", 3), "'age' is not a variable"),
        (lambda: AGES.limit(-1), "limit needs 0 or more"),
        (lambda: AGES.inputs("x"), "'x' binds nothing"),
        (lambda: query.entities().edn(), "query.entities("),
        (lambda: ALL.where("").edn(), "no attribute"),
    ],
)  # fmt: skip
def test_errors(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(QueryError) as caught:
        make()
    assert words in str(caught.value)


def test_limit_takes_its_offset_by_place_too(users: Db) -> None:
    assert NAMES.order_by("?n").limit(1, 1).run(users) == ["Bob"]
    assert ALL.order_by("user/name").limit(1, 1).select("user/name").run(users).rows() == [
        {"user/name": "Bob"}
    ]


def test_what_is_no_database_is_named(users: Db) -> None:
    for source in (None, 5):
        with pytest.raises(QueryError, match="neither a database") as caught:
            NAMES.run(source)
        assert caught.value.code == "query/not-a-source"
    with datamem.connect(":memory:") as conn, pytest.raises(QueryError) as caught:
        ALL.run(conn)
    assert caught.value.hint == "a connection's database is conn.db"


def test_a_test_without_its_name_is_refused() -> None:
    with pytest.raises(QueryError, match="36 is no test") as caught:
        ALL.where("user/age", 36)
    assert '">", 3' in (caught.value.hint or "")


def test_a_regular_expression_is_looked_for_in_the_variable(users: Db) -> None:
    assert NAMES.filter("?n", "re-find", "^[AB]").order_by("?n").run(users) == ["Ada", "Bob"]
    assert len(ALL.where("user/name", "re-matches", "A.a").run(users)) == 1


REFUSED = [
    (lambda: NAMES.order_by("?n", "desc"), 'query.desc("?x")'),
    (lambda: query.find(["?n", "..."]), "a text such as ?name"),
    (lambda: ALL.where(5).edn(), "user/name"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "hint"), REFUSED)
def test_what_the_builder_cannot_mean_is_refused(make: Callable[[], Any], hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        make()
    assert caught.value.code == "query/syntax"
    assert hint in (caught.value.hint or "")
