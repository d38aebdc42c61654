"""Every notebook runs from its first cell to its last, and what it shows can be shown."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TRAJECTORIES = ROOT.parent / "shared" / "data" / "tau_bench_airline_gpt4o.json"


def cells_of(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = InteractiveShell()
    yield made
    made.history_manager.end_session()
    made.cleanup()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook: Path, shell: InteractiveShell) -> None:
    run_cells(notebook, shell)


@pytest.mark.slow
@pytest.mark.skipif(not TRAJECTORIES.exists(), reason="the evaluation data is not here")
def test_a_real_run_that_failed_is_debugged(shell: InteractiveShell, monkeypatch) -> None:
    monkeypatch.setenv("DATAMEM_TRAJECTORIES", str(TRAJECTORIES))
    run_cells(ROOT / "notebooks" / "06_debug_a_real_run.ipynb", shell)


def run_cells(notebook: Path, shell: InteractiveShell) -> None:
    """Run every cell; each must succeed, and each picture be well-formed."""
    for cell in cells_of(notebook):
        result = shell.run_cell(cell)
        assert result.success, (
            f"{result.error_before_exec or result.error_in_exec!r} in\n{cell}"
        )
        data, _ = shell.display_formatter.format(result.result)
        if "image/svg+xml" in data:
            ET.fromstring(data["image/svg+xml"])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(notebook: Path) -> None:
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs"), f"{notebook.name} has outputs: clear them"
