"""Files of one attribute's vectors: rows, columns and graphs beside the log, all of it a cache.

    manifest.json   what is in the others, how long they are, and their checks; replaced atomically
    rows.f32        the matrix, appended to: little-endian float32
    <number>.i64    heap code, owner, transaction and end of each row, one column after the other,
                    and then their checks, of 32 bits
    <start>-<stop>-<number>.graph   usearch's own format, whole

Checks are sums of words, a CRC-32 over those for whole files. A flipped bit in a graph would end the
process inside usearch, so a graph is verified before it is mapped, and read for that: what is mapped and
read stays in memory. Rows are mapped at once and verified one by one, when they are first read.
"""

from __future__ import annotations

import json
import os
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from datamem.index.kernels import Int64Array
from datamem.schema.types import VectorSpec
from datamem.vector.graph import Graph, open_graph
from datamem.vector.metrics import Matrix

Sums: TypeAlias = npt.NDArray[np.uint32]

_FORMAT: Final = 2
_CHECKED_ROWS: Final = 8_192
_FLAGS: Final = ("ascends", "is_shared", "has_ended")
_READ_BYTES: Final = 1 << 20
"""A file is summed up in pieces of so many bytes: another number is another check."""


class Damaged(Exception):  # noqa: N818  # never leaves this package: the cache is thrown away
    """A cached file is not what was written."""


class Columns(NamedTuple):
    """What is known of each row.

    Attributes:
        codes: int64[n].
        owners: int64[3, n], as `Owners` keeps them.
        ascends: whether the codes do.
        is_shared, has_ended: as `Owners` says.
    """

    codes: Int64Array
    owners: Int64Array
    ascends: bool
    is_shared: bool
    has_ended: bool


class State(NamedTuple):
    """Up to which transaction that holds, and its instant in µs, by which it is known again."""

    synced_tx: int
    instant: int | None


class Saved(NamedTuple):
    """What a directory holds.

    Attributes:
        rows: of the matrix.
        columns: mapped; a write stays in memory.
        graphs: mapped.
        state: up to which transaction.
    """

    rows: RowFile
    columns: Columns
    graphs: tuple[Graph, ...]
    state: State


class RowFile:
    """Rows in a file, each verified once before it is given away.

    Attributes:
        rows: float32[n, dimensions], mapped, never written to: `need` those that are read.
    """

    def __init__(self, path: Path, dimensions: int, sums: Sums) -> None:
        count = len(sums)
        mapped = np.memmap(path, "<f4", "r", shape=(count, dimensions))
        self.rows: Matrix = mapped.view(np.ndarray)  # a memmap's slices cost microseconds
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if hasattr(
            os, "posix_fadvise"
        ):  # not everywhere; without it what lies around a row is read too
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_RANDOM)
        weakref.finalize(self, os.close, self._file)
        self._sums = sums
        self._is_checked = np.zeros(count, np.bool_)

    def need(self, numbers: Int64Array) -> None:
        """Verify the rows with these numbers.

        Raises:
            Damaged: one has another sum.
        """
        if b"\0" not in self._is_checked[numbers].tobytes():  # `all` takes a microsecond more
            return
        fresh = numbers[~self._is_checked[numbers]]
        for at in range(0, len(fresh), _CHECKED_ROWS):
            some = fresh[at : at + _CHECKED_ROWS]
            self._check(self.rows[some], some)

    def read(self, numbers: Int64Array) -> Matrix:
        """Return a few rows, float32[n, dimensions], without the mapping: none stays in memory.

        Raises:
            Damaged: a row is not there, or has another sum.

        Cost: a system call a row, 1 µs.
        """
        found = np.empty((len(numbers), self.rows.shape[1]), np.float32)
        if not len(numbers):
            return found
        size = found.strides[0]
        room = found.data.cast("B")
        got = 0
        for i, number in enumerate(numbers.tolist()):
            got += os.preadv(self._file, [room[i * size : i * size + size]], number * size)
        if got < found.nbytes:
            message = "rows are missing"
            raise Damaged(message)
        if b"\0" in self._is_checked[numbers].tobytes():
            self._check(found, numbers)
        return found

    def _check(self, rows: Matrix, numbers: Int64Array) -> None:
        wrong = np.flatnonzero(row_sums(rows, numbers) != self._sums[numbers])
        if len(wrong):
            message = f"row {int(numbers[wrong[0]])}"
            raise Damaged(message)
        self._is_checked[numbers] = True


