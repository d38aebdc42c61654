"""Every call to the operating system's files, in one object that tests can replace."""

from __future__ import annotations

import errno
import mmap
import os
from typing import TYPE_CHECKING, Final

from datamem.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_READ_STEP: Final = 64 << 20


class FileSystem:
    """The real files. A test subclasses it to fail the nth call, to tear a write, to lose power."""

    def open(self, path: Path, flags: int) -> int:
        """Return a file descriptor; new files are readable by everybody the umask allows."""
        return os.open(path, flags, 0o666)

    def close(self, fd: int) -> None:
        """Close a file descriptor."""
        os.close(fd)

    def duplicate(self, fd: int) -> int:
        """Return a second descriptor of the same open file."""
        return os.dup(fd)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write at `offset` and return how many bytes were written, perhaps fewer than given."""
        return os.pwrite(fd, data, offset)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Read at most `size` bytes at `offset`."""
        return os.pread(fd, size, offset)

    def fdatasync(self, fd: int) -> None:
        """Force a file's bytes, and the size needed to read them, to the disk."""
        os.fdatasync(fd)

    def sync_directory(self, path: Path) -> None:
        """Force a directory's entries (files made, renamed, removed) to the disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut or extend a file to `size` bytes."""
        os.ftruncate(fd, size)

    def size(self, fd: int) -> int:
        """Return the size of an open file in bytes."""
        return os.fstat(fd).st_size

    def rename(self, source: Path, target: Path) -> None:
        """Rename within a directory, replacing `target` atomically."""
        source.rename(target)

    def link(self, source: Path, target: Path) -> None:
        """Give the file `source` a second name."""
        target.hardlink_to(source)

    def unlink(self, path: Path) -> None:
        """Remove a file's name; a missing one is no error."""
        path.unlink(missing_ok=True)

    def make_directory(self, path: Path) -> None:
        """Make a directory and its parents; an existing one is no error."""
        path.mkdir(parents=True, exist_ok=True)

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory, sorted; a missing directory has none."""
        try:
            return sorted(os.listdir(path))  # noqa: PTH208  names are wanted, not paths
        except FileNotFoundError:
            return []

    def inode(self, path: str) -> int:
        """Return the inode number of a path."""
        return os.stat(path).st_ino  # noqa: PTH116  in the commit path: half the cost of Path.stat

    def map(self, fd: int) -> memoryview:
        """Return a read-only view of a whole file, valid as long as it is referenced."""
        size = self.size(fd)
        return memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ) if size else b"")


def write_all(fs: FileSystem, fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` at `offset`, going on after short writes.

    Raises:
        OSError: as the system says; some of the bytes may have been written.
    """
    written = fs.pwrite(fd, data, offset)
    if written == len(data):
        return
    rest = memoryview(data)
    while written < len(data):
        step = fs.pwrite(fd, rest[written:], offset + written)
        if step == 0:
            raise OSError(errno.EIO, "a write wrote nothing")
        written += step


def read_at(fs: FileSystem, fd: int, size: int, offset: int) -> bytes:
    """Read `size` bytes at `offset`, fewer only where the file ends."""
    data = fs.pread(fd, min(size, _READ_STEP), offset)
    if len(data) == size or not data:
        return data
    parts = [data]
    got = len(data)
    while got < size and (data := fs.pread(fd, min(size - got, _READ_STEP), offset + got)):
        parts.append(data)
        got += len(data)
    return b"".join(parts)


def read_file(fs: FileSystem, path: Path) -> bytes | None:
    """Return a whole file's bytes, or None when there is no such file."""
    try:
        fd = fs.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return read_at(fs, fd, fs.size(fd), 0)
    finally:
        fs.close(fd)


def write_new_file(
    fs: FileSystem, path: Path, data: bytes | memoryview, *, durable: bool = True
) -> None:
    """Make `path` hold `data`, wholly or not at all, even if power fails.

    Writes beside (`<name>.tmp`), syncs, and renames over `path`. The directory is not synced.

    Raises:
        OSError: as the system says; `path` is unchanged and the temporary file is gone.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        fd = fs.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            _write_in_steps(fs, fd, data, durable=durable)
        finally:
            fs.close(fd)
        fs.rename(temporary, path)
    except BaseException:
        _unlink_quietly(fs, temporary)
        raise


def _write_in_steps(
    fs: FileSystem, fd: int, data: bytes | memoryview, *, durable: bool, step: int = 4 << 20
) -> None:
    """Write and sync a few megabytes at a time: one large sync holds up everybody's commits."""
    view = memoryview(data)
    for start in range(0, max(len(view), 1), step):
        write_all(fs, fd, view[start : start + step], start)
        if durable:
            fs.fdatasync(fd)


def _unlink_quietly(fs: FileSystem, path: Path) -> None:
    try:
        fs.unlink(path)
    except OSError:
        return  # the next open sweeps temporary files


def is_full(error: OSError) -> bool:
    """Tell whether the error says that there is no room."""
    return error.errno in _FULL


def storage_error(error: OSError, doing: str, path: Path) -> StorageError:
    """Return what an OSError means to the user: what was being done, to which file."""
    why = error.strerror or str(error)
    if is_full(error):
        return StorageError(
            f"no room left while {doing} {path}: {why}",
            code="storage/disk-full",
            hint="free some space and try again; nothing was changed",
            path=str(path),
            errno=error.errno,
        )
    if error.errno in _DENIED:
        return StorageError(
            f"no permission for {doing} {path}: {why}",
            code="storage/denied",
            hint="change the permissions, or open it read-only",
            path=str(path),
            errno=error.errno,
        )
    return StorageError(
        f"{doing} {path} failed: {why}",
        code="storage/io-error",
        hint="look at the disk and the system's log",
        path=str(path),
        errno=error.errno,
    )
