"""A big database: two million people of five datoms, found by a unique number."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

import datamem
from bench.frame import people
from datamem.edn import Keyword

UNIQUE = {
    ":db/valueType": Keyword(":db.type/long"),
    ":db/unique": Keyword(":db.unique/identity"),
}
SCHEMA = {
    ":id": UNIQUE,
    **{name: facts for name, facts in people.SCHEMA.items() if name != ":sex"},
}


def columns(count: int) -> people.Columns:
    """Return `count` people with an id from 0 instead of their sex."""
    found = people.columns(count)
    del found[":sex"]
    return {":id": np.arange(count), **found}


def build(path: Path, datom_count: int, *, fsync: str = "always") -> None:
    """Make a database of about so many datoms and close it."""
    with datamem.connect(path, SCHEMA, fsync=fsync) as conn:
        conn.load(columns(max(1, datom_count // 5)))


def bytes_of(path: Path) -> int:
    """Return the bytes of a directory's files."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def forget(path: Path) -> None:
    """Ask the kernel to drop a directory's files from its cache."""
    os.sync()
    for file in path.rglob("*"):
        if file.is_file():
            fd = os.open(file, os.O_RDONLY)
            try:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(fd)
