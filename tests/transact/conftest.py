"""Every test of a feature runs on the real database value and on the one of dictionaries."""

from __future__ import annotations

import pytest

from tests.transact.worlds import World


@pytest.fixture(params=["real", "dict"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)
