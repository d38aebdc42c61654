"""An index root on disk: the directory of all levels, their kills, and the heap's blobs.

A root is one blob (msgpack); the log entry that publishes it names it. Reading a root reads no segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgpack
import numpy as np

from datamem.errors import StorageError
from datamem.index.index import Index
from datamem.index.kernels import Int64Array
from datamem.index.level import Kills, Level
from datamem.index.pack import Packs
from datamem.index.run import Run
from datamem.index.segment import SegmentEntry, StoredSegment, narrowed, widened

ROOT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Root:
    """What a published root says.

    Attributes:
        t: the transaction after which it was taken.
        next_entity, next_attribute: the counters then.
        digest: the chain's digest then.
        index: levels and kills, without novelty.
        heap_segments, heap_tables: names of blobs, oldest first.
        packs: names of all blobs that it needs.
    """

    t: int
    next_entity: int
    next_attribute: int
    digest: bytes
    index: Index
    heap_segments: tuple[str, ...]
    heap_tables: tuple[str, ...]

    def packs(self) -> set[str]:
        """Return the names of all blobs that the root needs."""
        return {*self.heap_segments, *self.heap_tables, *packs_of(self.index)}


def packs_of(index: Index) -> set[str]:
    """Return the names of the blobs that an index's stored segments lie in."""
    return {
        segment.entry.pack
        for level in index.levels
        for run in (*level.live, *level.ended)
        for segment in run.segments
        if segment.entry is not None
    }


def encode_root(root: Root) -> bytes:
    """Return the root's blob; REQUIRES: all levels are stored and there is no novelty."""
    names: dict[str, int] = {}
    levels = [
        [_encode_run(run, names) for run in (*level.live, *level.ended)]
        for level in root.index.levels
    ]
    kills = [
        [len(kills), kills.max_tx, *(narrowed(column) for column in (*kills.rows, *kills.txs))]
        for kills in root.index.kills
    ]
    body: bytes = msgpack.packb(
        {
            "version": ROOT_VERSION,
            "t": root.t,
            "next_entity": root.next_entity,
            "next_attribute": root.next_attribute,
            "digest": root.digest,
            "levels": levels,
            "kills": kills,
            "packs": list(names),
            "heap_segments": list(root.heap_segments),
            "heap_tables": list(root.heap_tables),
        }
    )
    return body


def decode_root(data: bytes | memoryview, packs: Packs) -> Root:
    """Return the root whose blob this is; segments are read when they are used.

    Raises:
        StorageError: `storage/newer-format` for a version this program does not know.
    """
    body = msgpack.unpackb(data)
    if body["version"] != ROOT_VERSION:
        message = (
            f"the index root has version {body['version']}, this program reads {ROOT_VERSION}"
        )
        raise StorageError(message, code="storage/newer-format", hint="upgrade datamem")
    names = body["packs"]
    levels = []
    for runs in body["levels"]:
        decoded = [_decode_run(run, names, packs) for run in runs]
        live, ended = decoded[:3], decoded[3:]
        levels.append(Level((live[0], live[1], live[2]), (ended[0], ended[1], ended[2])))
    return Root(
        t=body["t"],
        next_entity=body["next_entity"],
        next_attribute=body["next_attribute"],
        digest=body["digest"],
        index=Index(tuple(levels), tuple(_decode_kills(kills) for kills in body["kills"])),
        heap_segments=tuple(body["heap_segments"]),
        heap_tables=tuple(body["heap_tables"]),
    )


def _encode_run(run: Run, names: dict[str, int]) -> dict[str, Any]:
    entries = [segment.entry for segment in run.segments]
    assert all(entries), "a root names stored segments only"
    stored = [entry for entry in entries if entry is not None]
    return {
        "columns": run.column_count,
        "packs": [names.setdefault(entry.pack, len(names)) for entry in stored],
        "numbers": _bytes(
            np.array(
                [
                    (entry.offset, entry.row_count, entry.checksum, entry.min_tx, entry.max_tx)
                    for entry in stored
                ],
                np.int64,
            )
        ),
        "lows": _bytes(np.array([entry.lows for entry in stored], np.int64)),
        "widths": _bytes(np.array([entry.widths for entry in stored], np.int64)),
        "firsts": _bytes(np.array([entry.first for entry in stored], np.int64)),
        "lasts": _bytes(np.array([entry.last for entry in stored], np.int64)),
    }


def _decode_run(data: dict[str, Any], names: list[str], packs: Packs) -> Run:
    columns = data["columns"]
    numbers = _table(data["numbers"], 5)
    lows, widths = _table(data["lows"], columns), _table(data["widths"], columns)
    firsts, lasts = _table(data["firsts"], 4), _table(data["lasts"], 4)
    segments = []
    for i, number in enumerate(data["packs"]):
        offset, row_count, checksum, min_tx, max_tx = numbers[i]
        entry = SegmentEntry(
            pack=names[number],
            offset=offset,
            row_count=row_count,
            checksum=checksum,
            lows=tuple(lows[i]),
            widths=tuple(widths[i]),
            first=tuple(firsts[i]),
            last=tuple(lasts[i]),
            min_tx=min_tx,
            max_tx=max_tx,
        )
        segments.append(StoredSegment(entry, packs.get(entry.pack)))
    return Run(segments, columns)


def _decode_kills(data: Sequence[Any]) -> Kills:
    count, max_tx = data[:2]
    columns = [widened(low, width, packed, count) for low, width, packed in data[2:]]
    rows, txs = columns[:3], columns[3:]
    return Kills((rows[0], rows[1], rows[2]), (txs[0], txs[1], txs[2]), max_tx)


def _bytes(column: Int64Array) -> bytes:
    return column.astype("<i8").tobytes()


def _table(data: bytes, width: int) -> list[list[int]]:
    table: list[list[int]] = np.frombuffer(data, "<i8").reshape(-1, width).tolist()
    return table
