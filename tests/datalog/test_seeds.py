"""The queries of the documents the project comes from, verbatim as EDN text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import datamem
from datamem.datalog import q, register_function
from datamem.db.database import Db
from datamem.errors import QueryError

SCHEMA = Path(__file__).parents[2] / "schemas" / "agent_schema.edn"
USER, SESSION, AGENT = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture(scope="module")
def db() -> Db:
    """One user, one agent, one session, two messages and two memories."""
    conn = datamem.connect(":memory:", schema=SCHEMA.read_text(encoding="utf-8"))
    day = datetime(2023, 5, 20, tzinfo=UTC)
    conn.transact(
        [
            {":db/id": "u", ":user/id": USER, ":user/name": "Ada", ":user/active-session": "s"},
            {":agent/id": AGENT, ":agent/name": "coder"},
            {
                ":db/id": "s",
                ":session/id": SESSION,
                ":session/user": "u",
                ":session/title": "First",
                ":session/created-at": day,
            },
            {
                ":message/id": UUID(int=10),
                ":message/session": "s",
                ":message/role": ":user",
                ":message/content": "hello",
                ":message/sequence": 1,
                ":message/timestamp": day,
            },
            {
                ":message/id": UUID(int=11),
                ":message/session": "s",
                ":message/role": ":assistant",
                ":message/content": "hi",
                ":message/sequence": 2,
                ":message/timestamp": day,
            },
            {
                ":memory/id": UUID(int=20),
                ":memory/session": "s",
                ":memory/type": ":theme",
                ":memory/content": "greetings",
                ":memory/last-reviewed": day,
                ":memory/new-attribute": "value",
            },
            {
                ":memory/id": UUID(int=21),
                ":memory/session": "s",
                ":memory/type": ":episode",
                ":memory/content": "the first day",
            },
        ]
    )
    return conn.db


def ask(db: Db, text: str, *inputs: Any) -> Any:
    return q(text, db, *inputs)


def test_session_messages_by_lookup_ref(db: Db) -> None:
    text = """[:find (pull ?m [:message/role
                              :message/content
                              :message/timestamp])
              :in $ ?session-id
              :where [?m :message/session ?session-id]]"""
    found = ask(db, text, [":session/id", SESSION])
    assert sorted(row[0][":message/content"] for row in found) == ["hello", "hi"]
    with pytest.raises(QueryError, match="lookup ref"):
        ask(db, text, SESSION)


def test_memories_needing_review(db: Db) -> None:
    text = """[:find (pull ?m [:memory/id
                           :memory/content
                           :memory/last-reviewed
                           :memory/current-strength])
           :in $ ?threshold
           :where [?m :memory/last-reviewed ?reviewed]
                  [(< ?reviewed ?threshold)]]"""
    assert len(ask(db, text, datetime(2024, 1, 1, tzinfo=UTC))) == 1
    assert len(ask(db, text, datetime(2023, 1, 1, tzinfo=UTC))) == 0


def test_pull_everything(db: Db) -> None:
    found = ask(db, "[:find (pull ?m [*])\n :where [?m :memory/id _]]")
    assert {row[0][":memory/content"] for row in found} == {"greetings", "the first day"}


def test_recurring_patterns(db: Db) -> None:
    text = """[:find ?theme (count ?session)
              :in $ ?user-id ?start ?end
              :where [?u :user/id ?user-id]
                     [?session :session/user ?u]
                     [?session :session/created-at ?t]
                     [(>= ?t ?start)]
                     [(<= ?t ?end)]
                     [?m :memory/session ?session]
                     [?m :memory/type :theme]
                     [?m :memory/content ?theme]]"""
    start, end = datetime(2023, 5, 1, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC)
    assert ask(db, text, USER, start, end) == {("greetings", 1)}
    assert ask(db, text, USER, end, end) == set()


def test_messages_of_the_active_session(db: Db) -> None:
    text = """[:find ?content
       :in $ ?user-id
       :where [?user :user/id ?user-id]
              [?user :user/active-session ?session]
              [?msg :message/session ?session]
              [?msg :message/content ?content]]"""
    assert ask(db, text, USER) == {("hello",), ("hi",)}
    assert ask(db, text, UUID(int=99)) == set()


def test_sessions_since(db: Db) -> None:
    text = """[:find (pull ?s [:session/id :session/title])
       :in $ ?start
       :where [?s :session/created-at ?t]
              [(>= ?t ?start)]]"""
    found = ask(db, text, datetime(2023, 5, 20, tzinfo=UTC))
    assert [row[0][":session/title"] for row in found] == ["First"]


def test_optional_attribute_with_nil_keeps_the_row(db: Db) -> None:
    text = """[:find ?m ?new-val
       :where [?m :memory/id _]
              [(get-else $ ?m :memory/new-attribute nil) ?new-val]]"""
    assert {row[1] for row in ask(db, text)} == {"value", None}


def test_next_sequence_number(db: Db) -> None:
    text = """[:find (max ?seq)
                                 :in $ ?session-id
                                 :where [?m :message/session ?session]
                                        [?m :message/sequence ?seq]
                                        [?session :session/id ?session-id]]"""
    assert ask(db, text, SESSION) == {(2,)}


def test_two_calls_in_one_clause_get_a_caret_and_a_hint(db: Db) -> None:
    text = """[:find ?s
       :where [?s :session/created-at ?t]
              [(> ?t ?start) (< ?t ?end)]]"""
    with pytest.raises(QueryError) as caught:
        ask(db, text)
    assert caught.value.code == "query/two-calls"
    assert caught.value.data["line"] == 3
    assert "^" in str(caught.value)
    assert "[(> …)] [(< …)]" in (caught.value.hint or "")


def test_a_function_of_another_package_binds_a_relation(db: Db) -> None:
    def search(db: Db, attribute: str, vector: Any, k: int) -> list[tuple[int, float]]:
        assert attribute == ":memory/embedding"
        return [(row[0], sum(vector)) for row in db.q("[:find ?m :where [?m :memory/id _]]")][
            :k
        ]

    register_function("test-vector/search", search, needs_database=True)
    text = """[:find (pull ?m [:memory/id :memory/content :memory/importance])
         :in $ ?query-vec ?k
         :where [(test-vector/search :memory/embedding ?query-vec ?k) [[?m]]]]"""
    assert len(ask(db, text, [0.1, 0.2], 1)) == 1


def test_history_of_values_with_their_transactions(db: Db) -> None:
    text = "[:find ?c ?at :where [?m :message/content ?c ?tx] [?tx :db/txInstant ?at]]"
    assert {row[0] for row in ask(db, text)} == {"hello", "hi"}