def row_sums(rows: Matrix, numbers: Int64Array) -> Sums:
    """Return a check of each row and its place, uint32[n]."""
    words = np.ascontiguousarray(rows).view(np.uint32)
    width = np.arange(1, 2 * words.shape[1], 2, dtype=np.uint32)
    sums: Sums = np.einsum("ij,j->i", words, width) * (2 * numbers + 1).astype(np.uint32)
    return sums


def file_check(path: Path) -> int:
    """Return the check of a whole file.

    Cost: one read, 0.5 s for a gigabyte that the system has in memory.
    """
    check = 0
    buffer = bytearray(_READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            words = np.frombuffer(buffer, np.uint64, count // 8)
            total = int(words.sum(dtype=np.uint64))
            rest = bytes(buffer[count - count % 8 : count])
            check = zlib.crc32(total.to_bytes(8, "little") + rest, check)
    return check


class VectorFiles:
    """The files of one attribute in a directory of their own."""

    def __init__(self, directory: Path, spec: VectorSpec, *, is_writable: bool = True) -> None:
        self._directory = directory
        self._is_writable = is_writable
        self._spec = spec
        self._sums: Sums = np.empty(0, np.uint32)
        self._state: State | None = None
        self._graphs: dict[tuple[int, int], dict[str, Any]] = {}
        self._number = 0

    def load(self) -> Saved | None:
        """Map what is there; None where there is nothing, or nothing that can be trusted."""
        try:
            return self._load()
        except (OSError, ValueError, KeyError, TypeError, OverflowError, Damaged):
            self.clear()
            return None

    def _load(self) -> Saved | None:
        path = self._directory / "manifest.json"
        if not path.exists():
            return None
        head, _, body = path.read_bytes().partition(b"\n")
        manifest = json.loads(body)
        if int(head) != zlib.crc32(body) or manifest["format"] != _FORMAT:
            raise Damaged(str(path))
        if manifest["spec"] != self._spec_text():
            raise Damaged(str(path))
        count, width = int(manifest["rows"]), self._spec.dimensions
        if not count:
            return None
        path = self._directory / str(manifest["columns_file"])
        if path.stat().st_size != 36 * count or file_check(path) != manifest["columns"]:
            raise Damaged(str(path))
        words = np.memmap(path, "<i8", "c", shape=(4, count)).view(np.ndarray)
        sums = np.memmap(path, "<u4", "r", 32 * count).view(np.ndarray)
        rows = RowFile(self._directory / "rows.f32", width, sums)
        graphs = tuple(self._graph(item) for item in manifest["graphs"])
        self._sums, self._number = sums, int(manifest["number"])
        self._state = State(manifest["synced_tx"], manifest["instant"])
        flags = [bool(manifest[name]) for name in _FLAGS]
        return Saved(rows, Columns(words[0], words[1:], *flags), graphs, self._state)

    def _graph(self, item: dict[str, Any]) -> Graph:
        path = self._directory / str(item["file"])
        if path.stat().st_size != item["bytes"] or file_check(path) != item["check"]:
            raise Damaged(str(path))
        start, stop = int(item["start"]), int(item["stop"])
        graph = open_graph(self._spec, path, start, stop, float(item["scale"]))
        if graph is None:
            raise Damaged(str(path))
        self._graphs[start, stop] = item
        return graph

    def save(
        self, matrix: Any, columns: Columns, graphs: Sequence[Graph], state: State
    ) -> None:
        """Write what is new of an attribute; what was written stays as it is.

        Args:
            matrix: its rows.
            columns: of as many rows.
            graphs: those to keep; files of others are deleted.
            state: up to which transaction all of this is.
        """
        if not self._is_writable:
            return
        count = len(columns.codes)
        if self._is_saved(count, graphs, state):
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        self._append_rows(matrix, count)
        self._number += 1
        name = f"{self._number}.i64"  # the one before may be mapped
        with (self._directory / name).open("wb") as file:
            for column in (columns.codes, *columns.owners):
                file.write(column.astype("<i8", copy=False).tobytes())
            file.write(self._sums.astype("<u4", copy=False).tobytes())
        kept = {}
        for graph in graphs:
            key = (graph.start, graph.stop)
            kept[key] = self._graphs.get(key) or self._write_graph(graph)
        self._write_manifest(columns, name, kept, state)
        for old in self._directory.glob("*.i64"):
            if old.name != name:
                old.unlink(missing_ok=True)
        for key in self._graphs.keys() - kept.keys():
            (self._directory / self._graphs[key]["file"]).unlink(missing_ok=True)
        self._graphs, self._state = kept, state

    def _is_saved(self, count: int, graphs: Sequence[Graph], state: State) -> bool:
        keys = [(graph.start, graph.stop) for graph in graphs]
        return self._state == state and len(self._sums) == count and keys == [*self._graphs]

    def _append_rows(self, matrix: Any, count: int) -> None:
        """Append the rows that no file has."""
        start = min(len(self._sums), count)
        path = self._directory / "rows.f32"
        parts = [self._sums[:start]]
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(start * self._spec.dimensions * 4)
            for at in range(start, count, _CHECKED_ROWS):
                upto = min(at + _CHECKED_ROWS, count)
                rows = matrix.slice(at, upto)
                file.write(rows.astype("<f4", copy=False).tobytes())
                parts.append(row_sums(rows, np.arange(at, upto)))
            file.flush()
            os.fsync(file.fileno())
        self._sums = np.concatenate(parts)

    def _write_graph(self, graph: Graph) -> dict[str, Any]:
        self._number += 1
        name = f"{graph.start}-{graph.stop}-{self._number}.graph"
        path = self._directory / name
        graph.save(path)
        return {
            "file": name,
            "start": graph.start,
            "stop": graph.stop,
            "scale": graph.scale,
            "bytes": path.stat().st_size,
            "check": file_check(path),
        }

    def _write_manifest(
        self,
        columns: Columns,
        columns_file: str,
        graphs: dict[tuple[int, int], dict[str, Any]],
        state: State,
    ) -> None:
        manifest = {
            "format": _FORMAT,
            "spec": self._spec_text(),
            "rows": len(columns.codes),
            "columns_file": columns_file,
            "columns": file_check(self._directory / columns_file),
            **{name: getattr(columns, name) for name in _FLAGS},
            "synced_tx": state.synced_tx,
            "instant": state.instant,
            "graphs": list(graphs.values()),
            "number": self._number,
        }
        body = json.dumps(manifest).encode()
        path = self._directory / "manifest.json"
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(str(zlib.crc32(body)).encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def _spec_text(self) -> str:
        return f"{self._spec.dimensions} {self._spec.metric} {self._spec.dtype}"

    def truncate(self, count: int) -> None:
        """Have the rows from `count` on written anew with the next save."""
        self._sums, self._state = self._sums[:count], None

    def clear(self) -> None:
        """Delete everything; what cannot be deleted is not named by a manifest any more."""
        self._sums, self._graphs, self._state = np.empty(0, np.uint32), {}, None
        if self._is_writable and self._directory.is_dir():
            for path in self._directory.iterdir():
                path.unlink(missing_ok=True)
