"""The entry point: one group of commands, and every failure as a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from datamem_cli.failures import describe, exit_code_of

_EPILOG = """\b
Examples:
  datamem init --db agent.dm --schema agent
  datamem import --db agent.dm conversations.json
  datamem q --db agent.dm '[:find ?name :where [_ :user/name ?name]]'
  datamem q --db agent.dm --as-of 2024-03-20 '[:find (count ?m) . :where [?m :message/id]]'

Set DATAMEM_DB once and leave --db out."""


_HOMES: Final = {
    "commands.store": ("init", "stats", "check", "backup", "restore"),
    "commands.data": ("transact",),
    "commands.query": ("q", "pull"),
    "commands.search": ("search",),
    "commands.memory": ("memory",),
    "commands.session": ("session",),
    "commands.look": ("entity", "graph", "log", "schema"),
    "repl.command": ("repl",),
    "commands.transfer": ("import", "export"),
    "commands.demo": ("demo",),
    "commands.doctor": ("doctor",),
    "commands.runs": ("run", "events", "trace", "verify"),
    "commands.keys": ("kv", "state"),
    "commands.replay": ("replay", "diff", "fork"),
}
"""The modules and their commands; a module is imported when one of its commands is wanted."""


class Commands(click.Group):
    """The group of all commands, so that one command does not wait for the modules of the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, sorted."""
        return sorted(name for names in _HOMES.values() for name in names)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """Return a command by name, importing its module the first time."""
        if cmd_name not in self.commands:
            for home, names in _HOMES.items():
                if cmd_name in names:
                    for command in import_module(f"datamem_cli.{home}").COMMANDS:
                        _keep_lines(command)
                        self.add_command(command)
        return self.commands.get(cmd_name)


def _keep_lines(command: click.Command) -> None:
    r"""Turn the `\b` of raw docstrings into the character with which click keeps a paragraph's lines."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    for below in getattr(command, "commands", {}).values():
        _keep_lines(below)


@click.group(
    cls=Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="datamem", prog_name="datamem")
def datamem() -> None:
    """A time machine for agent memory.

    Everything an agent was told, did, stored or forgot is a fact in one database, and any past
    instant is as quick to ask as the present.
    """


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
