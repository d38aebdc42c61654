"""The command as a process: pipes, interruption, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "datamem_cli"]


@pytest.fixture
def environment(tmp_path):
    paths = [str(ROOT), str(ROOT / "cli")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "DATAMEM_DB": str(tmp_path / "a.dm"),
    }


def test_help_loads_neither_numpy_nor_rich(environment) -> None:
    program = (
        "import sys; from datamem_cli.main import run; run(['--help']);"
        "print(*{m.split('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"numpy", "rich", "lark", "prompt_toolkit"} & set(done.stderr.split())


def test_a_reader_that_goes_away_is_no_error(environment) -> None:
    """`datamem … | head -1`: the pipe closes while rows are still printed."""
    subprocess.run([*COMMAND, "init"], env=environment, check=True, capture_output=True)
    rows = "".join(f'{{:p/text "{"x" * 80} {n}"}}' for n in range(3000))
    subprocess.run(
        [*COMMAND, "transact", "-"],
        input=f"[{rows}]",
        text=True,
        env=environment,
        check=True,
        capture_output=True,
    )
    query = "[:find ?text :where [_ :p/text ?text]]"
    with subprocess.Popen(
        [*COMMAND, "q", query], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_an_interruption_is_clean(datamem, monkeypatch) -> None:
    """Ctrl-C while standard input is awaited: a line, exit code 130, and the database as it was."""

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    assert datamem("init").code == 0
    monkeypatch.setattr("datamem_cli.commands.query.text_of_argument", interrupted)
    said = datamem("q", "-")
    assert said.code == 130
    assert said.err.strip() == "datamem: interrupted; what was committed stays"
    assert datamem("check").code == 0
