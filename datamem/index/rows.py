"""Rows found in an index: columns that are made when somebody asks for them.

A result is a few parts, each a selection from one run or from a novelty; most readers want one or
two of its four columns, so a column is put together at its first use.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from datamem.index.kernels import EMPTY, BoolArray, Int64Array
from datamem.index.novelty import Novelty
from datamem.index.orders import COLUMN_OF, Order
from datamem.index.run import Run


class Part(Protocol):
    """A selection of rows from one place.

    Attributes:
        is_ordered: whether the rows ascend in an index's order, as a run's do.
    """

    is_ordered: ClassVar[bool]

    def __len__(self) -> int: ...

    def column(self, name: str) -> Int64Array:
        """Return column "e", "a", "v", "tx" or "ended" of the selected rows."""


class RunPart:
    """Rows start:stop of a run, or those of them that `rows` names."""

    __slots__ = ("_order", "_run", "rows", "start", "stop")
    is_ordered: ClassVar[bool] = True

    def __init__(
        self, run: Run, order: Order, start: int, stop: int, rows: Int64Array | None = None
    ) -> None:
        self._run = run
        self._order = order
        self.start = start
        self.stop = stop
        self.rows = rows

    def __len__(self) -> int:
        return self.stop - self.start if self.rows is None else len(self.rows)

    def column(self, name: str) -> Int64Array:
        """Return one column of the selected rows."""
        i = COLUMN_OF[self._order][name]
        if self.rows is None:
            return self._run.column(i, self.start, self.stop)
        if len(self.rows) * 4 > self.stop - self.start:
            return self._run.column(i, self.start, self.stop)[self.rows - self.start]
        return self._run.take(i, self.rows)

    def has_each(self, a: int, keys: Int64Array) -> bool:
        """Tell whether it is known that its rows, all of `a` and with some of the keys, are one for each."""
        return len(self) == len(keys) and self._run.gapless(a) is not None


class NoveltyPart:
    """Some rows of a novelty, by number: in the order in which they were asserted."""

    __slots__ = ("novelty", "rows")
    is_ordered: ClassVar[bool] = False

    def __init__(self, novelty: Novelty, rows: Int64Array) -> None:
        self.novelty = novelty
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Int64Array:
        """Return one column of the selected rows."""
        column: Int64Array = getattr(self.novelty, name)
        return column[self.rows]


class Rows:
    """Datoms as int64 columns; read-only.

    Attributes:
        sorted_by: the column by which all rows ascend ("e" or "v"), or None when parts follow
            each other, or come in the order of their assertion.
        added: bool[n], or None when every row is an assertion, as all but histories are.
    """

    __slots__ = ("_columns", "_parts", "added", "sorted_by")

    def __init__(self, parts: list[Part], sorted_by: str | None = None) -> None:
        self._parts = parts
        self._columns: dict[str, Int64Array] = {}
        self.added: BoolArray | None = None
        is_ordered = not parts or (len(parts) == 1 and parts[0].is_ordered)
        self.sorted_by = sorted_by if is_ordered else None

    def __len__(self) -> int:
        if self._columns:
            return len(next(iter(self._columns.values())))
        return sum(map(len, self._parts))

    def know_keys(self, a: int, keys: Int64Array) -> None:
        """Take the keys that rows of `a` were looked up by for their column, where that is what it holds."""
        parts = self._parts
        only = parts[0] if len(parts) == 1 else None
        if isinstance(only, RunPart) and self.sorted_by and only.has_each(a, keys):
            self._columns[self.sorted_by] = keys

    def _column(self, name: str) -> Int64Array:
        column = self._columns.get(name)
        if column is None:
            parts = self._parts
            if len(parts) == 1:
                column = parts[0].column(name)
            elif parts:
                column = np.concatenate([part.column(name) for part in parts])
            else:
                column = EMPTY
            self._columns[name] = column
        return column

    @property
    def e(self) -> Int64Array:
        """Entity ids, int64[n]."""
        return self._column("e")

    @property
    def a(self) -> Int64Array:
        """Attribute ids, int64[n]."""
        return self._column("a")

    @property
    def v(self) -> Int64Array:
        """Value words, int64[n]."""
        return self._column("v")

    @property
    def tx(self) -> Int64Array:
        """Transaction ids, int64[n]: who asserted the row, or retracted it where not `added`."""
        return self._column("tx")

    def where(self, keep: BoolArray) -> Rows:
        """Return the rows where `keep`, bool[n], is true."""
        added = None if self.added is None else self.added[keep]
        columns = (column[keep] for column in (self.e, self.a, self.v, self.tx))
        return rows_of(*columns, added=added, sorted_by=self.sorted_by)


def rows_of(
    e: Int64Array,
    a: Int64Array,
    v: Int64Array,
    tx: Int64Array,
    *,
    added: BoolArray | None = None,
    sorted_by: str | None = None,
) -> Rows:
    """Return rows of columns that are there already."""
    rows = Rows([], sorted_by)
    rows._columns = {"e": e, "a": a, "v": v, "tx": tx}  # noqa: SLF001 - the other constructor
    rows.added = added
    return rows
