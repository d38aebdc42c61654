"""What the last transactions changed: kept in memory, for those who ask whether they were overtaken."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

KEPT_DATOMS: Final = 100_000

Datoms = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[bool]]
"""e, a, v and added of one transaction."""


class Recent:
    """The datoms of the newest transactions, in order and without gaps; its owner is the writer."""

    __slots__ = ("_count", "_kept")

    def __init__(self) -> None:
        self._kept: deque[tuple[int, Datoms]] = deque()
        self._count = 0

    def add(self, t: int, datoms: Datoms) -> None:
        """Note transaction `t`, which follows the newest."""
        self._kept.append((t, datoms))
        self._count += len(datoms[0])

    def forget(self) -> None:
        """Forget the oldest, now that the log has them all."""
        while self._count > KEPT_DATOMS and len(self._kept) > 1:
            self._count -= len(self._kept.popleft()[1][0])

    def take_back(self, t: int) -> None:
        """Forget what came after transaction `t`: it never was."""
        while self._kept and self._kept[-1][0] > t:
            self._count -= len(self._kept.pop()[1][0])

    def since(self, t: int) -> tuple[int, list[tuple[int, Datoms]]]:
        """Return the transactions after `t` that are known, and the first that is.

        Only for the thread that commits.
        """
        found: list[tuple[int, Datoms]] = []
        for entry in reversed(self._kept):
            if entry[0] <= t:
                break
            found.append(entry)
        found.reverse()
        return (found[0][0] if found else 0), found
