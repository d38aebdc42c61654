"""What the tests of an agent's memory share: a clock that is set by hand, and a memory on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

import datamem
from datamem.memory import Memory
from tests.memory import talks

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@cache
def _base() -> datamem.Connection:
    conn = datamem.connect(clock=lambda: int(START.timestamp() - 3600) * 1_000_000)
    Memory(conn)
    return conn


def fresh(clock: Callable[[], int] | None = None) -> datamem.Connection:
    """Return a database with nothing but the agent schema: quickly, for tests by property."""
    conn = _base().fork()
    if clock is not None:
        conn._clock = clock
    return conn


class Clock:
    """µs since 1970, moved by the test."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return int(self.now.timestamp()) * 1_000_000 + self.now.microsecond

    def hours(self, count: float) -> None:
        self.now += timedelta(hours=count)

    def advance(self, **step: float) -> datetime:
        self.now += timedelta(**step)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mem(clock: Clock) -> Iterator[Memory]:
    with fresh(clock) as conn:
        yield Memory(conn)


@pytest.fixture
def acme(clock: Clock) -> Iterator[Memory]:
    """A memory of one organisation, with a user, an agent and a session."""
    with fresh(clock) as conn:
        mem = Memory(conn, organization="acme")
        mem.users.create("Ada", id="ada")
        mem.agents.create("Pip", id="pip")
        mem.sessions.create(user="ada", agent="pip", id="s1")
        yield mem


@pytest.fixture
def conn_at() -> Iterator[tuple[datamem.Connection, Clock]]:
    """An empty database, with the clock that it asks; from the first day of `talks`."""
    clock = Clock(talks.START)
    with datamem.connect(clock=clock) as conn:
        yield conn, clock
