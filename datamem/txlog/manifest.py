"""The two small files beside the log: what this directory is, and up to where it was durable."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

from datamem.errors import StorageError
from datamem.txlog.files import FileSystem, read_file, write_all, write_new_file
from datamem.txlog.logfile import newer_format_error

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 1
MANIFEST_NAME: Final = "DATAMEM"
MARK_NAME: Final = "durable"
_TITLE: Final = "datamem database"
_OURS: Final = frozenset({"blobs", "log", "lock", MANIFEST_NAME + ".tmp"})

_MARK: Final = Struct("<8sQQ")
_MARK_MAGIC: Final = b"datamemD"
_CRC: Final = Struct("<I")
_SLOT_BYTES: Final = 512


def read_manifest(fs: FileSystem, root: Path) -> bytes | None:
    """Return the database's 16 identifying bytes; None where a new database may be made.

    Raises:
        StorageError: storage/not-a-database, storage/newer-format.
    """
    try:
        names = fs.names(root)
        data = read_file(fs, root / MANIFEST_NAME)
    except NotADirectoryError:
        raise not_a_database_error(root, "is a file") from None
    if data is None:
        if set(names) <= _OURS and not fs.names(root / "log"):
            return None
        raise not_a_database_error(root, f"holds other things and no {MANIFEST_NAME} file")
    return _parse_manifest(data, root)


def _parse_manifest(data: bytes, root: Path) -> bytes:
    lines = data.decode("utf-8", "replace").splitlines()
    if not lines or lines[0] != _TITLE:
        raise not_a_database_error(root, f"has a {MANIFEST_NAME} file of something else")
    fields = dict(line.split(" ", 1) for line in lines[1:] if " " in line)
    version = fields.get("format", "")
    if version.isascii() and version.isdecimal() and int(version) > FORMAT:
        raise newer_format_error(root / MANIFEST_NAME, int(version), FORMAT)
    try:
        database = uuid.UUID(fields["uuid"])
    except (KeyError, ValueError):
        raise not_a_database_error(root, f"has a damaged {MANIFEST_NAME} file") from None
    if data != _manifest_text(database.bytes):
        raise not_a_database_error(root, f"has a damaged {MANIFEST_NAME} file")
    return database.bytes


def write_manifest(fs: FileSystem, root: Path, database: bytes) -> None:
    """Make the directory a database: the last step of creating one, atomic and durable."""
    write_new_file(fs, root / MANIFEST_NAME, _manifest_text(database))
    fs.sync_directory(root)
    fs.sync_directory(root.parent)


def _manifest_text(database: bytes) -> bytes:
    text = f"{_TITLE}\nformat {FORMAT}\nuuid {uuid.UUID(bytes=database)}\n"
    return f"{text}check {crc32(text.encode()):08x}\n".encode()


def not_a_database_error(root: Path, why: str) -> StorageError:
    """Return the error for a path that something else occupies."""
    return StorageError(
        f"{root} is not a database: it {why}",
        code="storage/not-a-database",
        hint="name a new or empty directory, or one that datamem made",
        path=str(root),
    )


@dataclass(frozen=True, slots=True)
class DurableMark:
    """A promise written at every close: entries up to `entry` are on the disk.

    Attributes:
        entry: number of the newest durable entry, 0 for none.
        round: counts the writes; the two slots of the file are used in turn.
    """

    entry: int = 0
    round: int = 0


def read_mark(fs: FileSystem, root: Path) -> DurableMark:
    """Return the newest intact mark; a missing or torn file promises nothing."""
    data = read_file(fs, root / MARK_NAME) or b""
    marks = [_decode_slot(data[start : start + _MARK.size + 4]) for start in (0, _SLOT_BYTES)]
    return max(marks, key=lambda mark: mark.round)


def _decode_slot(slot: bytes) -> DurableMark:
    body, crc = slot[: _MARK.size], slot[_MARK.size :]
    if len(crc) < 4 or _CRC.pack(crc32(body)) != crc:
        return DurableMark()
    magic, count, entry = _MARK.unpack(body)
    return DurableMark(entry, count) if magic == _MARK_MAGIC else DurableMark()


def write_mark(fs: FileSystem, root: Path, mark: DurableMark) -> None:
    """Write the mark into the slot that is not the newest, and sync it."""
    body = _MARK.pack(_MARK_MAGIC, mark.round, mark.entry)
    slot = (body + _CRC.pack(crc32(body))).ljust(_SLOT_BYTES, b"\0")
    fd = fs.open(root / MARK_NAME, os.O_RDWR | os.O_CREAT)
    try:
        write_all(fs, fd, slot, _SLOT_BYTES * (mark.round % 2))
        fs.fdatasync(fd)
    finally:
        fs.close(fd)
