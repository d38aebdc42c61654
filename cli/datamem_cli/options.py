"""Options that many commands share, and what their texts mean."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

PRINT_FORMATS = ("table", "edn", "json", "csv")

db_option = click.option(
    "--db",
    "path",
    envvar="DATAMEM_DB",
    required=True,
    metavar="PATH",
    help="Directory of the database (or set DATAMEM_DB).",
)
format_option = click.option(
    "--format",
    "fmt",
    type=click.Choice(PRINT_FORMATS),
    default="table",
    show_default=True,
    help="How to print.",
)


class Point(click.ParamType[Any]):
    """A point in time on the command line: a t, a date, or an instant."""

    name = "T"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return an int or an aware datetime."""
        if not isinstance(value, str):
            return value
        text = value.strip().removeprefix("#inst").strip().strip('"')
        if text.isdigit():
            return int(text)
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{value!r} is no point in time; write a t (42), a date (2024-03-20: its first "
                "moment, UTC) or an instant (2024-03-20T09:30)",
                param,
                ctx,
            )
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


as_of_option = click.option(
    "--as-of",
    type=Point(),
    help="Answer as the database was at a t, a date or an instant.",
)


def view_options(function: F) -> F:
    """Add `--db`, `--as-of`, `--since` and `--history`; the command gets `db`, that view.

    The database is open for reading while the command runs.
    """

    @db_option
    @as_of_option
    @click.option("--since", type=Point(), help="Only what was asserted after this point.")
    @click.option("--history", is_flag=True, help="Also what no longer holds.")
    @wraps(function)
    def command(
        *args: Any, path: str, as_of: Any, since: Any, history: bool, **kwargs: Any
    ) -> Any:
        from datamem_cli.opening import open_reading, view_of

        with open_reading(path) as conn:
            view = view_of(conn.db, as_of=as_of, since=since, history=history)
            return function(*args, db=view, **kwargs)

    return command  # type: ignore[return-value]  # same call, other parameters


def text_of_argument(argument: str) -> str:
    """Return an argument's text: `-` reads standard input, `@file` reads a file."""
    if argument == "-":
        return sys.stdin.read()
    if argument.startswith("@"):
        return Path(argument[1:]).read_text(encoding="utf-8")
    return argument
