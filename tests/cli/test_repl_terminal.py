"""The REPL in a real terminal: a pseudo-terminal with a person's keys."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

import datamem

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60


class Person:
    """Types into a terminal and reads what it shows."""

    def __init__(self, path: Path, state: Path) -> None:
        self.master, slave = pty.openpty()
        paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
        environment = {
            **os.environ,
            "PYTHONPATH": paths,
            "TERM": "xterm",
            "XDG_STATE_HOME": str(state),
            "NO_COLOR": "1",
            "PROMPT_TOOLKIT_NO_CPR": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "datamem_cli", "repl", "--db", str(path)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def types(self, text: str) -> None:
        self.seen = ""
        os.write(self.master, text.encode())

    def sees(self, pattern: str) -> str:
        """Wait until what is on the screen matches; return it."""
        deadline = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.seen):
            ready, _, _ = select.select([self.master], [], [], deadline - time.monotonic())
            assert ready, f"{pattern!r} never came:\n{self.seen}"
            raw = os.read(self.master, 65536).decode(errors="replace")
            self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw)
        return self.seen

    def leaves(self) -> int:
        os.write(self.master, b"\x04")
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def person(tmp_path):
    path = tmp_path / "a.dm"
    with datamem.connect(path) as conn:
        conn.transact('[{:u/name "Ada"}]')
    someone = Person(path, tmp_path / "state")
    yield someone
    someone.process.kill()
    someone.process.wait()
    os.close(someone.master)


def test_a_person_asks_completes_transacts_and_leaves(person) -> None:
    person.sees(r"a\.dm>")
    person.types("[:find ?n\r:where [_ :u/na\t")
    person.sees("me$")  # the rest of :u/name is drawn
    person.types(" ?n]]\r")
    assert "Ada" in person.sees(r"1 row")
    person.types('[{:u/name "Bo"}]\r')
    person.sees(r"commit\? \[y/N\]")
    person.types("y\r")
    person.sees(r"t=\d+, 2 datoms")
    person.types("[:find ?x :where [(> ?x 1)]]\r")
    assert "^" in person.sees(r"hint: bind \?x")
    person.types("\\as-of 1\r")
    person.sees(r"a\.dm@1>")
    assert person.leaves() == 0
