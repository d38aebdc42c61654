"""The outcome of `datamem check` on standard output."""

from __future__ import annotations

from typing import Any

from datamem_cli.show.printing import counted, print_record, print_records


def print_check(report: Any, fmt: str) -> None:
    """Print what was verified, or the problems one by one and then an error.

    Raises:
        StorageError: `check/failed`, when there are problems.
    """
    from datamem.errors import StorageError

    if not report.ok:
        names = ("code", "where", "message")
        print_records([{n: getattr(p, n) for n in names} for p in report.problems], fmt)
        raise StorageError(
            f"{counted(len(report.problems), 'problem')} found",
            code="check/failed",
            hint="--repair rebuilds indexes from a whole log; else restore a backup",
        )
    counts = ("transactions", "datoms", "segments", "digest")
    result = "repaired" if report.repaired else "sound"
    print_record({"result": result, **{name: getattr(report, name) for name in counts}}, fmt)
