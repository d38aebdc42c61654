"""Progress bars: for whatever takes longer than a second, and only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

_PATIENCE_S = 1.0
"""No bar for anything quicker."""


class Advance(Protocol):
    """Told how much is done."""

    def __call__(self, done_count: int, total_count: int, what: str | None = None, /) -> None:
        """Draw so many of so many; `what` names the stage, when it has changed."""


@contextmanager
def progress_bar(
    what: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    is_terminal: bool | None = None,
    start: Callable[[str], Any] | None = None,
) -> Iterator[Advance]:
    """Give a function to call with (done, total); a bar shows once it takes over a second.

    Args:
        what: the bar's label.
        clock: seconds.
        is_terminal: whether standard error is one; nothing is drawn where it is not.
        start: makes the bar, given its label; an object with `draw` and `stop`.
    """
    started = clock()
    shown = sys.stderr.isatty() if is_terminal is None else is_terminal
    bar: Any = None

    def advance(done_count: int, total_count: int, stage: str | None = None, /) -> None:
        nonlocal bar
        if bar is None and shown and clock() - started >= _PATIENCE_S:
            bar = (start or RichBar)(what)
        if bar is not None:
            bar.draw(done_count, total_count, stage or what)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


class RichBar:
    """A bar on standard error that leaves nothing behind."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(what)
        self._progress.start()

    def draw(self, done_count: int, total_count: int, what: str) -> None:
        """Show so many of so many."""
        self._progress.update(
            self._task, completed=done_count, total=total_count, description=what
        )

    def stop(self) -> None:
        """Remove the bar."""
        self._progress.stop()
