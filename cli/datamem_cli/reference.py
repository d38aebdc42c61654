"""Every command with its help, as the page of the documentation that lists them."""

from __future__ import annotations

from collections.abc import Iterator

import click

_HEAD = """# Commands

Every command of `datamem` with its help, as `datamem COMMAND --help` prints it. This page is written by
`make reference`, and a test holds it to the commands.
"""


def reference_markdown(group: click.Group) -> str:
    """Return a page with a section a command, by name; groups come before their commands."""
    sections = [_HEAD]
    for path, command in commands_of(group, ("datamem",)):
        name = " ".join(path)
        context = click.Context(command, info_name=name, help_option_names=["-h", "--help"])
        context.terminal_width = 100
        sections.append(f"## {name}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join(sections)


def commands_of(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield the path and the command of everything below a group, by name."""
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None, f"{name} is listed and not there"
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands_of(command, (*path, name))


if __name__ == "__main__":
    from datamem_cli.main import datamem

    click.echo(reference_markdown(datamem), nl=False)
