"""Commands on a database as a whole: init, check, stats, backup, restore."""

from __future__ import annotations

from pathlib import Path

import click

from datamem_cli.options import db_option, format_option
from datamem_cli.show.attributes import is_users
from datamem_cli.show.printing import counted


@click.command()
@db_option
@click.option(
    "--schema",
    metavar="FILE",
    help="An EDN schema; `agent` is the schema for agents' memory that ships with datamem.",
)
@click.option("--strict", is_flag=True, help="Refuse attributes that no schema names.")
def init(path: str, schema: str | None, strict: bool) -> None:
    r"""Make a new database in an empty or new directory.

    \b
    Examples:
      datamem init --db agent.dm
      datamem init --db agent.dm --schema agent
      datamem init --db agent.dm --schema my_schema.edn --strict
    """
    import datamem
    from datamem.importers import agent_schema_text
    from datamem_cli.opening import require_new

    require_new(path)
    sources = [agent_schema_text() if schema == "agent" else Path(schema)] if schema else []
    whole = [*sources, "strict"] if strict else sources
    datamem.connect(":memory:", schema=whole).close()  # refused before anything is made
    with datamem.connect(path, schema=whole) as conn:
        count = sum(1 for attribute in conn.db.schema if is_users(attribute))
        click.echo(f"made {path} with {counted(count, 'attribute')} of its own")


@click.command()
@db_option
@format_option
def stats(path: str, fmt: str) -> None:
    r"""Show counts and sizes.

    \b
    Example:
      datamem stats --db agent.dm --format json
    """
    from datamem_cli.opening import open_reading
    from datamem_cli.show.printing import print_record

    with open_reading(path) as conn:
        print_record(conn.stats(), fmt)


@click.command()
@db_option
@format_option
@click.option(
    "--repair", is_flag=True, help="Rebuild wrong indexes from the log, if it is whole."
)
def check(path: str, fmt: str, repair: bool) -> None:
    r"""Verify log and indexes against each other.

    The exit code is 1 when something is wrong.

    \b
    Examples:
      datamem check --db agent.dm
      datamem check --db agent.dm --repair
    """
    from datamem.conn.checking import check as check_database
    from datamem_cli.show.checking import print_check
    from datamem_cli.show.progress import progress_bar

    with progress_bar("checking") as advance:

        def tell(what: str, done_count: int, total_count: int) -> None:
            advance(done_count, total_count, what)

        report = check_database(path, repair=repair, progress=tell)
    print_check(report, fmt)


@click.command()
@db_option
@click.argument("target", metavar="DIRECTORY")
def backup(path: str, target: str) -> None:
    r"""Copy the database while it is in use.

    \b
    Example:
      datamem backup --db agent.dm backups/agent-2024-05-01
    """
    from datamem_cli.opening import open_reading

    with open_reading(path) as conn:
        conn.copy(target)
        click.echo(f"copied t={conn.db.basis_t} of {path} to {target}")


@click.command()
@db_option
@click.argument("source", metavar="BACKUP")
def restore(path: str, source: str) -> None:
    r"""Make a database from a backup.

    Nothing may be at --db yet.

    \b
    Example:
      datamem restore --db agent.dm backups/agent-2024-05-01
    """
    import datamem

    datamem.restore(source, path)
    click.echo(f"restored {path} from {source}")


COMMANDS = (init, stats, check, backup, restore)
