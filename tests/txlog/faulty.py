"""Files that fail: the nth call, a full disk, short writes, and a power cut that tears."""

from __future__ import annotations

import errno
import os
import random  # noqa: TID251  seeded: which sectors a power cut keeps
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamem.txlog import DirectoryStore, FileSystem

CALLS = (
    "open",
    "duplicate",
    "pwrite",
    "pread",
    "fdatasync",
    "sync_directory",
    "truncate",
    "size",
    "rename",
    "link",
    "unlink",
    "make_directory",
    "names",
    "map",
)
CHANGES = ("pwrite", "fdatasync", "sync_directory", "truncate", "rename", "unlink")
SECTOR = 512


class CountingFileSystem(FileSystem):
    """Calls `before` ahead of each operation, with its number, name and arguments."""

    counted: tuple[str, ...] = CALLS

    def __init__(self) -> None:
        self.calls: list[str] = []
        for name in self.counted:
            setattr(self, name, self._wrapped(name, getattr(self, name)))

    def _wrapped(self, name: str, call: Any) -> Any:
        def counted(*args: Any) -> Any:
            self.calls.append(name)
            self.before(len(self.calls), name, args)
            return call(*args)

        return counted

    def before(self, number: int, name: str, args: tuple[Any, ...]) -> None:
        """Raise here to make the call fail."""


class FailingFileSystem(CountingFileSystem):
    """The nth call fails with `error`; so do all later ones if `lasting`."""

    def __init__(self, nth: int, error: int = errno.EIO, *, lasting: bool = False) -> None:
        super().__init__()
        self.nth, self.error, self.lasting = nth, error, lasting

    def before(self, number: int, name: str, args: tuple[Any, ...]) -> None:
        if number == self.nth or (self.lasting and number > self.nth):
            raise OSError(self.error, os.strerror(self.error))


class SmallDisk(FileSystem):
    """A disk with `room` bytes: a write that does not fit is cut short, the next one refused."""

    def __init__(self, room: int) -> None:
        self.room = room

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        growth = max(offset + len(data) - os.fstat(fd).st_size, 0)
        if growth > self.room:
            data = data[: len(data) - growth + self.room]
            if not len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            growth = self.room
        self.room -= growth
        return super().pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        self.room += os.fstat(fd).st_size - size
        super().truncate(fd, size)


class ShortWrites(FileSystem):
    """Writes at most 7 bytes a call, as a system may."""

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        return super().pwrite(fd, data[:7], offset)


class PowerCut(BaseException):
    """The machine is off."""


@dataclass
class Node:
    """A file: what the disk holds, and the changes only the page cache holds, in order."""

    durable: bytes = b""
    pending: list[tuple[str, int, bytes]] = field(default_factory=list)

    def image(self, rng: random.Random | None) -> bytes:
        """Return what may be found after the cut: any sectors of any unsynced change.

        Without `rng`, all of them: what the page cache holds.
        """
        data = bytearray(self.durable)
        for kind, offset, change in self.pending:
            if kind == "size":
                if rng is None or rng.random() < 0.5:
                    data[offset:] = bytes(max(offset - len(data), 0))
                continue
            for start in range(len(change)):
                absolute = offset + start
                if start and absolute % SECTOR:
                    continue
                stop = min((absolute // SECTOR + 1) * SECTOR - offset, len(change))
                if rng is None or rng.random() < 0.5:
                    data.extend(bytes(max(offset + stop - len(data), 0)))
                    data[absolute : offset + stop] = change[start:stop]
        return bytes(data)


class PowerCutFileSystem(CountingFileSystem):
    """Loses power ahead of the nth change; then tells what the disk may hold."""

    counted = CHANGES

    def __init__(self, root: Path, nth: int) -> None:
        self.root, self.nth, self.off = root, nth, False
        self.nodes: dict[int, Node] = {}
        self.names_now: dict[Path, int] = {}
        self.names_durable: dict[Path, int] = {}
        super().__init__()

    def before(self, number: int, name: str, args: tuple[Any, ...]) -> None:
        if self.off or number >= self.nth:
            self.off = True
            raise PowerCut

    def open(self, path: Path, flags: int) -> int:
        if self.off:
            raise PowerCut
        fd = super().open(path, flags)
        inode = os.fstat(fd).st_ino
        if flags & os.O_CREAT and self.names_now.get(path) != inode:
            self.nodes[inode] = Node()
            self.names_now[path] = inode
        return fd

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        self._node(fd).pending.append(("data", offset, bytes(data)))
        return super().pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        self._node(fd).pending.append(("size", size, b""))
        super().truncate(fd, size)

    def fdatasync(self, fd: int) -> None:
        node = self._node(fd)
        node.durable, node.pending = node.image(None), []

    def rename(self, source: Path, target: Path) -> None:
        self.names_now[target] = self.names_now.pop(source)
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        self.names_now.pop(path, None)
        super().unlink(path)

    def sync_directory(self, path: Path) -> None:
        for names in (self.names_durable, self.names_now):
            for name in [n for n in names if n.parent == path]:
                self.names_durable.pop(name, None)
        for name, inode in self.names_now.items():
            if name.parent == path:
                self.names_durable[name] = inode

    def _node(self, fd: int) -> Node:
        return self.nodes.setdefault(os.fstat(fd).st_ino, Node())

    def write_image(self, target: Path, seed: int) -> None:
        """Write what the disk may hold: each directory as last synced or as it was last seen."""
        rng = random.Random(seed)
        for directory in (self.root, self.root / "log", self.root / "blobs"):
            there = target / directory.relative_to(self.root)
            there.mkdir(parents=True)
            names = self.names_now if rng.random() < 0.5 else self.names_durable
            for path, inode in sorted(names.items()):
                if path.parent == directory:
                    (there / path.name).write_bytes(self.nodes[inode].image(rng))


def abandon(store: DirectoryStore) -> None:
    """Let go of a store as a killed process does: nothing is synced, nothing is marked."""
    if store._ticker is not None:
        store._ticker.stop()
    store._release()


def crash_image(store: DirectoryStore, target: Path) -> Path:
    """Copy the files of an open store as they are now."""
    shutil.copytree(store.path, target, dirs_exist_ok=True)
    return target


def newest_log(path: Path) -> Path:
    return max((path / "log").glob("*.log"))
