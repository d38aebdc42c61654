"""Every refusal: one exception with a stable code, a sentence, a hint, and data for programs."""

from __future__ import annotations

from typing import Any


class DatamemError(Exception):
    """A refusal that a program can act on and a person can read.

    Attributes:
        code: stable, `area/what`, for programs (documented in `docs/errors.md`).
        message: what was asked and why it cannot be; lower case, no full stop.
        hint: what to do instead, or None.
        data: everything the message names, for programs.
    """

    def __init__(
        self, message: str, *, code: str, hint: str | None = None, **data: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.data: dict[str, Any] = data

    def __str__(self) -> str:
        text = f"{self.code}: {self.message}"
        return text if self.hint is None else f"{text}\n  hint: {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.code, self.hint, self.data)


def _rebuild(
    kind: type[DatamemError], message: str, code: str, hint: str | None, data: dict[str, Any]
) -> DatamemError:
    return kind(message, code=code, hint=hint, **data)


class EdnError(DatamemError):
    """Text that is not EDN; `data` has line, column and offset."""


class SchemaError(DatamemError):
    """A schema, or a value that its attribute cannot hold."""


class TransactError(DatamemError):
    """A transaction that cannot be; `data["conflicts"]` lists every fault found."""


class RunError(DatamemError):
    """What a run, its events or its traces do not allow."""


class StateError(DatamemError):
    """What a key, a state record, a lock or a lease does not allow."""


class ConflictError(TransactError):
    """A transaction that another one overtook; reading again and retrying may do it."""


class QueryError(DatamemError):
    """A query or pull pattern that cannot be answered."""


class StorageError(DatamemError):
    """A file, directory or disk that cannot be used."""


class ImportFileError(DatamemError):
    """A file to import that is not of its format."""
