"""Caches that live as long as a value heap: what search engines build beside it, by code.

The log is the truth, so a companion may be thrown away at any time. Every database value over one heap shares
its companions; a fork or a speculative value has a layer heap, and so companions of its own, which may read
those of the heap below for the codes that both share.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from threading import RLock
from typing import Protocol, TypeVar, cast


class Companion(Protocol):
    """What a heap asks of a cache beside it."""

    def truncate(self, size: int) -> None:
        """Forget what was built from codes from `size` on: their commit failed."""

    def close(self) -> None:
        """Keep what is worth keeping, and release everything; reading may go on."""


T = TypeVar("T", bound=Companion)


class Companions:
    """The caches beside one heap, made when first asked for.

    Attributes:
        parent: those of the heap below, None under a connection's own heap.
        upto: the codes below this one are the parent's.
        directory: where caches may keep files; None in memory and where somebody else writes.
        saved: where they may read what somebody else keeps; None where there is nothing of the kind.
    """

    def __init__(self, parent: Companions | None = None, upto: int = 0) -> None:
        self.parent = parent
        self.upto = upto
        self.directory: Path | None = None
        self.saved: Path | None = None
        self._made: dict[Hashable, Companion] = {}
        self._lock = RLock()

    def get(self, key: Hashable, make: Callable[[Companions], T]) -> T:
        """Return the companion of a key, making it with `make(self)` the first time."""
        found = self._made.get(key)
        if found is None:
            with self._lock:
                found = self._made.get(key)
                if found is None:
                    found = self._made[key] = make(self)
        return cast("T", found)

    def peek(self, key: Hashable) -> Companion | None:
        """Return the companion of a key if it has been made."""
        return self._made.get(key)

    def truncate(self, size: int) -> None:
        """Tell every companion that the codes from `size` on never were."""
        for companion in tuple(self._made.values()):
            companion.truncate(size)

    def close(self) -> None:
        """Close every companion; what is made afterwards keeps no files, since they may be another's."""
        with self._lock:
            made, self._made = tuple(self._made.values()), {}
            self.directory = None
        for companion in made:
            companion.close()
        self.directory = None
