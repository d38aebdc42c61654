"""An import as a person sees it: a bar when it takes long, and what it did."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

_PATIENCE_S = 1.0
"""No bar for anything quicker."""


def import_and_tell(path: str, file: Path, fmt: str | None, source: str | None) -> None:
    """Import a file into the database at `path`, which is made when there is none."""
    import datamem
    from datamem.importers import import_file
    from datamem_cli.opening import tell_recovery

    with tell_recovery(datamem.connect(path)) as conn, progress_bar("importing") as progress:
        started = time.perf_counter()
        report = import_file(conn, file, format=fmt, source=source, progress=progress)
        seconds = time.perf_counter() - started
    click.echo(summary(report, seconds))
    if report.undated_count:
        click.echo(
            f"datamem: note: the database was already past the dates of {report.undated_count} "
            "sessions, so their transactions carry the time of this import; "
            "their dates are in :session/created-at and :message/timestamp",
            err=True,
        )


def summary(report: Any, seconds: float) -> str:
    """Return what an import did, in a line."""
    new_count = report.entities - report.known_count
    if not report.transactions:
        return f"nothing new: all {report.entities:,} entities were there ({report.format})"
    added = f"{report.datoms:,} facts about {new_count:,} entities"
    took = f"({report.format}, {seconds:.1f} s)"
    return f"imported {added} in {report.transactions:,} transactions {took}"


@contextmanager
def progress_bar(
    what: str, *, clock: Callable[[], float] = time.monotonic, is_terminal: bool | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Give a function to call with (done, total); a bar shows once it takes over a second.

    Nothing is drawn unless standard error is a terminal.
    """
    started = clock()
    drawn: Any = None
    shown = sys.stderr.isatty() if is_terminal is None else is_terminal

    def advance(done_count: int, total_count: int) -> None:
        nonlocal drawn
        if not shown or (drawn is None and clock() - started < _PATIENCE_S):
            return
        if drawn is None:
            drawn = _start_bar(what, total_count)
        bar, task = drawn
        bar.update(task, completed=done_count, total=total_count)

    try:
        yield advance
    finally:
        if drawn is not None:
            drawn[0].stop()


def _start_bar(what: str, total_count: int) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total_count)
    bar.start()
    return bar, task
