"""A segment: a few ten thousand sorted rows, column by column, each column as narrow as it can be.

A narrow column is its minimum plus the smallest unsigned type that holds the rest. Columns are, in
the order of the run they belong to, three key columns, then the transaction that asserted the row,
and for rows that ended the transaction that retracted them. Stored, the columns follow each other;
the directory entry (`SegmentEntry`) tells where, and carries the checksum.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final, Literal
from weakref import WeakSet

import numpy as np

from datamem.errors import StorageError
from datamem.index.kernels import Int64Array, find_rows
from datamem.index.pack import Pack

SEGMENT_ROWS: Final = 32_768
DECODED_BYTES: Final = 512 * 1024 * 1024
"""How much of the stored segments is kept decoded in memory."""

_NEAR: Final = 16
"""Mostly there are fewer rows of one entity or value."""

_WIDTHS: Final = (0, 1, 2, 4, 8)
_NARROW: Final[dict[int, np.dtype[Any]]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<i8"),
}
_FORMATS: Final[dict[int, Literal["B", "H", "I", "q"]]] = {1: "B", 2: "H", 4: "I", 8: "q"}

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """Where a stored segment is and what it holds; one row of a run's directory."""

    pack: str
    offset: int
    row_count: int
    checksum: int
    lows: tuple[int, ...]
    widths: tuple[int, ...]
    first: Key
    last: Key
    min_tx: int
    max_tx: int

    @property
    def byte_count(self) -> int:
        """How many bytes of the pack it takes."""
        return self.row_count * sum(self.widths)


class Segment:
    """Sorted rows in memory or mapped; immutable.

    `first` and `last` are key and transaction of those rows. A column is given as (low, view): the value of row i is low + view[i]; width 0 means that every
    row has the value `low`, and the view is None.
    """

    __slots__ = (
        "__weakref__",
        "_views",
        "_wide",
        "entry",
        "first",
        "last",
        "lows",
        "max_tx",
        "min_tx",
        "row_count",
    )

    def __init__(
        self,
        views: Sequence[memoryview | None],
        lows: Sequence[int],
        row_count: int,
        bounds: tuple[Key, Key, int, int],
        entry: SegmentEntry | None = None,
    ) -> None:
        self._views = tuple(views)
        self.lows = tuple(lows)
        self.row_count = row_count
        self.first, self.last, self.min_tx, self.max_tx = bounds
        self.entry = entry
        self._wide: dict[int, Int64Array] = {}

    def views(self) -> tuple[memoryview | None, ...]:
        """Return the columns' views, read in if they were not."""
        return self._views

    def column(self, i: int, start: int = 0, stop: int | None = None) -> Int64Array:
        """Return rows start:stop of column `i` as int64; never written to by anybody.

        What had to be decoded is kept for the next reader, within a budget of all segments.
        """
        wide = self._wide.get(i)
        if wide is None:
            wide = self._wide[i] = self.decode(i)
            if self.entry is not None:
                _keep_within_budget(self, wide.nbytes)
        return wide[start:stop]

    def adopt(self, i: int, column: Int64Array) -> None:
        """Keep what somebody else decoded of column `i` in place of what is kept here."""
        if self.entry is not None:
            if i not in self._wide:
                _keep_within_budget(self, column.nbytes)
            self._wide[i] = column

    def take(self, i: int, rows: Int64Array) -> Int64Array:
        """Return column `i` of some rows, int64[m]; nothing else is decoded."""
        wide = self._wide.get(i)
        if wide is not None:
            return wide[rows]
        view, low = self.views()[i], self.lows[i]
        if view is None:
            return np.full(len(rows), low, np.int64)
        taken: Int64Array = np.asarray(view)[rows].astype(np.int64)
        return taken + low if low else taken

    def find(self, keys: Sequence[Int64Array], *, after: bool) -> Int64Array:
        """Find where each key row would go; the keys are the leading columns' words."""
        wide = self._wide
        columns = [wide[i] if i in wide else self.decode(i) for i in range(len(keys))]
        return find_rows(columns, keys, after=after)

    def forget_decoded(self) -> None:
        """Drop the decoded columns; whoever reads one keeps it."""
        self._wide = {}

    def decode(self, i: int) -> Int64Array:
        """Return column `i` as int64, about 10 µs a segment."""
        view, low = self.views()[i], self.lows[i]
        if view is None:
            return np.full(self.row_count, low, np.int64)
        narrow = np.asarray(view)
        if narrow.dtype == np.int64:
            return narrow if low == 0 else narrow + low
        wide = narrow.astype(np.int64)
        wide += low
        return wide

    def at(self, i: int, row: int) -> int:
        """Return one value of column `i`; about 0.1 µs."""
        view = self.views()[i]
        return self.lows[i] if view is None else self.lows[i] + view[row]

    def keys(self, start: int, stop: int, prefix: Key = ()) -> list[Key]:
        """Return the three key columns of rows start:stop, which start with `prefix`; about 0.2 µs a row."""
        known, count = len(prefix), stop - start
        if count == 1:
            return [(*prefix, *[self.at(i, start) for i in range(known, 3)])]
        views, lows = self.views(), self.lows
        columns: list[Iterable[int]] = [repeat(word, count) for word in prefix]
        for i in range(known, 3):
            view, low = views[i], lows[i]
            if view is None:
                columns.append(repeat(low, count))
            else:
                words = view[start:stop].tolist()
                columns.append([low + word for word in words] if low else words)
        return list(zip(*columns, strict=True))

    def narrow(self, prefix: Key) -> tuple[int, int]:
        """Return the range of rows whose leading columns equal `prefix`; empty where they would go."""
        views, lows = self.views(), self.lows
        start, stop = 0, self.row_count
        for i, key in enumerate(prefix):
            view, wanted = views[i], key - lows[i]
            if view is None:
                if wanted > 0:
                    return stop, stop
                if wanted < 0:
                    return start, start
                continue
            start = bisect_left(view, wanted, start, stop)
            if start + _NEAR < stop and view[start + _NEAR] != wanted:
                stop = start + _NEAR
            stop = bisect_right(view, wanted, start, stop)
            if start == stop:
                break
        return start, stop


