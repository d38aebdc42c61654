"""A store in a directory: one writer, any number of readers that follow.

DATAMEM     what this is: format and identity
durable     up to which entry all was on the disk at the last close
lock        held by the writer; names its process
log/        00000000000000000001.log, … named by their first entry
blobs/      one file a blob
"""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Self

from datamem.errors import StorageError
from datamem.txlog.blobs import BlobDirectory, refuse_read_only
from datamem.txlog.catalog import Catalog
from datamem.txlog.copying import check_free, copy_store
from datamem.txlog.files import FileSystem, storage_error
from datamem.txlog.follow import refresh
from datamem.txlog.lock import DirectoryLock
from datamem.txlog.manifest import (
    DurableMark,
    read_manifest,
    read_mark,
    write_manifest,
    write_mark,
)
from datamem.txlog.opening import LogState, inspect_log, mend_log
from datamem.txlog.policy import SyncPolicy, Ticker
from datamem.txlog.salvage import inspect_prefix
from datamem.txlog.store import Damage, Recovery, closed_error
from datamem.txlog.writer import FILE_BYTES, LogWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_POLL_SECONDS = 0.02


class DirectoryStore:
    """Entries and blobs in a directory; keeps the contract of `Store`.

    Attributes:
        path: the directory.
        read_only: opened without the lock; `head` and `wait` follow the writer.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        read_only: bool = False,
        create: bool = True,
        salvage: bool = False,
        fsync: str = "always",
        file_bytes: int = FILE_BYTES,
        preallocate: bool = True,
        fs: FileSystem | None = None,
    ) -> None:
        """Open the database in `path`, making one where there is nothing.

        Args:
            path: a directory.
            read_only: take no lock and write nothing.
            create: make a new database; False refuses a path without one.
            salvage: with `read_only`, open a damaged log up to the damage (`recovery` says where).
            fsync: "always", "interval:<ms>" or "off".
            file_bytes: size at which a new log file begins.
            preallocate: write zeros ahead under "always"; commits are about a third faster.
            fs: the files, for tests.

        Raises:
            StorageError: storage/not-a-database, storage/not-found, storage/newer-format,
                storage/locked, storage/corrupt-log, storage/denied, storage/bad-policy.
        """
        self.path = Path(path)
        self.read_only = read_only
        self._policy = SyncPolicy.parse(fsync)
        self._fs = fs or FileSystem()
        self._changed = threading.Condition()
        self._waiting = 0
        self._closed = False
        self._lock_file: DirectoryLock | None = None
        self._writer: LogWriter | None = None
        self._ticker: Ticker | None = None
        self._mark = DurableMark()
        self._state = LogState()
        self._salvaged = salvage and read_only
        try:
            self._open(create=create)
            if not read_only:
                self._open_writer(file_bytes, preallocate=preallocate)
        except OSError as error:
            self._release()
            raise storage_error(error, "opening", self.path) from error
        except BaseException:
            self._release()
            raise

    @classmethod
    def create_copy(cls, path: str | Path) -> Self:
        """Make a new database in a directory that must not hold anything.

        Raises:
            StorageError: storage/exists.
        """
        check_free(FileSystem(), Path(path))
        return cls(path)

    def _open(self, *, create: bool) -> None:
        database = read_manifest(self._fs, self.path)
        if database is None and (self.read_only or not create):
            raise StorageError(
                f"there is no database in {self.path}",
                code="storage/not-found",
                hint="check the path, or open it for writing to make one",
                path=str(self.path),
            )
        if not self.read_only:
            self._fs.make_directory(self.path)
            self._lock_file = DirectoryLock(self._fs, self.path / "lock")
            database = read_manifest(self._fs, self.path) or self._create()
            self._sweep()
        assert database is not None, "read, made, or refused above"
        self._blobs = BlobDirectory(self._fs, self.path / "blobs")
        self._catalog = Catalog(self._fs, self.path / "log", database)
        if self._salvaged:
            self._state = inspect_prefix(self._catalog)
            return
        self._mark = read_mark(self._fs, self.path)
        self._state = self._inspect()

    def _inspect(self) -> LogState:
        """Inspect the log; a reader that met a writer in the middle of a write looks again."""
        try:
            return inspect_log(self._catalog, self._mark.entry)
        except StorageError:
            if not self.read_only:
                raise
        return inspect_log(self._catalog, self._mark.entry)

    def _create(self) -> bytes:
        for name in ("log", "blobs"):
            self._fs.make_directory(self.path / name)
        database = uuid.uuid4().bytes
        write_manifest(self._fs, self.path, database)
        return database

    def _sweep(self) -> None:
        """Remove what an interrupted write left beside its target."""
        for directory in (self.path, self.path / "log", self.path / "blobs"):
            for name in self._fs.names(directory):
                if name.endswith(".tmp"):
                    self._fs.unlink(directory / name)

    def _open_writer(self, file_bytes: int, *, preallocate: bool) -> None:
        fd = mend_log(self._fs, self._catalog, self._state)
        self._writer = LogWriter(
            self._fs,
            self._catalog,
            self._state,
            fd,
            always=self._policy.always,
            file_bytes=file_bytes,
            preallocate=preallocate,
        )
        if self._policy.interval_ms is not None:
            self._ticker = Ticker(self._policy.interval_ms, self.tick)

    @property
    def recovery(self) -> Recovery | None:
        """What opening had to cut (or, read-only, to ignore), or None."""
        return self._state.recovery

    @property
    def durable(self) -> int:
        """Number of the newest entry that is known to be on the disk."""
        return self._writer.durable if self._writer else self._state.durable

    def append(self, n: int, entry: bytes, *, checkpoint: bool = False) -> None:
        """See `Store.append`. Cost besides the write and the sync: about 5 µs."""
        with self._changed:
            writer = self._check_writable()
            if checkpoint:
                self._blobs.sync()
            writer.append(n, (entry,), checkpoint=checkpoint)
            if self._waiting:
                self._changed.notify_all()

    def append_many(self, n: int, entries: Sequence[bytes], *, is_synced: bool = True) -> None:
        """See `Store.append_many`. Cost besides the write and the sync: about 1.5 µs an entry."""
        with self._changed:
            writer = self._check_writable()
            writer.append(n, entries, checkpoint=False, is_synced=is_synced)
            if self._waiting:
                self._changed.notify_all()

    def sync(self) -> None:
        """See `Store.sync`."""
        with self._changed:
            writer = self._check_writable()
            self._blobs.sync()
            writer.sync()

    def tick(self) -> None:
        """Sync what the interval policy owes, without holding up appends; its thread calls this."""
        with self._changed:
            writer = self._writer
            if self._closed or writer is None or writer.failure or writer.fd is None:
                return
            if (head := writer.head) == writer.durable:
                return
            fd = self._fs.duplicate(writer.fd)
        try:
            self._fs.fdatasync(fd)
            error = None
        except OSError as problem:
            error = problem
        finally:
            self._fs.close(fd)
        with self._changed:
            if error is not None:
                writer.fail(error)
            else:
                writer.durable = max(writer.durable, head)

    def read(self, n: int, limit: int) -> list[bytes]:
        """See `Store.read`. Cost: the bytes read, about 1.5 µs an entry; old files are scanned once."""
        head = self.head()
        return self._catalog.read(n, limit, head) if 1 <= n <= head and limit > 0 else []

    def head(self) -> int:
        """See `Store.head`. A read-only store looks what the writer has appended since."""
        self._check_open()
        if self._writer is not None:
            return self._writer.head
        if not self._salvaged:
            with self._changed:
                refresh(self._catalog, self._state)
        return self._state.head

    def latest_checkpoint(self) -> tuple[int, bytes] | None:
        """See `Store.latest_checkpoint`."""
        self._check_open()
        source = self._writer or self._state
        n = source.checkpoint
        return (n, self._catalog.read(n, 1, n)[0]) if n else None

    def put(self, name: str, data: bytes | memoryview, *, durable: bool | None = None) -> None:
        """See `Store.put`."""
        with self._changed:
            self._check_writable()
        wanted = not self._policy.is_off if durable is None else durable
        self._blobs.put(name, data, durable=wanted)

    def get(self, name: str) -> bytes | None:
        """See `Store.get`."""
        self._check_open()
        return self._blobs.get(name)

    def open_blob(self, name: str) -> memoryview:
        """See `Store.open_blob`."""
        self._check_open()
        return self._blobs.open(name)

    def delete(self, name: str) -> None:
        """See `Store.delete`."""
        with self._changed:
            self._check_writable()
        self._blobs.delete(name)

    def names(self, prefix: str = "") -> list[str]:
        """See `Store.names`."""
        self._check_open()
        return self._blobs.names(prefix)

    def wait(self, n: int, timeout: float) -> bool:
        """See `Store.wait`. A read-only store looks every 20 ms."""
        deadline = time.monotonic() + timeout
        while self.head() < n:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._pause(n, left)
        return True

    def _pause(self, n: int, left: float) -> None:
        """Sleep until something was appended here, or for a while when others append."""
        with self._changed:
            self._waiting += 1
            try:
                if self._writer is None:
                    self._changed.wait(min(left, _POLL_SECONDS))
                elif self._writer.head < n and not self._closed:
                    self._changed.wait(left)
            finally:
                self._waiting -= 1

    def verify(self) -> list[Damage]:
        """See `Store.verify`."""
        head = self.head()
        found = self._catalog.damages(head)
        if self._salvaged and (cut := self._state.recovery):
            found.append(Damage(cut.file, cut.entry, 0, cut.reason))
        return found

    def copy_to(self, path: str | Path, upto: int | None = None) -> None:
        """See `Store.copy_to`. Blobs get a second name where the file system can, else are copied."""
        head = self.head()
        last = head if upto is None else min(upto, head)
        copy_store(self._fs, self._catalog, self._blobs, Path(path), last)

    def close(self) -> None:
        """See `Store.close`. Leaves the mark that lets the next open tell damage from a crash."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        if self._ticker is not None:
            self._ticker.stop()
        try:
            if self._lock_file is not None and self._lock_file.is_ours:
                self._finish()
        finally:
            self._release()

    def _finish(self) -> None:
        """Sync and mark; after a failed write there is nothing that may be promised."""
        writer = self._writer
        if writer is None or writer.failure is not None:
            return
        self._blobs.sync()
        if self._catalog.current is not None:
            writer.seal(self._catalog.current)
        if writer.durable > self._mark.entry:
            try:
                write_mark(
                    self._fs, self.path, DurableMark(writer.durable, self._mark.round + 1)
                )
            except OSError as error:
                raise storage_error(error, "closing", self.path) from error

    def _release(self) -> None:
        self._closed = True
        if self._writer is not None:
            self._writer.close()
        if self._lock_file is not None:
            self._lock_file.release()
            self._lock_file = None

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error()

    def _check_writable(self) -> LogWriter:
        if self._closed:
            raise closed_error()
        if self._writer is None or self._lock_file is None:
            raise refuse_read_only()
        self._lock_file.check()
        return self._writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
