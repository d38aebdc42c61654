"""The command that starts a REPL."""

from __future__ import annotations

import sys

import click

from datamem_cli.options import PRINT_FORMATS


@click.command()
@click.option(
    "--db",
    "path",
    envvar="DATAMEM_DB",
    default=":memory:",
    metavar="PATH",
    help="Directory of the database (or set DATAMEM_DB); without one, an empty one in memory.",
)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(PRINT_FORMATS),
    default="table",
    show_default=True,
    help="How to print answers.",
)
@click.option("--yes", is_flag=True, help="Commit transactions without asking.")
def repl(*, path: str, fmt: str, yes: bool) -> int:
    r"""Talk with a database: ask, transact, look at the past.

    Reads a terminal, or inputs from a pipe until one is refused (exit code 1). The
    database stays free for its writer; it is locked only while a transaction is committed.

    \b
    Examples:
      datamem repl --db agent.dm
      datamem repl --db agent.dm --format json < questions.edn
    """
    from datamem_cli.repl.database import Database
    from datamem_cli.repl.loop import converse, follow_script
    from datamem_cli.repl.screen import Terminal
    from datamem_cli.repl.session import Session

    with Database(path) as database:
        session = Session(database, Terminal(), fmt=fmt, confirm=not yes)
        return converse(session) if sys.stdin.isatty() else follow_script(session)


COMMANDS = (repl,)
