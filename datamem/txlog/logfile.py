"""One file of the log: its name, its header, and reading the entries in it."""

from __future__ import annotations

import os
import re
from array import array
from dataclasses import dataclass, replace
from struct import Struct, error
from typing import TYPE_CHECKING, Final
from zlib import crc32

from datamem.errors import StorageError
from datamem.txlog.files import FileSystem, read_at, storage_error
from datamem.txlog.frame import Frames, find_frame

if TYPE_CHECKING:
    from pathlib import Path

MAGIC: Final = b"datamemL"
FORMAT: Final = 1
_HEADER: Final = Struct("<8sI16sQQQQQI")
_CRC: Final = Struct("<I")
HEADER_BYTES: Final = _HEADER.size + _CRC.size
_NAME: Final = re.compile(r"(\d{20})\.log")


@dataclass(frozen=True, slots=True)
class LogHeader:
    """The first 76 bytes of a log file; see `docs/format-log.md`.

    Attributes:
        database: 16 bytes that all files of one database share.
        first: number of the file's first entry, also its name.
        born_with: newest entry that was in the file when it got its name; all up to it were synced.
        checkpoint: newest checkpoint at or before `first`; 0 for none.
        previous_first, previous_stop, previous_crc: first entry, end and last checksum of the
            file before; zeros for the first file.
        seed: checksum of this header; every frame's checksum is begun with it.
    """

    database: bytes
    first: int
    born_with: int
    checkpoint: int
    previous_first: int
    previous_stop: int
    previous_crc: int
    seed: int = 0

    def encode(self) -> bytes:
        """Return the header's 76 bytes."""
        body = self._body()
        return body + _CRC.pack(crc32(body))

    def sealed(self) -> LogHeader:
        """Return the same header with its seed."""
        return replace(self, seed=crc32(self._body()))

    def _body(self) -> bytes:
        return _HEADER.pack(
            MAGIC,
            FORMAT,
            self.database,
            self.first,
            self.born_with,
            self.checkpoint,
            self.previous_first,
            self.previous_stop,
            self.previous_crc,
        )


def decode_header(data: bytes, path: Path, database: bytes) -> LogHeader:
    """Read and check a log file's header.

    Raises:
        StorageError: storage/corrupt-log, storage/newer-format.
    """
    first = first_of_name(path.name)
    try:
        fields = _HEADER.unpack_from(data)
        seed = crc32(data[: _HEADER.size])
    except error:
        raise corrupt_error(path, first, 0, "is in a file without a header") from None
    magic, version = fields[:2]
    if magic == MAGIC and version > FORMAT:
        raise newer_format_error(path, version, FORMAT)
    header = replace(LogHeader(*fields[2:]), seed=seed)
    if magic != MAGIC or _CRC.pack(seed) != data[_HEADER.size : HEADER_BYTES]:
        raise corrupt_error(path, first, 0, "is in a file with a damaged header")
    if header.first != first or header.database != database:
        raise corrupt_error(path, first, 0, "is in a file that belongs elsewhere")
    return header


@dataclass(slots=True)
class LogFile:
    """A log file whose frames have been found.

    `starts` only grows, and an entry's start is there before the entry's number is published, so
    that readers need no lock.
    """

    path: Path
    header: LogHeader
    starts: array[int]
    stop: int
    last_crc: int

    @classmethod
    def of_frames(cls, path: Path, header: LogHeader, frames: Frames) -> LogFile:
        """Join a header and what was found behind it."""
        return cls(path, header, frames.starts, frames.stop, frames.last_crc)

    @property
    def last(self) -> int:
        """Number of the newest entry in the file, first - 1 when there is none."""
        return self.header.first + len(self.starts) - 1

    def read(self, fs: FileSystem, n: int, count: int) -> list[bytes]:
        """Return `count` entries from `n` on; REQUIRES: they are in this file.

        Raises:
            StorageError: storage/corrupt-log, storage/io-error.
        """
        index = n - self.header.first
        starts = self.starts[index : index + count + 1]
        stop = starts.pop() if len(starts) > count else self.stop
        base = starts[0]
        data = self._read_bytes(fs, base, stop - base)
        entries = []
        for number, start in enumerate(starts, n):
            frame = find_frame(data, start - base, self.header.seed)
            if frame is None or frame.number != number:
                raise corrupt_error(self.path, number, start, "has a wrong checksum")
            entries.append(data[frame.payload_start : frame.stop - 1])
        return entries

    def _read_bytes(self, fs: FileSystem, offset: int, size: int) -> bytes:
        try:
            fd = fs.open(self.path, os.O_RDONLY)
            try:
                return read_at(fs, fd, size, offset)
            finally:
                fs.close(fd)
        except OSError as problem:
            raise storage_error(problem, "reading", self.path) from problem


def name_of_first(first: int) -> str:
    """Return the name of the log file whose first entry is `first`."""
    return f"{first:020d}.log"


def first_of_name(name: str) -> int:
    """Return the first entry's number that a log file's name tells, 0 for other names."""
    match = _NAME.fullmatch(name)
    return int(match.group(1)) if match else 0


def corrupt_error(path: Path, entry: int, offset: int, reason: str) -> StorageError:
    """Return the error for a damaged log: file, entry, byte, and what can be done."""
    return StorageError(
        f"{path}: entry {entry}, at byte {offset}, {reason}",
        code="storage/corrupt-log",
        hint="nothing was changed; restore a backup, or copy the entries before it:"
        " DirectoryStore(path, read_only=True, salvage=True).copy_to(new_path)",
        file=str(path),
        entry=entry,
        offset=offset,
        reason=reason,
    )


def newer_format_error(path: Path, found: int, known: int) -> StorageError:
    """Return the error for a file that a newer datamem wrote."""
    return StorageError(
        f"{path} has format {found}, this version reads up to {known}",
        code="storage/newer-format",
        hint="install a newer datamem",
        path=str(path),
        found=found,
        known=known,
    )
