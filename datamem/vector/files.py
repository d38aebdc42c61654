"""Files of one attribute's vectors: rows, codes and graphs beside the log, all of it a cache.

    manifest.json   what is in the others, how long they are, and their checks; replaced atomically
    rows.f32        the matrix, appended to: little-endian float32
    <number>.i64    heap code, owner, transaction and end of each row, one column after the other
    <start>-<stop>-<number>.graph   usearch's own format, whole

Checks are sums of 64-bit words, block by block, a CRC-32 over those for whole files. A flipped bit in a
graph would end the process inside usearch, so a graph is verified before it is mapped; rows are mapped
at once and verified eight at a time, when they are first read.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from datamem.index.kernels import Int64Array
from datamem.schema.types import VectorSpec
from datamem.vector.graph import Graph, open_graph
from datamem.vector.metrics import Matrix

BLOCK_ROWS: Final = 8
_FORMAT: Final = 1
_READ_BLOCKS: Final = 1_024
_READ_BYTES: Final = 1 << 23


class Damaged(Exception):  # noqa: N818  # never leaves this package: the cache is thrown away
    """A cached file is not what was written."""


class Saved(NamedTuple):
    """What a directory holds.

    Attributes:
        rows: float32[n, dimensions], mapped.
        codes: int64[n].
        owners: int64[3, n].
        checks: verifies blocks of rows as they are read.
        graphs: mapped.
        synced_tx, instant: a `State`.
    """

    rows: Matrix
    codes: Int64Array
    owners: Int64Array
    checks: BlockChecks
    graphs: tuple[Graph, ...]
    synced_tx: int
    instant: int | None


class Columns(NamedTuple):
    """What is known of each row: codes int64[n]; owners int64[3, n], as `Owners` keeps them."""

    codes: Int64Array
    owners: Int64Array


class State(NamedTuple):
    """Up to which transaction that holds, and its instant in µs, by which it is known again."""

    synced_tx: int
    instant: int | None


class BlockChecks:
    """Sums of blocks of rows, compared once each."""

    def __init__(self, rows: Matrix, sums: npt.NDArray[np.uint32]) -> None:
        self._rows = rows
        self._sums = sums
        self._is_checked = np.zeros(len(sums), np.bool_)

    def need(self, rows: Int64Array) -> None:
        """Verify the blocks that hold these rows.

        Raises:
            Damaged: a block has another sum.
        """
        blocks = rows // BLOCK_ROWS
        if self._is_checked[blocks].all():
            return
        fresh = np.unique(blocks[~self._is_checked[blocks]])
        for at in range(0, len(fresh), _READ_BLOCKS):
            some = fresh[at : at + _READ_BLOCKS]
            numbers = (some[:, None] * BLOCK_ROWS + np.arange(BLOCK_ROWS)).ravel()
            wrong = (
                block_sums(self._rows[numbers[numbers < len(self._rows)]]) != self._sums[some]
            )
            if wrong.any():
                message = f"rows from {int(some[wrong][0]) * BLOCK_ROWS} on"
                raise Damaged(message)
            self._is_checked[some] = True


def block_sums(rows: Matrix) -> npt.NDArray[np.uint32]:
    """Return a check of each block of rows, uint32[blocks]; the last block may be short."""
    words = np.ascontiguousarray(rows).view(np.uint32)
    places = np.arange(len(rows), dtype=np.uint32) % BLOCK_ROWS
    width = np.arange(1, 2 * words.shape[1], 2, dtype=np.uint32)
    sums = np.einsum("ij,j->i", words, width) * (2 * places + 1)
    found: npt.NDArray[np.uint32] = np.add.reduceat(
        sums, np.arange(0, len(rows), BLOCK_ROWS), dtype=np.uint32
    )
    return found


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
        self._saved_rows = 0
        self._sums: list[npt.NDArray[np.uint32]] = []
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
        rows = np.memmap(self._directory / "rows.f32", "<f4", "r", shape=(count, width))
        columns_path = self._directory / str(manifest["columns_file"])
        sums = np.array(manifest["sums"], np.uint32)
        size = columns_path.stat().st_size
        if size != 32 * count or file_check(columns_path) != manifest["columns"]:
            raise Damaged(str(columns_path))
        mapped = np.memmap(columns_path, "<i8", "c", shape=(4, count))
        columns = mapped.view(np.ndarray)
        graphs = tuple(self._graph(item) for item in manifest["graphs"])
        self._saved_rows, self._sums = count, [sums]
        self._number = int(manifest["number"])
        checks = BlockChecks(rows, sums)
        tx, instant = manifest["synced_tx"], manifest["instant"]
        return Saved(rows, columns[0], columns[1:], checks, graphs, tx, instant)

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
        self._directory.mkdir(parents=True, exist_ok=True)
        count = len(columns.codes)
        self._append_rows(matrix, count)
        words = np.concatenate((columns.codes, columns.owners.reshape(-1))).astype("<i8")
        self._number += 1
        name = f"{self._number}.i64"  # the one before may be mapped
        words.tofile(self._directory / name)
        kept = {}
        for graph in graphs:
            key = (graph.start, graph.stop)
            kept[key] = self._graphs.get(key) or self._write_graph(graph)
        self._write_manifest(count, name, kept, state)
        for old in self._directory.glob("*.i64"):
            if old.name != name:
                old.unlink(missing_ok=True)
        for key in self._graphs.keys() - kept.keys():
            (self._directory / self._graphs[key]["file"]).unlink(missing_ok=True)
        self._graphs = kept

    def _append_rows(self, matrix: Any, count: int) -> None:
        """Append the rows that no file has; the last block is written anew where it was short."""
        start = min(self._saved_rows, count) // BLOCK_ROWS * BLOCK_ROWS
        path = self._directory / "rows.f32"
        sums = np.concatenate([np.empty(0, np.uint32), *self._sums])[: start // BLOCK_ROWS]
        parts = [sums]
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(start * self._spec.dimensions * 4)
            for at in range(start, count, 8192):
                rows = matrix.slice(at, min(at + 8192, count))
                file.write(rows.astype("<f4", copy=False).tobytes())
                parts.append(block_sums(rows))
            file.flush()
            os.fsync(file.fileno())
        self._sums, self._saved_rows = parts, count

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
        count: int,
        columns: str,
        graphs: dict[tuple[int, int], dict[str, Any]],
        state: State,
    ) -> None:
        manifest = {
            "format": _FORMAT,
            "spec": self._spec_text(),
            "rows": count,
            "columns_file": columns,
            "columns": file_check(self._directory / columns),
            "synced_tx": state.synced_tx,
            "instant": state.instant,
            "sums": np.concatenate([np.empty(0, np.uint32), *self._sums]).tolist(),
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

    def clear(self) -> None:
        """Delete everything; what cannot be deleted is not named by a manifest any more."""
        self._saved_rows, self._sums, self._graphs = 0, [], {}
        if self._is_writable and self._directory.is_dir():
            for path in self._directory.iterdir():
                path.unlink(missing_ok=True)
