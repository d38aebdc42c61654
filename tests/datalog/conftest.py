"""The databases that query tests share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from datamem.db.database import Db
from datamem.edn import Keyword
from datamem.schema.types import ValueType

from .worlds import (
    BOOLEAN,
    DOUBLE,
    EDN,
    INSTANT,
    KEYWORD,
    LONG,
    MANY,
    REF,
    STRING,
    UNIQUE,
    World,
)

UUIDS = [UUID(int=i) for i in range(10)]


@pytest.fixture
def people() -> Db:
    """Four people: ids 1 to 4, a chain of bosses 3 -> 2 -> 1, one without anything but a name."""
    world = World(
        {
            ":p/id": {"value_type": ValueType.UUID} | UNIQUE,
            ":p/name": STRING,
            ":p/age": LONG,
            ":p/score": DOUBLE,
            ":p/boss": REF,
            ":p/friend": REF | MANY,
            ":p/aka": STRING | MANY,
            ":p/status": KEYWORD,
            ":p/active": BOOLEAN,
            ":p/born": INSTANT,
            ":p/any": EDN | MANY,
        }
    )
    facts: list[tuple[Any, ...]] = [
        (1, "p/name", "Ann"), (1, "p/age", 30), (1, "p/score", 1.5), (1, "p/active", True),
        (2, "p/name", "Bob"), (2, "p/age", 15), (2, "p/score", 2.5), (2, "p/active", False),
        (3, "p/name", "Cid"), (3, "p/age", 30), (3, "p/score", -1.0),
        (4, "p/name", "Dot"),
        (2, "p/boss", 1), (3, "p/boss", 2),
        (1, "p/friend", 2), (1, "p/friend", 3), (2, "p/friend", 2),
        (1, "p/aka", "A"), (1, "p/aka", "Annie"), (3, "p/aka", "C"),
        (1, "p/status", Keyword(":status/on")), (2, "p/status", Keyword(":status/off")),
        (1, "p/born", datetime(1990, 5, 20, tzinfo=UTC)),
        (2, "p/born", datetime(2005, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1, "p/any", 1), (2, "p/any", 1.0), (3, "p/any", True), (4, "p/any", "1"),
        (50, ":db/ident", Keyword(":team/red")), (4, "p/boss", 50),
    ]  # fmt: skip
    facts += [(e, "p/id", UUIDS[e]) for e in (1, 2, 3, 4)]
    return world.add(facts)