class StoredSegment(Segment):
    """A segment of a pack that is read, and its checksum verified, at its first use."""

    __slots__ = ("_pack",)

    def __init__(self, entry: SegmentEntry, pack: Pack) -> None:
        bounds = (entry.first, entry.last, entry.min_tx, entry.max_tx)
        super().__init__((), entry.lows, entry.row_count, bounds, entry)
        self._pack = pack

    def views(self) -> tuple[memoryview | None, ...]:
        """Return the columns' views, mapped and verified if they were not.

        Raises:
            StorageError: `storage/corrupt-segment` if the bytes are not those that were written.
        """
        if not self._views:
            self._views = self._read()
        return self._views

    def _read(self) -> tuple[memoryview | None, ...]:
        entry = self.entry
        assert entry is not None
        data = self._pack.data()[entry.offset : entry.offset + entry.byte_count]
        if len(data) != entry.byte_count or zlib.crc32(data) != entry.checksum:
            message = f"segment at byte {entry.offset} of blob {entry.pack} is damaged"
            raise StorageError(
                message,
                code="storage/corrupt-segment",
                hint="run `datamem check --repair` to rebuild the indexes from the log",
                blob=entry.pack,
                offset=entry.offset,
            )
        views: list[memoryview | None] = []
        offset = 0
        for width in entry.widths:
            byte_count = width * entry.row_count
            part = data[offset : offset + byte_count]
            views.append(part.cast(_FORMATS[width]) if width else None)
            offset += byte_count
        return tuple(views)


_decoded: Final[WeakSet[Segment]] = WeakSet()
_decoded_bytes = [0]


def _keep_within_budget(segment: Segment, byte_count: int) -> None:
    """Count decoded bytes; once over budget, every segment forgets its own."""
    _decoded_bytes[0] += byte_count
    _decoded.add(segment)
    if _decoded_bytes[0] > DECODED_BYTES:
        _decoded_bytes[0] = 0
        for other in list(_decoded):
            other.forget_decoded()
        _decoded.clear()


def wide_segment(columns: Sequence[Int64Array]) -> Segment:
    """Return a segment that holds the given sorted columns as they are, not copied."""
    bounds = _bounds(columns)
    views = [np.ascontiguousarray(column).data for column in columns]
    return Segment(views, [0] * len(views), len(columns[0]), bounds)


def encode_columns(columns: Sequence[Int64Array]) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of a segment and the fields of its directory entry but pack and offset."""
    parts, lows, widths = [], [], []
    for column in columns:
        low, width, narrow = narrowed(column)
        lows.append(low)
        widths.append(width)
        parts.append(narrow)
    data = b"".join(parts)
    first, last, min_tx, max_tx = _bounds(columns)
    fields = {
        "row_count": len(columns[0]),
        "checksum": zlib.crc32(data),
        "lows": tuple(lows),
        "widths": tuple(widths),
        "first": first,
        "last": last,
        "min_tx": min_tx,
        "max_tx": max_tx,
    }
    return data, fields


def narrowed(column: Int64Array) -> tuple[int, int, bytes]:
    """Return (low, width in bytes, bytes): the column as its minimum and the smallest type."""
    if not len(column):
        return 0, 0, b""
    low, high = int(column.min()), int(column.max())
    spread = high - low
    width = next(w for w in _WIDTHS if spread < 1 << (8 * w) or w == 8)
    if width == 0:
        return low, 0, b""
    if width == 8:
        return 0, 8, column.astype("<i8").tobytes()
    return low, width, (column - low).astype(_NARROW[width]).tobytes()


def widened(low: int, width: int, data: bytes, row_count: int) -> Int64Array:
    """Return the column of which `narrowed` made these."""
    if width == 0:
        return np.full(row_count, low, np.int64)
    column: Int64Array = np.frombuffer(data, _NARROW[width]).astype(np.int64) + low
    return column


def _bounds(columns: Sequence[Int64Array]) -> tuple[Key, Key, int, int]:
    first = tuple(int(column[0]) for column in columns[:4])
    last = tuple(int(column[-1]) for column in columns[:4])
    return first, last, int(columns[3].min()), int(columns[-1].max())
