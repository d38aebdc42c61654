"""An import as a person sees it: a bar when it takes long, and what it did."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from datamem_cli.show.printing import counted


def import_and_tell(
    path: str, file: Path, fmt: str | None, source: str | None, embedder: str | None = None
) -> None:
    """Import a file into the database at `path`, which is made when there is none.

    Args:
        path, file, fmt, source: what to import, and whereto.
        embedder: the name of what then embeds the texts without vectors; None: nothing does.
    """
    import datamem
    from datamem.importers import import_file
    from datamem_cli.opening import tell_recovery
    from datamem_cli.show.progress import progress_bar

    model = _embedder_named(embedder)
    with tell_recovery(datamem.connect(path, embedders=model)) as conn:
        with progress_bar("importing") as progress:
            started = time.perf_counter()
            report = import_file(conn, file, format=fmt, source=source, progress=progress)
            seconds = time.perf_counter() - started
        click.echo(summary(report, seconds))
        for name, one in model.items():
            _embed_and_tell(conn, name, one)
    if report.undated_count:
        click.echo(
            f"datamem: note: the database was already past the dates of {report.undated_count} "
            "sessions, so their transactions carry the time of this import; "
            "their dates are in :session/created-at and :message/timestamp",
            err=True,
        )


def _embedder_named(name: str | None) -> dict[str, Any]:
    """Return an embedder by its name, or nothing; before the database is opened."""
    from datamem.search.embedders import embedder

    return {} if name is None else {name: embedder(name)}


def _embed_and_tell(conn: Any, name: str, embedder: Any) -> None:
    from datamem.importers.embedding import embed_missing
    from datamem_cli.show.progress import progress_bar

    with progress_bar("embedding") as progress:
        started = time.perf_counter()
        report = embed_missing(conn, embedder, progress=progress)
        seconds = time.perf_counter() - started
    if not report.text_count:
        click.echo(f"nothing to embed with {name}")
        return
    texts = counted(report.text_count, "text")
    click.echo(f"embedded {texts} to {', '.join(report.targets)} ({name}, {seconds:.1f} s)")


def summary(report: Any, seconds: float) -> str:
    """Return what an import did, in a line."""
    new_count = report.entities - report.known_count
    if not report.transactions:
        read = counted(report.entities, "entity")
        return f"nothing new: {read} read, all there already ({report.format})"
    added = f"{counted(report.datoms, 'fact')} about {counted(new_count, 'new entity')}"
    took = f"({report.format}, {seconds:.1f} s)"
    return f"imported {added} in {counted(report.transactions, 'transaction')} {took}"
