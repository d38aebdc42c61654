"""Results: columns first, Python tuples when somebody looks.

A relation result is compared, iterated and printed as a set of tuples (a list where `:order-by` gave
it an order, a bag where `:with` kept rows apart), and hands its columns to data frames without making
a Python object per value. Rows of a large result that are taken one after another are made a few at a
time and not kept: tuples held at once cost memory, and memory that nobody touched before costs more
time than the tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from itertools import chain, count
from typing import Any, Final, overload

import numpy as np

from datamem.datalog.columns.column import Column
from datamem.errors import QueryError

STRETCH_ROWS: Final = 2048
"""So many rows are made at a time where they are taken one after another; so few are made once and kept."""

_ALL: Final = slice(None)


class Result(Sequence[Any]):
    """The rows of a relation query.

    Immutable. `len()` and `columns` make no row, a slice makes its own. Iterating makes the rows of a
    large result a few at a time and keeps none; `rows()`, an index and a comparison make all and keep them.
    """

    __slots__ = (
        "_all_tuples",
        "_cursor",
        "_given",
        "_labels",
        "_notes",
        "_rows",
        "_size",
        "is_ordered",
    )

    def __init__(
        self,
        columns: Sequence[Column] | Callable[[], Sequence[Column]],
        size: int,
        *,
        labels: Sequence[Any] | None = None,
        is_ordered: bool = False,
        cursor: Callable[[], str] | None = None,
        notes: Callable[[], tuple[str, ...]] | None = None,
        all_tuples: Callable[[], Iterator[tuple[Any, ...]]] | None = None,
    ) -> None:
        """Hold columns of `size` rows.

        Args:
            columns: the columns, or what makes them when they are looked at.
            size: how many rows there are.
            labels: the keys of rows that are dicts.
            is_ordered: the query has an order.
            cursor: makes what `cursor` returns.
            notes: makes what `notes` returns.
            all_tuples: makes all rows, where that needs no columns; in their order.
        """
        self._given = columns
        self._all_tuples = all_tuples
        self._size = size
        self._labels = tuple(labels) if labels is not None else None
        self._rows: list[Any] | None = None
        self.is_ordered = is_ordered
        self._cursor = cursor
        self._notes = notes

    @property
    def _columns(self) -> Sequence[Column]:
        if callable(self._given):
            self._given = self._given()
        return self._given

    @property
    def notes(self) -> tuple[str, ...]:
        """Why rows may be missing or odd, where the query shows it: an unknown attribute, a value of another type."""
        return () if self._notes is None else self._notes()

    @property
    def cursor(self) -> str | None:
        """Where this page ends, for `:after`; None where no row follows, or nothing orders them.

        Queries with `:order-by` and `:limit`, or with `:after`, have one.
        """
        return None if self._cursor is None else self._cursor()

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each column: its label, or the find element as text."""
        if self._labels is not None:
            return tuple(str(label).removeprefix(":") for label in self._labels)
        return tuple(column.name for column in self._columns)

    @property
    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """Every column as a numpy array by name; numbers and instants are not made objects.

        A column that is found twice has a number behind its name the second time.
        """
        names = _apart(self.names)
        return {name: column.array() for name, column in zip(names, self._columns, strict=True)}

    def rows(self) -> list[Any]:
        """Return all rows: tuples, or dicts where the query has :keys, :strs or :syms."""
        if self._rows is None:
            self._rows = list(self._made(_ALL))
        return self._rows

    def _made(self, rows: slice) -> Iterator[Any]:
        """Make some rows."""
        tuples = self._tuples(rows)
        labels = self._labels
        if labels is None:
            return tuples
        return (dict(zip(labels, row, strict=True)) for row in tuples)

    def _tuples(self, rows: slice) -> Iterator[tuple[Any, ...]]:
        if self._all_tuples is not None and rows == _ALL:
            return self._all_tuples()
        return zip(*[column.part(rows) for column in self._columns], strict=True)

    @property
    def _is_at_hand(self) -> bool:
        """Whether all rows are made, or few enough to be."""
        return self._rows is not None or self._size <= STRETCH_ROWS

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        if self._is_at_hand:
            return iter(self.rows())
        starts = range(0, self._size, STRETCH_ROWS)
        stretches = (self._made(slice(start, start + STRETCH_ROWS)) for start in starts)
        return chain.from_iterable(stretches)

    def __reversed__(self) -> Iterator[Any]:
        return iter(self.rows()[::-1])

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return a row, or a list of rows."""
        if isinstance(index, slice) and not self._is_at_hand:
            return list(self._made(index))
        return self.rows()[index]

    def __contains__(self, row: object) -> bool:
        return row in iter(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Result):
            if self.is_ordered and other.is_ordered:
                return self.rows() == other.rows()
            return _same_bag(self.rows(), other.rows())
        if isinstance(other, set | frozenset):
            return len(other) == self._size and _as_set(self.rows()) == other
        if isinstance(other, list | tuple):
            wanted = [tuple(row) if isinstance(row, list) else row for row in other]
            return self.rows() == wanted if self.is_ordered else _same_bag(self.rows(), wanted)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # compares equal to sets, which have no hash

    def to_set(self) -> set[Any]:
        """Return the rows as a set of tuples."""
        return set(self)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame; needs pandas."""
        return _package("pandas").DataFrame(self.columns)

    def to_arrow(self) -> Any:
        """Return a pyarrow Table; needs pyarrow. Columns of several types become EDN text."""
        pa = _package("pyarrow")
        return pa.table(
            {name: _framed(array, pa.array) for name, array in self.columns.items()}
        )

    def to_polars(self) -> Any:
        """Return a polars DataFrame; needs polars. Columns of several types become EDN text."""
        pl = _package("polars")
        return pl.DataFrame(
            {name: _framed(array, pl.Series) for name, array in self.columns.items()}
        )

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Hand the columns to whatever reads Arrow streams; needs pyarrow."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_networkx(self, source: str | None = None, target: str | None = None) -> Any:
        """Return a networkx MultiDiGraph with an edge a row; needs networkx.

        Args:
            source, target: names of the columns of the ends; None takes the first two. The other
                columns become attributes of the edges.

        Raises:
            QueryError: `result/no-column`.
        """
        nx = _package("networkx")
        names = self.names
        ends = _place(source, 0, names), _place(target, 1, names)
        graph = nx.MultiDiGraph()
        for row in self._tuples(_ALL):
            others = {name.lstrip("?"): row[i] for i, name in enumerate(names) if i not in ends}
            graph.add_edge(row[ends[0]], row[ends[1]], **others)
        return graph

    def __repr__(self) -> str:
        table = text_table(self.names, self.rows_as_tuples(0, 20), self._size)
        return "\n".join([table, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        import html  # for notebooks only

        def line(tag: str, texts: Iterable[str]) -> str:
            cells = (f'<{tag} style="text-align:left">{html.escape(t)}</{tag}>' for t in texts)
            return f"<tr>{''.join(cells)}</tr>"

        head = line("th", self.names)
        body = "".join(line("td", map(shown, row)) for row in self.rows_as_tuples(0, 50))
        more = f"<p>{self._size} rows</p>"
        more += "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{more}"

    def rows_as_tuples(self, start: int, stop: int) -> list[tuple[Any, ...]]:
        """Return rows start:stop as tuples, decoding no others."""
        if self._rows is not None and self._labels is None:
            return self._rows[start:stop]
        return list(self._tuples(slice(start, stop)))


def _apart(names: Sequence[str]) -> list[str]:
    """Return names of which none is there twice."""
    made: list[str] = []
    for name in names:
        others = (f"{name} {i}" for i in count(2))
        made.append(name if name not in made else next(n for n in others if n not in made))
    return made


def _place(name: str | None, default: int, names: Sequence[str]) -> int:
    """Return which column a name means."""
    if name in names:
        return names.index(name)
    if name is None and default < len(names):
        return default
    raise QueryError(
        f"the result has no column {name or default}",
        code="result/no-column",
        hint=f"its columns: {', '.join(names)}",
    )


def _package(name: str) -> Any:
    """Import a package that is an extra.

    Raises:
        QueryError: `result/not-installed`.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise QueryError(
            f"{name} is not installed, and makes this form of a result",
            code="result/not-installed",
            hint=f"pip install {name}",
        ) from error


def _framed(array: np.ndarray[Any, Any], make: Callable[[Any], Any]) -> Any:
    """Make a frame's column: of text where its values have no common type there."""
    if array.dtype != object:
        return make(array)
    plain = [str(item) if isinstance(item, str) else item for item in array]
    try:
        return make(plain)
    except (TypeError, ValueError, NotImplementedError):
        return make([None if item is None else shown(item) for item in plain])


def _as_set(rows: list[Any]) -> Any:
    try:
        return set(rows)
    except TypeError:
        return rows


def _same_bag(left: list[Any], right: list[Any]) -> bool:
    if len(left) != len(right):
        return False
    try:
        counts: dict[Any, int] = {}
        for row in left:
            counts[row] = counts.get(row, 0) + 1
        for row in right:
            counts[row] = counts.get(row, 0) - 1
        return not any(counts.values())
    except TypeError:
        rest = list(right)
        for row in left:
            if row not in rest:
                return False
            rest.remove(row)
        return True


def shown(value: Any) -> str:
    """Return a value for a table cell: strings as they are, the rest as EDN."""
    from datamem.datalog.columns.values import print_value  # only when printing

    return str(value) if isinstance(value, str) else print_value(value)


def text_table(names: Sequence[str], rows: Sequence[Sequence[Any]], size: int) -> str:
    """Return rows as a text table; says how many there are in all."""
    cells = [[shown(value).replace("\n", " ") for value in row] for row in rows]
    cells = [[cell if len(cell) <= 60 else f"{cell[:59]}…" for cell in row] for row in cells]
    widths = [
        max(len(name), *(len(row[i]) for row in cells)) if cells else len(name)
        for i, name in enumerate(names)
    ]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in ([*names], ["─" * width for width in widths], *cells)
    ]
    more = f"… {size} rows in all" if size > len(rows) else f"{size} row{'s' * (size != 1)}"
    return "\n".join([*lines, more])
