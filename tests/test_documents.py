"""Every shell example in README and docs, run in a shell, gives what the page says."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "```console" in page.read_text(encoding="utf-8")
]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
MARK = "--- next ---"


def examples_of(page: Path) -> list[tuple[str, str]]:
    """Return (command, expected output) of a page; `$ ` starts a command, `> ` continues it."""
    examples: list[tuple[str, str]] = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                examples.append((line[2:], ""))
            elif line.startswith("> ") and not examples[-1][1]:
                examples[-1] = (examples[-1][0] + line[2:], "")
            else:
                examples[-1] = (examples[-1][0], examples[-1][1] + line)
    return examples


@pytest.fixture
def shell(tmp_path):
    """Run commands in one shell whose `datamem` is this checkout's."""
    command = tmp_path / "bin" / "datamem"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m datamem_cli "$@"\n')
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")]),
        "LC_ALL": "C.UTF-8",
    }
    environment.pop("DATAMEM_DB", None)

    def run(commands: list[str]) -> list[str]:
        script = "".join(f"{command}\necho '{MARK}'\n" for command in commands)
        done = subprocess.run(
            ["bash", "-c", f"exec 2>&1\n{script}"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split(f"{MARK}\n")[:-1]

    return run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shell_examples_give_what_the_page_says(shell, page) -> None:
    examples = examples_of(page)
    outputs = shell([command for command, _ in examples])
    checker = doctest.OutputChecker()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    wrong = [
        f"$ {command}expected:\n{expected}got:\n{output}"
        for (command, expected), output in zip(examples, outputs, strict=True)
        if not checker.check_output(expected, output, flags)
    ]
    assert not wrong, "\n".join(wrong)
