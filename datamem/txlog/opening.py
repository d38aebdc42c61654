"""Finding the log's end when it is opened: what is whole, what is torn, what is damaged.

Only the newest file is read; its header knows the newest checkpoint. `inspect_log` changes
nothing, `mend_log` is the writer's part: it cuts what was torn and writes again what no record
and no mark proves to have reached the disk, because after a failed sync the kernel may show
bytes that only the page cache holds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datamem.txlog.catalog import (
    Catalog,
    check_link,
    log_firsts,
    read_log_file,
)
from datamem.txlog.files import write_all
from datamem.txlog.frame import scan_frames
from datamem.txlog.logfile import HEADER_BYTES, LogFile, corrupt_error, decode_header
from datamem.txlog.store import Recovery
from datamem.txlog.tail import judge_tail

if TYPE_CHECKING:
    from datamem.txlog.files import FileSystem


@dataclass(slots=True)
class LogState:
    """What opening found.

    Attributes:
        head: newest entry.
        durable: newest entry that is proven to be on the disk.
        checkpoint: newest checkpoint, 0 for none.
        recovery: what has to be cut, or was ignored.
        unproven: the bytes of the entries after `durable`, to be written again.
    """

    head: int = 0
    durable: int = 0
    checkpoint: int = 0
    recovery: Recovery | None = None
    unproven: bytes = b""


def inspect_log(catalog: Catalog, marked: int) -> LogState:
    """Read the newest log file and judge its end; fill the catalog; change nothing.

    Args:
        catalog: empty; receives the files.
        marked: newest entry that the durable mark promises.

    Raises:
        StorageError: storage/corrupt-log.

    Cost: one pass over the newest file, about 1 µs an entry.
    """
    firsts = log_firsts(catalog.fs, catalog.directory)
    if not firsts:
        if marked:
            raise corrupt_error(
                catalog.path_of(1),
                1,
                0,
                f"is missing, and entries up to {marked} had been stored",
            )
        return LogState()
    path = catalog.path_of(firsts[-1])
    data = read_log_file(catalog.fs, path)
    header = decode_header(data, path, catalog.database)
    frames = scan_frames(data, HEADER_BYTES, header.first, header.seed)
    file = LogFile.of_frames(path, header, frames)
    durable = max(marked, header.born_with, frames.durable)
    recovery = _judge_end(data, file, durable)
    _check_previous(catalog.fs, catalog, file, firsts)
    catalog.set(firsts, file)
    unproven = data[_start_of(file, durable + 1) : file.stop]
    return LogState(file.last, durable, header.checkpoint, recovery, unproven)


def _judge_end(data: bytes, file: LogFile, durable: int) -> Recovery | None:
    verdict = judge_tail(data, file.stop, file.last + 1, durable, file.header.seed)
    if verdict is None:
        return None
    if not verdict.torn:
        raise corrupt_error(file.path, file.last + 1, file.stop, verdict.reason)
    cut = max(len(data.rstrip(b"\0")) - file.stop, 0)
    return Recovery(
        str(file.path), file.last + 1, cut, f"entry {file.last + 1} {verdict.reason}"
    )


def _check_previous(fs: FileSystem, catalog: Catalog, file: LogFile, firsts: list[int]) -> None:
    """Compare the newest file with the size of the one before, without reading that one."""
    if firsts[0] != 1:
        raise corrupt_error(catalog.path_of(1), 1, 0, "is in a file that is missing")
    if len(firsts) == 1:
        return
    path = catalog.path_of(firsts[-2])
    fd = fs.open(path, os.O_RDONLY)
    try:
        size = fs.size(fd)
    finally:
        fs.close(fd)
    if size < file.header.previous_stop:
        raise corrupt_error(path, file.header.first - 1, size, "is in a file that was cut")
    check_link(file, firsts[-2], size, None)


def _start_of(file: LogFile, n: int) -> int:
    return file.starts[n - file.header.first] if n <= file.last else file.stop


def mend_log(fs: FileSystem, catalog: Catalog, state: LogState) -> int | None:
    """Open the newest file for writing, cut its torn end, make sure of the unproven entries.

    Returns:
        The file's descriptor, None when there is no file yet.

    Raises:
        OSError: as the system says.
    """
    file = catalog.current
    if file is None:
        return None
    fd = fs.open(file.path, os.O_RDWR)
    try:
        if state.recovery:
            fs.truncate(fd, file.stop)
        if state.unproven:
            write_all(fs, fd, state.unproven, file.stop - len(state.unproven))
        if state.recovery or state.unproven:
            fs.fdatasync(fd)
    except BaseException:
        fs.close(fd)
        raise
    state.durable, state.unproven = state.head, b""
    return fd
