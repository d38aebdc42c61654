"""Which log files there are, and reading entries across them."""

from __future__ import annotations

import threading
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from datamem.errors import StorageError
from datamem.txlog.files import FileSystem, read_file, storage_error
from datamem.txlog.frame import scan_frames
from datamem.txlog.logfile import (
    HEADER_BYTES,
    LogFile,
    corrupt_error,
    decode_header,
    first_of_name,
    name_of_first,
)
from datamem.txlog.store import Damage
from datamem.txlog.tail import judge_tail

if TYPE_CHECKING:
    from pathlib import Path


_KEPT_FILES: Final = 4


class Catalog:
    """The log files in order. The newest is known frame by frame, older ones when they are read.

    Any thread may read; only the store's writer (or its reader's refresh) adds files.
    """

    def __init__(self, fs: FileSystem, directory: Path, database: bytes) -> None:
        self.fs = fs
        self.directory = directory
        self.database = database
        self.current: LogFile | None = None
        self._firsts: list[int] = []
        self._older: dict[int, LogFile] = {}
        self._lock = threading.Lock()

    def set(self, firsts: list[int], current: LogFile) -> None:
        """Take over what opening found; `firsts` ends with the current file's first entry."""
        self._firsts = firsts
        self.current = current

    def add(self, file: LogFile) -> None:
        """Make `file` the newest."""
        with self._lock:
            if self.current is not None:
                self._keep(self.current)
            self._firsts.append(file.header.first)
            self.current = file

    def firsts(self) -> list[int]:
        """Return the first entry's number of each file, oldest first."""
        return list(self._firsts)

    def path_of(self, first: int) -> Path:
        """Return where the file with this first entry is."""
        return self.directory / name_of_first(first)

    def read(self, n: int, limit: int, head: int) -> list[bytes]:
        """Return at most `limit` entries from `n` up to `head`.

        Raises:
            StorageError: storage/corrupt-log, storage/io-error.
        """
        entries: list[bytes] = []
        last = min(head, n + limit - 1)
        while n <= last:
            file = self.find(n)
            count = min(file.last, last) - n + 1
            entries += file.read(self.fs, n, count)
            n += count
        return entries

    def find(self, n: int) -> LogFile:
        """Return the file that holds entry `n`; REQUIRES: 1 <= n <= head."""
        with self._lock:
            index = bisect_right(self._firsts, n) - 1
            first = self._firsts[index]
            if self.current is not None and first == self.current.header.first:
                return self.current
            file = self._older.pop(first, None) or self._load(index)
            return self._keep(file)

    def _keep(self, file: LogFile) -> LogFile:
        self._older[file.header.first] = file
        while len(self._older) > _KEPT_FILES:
            del self._older[next(iter(self._older))]
        return file

    def _load(self, index: int) -> LogFile:
        first = self._firsts[index]
        return load_sealed(
            self.fs, self.path_of(first), self.database, self._firsts[index + 1] - 1
        )

    def damages(self, head: int) -> list[Damage]:
        """Check every file against itself and its neighbour; return what is wrong."""
        found: list[Damage] = []
        previous: LogFile | None = None
        for first, following in pairwise([*self.firsts(), head + 1]):
            try:
                file = self._check(first, following - 1, previous)
            except StorageError as error:
                found.append(damage_of(error))
                file = None
            previous = file
        return found

    def _check(self, first: int, last: int, previous: LogFile | None) -> LogFile:
        current = self.current
        if current is not None and first == current.header.first:
            current.read(self.fs, first, last - first + 1)
            file = current
        else:
            file = load_sealed(self.fs, self.path_of(first), self.database, last)
        if previous is not None:
            check_link(file, previous.header.first, previous.stop, previous.last_crc)
        return file


def log_firsts(fs: FileSystem, directory: Path) -> list[int]:
    """Return the first entry's number of every log file in a directory, in order.

    Raises:
        StorageError: storage/io-error, storage/denied.
    """
    try:
        names = fs.names(directory)
    except OSError as problem:
        raise storage_error(problem, "listing", directory) from problem
    return [first for name in names if (first := first_of_name(name))]


def read_log_file(fs: FileSystem, path: Path) -> bytes:
    """Return a log file's bytes.

    Raises:
        StorageError: storage/corrupt-log when it is not there, storage/io-error.
    """
    try:
        data = read_file(fs, path)
    except OSError as problem:
        raise storage_error(problem, "reading", path) from problem
    if data is None:
        raise corrupt_error(path, first_of_name(path.name), 0, "is in a file that is missing")
    return data


def load_sealed(fs: FileSystem, path: Path, database: bytes, last: int) -> LogFile:
    """Read a file that a later one follows, so that all of it up to entry `last` must be there.

    Raises:
        StorageError: storage/corrupt-log.
    """
    data = read_log_file(fs, path)
    header = decode_header(data, path, database)
    file = LogFile.of_frames(
        path, header, scan_frames(data, HEADER_BYTES, header.first, header.seed)
    )
    if file.last != last:
        bad = min(file.last, last) + 1
        verdict = judge_tail(data, file.stop, bad, last, header.seed)
        reason = verdict.reason if verdict else "is also in the next file"
        raise corrupt_error(path, bad, file.stop, reason)
    return file


def check_link(file: LogFile, first: int, stop: int, crc: int | None) -> None:
    """Refuse a file that was not begun at the end of the one before.

    Raises:
        StorageError: storage/corrupt-log.
    """
    header = file.header
    if header.previous_first != first or stop < header.previous_stop:
        raise corrupt_error(file.path, header.first, 0, "does not follow the file before it")
    if crc is not None and (header.previous_crc, header.previous_stop) != (crc, stop):
        raise corrupt_error(
            file.path, header.first, 0, "follows another file than the one there"
        )


def damage_of(error: StorageError) -> Damage:
    """Return a "storage/corrupt-log" (or read) error as data."""
    data = error.data
    return Damage(
        data.get("file", data.get("path", "")),
        data.get("entry", 0),
        data.get("offset", 0),
        data.get("reason", error.message),
    )
