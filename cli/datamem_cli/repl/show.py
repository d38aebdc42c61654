"""Answers as lines, made as they are read: a hundred thousand rows show their first page at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from datamem_cli.show.printing import cell_text, counted, csv_cell, edn_of, json_of
from datamem_cli.show.table import line_of, table_text

_SAMPLE: Final = 200
"""Rows that decide how wide the columns are; a longer cell further down is cut."""
_CHUNK: Final = 1_000


def answer_lines(answer: Any, fmt: str, width: int | None) -> Iterator[str]:
    """Yield what a query returned, a line at a time.

    Args:
        answer: a result, a list, a tuple, a map or a scalar.
        fmt: "table", "edn", "json" or "csv".
        width: the terminal's columns; None cuts nothing.
    """
    from datamem.datalog import Result

    if isinstance(answer, Result):
        yield from row_lines(answer.names, _rows_of(answer), fmt, width)
        if fmt == "table":
            yield counted(len(answer), "row")
    elif isinstance(answer, list) and fmt == "table":
        yield from (cell_text(item) for item in answer)
        yield counted(len(answer), "value")
    elif isinstance(answer, Mapping) and fmt in {"table", "csv"}:
        yield from row_lines(["attribute", "value"], answer.items(), fmt, width)
    elif fmt == "csv" and isinstance(answer, list | tuple):
        rows = [answer] if isinstance(answer, tuple) else [[item] for item in answer]
        yield from row_lines(["value"] * len(rows[0]) if rows else [], rows, fmt, width)
    else:
        yield _value_text(answer, fmt)


def _rows_of(result: Any) -> Iterator[Sequence[Any]]:
    """Yield the rows of a result, decoding them a piece at a time."""
    for start in range(0, len(result), _CHUNK):
        yield from result.rows_as_tuples(start, start + _CHUNK)


def _value_text(value: Any, fmt: str) -> str:
    if fmt == "json":
        return json_of(value)
    if fmt == "table" and not isinstance(value, list | tuple):
        return "nil" if value is None else cell_text(value)
    return edn_of(list(value) if isinstance(value, tuple) else value)


def row_lines(
    header: Sequence[str], rows: Iterable[Sequence[Any]], fmt: str, width: int | None
) -> Iterator[str]:
    """Yield rows in a format; tables and CSV have a header, JSON has an array a line."""
    match fmt:
        case "edn":
            yield from (edn_of(list(row)) for row in rows)
        case "json":
            yield from (json_of(list(row)) for row in rows)
        case "csv":
            yield _csv_line(header)
            yield from (_csv_line([csv_cell(value) for value in row]) for row in rows)
        case _:
            yield from _table_lines(header, iter(rows), width)


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _table_lines(
    header: Sequence[str], rows: Iterator[Sequence[Any]], width: int | None
) -> Iterator[str]:
    sample = list(islice(rows, _SAMPLE))
    right = [
        bool(sample) and all(isinstance(row[i], int | float) for row in sample)
        for i in range(len(header))
    ]
    shown = [[cell_text(value) for value in row] for row in sample]
    text = table_text(header, shown, right=right, max_width=width)
    yield from text.splitlines()
    widths = [len(dashes) for dashes in text.splitlines()[1].split()] if header else []
    for row in rows:
        yield line_of([cell_text(value) for value in row], widths, right)
