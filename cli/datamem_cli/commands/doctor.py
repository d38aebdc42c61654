"""The command that looks whether datamem works here: doctor."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click

_NEEDED: Final = (
    "numpy",
    "msgpack",
    "pyrsistent",
    "filelock",
    "usearch",
    "tantivy",
    "prompt_toolkit",
    "rich",
)
_EXTRAS: Final = {
    "pandas": "results as DataFrames",
    "polars": "results as polars frames",
    "pyarrow": "results as Arrow tables",
    "networkx": "graphs",
    "IPython": "notebooks",
    "ipywidgets": "the time slider",
    "tokenizers": "the offline embedders",
}
_COMMITS: Final = 20


class Finding(NamedTuple):
    """One thing that was looked at: "ok", "note" or "bad", and what was seen."""

    state: str
    about: str


@click.command()
@click.option("--at", "directory", metavar="DIR", default=".", help="Where databases will be.")
def doctor(directory: str) -> int:
    r"""Look whether datamem works here.

    Checks Python, the packages, the extras, and a database made for a moment in DIR: its lock, its
    log, a query, a past value and how long a durable commit takes. The exit code is 1 if something is wrong.

    \b
    Examples:
      datamem doctor
      datamem doctor --at /data
    """
    is_well = True
    for finding in findings(Path(directory)):
        mark = {"ok": "✓", "note": "·", "bad": "✗"}[finding.state]
        click.echo(f"{mark} {finding.about}")
        is_well = is_well and finding.state != "bad"
    click.echo("all is well" if is_well else "something is wrong, see ✗ above")
    return 0 if is_well else 1


def findings(directory: Path) -> Iterator[Finding]:
    """Yield what is found, from Python up to a database in a directory."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok" if sys.version_info >= (3, 11) else "bad", f"Python {version}")
    from importlib.metadata import version as version_of

    yield Finding("ok", f"datamem {version_of('datamem')}")
    yield from map(_package, _NEEDED)
    for name, use in _EXTRAS.items():
        if importlib.util.find_spec(name) is None:
            yield Finding("note", f"{name} is not installed, which is for {use}")
    yield from _database(directory)


def _package(name: str) -> Finding:
    if importlib.util.find_spec(name) is None:
        return Finding("bad", f"{name} is missing: pip install {name.replace('_', '-')}")
    from importlib.metadata import version as version_of

    return Finding("ok", f"{name} {version_of(name.replace('_', '-'))}")


def _database(directory: Path) -> Iterator[Finding]:
    """Make a database for a moment, and yield how each thing with it went."""
    import tempfile

    try:
        with tempfile.TemporaryDirectory(prefix="datamem-doctor-", dir=directory) as place:
            yield from _tried(Path(place) / "db")
    except OSError as error:
        yield Finding("bad", f"{directory} cannot be written: {error.strerror or error}")


def _tried(path: Path, clock: Callable[[], float] = time.perf_counter) -> Iterator[Finding]:
    import datamem

    try:
        with datamem.connect(path) as conn:
            started = clock()
            for n in range(_COMMITS):
                conn.transact([{"doctor/visit": n}])
            each_ms = (clock() - started) / _COMMITS * 1000
            state = "ok" if each_ms < 50 else "note"
            yield Finding(
                state, f"a durable commit takes {each_ms:.2f} ms in {path.parent.parent}"
            )
            count = "[:find (count ?v) . :where [_ :doctor/visit ?v]]"
            half = conn.db.as_of(conn.db.t - _COMMITS // 2)
            answers = (conn.db.q(count), half.q(count))
            right = answers == (_COMMITS, _COMMITS // 2)
            yield Finding("ok" if right else "bad", "queries of the present and the past")
            yield _locked(path)
        is_whole = datamem.check(path).ok
        yield Finding("ok" if is_whole else "bad", "log and indexes agree")
    except datamem.DatamemError as error:
        yield Finding("bad", str(error))


def _locked(path: Path) -> Finding:
    import datamem

    try:
        datamem.connect(path).close()
    except datamem.DatamemError as error:
        if error.code == "storage/locked":
            return Finding("ok", "a second writer is kept out")
        return Finding("bad", str(error))
    return Finding("bad", "a second writer is let in: this file system's locks do not work")


COMMANDS = (doctor,)
