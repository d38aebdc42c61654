"""A database in memory whose clock a test sets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import datamem

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.us = int(START.timestamp()) * 1_000_000

    def __call__(self) -> int:
        return self.us

    def hours(self, count: float) -> None:
        self.us += int(count * 3_600_000_000)


@pytest.fixture
def conn_at():
    clock = Clock()
    with datamem.connect(clock=clock) as conn:
        yield conn, clock
