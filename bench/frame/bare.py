"""A bare append with fdatasync into a file that is already allocated: the least a commit can cost."""

from __future__ import annotations

import os
from pathlib import Path

CHUNK = bytes(1 << 20)


class BareLog:
    """A file of zeros, long enough, that is overwritten from its start.

    Writes the bytes with one call and syncs with another, as any log must, and does nothing else.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for start in range(0, size_bytes, len(CHUNK)):
            os.pwrite(self._fd, CHUNK, start)
        os.fsync(self._fd)
        self._size = (size_bytes // len(CHUNK) + 1) * len(CHUNK)
        self._stop = 0

    def append(self, data: bytes) -> None:
        """Write and sync."""
        if self._stop + len(data) > self._size:
            self._stop = 0
        os.pwrite(self._fd, data, self._stop)
        os.fdatasync(self._fd)
        self._stop += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
