"""One live database: commit, recover, merge, listen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from datamem.conn.connect import connect, restore
from datamem.conn.connection import Connection
from datamem.conn.shared import shared_cut

if TYPE_CHECKING:
    from datamem.conn.checking import CheckReport, Progress

__all__ = ["Connection", "check", "connect", "restore", "shared_cut"]


def check(
    path: str | Path, *, repair: bool = False, progress: Progress | None = None
) -> CheckReport:
    """Read a whole database and report what does not fit together; see `datamem.conn.checking`."""
    from datamem.conn.checking import check as check_database

    return check_database(path, repair=repair, progress=progress)
