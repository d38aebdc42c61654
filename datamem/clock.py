"""The wall clock and randomness: the only place that reads them."""

from __future__ import annotations

import os
import time


def now_us() -> int:
    """Return µs since 1970."""
    return time.time_ns() // 1000


def random_bytes(count: int) -> bytes:
    """Return bytes that nobody can guess."""
    return os.urandom(count)
