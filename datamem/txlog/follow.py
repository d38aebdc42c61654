"""Following a log that another process writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from datamem.errors import StorageError
from datamem.txlog.catalog import Catalog, log_firsts, read_log_file
from datamem.txlog.files import FileSystem, read_at, storage_error
from datamem.txlog.frame import find_frame, scan_frames
from datamem.txlog.logfile import HEADER_BYTES, LogFile, decode_header

if TYPE_CHECKING:
    from datamem.txlog.opening import LogState


def refresh(catalog: Catalog, state: LogState) -> None:
    """Take in what was appended since; an unfinished record at the end is not there yet.

    Raises:
        StorageError: storage/log-rewound: an entry that was seen had not been durable and was
            lost in a crash of the writer. storage/corrupt-log, storage/io-error.

    Cost: with nothing new, one open and one read of a few bytes; else 1 µs an entry.
    """
    while True:
        if catalog.current is not None:
            _extend(catalog.fs, catalog.current)
            state.head = state.durable = catalog.current.last
        if not _take_next_file(catalog, state):
            return


def _extend(fs: FileSystem, file: LogFile) -> None:
    last = file.starts[-1]
    data = _read_from(fs, file, last)
    seen = find_frame(data, 0, file.header.seed)
    if seen is None or seen.crc != file.last_crc:
        raise StorageError(
            f"{file.path}: entry {file.last} is no longer what it was when read",
            code="storage/log-rewound",
            hint="its writer crashed before it was durable: connect again",
            file=str(file.path),
            entry=file.last,
        )
    found = scan_frames(data, seen.stop, file.last + 1, file.header.seed)
    if found.starts:
        file.stop = last + found.stop
        file.last_crc = found.last_crc
        file.starts.extend([last + start for start in found.starts])


def _read_from(fs: FileSystem, file: LogFile, offset: int) -> bytes:
    try:
        fd = fs.open(file.path, os.O_RDONLY)
        try:
            return read_at(fs, fd, max(fs.size(fd) - offset, 0), offset)
        finally:
            fs.close(fd)
    except OSError as error:
        raise storage_error(error, "reading", file.path) from error


def _take_next_file(catalog: Catalog, state: LogState) -> bool:
    first = state.head + 1
    if first not in log_firsts(catalog.fs, catalog.directory):
        return False
    path = catalog.path_of(first)
    data = read_log_file(catalog.fs, path)
    header = decode_header(data, path, catalog.database)
    file = LogFile.of_frames(path, header, scan_frames(data, HEADER_BYTES, first, header.seed))
    catalog.add(file)
    state.head = state.durable = file.last
    state.checkpoint = header.checkpoint
    return True
