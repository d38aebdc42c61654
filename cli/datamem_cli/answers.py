"""Answers of queries, printed by the shape of their find spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datamem_cli.printing import print_records, print_rows, print_value


def print_answer(answer: Any, fmt: str) -> None:
    """Print what a query returned: rows, maps, a collection, a tuple or a scalar."""
    columns = getattr(answer, "columns", None)
    if columns is not None and not isinstance(answer, Mapping):
        names = [str(name) for name in (columns() if callable(columns) else columns)]
        print_rows(names, answer, fmt)
    elif isinstance(answer, list) and answer and isinstance(answer[0], Mapping):
        _print_maps(answer, fmt)
    elif isinstance(answer, list | tuple) and fmt in {"table", "csv"}:
        _print_column(answer, fmt)
    else:
        print_value(answer, fmt)


def _print_maps(answer: list[Any], fmt: str) -> None:
    """Print rows of a `:keys` query, or pulled maps that share no shape."""
    if fmt in {"table", "csv"} and any(set(row) != set(answer[0]) for row in answer):
        print_rows(["value"], [[row] for row in answer], fmt)
    elif fmt in {"table", "csv"}:
        print_records(answer, fmt)
    else:
        print_value(answer, fmt)


def _print_column(answer: list[Any] | tuple[Any, ...], fmt: str) -> None:
    """Print `[?x ...]` as a column and `[?x ?y]` as a row."""
    if isinstance(answer, tuple):
        print_rows([f"{i}" for i in range(1, len(answer) + 1)], [answer], fmt)
    else:
        print_rows(["value"], [[item] for item in answer], fmt)
