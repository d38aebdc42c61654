"""The queries of the documents the project comes from, as they are in `seeds.edn`, to the letter."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import datamem
from datamem.datalog import q
from datamem.db.database import Db
from datamem.errors import QueryError

SCHEMA = Path(__file__).parents[2] / "schemas" / "agent_schema.edn"
QUERIES = {
    name.strip(): query.strip()
    for name, _, query in (
        part.partition("\n")
        for part in Path(__file__).with_name("seeds.edn").read_text("utf-8").split("\n;; ")[1:]
    )
}
USER, SESSION, AGENT = UUID(int=1), UUID(int=2), UUID(int=3)


def vector(*parts: float) -> list[float]:
    """Return a vector of the schema's 1536 dimensions."""
    return [*parts, *[0.0] * (1536 - len(parts))]


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
                ":memory/embedding": vector(1.0, 0.0),
            },
            {
                ":memory/id": UUID(int=21),
                ":memory/session": "s",
                ":memory/type": ":episode",
                ":memory/content": "the first day",
                ":memory/embedding": vector(0.0, 1.0),
            },
        ]
    )
    return conn.db


def ask(db: Db, name: str, *inputs: Any) -> Any:
    return q(QUERIES[name], db, *inputs)


def test_every_query_is_asked_below() -> None:
    text = Path(__file__).read_text("utf-8")
    assert len(QUERIES) == 11
    assert [name for name in QUERIES if f'"{name}"' not in text] == []


def test_session_messages_by_lookup_ref(db: Db) -> None:
    found = ask(db, "session messages", [":session/id", SESSION])
    assert sorted(row[0][":message/content"] for row in found) == ["hello", "hi"]
    with pytest.raises(QueryError, match="lookup ref"):
        ask(db, "session messages", SESSION)


def test_memories_needing_review(db: Db) -> None:
    assert len(ask(db, "memories needing review", datetime(2024, 1, 1, tzinfo=UTC))) == 1
    assert len(ask(db, "memories needing review", datetime(2023, 1, 1, tzinfo=UTC))) == 0


@pytest.mark.parametrize(
    "name", ["all memories, for their strengths", "all memories, for a backup"]
)
def test_pull_everything(db: Db, name: str) -> None:
    found = ask(db, name)
    assert {row[0][":memory/content"] for row in found} == {"greetings", "the first day"}


def test_recurring_patterns(db: Db) -> None:
    start, end = datetime(2023, 5, 1, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC)
    assert ask(db, "recurring patterns", USER, start, end) == {("greetings", 1)}
    assert ask(db, "recurring patterns", USER, end, end) == set()


def test_messages_of_the_active_session(db: Db) -> None:
    name = "messages of the active session"
    assert ask(db, name, USER) == {("hello",), ("hi",)}
    assert ask(db, name, UUID(int=99)) == set()


def test_sessions_since(db: Db) -> None:
    found = ask(db, "sessions since", datetime(2023, 5, 20, tzinfo=UTC))
    assert [row[0][":session/title"] for row in found] == ["First"]


def test_optional_attribute_with_nil_keeps_the_row(db: Db) -> None:
    assert {row[1] for row in ask(db, "optional attribute")} == {"value", None}


def test_last_sequence_number(db: Db) -> None:
    assert ask(db, "last sequence number", SESSION) == {(2,)}
    assert ask(db, "last sequence number", UUID(int=99)) == set()


def test_two_calls_in_one_clause_get_a_caret_and_a_hint(db: Db) -> None:
    with pytest.raises(QueryError) as caught:
        ask(db, "sessions between two instants")
    assert caught.value.code == "query/two-calls"
    assert caught.value.data["line"] == 3
    assert "^" in str(caught.value)
    assert "[(> …)] [(< …)]" in (caught.value.hint or "")


def test_similar_memories(db: Db) -> None:
    found = ask(db, "similar memories", vector(0.9, 0.1), 1)
    assert [row[0][":memory/id"] for row in found] == [UUID(int=20)]
    assert len(ask(db, "similar memories", vector(0.9, 0.1), 5)) == 2


def test_history_of_values_with_their_transactions(db: Db) -> None:
    text = "[:find ?c ?at :where [?m :message/content ?c ?tx] [?tx :db/txInstant ?at]]"
    assert {row[0] for row in q(text, db)} == {"hello", "hi"}
