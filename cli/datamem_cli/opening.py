"""Opening a database from the shell: for reading beside a writer, or for writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def open_reading(path: str) -> Any:
    """Open an existing database for reading; a writer elsewhere is no obstacle."""
    import datamem

    return datamem.connect(path, read_only=True)


def open_writing(path: str) -> Any:
    """Open an existing database for writing, and say what opening had to mend."""
    import datamem
    from datamem.errors import StorageError

    if not Path(path).exists():
        raise StorageError(
            f"there is no database at {path}",
            code="storage/not-found",
            hint=f"make one with: datamem init --db {path}",
            path=path,
        )
    return tell_recovery(datamem.connect(path))


def require_new(path: str) -> None:
    """Raise `storage/exists` unless a database can be made at `path`."""
    from datamem.errors import StorageError

    place = Path(path)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise StorageError(
            f"{path} is not empty",
            code="storage/exists",
            hint="name a new directory; a database that is there needs no making",
            path=path,
        )


def tell_recovery(conn: Any) -> Any:
    """Say on standard error when a torn record was cut; return the connection."""
    if conn.recovery is not None:
        click.echo(f"datamem: mended on opening: {conn.recovery}", err=True)
    return conn


def view_of(db: Any, *, as_of: Any, since: Any, history: bool) -> Any:
    """Return the view that the options of a command name."""
    if as_of is not None:
        db = db.as_of(as_of)
    if since is not None:
        db = db.since(since)
    return db.history() if history else db
