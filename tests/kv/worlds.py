"""What tests of keys, states and runs share: databases with a clock by hand."""

from __future__ import annotations

from typing import Any

import pytest

import datamem
from datamem.conn import Connection
from datamem.errors import DatamemError

START_US = 1_700_000_000_000_000


class HandClock:
    """A clock that stands still until it is told to move, in either direction."""

    def __init__(self) -> None:
        self.us = START_US

    def __call__(self) -> int:
        return self.us

    def move(self, seconds: float) -> None:
        self.us += round(seconds * 1_000_000)


def world(schema: Any = None) -> tuple[Connection, HandClock]:
    """Return a database in memory and its clock."""
    clock = HandClock()
    return datamem.connect(":memory:", schema, clock=clock), clock


def refused(code: str) -> Any:
    """Expect the refusal with a code."""
    return pytest.raises(DatamemError, match=f"^{code}: ")
