"""Every fault of a transaction, collected, so that all are reported at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.errors import DatamemError, TransactError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Conflicts:
    """Faults found so far, in the order they were found; each is told once."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, code: str, message: str, hint: str | None = None, **data: Any) -> None:
        """Note a fault."""
        found = {"code": code, "message": message, "hint": hint, **data}
        self._found.setdefault((code, message), found)

    def add_error(self, error: DatamemError, **data: Any) -> None:
        """Note a refusal by another part, the values' check for example."""
        self.add(error.code, error.message, error.hint, **{**error.data, **data})

    def has(self, code: str) -> bool:
        """Tell whether a fault of this code was found."""
        return any(found["code"] == code for found in self)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise one TransactError that carries every fault, if there is one.

        The error's code, hint and data are the first fault's; `data["conflicts"]` has them all.
        """
        if not self._found:
            return
        conflicts = list(self)
        first = conflicts[0]
        message = first["message"]
        if len(conflicts) > 1:
            rest = "\n".join(f"  also {c['code']}: {c['message']}" for c in conflicts[1:10])
            message = f"{message}\n{rest}"
        known = {"code", "message", "hint", "conflicts"}
        data = {name: value for name, value in first.items() if name not in known}
        raise TransactError(
            message, code=first["code"], hint=first["hint"], conflicts=conflicts, **data
        )


def shown(value: object) -> str:
    """Return a value as an error message shows it: short, and on one line."""
    if value is None:
        return "nil"
    text = str(value) if isinstance(value, str) and value.startswith(":") else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
