"""What tests of keys, states and runs share: databases with a clock by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import datamem
from datamem.conn import Connection
from datamem.errors import DatamemError
from datamem.kv.declared import declare
from datamem.kv.store import SECTIONS
from datamem.schema.reader import read_schema

START_US = 1_700_000_000_000_000


class HandClock:
    """A clock that stands still until it is told to move, in either direction."""

    def __init__(self) -> None:
        self.us = START_US

    def __call__(self) -> int:
        return self.us

    def move(self, seconds: float) -> None:
        self.us += round(seconds * 1_000_000)


@cache
def _declared() -> Connection:
    conn = datamem.connect(":memory:", clock=lambda: START_US - 1_000_000)
    declare(conn, "run", "event", "trace", "tx", "agent", "session", *SECTIONS)
    return conn


def world(schema: Any = None) -> tuple[Connection, HandClock]:
    """Return a database in memory and its clock; a branch of one that has the attributes already."""
    clock = HandClock()
    conn = _declared().fork()
    conn._clock = clock
    if schema is not None:
        conn.transact(read_schema(schema))
    return conn, clock


def refused(code: str) -> Any:
    """Expect the refusal with a code."""
    return pytest.raises(DatamemError, match=f"^{code}: ")
