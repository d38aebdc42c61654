"""Conversations for tests, made by hand: entities as they are transacted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from datamem.memory import Memory

SPACE = UUID("3c3ce5a8-1c27-5c3a-9d0a-62b8c1a7d3a5")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def user(name: str) -> dict[str, object]:
    return {":user/id": uuid5(SPACE, name), ":user/name": name}


def talk(
    memory: Memory,
    number: int,
    turns: list[tuple[str, str]],
    *,
    day: int = 0,
    status: str = ":ended",
) -> int:
    """Add a session of turns (who, text), and return its entity id."""
    at = START + timedelta(days=day)
    names = dict.fromkeys(who for who, _ in turns)
    session = {
        ":db/id": "session",
        ":session/id": uuid5(SPACE, f"session {number}"),
        ":session/external-id": f"session-{number}",
        ":session/status": status,
        ":session/created-at": at,
        ":session/number": number,
    }
    messages = [
        {
            ":message/id": uuid5(SPACE, f"message {number} {n}"),
            ":message/session": "session",
            ":message/sender": [":user/id", uuid5(SPACE, who)],
            ":message/role": ":user",
            ":message/content": text,
            ":message/sequence": n,
            ":message/timestamp": at + timedelta(minutes=n),
        }
        for n, (who, text) in enumerate(turns, start=1)
    ]
    memory.conn.transact([user(name) for name in names])
    return memory.conn.transact([session, *messages]).tempids["session"]
