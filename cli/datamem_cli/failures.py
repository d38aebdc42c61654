"""Failures as people read them: code, sentence, hint; and what the shell is told."""

from __future__ import annotations

import click


def exit_code_of(error: BaseException) -> int:
    """Return 2 for wrong usage, 130 for an interruption, 70 for a fault of ours, else 1."""
    from datamem.errors import DatamemError

    if isinstance(error, click.ClickException):
        return error.exit_code
    if isinstance(error, click.Abort):
        return 130
    return 1 if isinstance(error, DatamemError | OSError) else 70


def describe(error: BaseException) -> str:
    """Return what to print on standard error; empty where nothing need be said."""
    from datamem.errors import DatamemError

    if isinstance(error, click.Abort):
        return "datamem: interrupted; what was committed stays"
    if isinstance(error, DatamemError):
        return "\n".join([f"datamem: {error}", *_further_conflicts(error)])
    return f"datamem: {_as_refusal(error)}"


def _as_refusal(error: BaseException) -> Exception:
    """Return a failure that is not datamem's own in the shape of one that is."""
    from datamem.errors import DatamemError

    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        reason = (error.strerror or str(error)).lower()
        return DatamemError(f"{name}{reason}", code="os/error")
    return DatamemError(
        f"{type(error).__name__}: {error}",
        code="internal/error",
        hint="this is a fault of datamem; DATAMEM_DEBUG=1 shows where",
    )


def _further_conflicts(error: Exception) -> list[str]:
    """Return a line for every conflict of a transaction after the first, which is the message."""
    conflicts = getattr(error, "data", {}).get("conflicts") or []
    lines = []
    for conflict in list(conflicts)[1:]:
        lines.append(f"datamem: {conflict.get('code')}: {conflict.get('message')}")
        if conflict.get("hint"):
            lines.append(f"  hint: {conflict['hint']}")
    return lines
