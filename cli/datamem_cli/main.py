"""The entry point: one group of commands, and every failure as a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from datamem_cli import (
    data,
    demo,
    doctor,
    keys,
    look,
    query,
    remember,
    replaying,
    running,
    search,
    store,
    talk,
    transfer,
)
from datamem_cli.failures import describe, exit_code_of
from datamem_cli.repl import command as repl

_EPILOG = """\b
Examples:
  datamem init --db agent.dm --schema agent
  datamem import --db agent.dm conversations.json
  datamem q --db agent.dm '[:find ?name :where [_ :user/name ?name]]'
  datamem q --db agent.dm --as-of 2024-03-20 '[:find (count ?m) . :where [?m :message/id]]'

Set DATAMEM_DB once and leave --db out."""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="datamem", prog_name="datamem")
def datamem() -> None:
    """A time machine for agent memory.

    Everything an agent was told, did, stored or forgot is a fact in one database, and any past
    instant is as quick to ask as the present.
    """


def _keep_lines(command: click.Command) -> None:
    r"""Turn the `\b` of raw docstrings into the character with which click keeps a paragraph's lines."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    for below in getattr(command, "commands", {}).values():
        _keep_lines(below)


for _module in (
    store,
    data,
    query,
    search,
    remember,
    talk,
    look,
    repl,
    transfer,
    demo,
    doctor,
    running,
    keys,
    replaying,
):
    for _command in _module.COMMANDS:
        _keep_lines(_command)
        datamem.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 refused, 2 wrong usage, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; failures are told on standard error."""
    try:
        result = datamem.main(arguments, prog_name="datamem", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001  # the last line before the user: no traceback
        return _fail(error)
    except KeyboardInterrupt:
        return _fail(click.Abort())
    return result if isinstance(result, int) else 0


def _fail(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):
        # the reader has gone, as `| head` does: nothing more may be written, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if os.environ.get("DATAMEM_DEBUG"):
        raise error
    if isinstance(error, click.ClickException):
        error.show()
    elif text := describe(error):
        click.echo(text, err=True)
    return exit_code_of(error)
