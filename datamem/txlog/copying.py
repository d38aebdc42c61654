"""A consistent copy of a directory store while it is being written to."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from datamem.errors import StorageError
from datamem.txlog.files import FileSystem, storage_error, write_new_file
from datamem.txlog.frame import ENTRY, encode_frame
from datamem.txlog.manifest import DurableMark, write_manifest, write_mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from datamem.txlog.blobs import BlobDirectory
    from datamem.txlog.catalog import Catalog
    from datamem.txlog.logfile import LogFile, LogHeader


def copy_store(
    fs: FileSystem, catalog: Catalog, blobs: BlobDirectory, target: Path, upto: int
) -> None:
    """Write entries 1 … `upto` and all blobs to `target`, then make it a database.

    The entries are checked on the way. The manifest comes last: a copy that was interrupted is
    not a database.

    Raises:
        StorageError: storage/exists, storage/corrupt-log, storage/disk-full.
    """
    check_free(fs, target)
    try:
        for directory in (target / "log", target / "blobs"):
            fs.make_directory(directory)
        blobs.copy_to(target / "blobs")
        for first in catalog.firsts():
            if first <= upto:
                _copy_file(fs, catalog.find(first), target / "log", upto)
        fs.sync_directory(target / "log")
        write_mark(fs, target, DurableMark(upto, 1))
        write_manifest(fs, target, catalog.database)
    except OSError as error:
        raise storage_error(error, "copying to", target) from error


def check_free(fs: FileSystem, target: Path) -> None:
    """Refuse a target that holds something.

    Raises:
        StorageError: storage/exists.
    """
    try:
        taken = bool(fs.names(target))
    except OSError:
        taken = True
    if taken:
        raise StorageError(
            f"{target} exists and is not an empty directory",
            code="storage/exists",
            hint="name a new directory",
            path=str(target),
        )


def _copy_file(fs: FileSystem, file: LogFile, target: Path, upto: int) -> None:
    count = min(file.last, upto) - file.header.first + 1
    entries = file.read(fs, file.header.first, count)  # refuses damage
    if upto < file.header.born_with:
        write_new_file(fs, target / file.path.name, _file_of(file.header, entries))
        return
    stop = file.starts[count] if count < len(file.starts) else file.stop
    fd = fs.open(file.path, os.O_RDONLY)
    try:
        view = fs.map(fd)
    finally:
        fs.close(fd)
    write_new_file(fs, target / file.path.name, view[:stop])


def _file_of(header: LogHeader, entries: Sequence[bytes]) -> bytes:
    """Return a file of fewer entries than the group that it was born with promises."""
    shorter = replace(header, born_with=header.first + len(entries) - 1).sealed()
    frames = [
        encode_frame(ENTRY, n, header.first - 1, entry, shorter.seed)
        for n, entry in enumerate(entries, header.first)
    ]
    return b"".join((shorter.encode(), *frames))
