"""Recorded runs as regression tests of those who use datamem."""

from __future__ import annotations

from pathlib import Path

import pytest

from datamem.runs import record, save_recording
from datamem.runs.testing import assert_replays, replays
from tests.runs.agents import World, connect, shopper

__all__ = ["replays"]


def test_a_kept_recording_passes_while_the_code_does_the_same(
    replays: object, tmp_path: Path
) -> None:
    conn = connect()
    run = record(conn, shopper(World()), run_id="r").run
    path = save_recording(run, tmp_path / "r.json")
    assert replays(run, shopper(World({}))).output == "buy"
    conn.close()
    assert replays(path, shopper(World({}))).output == "buy"


def test_a_change_of_the_code_fails_the_test_with_both_places(tmp_path: Path) -> None:
    conn = connect()
    path = save_recording(record(conn, shopper(World()), run_id="r").run, tmp_path / "r.json")
    conn.close()
    with pytest.raises(pytest.fail.Exception) as caught:
        assert_replays(path, shopper(World(), wanted="cake"))
    assert "recorded: step 2, tool price {'what': 'tea'" in str(caught.value)
    assert "replayed: tool price {'what': 'cake'" in str(caught.value)
