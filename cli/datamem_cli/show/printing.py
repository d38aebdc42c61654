"""Results on standard output, as a table, EDN, JSON or CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from datamem_cli.show.table import table_text, terminal_width


def print_rows(header: Sequence[str], rows: Iterable[Sequence[Any]], fmt: str) -> None:
    """Print rows of values; JSON and EDN are arrays of rows, CSV and tables have a header."""
    match fmt:
        case "edn":
            _print_sequence((edn_of(list(row)) for row in rows), " ")
        case "json":
            _print_sequence((json_of(list(row)) for row in rows), ", ")
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(header)
            writer.writerows([csv_cell(value) for value in row] for row in rows)
        case _:
            _print_table(header, list(rows))


def print_value(value: Any, fmt: str) -> None:
    """Print one value: a scalar, a collection, or a pulled entity."""
    if fmt in {"table", "csv"} and isinstance(value, Mapping):
        print_rows(["attribute", "value"], list(value.items()), fmt)
    elif fmt == "json":
        click.echo(json_of(value))
    elif fmt == "edn":
        click.echo(edn_of(value))
    else:
        click.echo(cell_text(value) if value is not None else "nil")


def print_records(records: Sequence[Mapping[str, Any]], fmt: str) -> None:
    """Print maps of one shape: JSON and EDN as maps, CSV and tables with a column a name."""
    if fmt == "json":
        _print_sequence((json_of(record) for record in records), ", ")
    elif fmt == "edn":
        _print_sequence((edn_of(_with_keywords(record)) for record in records), " ")
    else:
        header = list(records[0]) if records else []
        print_rows(header, [list(record.values()) for record in records], fmt)


def print_record(record: Mapping[str, Any], fmt: str) -> None:
    """Print one map with plain names, such as counts."""
    if fmt == "edn":
        click.echo(edn_of(_with_keywords(record)))
    elif fmt == "json":
        click.echo(json_of(record))
    else:
        print_rows(["what", "value"], list(record.items()), fmt)


def _with_keywords(record: Mapping[str, Any]) -> dict[Any, Any]:
    from datamem.edn import Keyword

    return {
        Keyword(name.replace(" ", "-")) if type(name) is str else name: value
        for name, value in record.items()
    }


def _print_sequence(items: Iterable[str], separator: str) -> None:
    """Print `[a, b]` with an item a line, without holding them all."""
    opened = False
    for item in items:
        click.echo(("[" if not opened else separator.rstrip() + "\n ") + item, nl=False)
        opened = True
    click.echo("]" if opened else "[]")


def _print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    width = terminal_width(is_terminal=sys.stdout.isatty())
    numeric = [
        bool(rows) and all(_is_number(row[i]) or row[i] is None for row in rows)
        for i in range(len(header))
    ]
    cells = [[cell_text(value) for value in row] for row in rows]
    if header:
        click.echo(table_text(header, cells, right=numeric, max_width=width))
    if sys.stdout.isatty():
        click.echo(counted(len(rows), "row"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it is one.

    Example:
        >>> counted(1, "entity"), counted(1200, "entity"), counted(0, "fact")
        ('1 entity', '1,200 entities', '0 facts')
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"


def cell_text(value: Any) -> str:
    """Return a value on one line: texts bare, instants short, everything else as EDN."""
    if value is None:
        return ""
    if isinstance(value, str):
        return (
            " ".join(str.__str__(value).splitlines()) if "\n" in value else str.__str__(value)
        )
    if isinstance(value, datetime):
        from datamem.importers.jsonvalues import instant_text

        return instant_text(value)
    return edn_of(value)


def edn_of(value: Any) -> str:
    """Return a value as EDN text."""
    from datamem.edn import print_edn

    return print_edn(_plain(value))


def _plain(value: Any) -> Any:
    """Return lazy and array values as the plain data they stand for."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [_plain(item) for item in value]
    return value


def json_of(value: Any) -> str:
    """Return a value as JSON text; keywords keep their colon."""
    from datamem.importers.jsonvalues import to_json_value

    return json.dumps(to_json_value(value), ensure_ascii=False)


def csv_cell(value: Any) -> Any:
    """Return a value as a CSV cell: texts bare, nested values as JSON, nil empty."""
    from datamem.importers.jsonvalues import to_json_value

    plain = to_json_value(value)
    return (
        json.dumps(plain, ensure_ascii=False)
        if isinstance(plain, list | dict | bool)
        else plain
    )
