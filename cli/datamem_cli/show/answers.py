"""Answers of queries, printed by the shape of their find spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from datamem_cli.show.printing import cell_text, print_records, print_rows, print_value


def print_answer(answer: Any, fmt: str) -> None:
    """Print what a query returned: rows, maps, a collection, a tuple or a scalar."""
    from datamem.datalog import Result

    if isinstance(answer, Result):
        _print_result(answer, fmt)
    elif isinstance(answer, list) and fmt == "table":
        for item in answer:
            click.echo(cell_text(item))
    elif isinstance(answer, list) and fmt == "csv":
        print_rows(["value"], [[item] for item in answer], fmt)
    elif isinstance(answer, tuple) and fmt in {"table", "csv"}:
        print_rows([str(i + 1) for i in range(len(answer))], [answer], fmt)
    else:
        print_value(answer, fmt)


def _print_result(result: Any, fmt: str) -> None:
    """Print rows; with `:keys`, JSON and EDN have maps."""
    rows = result.rows()
    if not rows or not isinstance(rows[0], Mapping):
        print_rows(result.names, rows, fmt)
    elif fmt in {"json", "edn"}:
        print_records(rows, fmt)
    else:
        print_rows(result.names, [list(row.values()) for row in rows], fmt)
