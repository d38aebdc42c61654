"""An import as a person sees it: a bar when it takes long, and what it did."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from datamem_cli.printing import counted


def import_and_tell(path: str, file: Path, fmt: str | None, source: str | None) -> None:
    """Import a file into the database at `path`, which is made when there is none."""
    import datamem
    from datamem.importers import import_file
    from datamem_cli.opening import tell_recovery
    from datamem_cli.progress import progress_bar

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
        read = counted(report.entities, "entity")
        return f"nothing new: {read} read, all there already ({report.format})"
    added = f"{counted(report.datoms, 'fact')} about {counted(new_count, 'new entity')}"
    took = f"({report.format}, {seconds:.1f} s)"
    return f"imported {added} in {counted(report.transactions, 'transaction')} {took}"
