"""The outcome of `datamem check` on standard output."""

from __future__ import annotations

from typing import Any

from datamem.errors import StorageError
from datamem_cli.printing import print_record, print_records


def print_check(report: Any, fmt: str) -> None:
    """Print what was verified; problems one by one, and then an error.

    Raises:
        StorageError: `check/failed`, when there are problems.
    """
    problems = list(getattr(report, "problems", ()))
    if problems:
        print_records([{"problem": str(problem)} for problem in problems], fmt)
        raise StorageError(
            f"{len(problems)} problem{'' if len(problems) == 1 else 's'} found",
            code="check/failed",
            hint="restore a backup, or keep the directory as it is and ask",
        )
    counts = getattr(report, "counts", {})
    print_record({"result": "sound", **counts}, fmt)
