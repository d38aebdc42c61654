"""When appended bytes are forced to the disk: always, every so many milliseconds, or never."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from datamem.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """When to sync the log.

    Attributes:
        always: sync before `append` returns.
        interval_ms: else sync this often, or None for "off" (the kernel decides).
    """

    always: bool = True
    interval_ms: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "always", "interval:<ms>" or "off".

        Raises:
            StorageError: storage/bad-policy.
        """
        kind, _, amount = text.partition(":")
        if text == "always":
            return cls()
        if text == "off":
            return cls(always=False)
        if kind == "interval" and amount.isascii() and amount.isdecimal() and int(amount) > 0:
            return cls(always=False, interval_ms=int(amount))
        raise StorageError(
            f"{text!r} is not an fsync policy",
            code="storage/bad-policy",
            hint='use "always", "interval:<milliseconds>" or "off"',
            policy=text,
        )

    @property
    def is_off(self) -> bool:
        """Tell whether syncing is left to the kernel."""
        return not self.always and self.interval_ms is None

    def __str__(self) -> str:
        if self.always:
            return "always"
        return "off" if self.is_off else f"interval:{self.interval_ms}"


class Ticker:
    """Calls a function every so often in a thread of its own, until stopped."""

    def __init__(self, interval_ms: int, tick: Callable[[], None]) -> None:
        self._interval = interval_ms / 1000
        self._tick = tick
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="datamem-sync", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self._tick()

    def stop(self) -> None:
        """End the thread; returns when no tick runs any more."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
