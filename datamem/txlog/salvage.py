"""Opening a damaged log for reading: the entries before the first damage, and nothing after."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from datamem.errors import StorageError
from datamem.txlog.catalog import Catalog, log_firsts, read_log_file
from datamem.txlog.frame import scan_frames
from datamem.txlog.logfile import HEADER_BYTES, LogFile, decode_header
from datamem.txlog.opening import LogState
from datamem.txlog.store import Recovery
from datamem.txlog.tail import judge_tail

if TYPE_CHECKING:
    from pathlib import Path


def inspect_prefix(catalog: Catalog) -> LogState:
    """Take the entries before the first damage for the log; `recovery` says where they end.

    Cost: one pass over all files.
    """
    state = LogState()
    good: list[int] = []
    for first, following in pairwise([*log_firsts(catalog.fs, catalog.directory), 0]):
        path = catalog.path_of(first)
        if first != state.head + 1:
            state.recovery = _stopped(path, state.head, "is in a file that is missing")
            break
        file, reason = _load_prefix(catalog, path, following)
        if file and file.starts:
            good.append(first)
            catalog.set(list(good), file)
            state.head = state.durable = file.last
            state.checkpoint = file.header.checkpoint
        if reason:
            state.recovery = _stopped(path, state.head, reason)
            break
    return state


def _stopped(path: Path, head: int, reason: str) -> Recovery:
    return Recovery(str(path), head + 1, 0, f"entry {head + 1} {reason}")


def _load_prefix(catalog: Catalog, path: Path, following: int) -> tuple[LogFile | None, str]:
    """Return the whole part of a file, and why it ends early ("" when it does not)."""
    try:
        data = read_log_file(catalog.fs, path)
        header = decode_header(data, path, catalog.database)
    except StorageError as error:
        return None, error.data.get("reason", error.message)
    frames = scan_frames(data, HEADER_BYTES, header.first, header.seed)
    file = LogFile.of_frames(path, header, frames)
    durable = following - 1 if following else header.born_with
    verdict = judge_tail(data, file.stop, file.last + 1, durable, header.seed)
    return file, verdict.reason if verdict else ""
