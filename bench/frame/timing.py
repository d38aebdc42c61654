"""Timing: calls of several works taken in turn, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Work = Callable[[], object]

Clock = Callable[[], float]
"""Seconds: `time.perf_counter`, or `time.thread_time`, which does not run while others have the core."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of single calls, ascending.

    Attributes:
        seconds: at least one.
    """

    seconds: tuple[float, ...]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """Return the times of calls in any order."""
        return cls(tuple(sorted(seconds)))

    @property
    def median(self) -> float:
        """The middle call."""
        return self.seconds[len(self.seconds) // 2]

    @property
    def least(self) -> float:
        """The shortest call."""
        return self.seconds[0]

    @property
    def most(self) -> float:
        """The longest call."""
        return self.seconds[-1]

    def quantile(self, part: float) -> float:
        """Return the time that `part` of the calls did not exceed, 0 < part <= 1."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * part))]

    def __add__(self, other: Times) -> Times:
        return Times.of(self.seconds + other.seconds)


@contextmanager
def quiet() -> Iterator[None]:
    """Collect garbage now and not while timing, as `timeit` does."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def timed(work: Work, clock: Clock = time.perf_counter) -> float:
    """Return the seconds that one call takes."""
    start = clock()
    work()
    return clock() - start


def calls_for(
    work: Work,
    seconds: float,
    *,
    least: int = 3,
    most: int = 100_000,
    clock: Clock = time.perf_counter,
) -> Times:
    """Call `work` for about `seconds`, each call timed by itself, without the collector."""
    took: list[float] = []
    with quiet():
        until = time.perf_counter() + seconds
        while len(took) < least or (time.perf_counter() < until and len(took) < most):
            took.append(timed(work, clock))
    return Times.of(took)


def in_turns(
    measures: Mapping[str, Callable[[], Times]], *, rounds: int = 5
) -> dict[str, Times]:
    """Take every measure once a round and return all its times by name.

    Args:
        measures: each measures for a fraction of a second, here or in a peer's process.
        rounds: more rounds, less that a neighbour on the machine can favour one of them.
    """
    found: dict[str, Times] = {}
    for _ in range(rounds):
        for name, measure in measures.items():
            times = measure()
            found[name] = found[name] + times if name in found else times
    return found


def here(
    work: Work, seconds: float = 0.2, *, clock: Clock = time.perf_counter
) -> Callable[[], Times]:
    """Return a measure of a call in this process; it is warmed up now."""
    work()
    return lambda: calls_for(work, seconds, clock=clock)
