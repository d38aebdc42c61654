"""A function that queries call: what it is called, what it takes, and how often it need be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """A function that queries call.

    Attributes:
        name: as queries write it.
        call: takes and returns Python values; None means no result.
        least, most: how many arguments it takes; `most` is None for any number.
        pure: equal arguments give equal results, so that it is called once per distinct ones.
        vectorised: takes and returns whole columns (lists of equal length).
        needs_database: its first argument is a database value; `$` where the call names none.
    """

    name: str
    call: Callable[..., Any]
    least: int = 0
    most: int | None = None
    pure: bool = True
    vectorised: bool = False
    needs_database: bool = False

    def accepts(self, count: int) -> bool:
        """Tell whether the function can take this many arguments."""
        return self.least <= count and (self.most is None or count <= self.most)


def fn(
    name: str, call: Callable[..., Any], least: int, most: int | None = -1, *, pure: bool = True
) -> Function:
    """Make a library entry; `most` is `least` where it is left out."""
    return Function(name, call, least, least if most == -1 else most, pure)
