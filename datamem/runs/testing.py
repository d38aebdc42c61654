"""Recorded runs as regression tests: a pytest plugin, `pytest_plugins = ["datamem.runs.testing"]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from datamem.runs.recorder.read import Recording, load_recording
from datamem.runs.recorder.record import Agent
from datamem.runs.replayer.replay import Replay, replay
from datamem.runs.runs import Run


def assert_replays(run: Run | Recording | str | Path, agent: Agent, **options: Any) -> Replay:
    """Replay a run and fail the test at the first divergence, with both sides and places.

    Args:
        run: a run, a recording, or the file of one.
        options: as `replay` takes them.
    """
    recorded = load_recording(run) if isinstance(run, str | Path) else run
    found = replay(recorded, agent, **options)
    if found.divergence is not None:
        name = recorded.run_id if isinstance(recorded, Recording) else recorded.id
        found.close()
        pytest.fail(f"run {name} does not replay: {found.divergence}", pytrace=False)
    return found


@pytest.fixture
def replays() -> Iterator[Callable[..., Replay]]:
    """Give `assert_replays`, and drop the branches of its replays after the test."""
    made: list[Replay] = []

    def check(run: Run | Recording | str | Path, agent: Agent, **options: Any) -> Replay:
        made.append(assert_replays(run, agent, **options))
        return made[-1]

    yield check
    for found in made:
        found.close()
