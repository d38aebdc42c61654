"""What a person waits for: importing, a query from the shell, the first prompt, a completion, a first page."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text
from bench.frame.timing import Times, timed
from datamem_cli.repl.complete import Completer
from datamem_cli.repl.database import Database
from datamem_cli.repl.screen import Terminal
from datamem_cli.repl.session import Session
from datamem_cli.repl.show import answer_lines

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 15
ATTRIBUTES = 5_000
ROWS = 100_000
LIMITS = {"import datamem": 0.060, "datamem q": 0.250, "datamem repl, a first prompt": 0.250}


def processes(commands: Mapping[str, Sequence[str]]) -> dict[str, Times]:
    """Run each command in turn, round by round; return its times as a whole process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])}
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            took[name].append(timed(lambda: _run(command, environment)))  # noqa: B023
    return {name: Times.of(times) for name, times in took.items()}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )


def first_prompt(path: Path) -> list[str]:
    """Return a command that ends when a prompt would be shown."""
    program = f"""
from datamem_cli.repl.database import Database
from datamem_cli.repl.screen import Terminal
from datamem_cli.repl.session import Session
from datamem_cli.repl import terminal
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

with create_pipe_input() as pipe, Database({str(path)!r}) as database:
    pipe.send_text("\\x04")
    list(terminal.inputs(Session(database, Terminal()), input=pipe, output=DummyOutput()))
"""
    return [sys.executable, "-c", program]


def people(path: Path) -> None:
    """Make a database with many attributes and many rows."""
    wide = " ".join(f":wide/a{n} {{:db/valueType :db.type/long}}" for n in range(ATTRIBUTES))
    schema = f"{{{wide} :p/n {{:db/valueType :db.type/long}} :p/name {{:db/valueType :db.type/string}}}}"
    with datamem.connect(path, schema, fsync="off") as conn:
        names = [f"person {n}" for n in range(ROWS)]
        conn.load({":p/n": list(range(ROWS)), ":p/name": names})


def run(options: Options) -> Report:
    report = Report("What a person waits for", ("median", "beyond import numpy"))
    for package in ("datamem", "cli"):
        compileall.compile_dir(str(ROOT / package), quiet=2)
    with options.scratch() as place:
        small, large = place / "small", place / "large"
        with datamem.connect(small) as conn:
            conn.transact([{"user/name": "Ada"}])
        people(large)
        query = "[:find ?n :where [_ :user/name ?n]]"
        cli = [sys.executable, "-m", "datamem_cli"]
        took = processes(
            {
                "import numpy": [sys.executable, "-c", "import numpy"],
                "import datamem": [sys.executable, "-c", "import numpy, datamem"],
                "datamem q": [*cli, "q", "--db", str(small), query],
                "datamem repl, a first prompt": first_prompt(small),
            }
        )
        bare = took["import numpy"].median
        report.add("import numpy", seconds_text(bare))
        for name, limit in LIMITS.items():
            beyond = took[name].median - bare
            report.add(
                name,
                seconds_text(took[name].median),
                seconds_text(max(beyond, 0.0)),
                target=f"{limit * 1e3:.0f} ms",
                is_met=beyond <= limit,
            )
        with Database(str(large)) as database:
            in_session(report, Session(database, Terminal()))
    report.notes.append("packages are compiled to bytecode first, as an installed one is")
    return report


def in_session(report: Report, session: Session) -> None:
    """Add what is measured inside a session."""
    completer = Completer(session)
    completer.suggest("[:find ?x :where [_ :wide/a")
    for text in (":", ":wide/a49", ":a49"):
        took = Times.of([timed(lambda: completer.suggest(f"[_ {text}")) for _ in range(ROUNDS)])  # noqa: B023
        what = f"completing {text} among {ATTRIBUTES:,} attributes"
        report.add(what, seconds_text(took.median), target="50 ms", is_met=took.median < 0.05)
    answer: Any = session.ask("[:find ?n ?name :where [?p :p/n ?n] [?p :p/name ?name]]")
    began = time.perf_counter()
    lines = answer_lines(answer, "table", 100)
    for _ in range(40):
        next(lines)
    first = time.perf_counter() - began
    report.add(f"first page of {len(answer):,} rows", seconds_text(first))
