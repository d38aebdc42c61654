"""The documentation as a site: every link leads somewhere, every command is described."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from datamem_cli.main import datamem
from datamem_cli.reference import reference_markdown

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == reference_markdown(datamem), "run `make reference`"


@pytest.mark.slow
def test_the_site_builds_without_a_broken_link(tmp_path) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed, the site is not built")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "-q", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.html").exists()
