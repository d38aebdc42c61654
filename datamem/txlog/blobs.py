"""Immutable blobs, one file each, in a directory of their own."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from datamem.errors import StorageError
from datamem.txlog.files import FileSystem, read_file, storage_error, write_new_file
from datamem.txlog.store import blob_exists_error, check_blob_name, missing_blob_error

if TYPE_CHECKING:
    from pathlib import Path


class BlobDirectory:
    """Blobs under `directory`; any thread may use it."""

    def __init__(self, fs: FileSystem, directory: Path) -> None:
        self._fs = fs
        self._directory = directory
        self._lock = threading.Lock()
        self._unsynced: set[str] = set()

    def put(self, name: str, data: bytes | memoryview, *, durable: bool) -> None:
        """Store a blob; see `Store.put`. Cost: a file, and with `durable` about three syncs."""
        check_blob_name(name)
        path = self._directory / name
        data = memoryview(data).cast("B")
        with self._lock:
            try:
                if (held := read_file(self._fs, path)) is not None:
                    self._put_again(name, held, data, durable=durable)
                    return
                self._unsynced.add(name)
                write_new_file(self._fs, path, data, durable=durable)
                if durable:
                    self._fs.sync_directory(self._directory)
                    self._unsynced.discard(name)
            except OSError as error:
                raise storage_error(error, "writing", path) from error

    def _put_again(self, name: str, held: bytes, data: memoryview, *, durable: bool) -> None:
        if held != data:
            raise blob_exists_error(name)
        if durable and name in self._unsynced:
            self._sync([name])

    def sync(self) -> None:
        """Make every blob put so far durable.

        Raises:
            StorageError: as writing one does.
        """
        with self._lock:
            if not self._unsynced:
                return
            try:
                self._sync(sorted(self._unsynced))
            except OSError as error:
                raise storage_error(error, "syncing", self._directory) from error

    def _sync(self, names: list[str]) -> None:
        for name in names:
            self._sync_file(self._directory / name)
        self._fs.sync_directory(self._directory)
        self._unsynced.difference_update(names)

    def _sync_file(self, path: Path) -> None:
        try:
            fd = self._fs.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return  # deleted since, or never finished
        try:
            self._fs.fdatasync(fd)
        finally:
            self._fs.close(fd)

    def get(self, name: str) -> bytes | None:
        """Return a blob's bytes or None."""
        check_blob_name(name)
        path = self._directory / name
        try:
            return read_file(self._fs, path)
        except OSError as error:
            raise storage_error(error, "reading", path) from error

    def open(self, name: str) -> memoryview:
        """Return a memory-mapped view of a blob, valid as long as it is referenced."""
        check_blob_name(name)
        path = self._directory / name
        try:
            fd = self._fs.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise missing_blob_error(name, str(self._directory)) from None
        except OSError as error:
            raise storage_error(error, "reading", path) from error
        try:
            return self._fs.map(fd)
        except OSError as error:
            raise storage_error(error, "reading", path) from error
        finally:
            self._fs.close(fd)

    def delete(self, name: str) -> None:
        """Forget a blob."""
        check_blob_name(name)
        with self._lock:
            try:
                self._fs.unlink(self._directory / name)
            except OSError as error:
                raise storage_error(error, "removing", self._directory / name) from error
            self._unsynced.discard(name)

    def names(self, prefix: str = "") -> list[str]:
        """Return the blobs' names, sorted."""
        try:
            names = self._fs.names(self._directory)
        except OSError as error:
            raise storage_error(error, "listing", self._directory) from error
        return [n for n in names if n.startswith(prefix) and not n.endswith(".tmp")]

    def copy_to(self, target: Path) -> None:
        """Give another directory all blobs: a second name for the same file, else a copy.

        Deleting waits meanwhile, so that the copy is of one moment.
        """
        with self._lock:
            for name in self.names():
                try:
                    self._fs.link(self._directory / name, target / name)
                except OSError:
                    data = read_file(self._fs, self._directory / name)
                    write_new_file(self._fs, target / name, data or b"")
                    continue
                self._sync_file(target / name)
            self._fs.sync_directory(target)


def refuse_read_only() -> StorageError:
    """Return the error for writing to a store that was opened read-only."""
    return StorageError(
        "the store is open read-only",
        code="storage/read-only",
        hint="open it for writing",
    )
