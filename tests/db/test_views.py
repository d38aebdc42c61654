"""Pull and entities under every view: as of a past, since, filtered, speculative, forked."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.conn import Connection
from datamem.errors import QueryError
from tests.db.worlds import SCHEMA, connect, only_columns

PATTERN = "[:u/age :u/tags {:u/friend [:u/name]} {:u/_boss [:u/name]}]"


@pytest.fixture(scope="module")
def conn() -> Connection:
    return connect(
        SCHEMA,
        [{":db/id": 1, ":u/name": "ann", ":u/age": 1, ":u/tags": ["a", "b"]},
         {":db/id": 2, ":u/name": "bob", ":u/boss": 1}],
        [{":db/id": 1, ":u/age": 2, ":u/tags": ["c"], ":u/friend": [2]},
         [":db/retract", 1, ":u/tags", "a"]],
        [[":db/retract", 2, ":u/boss", 1], [":db/add", 2, ":u/name", "bert"]],
    )  # fmt: skip


def test_as_of_answers_as_it_would_have_then(conn: Connection) -> None:
    t = conn.db.basis_t
    seen = [conn.db.as_of(t - back).pull(PATTERN, 1) for back in (0, 1, 2, 3)]
    assert seen == [
        {":u/age": 2, ":u/tags": ["b", "c"], ":u/friend": [{":u/name": "bert"}]},
        {
            ":u/age": 2,
            ":u/tags": ["b", "c"],
            ":u/friend": [{":u/name": "bob"}],
            ":u/_boss": [{":u/name": "bob"}],
        },
        {":u/age": 1, ":u/tags": ["a", "b"], ":u/_boss": [{":u/name": "bob"}]},
        None,
    ]
    past = conn.db.as_of(t - 1)
    assert past.pull("[:u/age]", [":u/name", "bob"]) is None
    assert past.pull("[:db/id]", [":u/name", "bob"]) == {":db/id": 2}
    assert past.pull("[:db/id]", [":u/name", "bert"]) is None


def test_since_shows_only_what_is_newer(conn: Connection) -> None:
    t = conn.db.basis_t
    assert conn.db.since(t - 2).pull("[*]", 1) == {
        ":db/id": 1, ":u/age": 2, ":u/tags": ["c"], ":u/friend": [{":db/id": 2}]
    }  # fmt: skip
    assert conn.db.since(t - 1).pull("[*]", 1) is None
    assert conn.db.as_of(t - 1).since(t - 2).pull("[:u/name :u/boss]", 2) is None


def test_a_filter_hides_facts_on_every_level(conn: Connection) -> None:
    no_names = conn.db.schema.get(":u/name")
    assert no_names is not None
    shown = conn.db.filter(lambda _, datom: datom.a != no_names.id and datom.v != "b")
    assert shown.pull("[* {:u/friend [:u/name]}]", 1) == {
        ":db/id": 1, ":u/age": 2, ":u/tags": ["c"]
    }  # fmt: skip
    assert shown.pull("[*]", [":u/name", "ann"]) is None
    assert shown.pull_many("[:u/name :db/id]", [1, 2]) == [{":db/id": 1}, None]


def test_speculation_and_forks(conn: Connection) -> None:
    after = conn.db.with_tx(
        [{":db/id": 1, ":u/age": 9}, {":db/id": 2, ":u/tags": ["new"]}]
    ).db_after
    assert after.pull("[:u/age]", 1) == {":u/age": 9}
    assert after.pull_many("[:u/tags :u/age]", [1, 2]) == [
        {":u/age": 9, ":u/tags": ["b", "c"]}, {":u/tags": ["new"]}
    ]  # fmt: skip
    assert conn.db.pull("[:u/age]", 1) == {":u/age": 2}
    fork = conn.fork(as_of=conn.db.basis_t - 2)
    fork.transact([{":db/id": 1, ":u/age": 50}])
    assert fork.db.pull(PATTERN, 1) == {
        ":u/age": 50, ":u/tags": ["a", "b"], ":u/_boss": [{":u/name": "bob"}]
    }  # fmt: skip
    fork.close()


def test_a_history_has_no_maps(conn: Connection) -> None:
    history = conn.db.history()
    for ask in (lambda: history.pull("[*]", 1), lambda: history.pull_many("[*]", [1])):
        with pytest.raises(QueryError, match="history") as refused:
            ask()
        assert refused.value.code == "pull/history"
    with pytest.raises(QueryError, match="history") as refused:
        history.entity(1)
    assert refused.value.code == "entity/history"


def test_an_attribute_made_many_is_a_list_in_its_past_too() -> None:
    conn = connect()
    conn.transact([{":u/name": "x", ":u/age": 7}])
    t = conn.db.basis_t
    conn.transact([[":db/add", ":u/age", ":db/cardinality", ":db.cardinality/many"]])
    conn.transact([[":db/add", 1, ":u/age", 5]])
    assert conn.db.pull("[:u/age]", 1) == {":u/age": [5, 7]}
    assert conn.db.as_of(t).pull("[:u/age]", 1) == {":u/age": [7]}


def test_an_attribute_made_one_shows_the_last_value_of_its_past() -> None:
    conn = connect()
    conn.transact([{":db/id": 1, ":u/tags": ["z"]}, {":db/id": 2, ":u/tags": ["q"]}])
    conn.transact([{":db/id": 1, ":u/tags": ["a"]}])
    past = conn.db.basis_t
    conn.transact([[":db/retract", 1, ":u/tags", "a"]])
    conn.transact([[":db/add", ":u/tags", ":db/cardinality", ":db.cardinality/one"]])
    db = conn.db.as_of(past)
    expected = [{":u/tags": "z"}, {":u/tags": "q"}]
    assert [db.pull("[:u/tags]", e) for e in (1, 2)] == expected
    with only_columns():
        assert db.pull_many("[:u/tags]", [1, 2]) == expected


def test_queries_pull_in_the_view_they_ask(conn: Connection) -> None:
    query: Any = "[:find (pull ?e [:u/name]) :where [?e :u/boss 1]]"
    assert list(conn.db.q(query)) == []
    assert list(conn.db.as_of(conn.db.basis_t - 1).q(query)) == [({":u/name": "bob"},)]
