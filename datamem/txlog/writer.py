"""Appending to the log: one write and one sync a group, new files, and what a failure means."""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING, Final

from datamem.errors import StorageError
from datamem.txlog.files import FileSystem, is_full, storage_error, write_all, write_new_file
from datamem.txlog.frame import CHECKPOINT, ENTRY, checksum_at, encode_frame
from datamem.txlog.logfile import HEADER_BYTES, LogFile, LogHeader
from datamem.txlog.store import check_entry_size, conflict_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datamem.txlog.catalog import Catalog
    from datamem.txlog.opening import LogState

FILE_BYTES: Final = 64 << 20
_LEAST_STEP: Final = 32 << 10
_LARGEST_STEP: Final = 256 << 10


class LogWriter:
    """Appends to the newest log file. One thread at a time: the store holds its lock.

    Attributes:
        head: newest entry; published last, so that a reader of `head` finds the entry.
        durable: newest entry known to be on the disk.
        checkpoint: newest checkpoint, 0 for none.
        failure: why nothing can be appended any more, or None.
    """

    def __init__(
        self,
        fs: FileSystem,
        catalog: Catalog,
        state: LogState,
        fd: int | None,
        *,
        always: bool,
        file_bytes: int,
        preallocate: bool,
    ) -> None:
        self.head = state.head
        self.durable = state.durable
        self.checkpoint = state.checkpoint
        self.failure: str | None = None
        self.fd = fd
        self._fs = fs
        self._catalog = catalog
        self._always = always
        self._file_bytes = file_bytes
        self._preallocates = always and preallocate
        self._allocated = fs.size(fd) if fd is not None else 0

    def append(
        self, n: int, entries: Sequence[bytes], *, checkpoint: bool, is_synced: bool = True
    ) -> None:
        """Write entries n, n + 1, …; see `Store.append`."""
        if self.failure is not None:
            raise self._refusal()
        if n != self.head + 1:
            raise conflict_error(n, self.head)
        for entry in entries:
            check_entry_size(entry)
        if not entries:
            return
        file = self._catalog.current
        if file is None or checkpoint or file.stop >= self._file_bytes:
            self._begin_file(file, n, entries, checkpoint=checkpoint)
        else:
            self._extend(file, n, entries, is_synced=is_synced and self._always)

    def _extend(
        self, file: LogFile, n: int, entries: Sequence[bytes], *, is_synced: bool
    ) -> None:
        stop, count = file.stop, len(file.starts)
        data, starts = _encode(
            ENTRY, n, entries, durable=self.durable, seed=file.header.seed, offset=stop
        )
        small = (
            len(data) < _LARGEST_STEP
        )  # a large entry makes its blocks itself, and writes them once
        if self._preallocates and small and stop + len(data) > self._allocated:
            self._preallocate(file, stop + len(data))
        try:
            self._write(file, data, stop, is_synced=is_synced)
            file.starts.extend(starts)
            file.stop = stop + len(data)
            self._allocated = max(self._allocated, file.stop)
            file.last_crc = checksum_at(data, starts[-1] - stop)
            self.head = n + len(entries) - 1
        except StorageError:
            raise
        except BaseException:  # an interrupt: the entry is either stored or gone, never half
            if self.head < n:
                del file.starts[count:]
                file.stop = stop
                self._take_back(file)
            raise
        if is_synced:
            self.durable = self.head

    def _write(self, file: LogFile, data: bytes, offset: int, *, is_synced: bool) -> None:
        fd = self._descriptor()
        try:
            write_all(self._fs, fd, data, offset)
        except OSError as error:
            taken_back = self._take_back(file)
            if taken_back and is_full(error):
                raise storage_error(error, "appending to", file.path) from error
            raise self._fail(error, file) from error
        if is_synced:
            try:
                self._fs.fdatasync(fd)
            except OSError as error:
                raise self._fail(error, file) from error

    def _descriptor(self) -> int:
        assert self.fd is not None, "a current file has a descriptor"
        return self.fd

    def _take_back(self, file: LogFile) -> bool:
        """Cut the file to its whole entries; failing that, never append again."""
        try:
            self._fs.truncate(self._descriptor(), file.stop)
        except OSError as error:
            self._fail(error, file)
            return False
        self._allocated = file.stop
        return True

    def _preallocate(self, file: LogFile, needed: int) -> None:
        """Write zeros ahead: syncing into existing blocks need not sync the file's size too."""
        start = max(self._allocated, file.stop)
        target = needed + min(max(file.stop, _LEAST_STEP), _LARGEST_STEP)
        try:
            write_all(self._fs, self._descriptor(), bytes(target - start), start)
        except OSError as error:
            if not self._take_back(file):
                raise self._refusal() from error
            if not is_full(error):
                raise self._fail(error, file) from error
            return  # the last free bytes are for entries
        self._allocated = target

    def _begin_file(
        self, old: LogFile | None, n: int, entries: Sequence[bytes], *, checkpoint: bool
    ) -> None:
        """Put the entries into a new file, which is durable before it gets its name."""
        if old is not None:
            self.seal(old)
        header = self._header_after(old, n, n + len(entries) - 1, checkpoint=checkpoint)
        kind = CHECKPOINT if checkpoint else ENTRY
        data, starts = _encode(
            kind, n, entries, durable=self.durable, seed=header.seed, offset=HEADER_BYTES
        )
        path = self._catalog.path_of(n)
        stop = HEADER_BYTES + len(data)
        file = LogFile(path, header, starts, stop, checksum_at(data, starts[-1] - HEADER_BYTES))
        try:
            write_new_file(self._fs, path, header.encode() + data)
        except OSError as error:
            if is_full(error):
                raise storage_error(error, "beginning", path) from error
            raise self._fail(error, file) from error
        except BaseException as interrupt:  # the file may have its name already
            self._fail(interrupt, file)
            raise
        self._switch(file)

    def _switch(self, file: LogFile) -> None:
        """Make a file that has just got its name the newest."""
        try:
            self._fs.sync_directory(file.path.parent)
            fd = self._fs.open(file.path, os.O_RDWR)
            self._close_fd()
        except OSError as error:
            raise self._fail(error, file) from error
        except BaseException as interrupt:
            self._fail(interrupt, file)
            raise
        self.fd, self._allocated = fd, file.stop
        self._catalog.add(file)
        self.checkpoint = file.header.checkpoint
        self.head = self.durable = file.last

    def _header_after(
        self, old: LogFile | None, first: int, last: int, *, checkpoint: bool
    ) -> LogHeader:
        return LogHeader(
            database=self._catalog.database,
            first=first,
            born_with=last,
            checkpoint=first if checkpoint else self.checkpoint,
            previous_first=old.header.first if old else 0,
            previous_stop=old.stop if old else 0,
            previous_crc=old.last_crc if old else 0,
        ).sealed()

    def seal(self, file: LogFile) -> None:
        """Sync the file and give back what was allocated ahead.

        Raises:
            StorageError: storage/write-failed.
        """
        fd = self._descriptor()
        try:
            if self._allocated > file.stop:
                self._fs.truncate(fd, file.stop)
                self._allocated = file.stop
                self._fs.fdatasync(fd)
        except OSError as error:
            raise self._fail(error, file) from error
        self.sync()

    def sync(self) -> None:
        """Sync the newest file if it holds entries that may not be on the disk.

        Raises:
            StorageError: storage/write-failed.
        """
        if self.failure is not None:
            raise self._refusal()
        file = self._catalog.current
        if file is None or self.durable == self.head:
            return
        head = self.head
        try:
            self._fs.fdatasync(self._descriptor())
        except OSError as error:
            raise self._fail(error, file) from error
        self.durable = head

    def close(self) -> None:
        """Release the file; REQUIRES: `seal` was called if all is well."""
        self._close_fd()

    def _close_fd(self) -> None:
        if self.fd is not None:
            fd, self.fd = self.fd, None
            self._fs.close(fd)

    def fail(self, error: BaseException) -> StorageError:
        """Take note that a sync failed elsewhere; nothing can be appended any more."""
        file = self._catalog.current
        assert file is not None, "only an existing file is synced"
        return self._fail(error, file)

    def _fail(self, error: BaseException, file: LogFile) -> StorageError:
        if self.failure is None:
            self.failure = f"writing {file.path} failed: {error!r}"
        return self._refusal()

    def _refusal(self) -> StorageError:
        return StorageError(
            f"nothing more can be appended: {self.failure}",
            code="storage/write-failed",
            hint="reading goes on; look at the disk, then connect again",
        )


def _encode(
    kind: bytes, n: int, entries: Sequence[bytes], *, durable: int, seed: int, offset: int
) -> tuple[bytes, array[int]]:
    """Return the entries' frames end to end, and where each starts when written at `offset`."""
    if len(entries) == 1:
        return encode_frame(kind, n, durable, entries[0], seed), array("Q", (offset,))
    frames = [encode_frame(kind, i, durable, entry, seed) for i, entry in enumerate(entries, n)]
    starts = array("Q")
    for frame in frames:
        starts.append(offset)
        offset += len(frame)
    return b"".join(frames), starts
