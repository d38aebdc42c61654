"""The commands of sessions: session start, say, show, list, pause, resume, end, archive."""

from __future__ import annotations

from typing import Any

import click

from datamem_cli.commands.memory import with_memory
from datamem_cli.options import as_of_option, format_option


@click.group()
def session() -> None:
    r"""Conversations: begin one, add turns, read it, end it.

    A session is named by its id, or by the name given with --id.

    \b
    Examples:
      datamem session start --id monday --user mira --agent pip
      datamem session say monday user "The oven comes on Friday."
      datamem session show monday
      datamem session end monday --summary "Waiting for the oven"
    """


@session.command()
@with_memory(write=True)
@click.option("--id", "name", metavar="NAME", help="A name to find it by.")
@click.option("--title", help="What it is about, in a line.")
def start(mem: Any, name: str | None, title: str | None) -> None:
    """Begin a session. With --user and --agent it is theirs; both must exist."""
    record = mem.sessions.create(id=name, title=title)
    click.echo(f"began {record.external_id or record.id}")


@session.command()
@with_memory(write=True)
@click.argument("ref", metavar="SESSION")
@click.argument("role", type=click.Choice(["user", "assistant", "system", "tool"]))
@click.argument("content")
def say(mem: Any, ref: str, role: str, content: str) -> None:
    """Add a turn at the end of a session; `-` reads it from standard input."""
    from datamem_cli.options import text_of_argument

    text = text_of_argument(content) if content == "-" else content
    record = mem.add_message(ref, role, text)
    click.echo(f"turn {record.sequence}")


@session.command()
@with_memory(write=False)
@as_of_option
@format_option
@click.option("--last", type=int, help="Only the last turns.")
@click.argument("ref", metavar="SESSION")
def show(mem: Any, as_of: Any, fmt: str, last: int | None, ref: str) -> None:
    """Show the turns of a session, in order."""
    from datamem_cli.show.printing import print_records

    turns = mem.messages.of_session(ref, last=last, db=mem.view(as_of=as_of))
    print_records(
        [
            {
                "sequence": turn.sequence,
                "instant": turn.timestamp,
                "role": turn.role,
                "content": turn.content,
            }
            for turn in turns
        ],
        fmt,
    )


@session.command(name="list")
@with_memory(write=False)
@as_of_option
@format_option
@click.option("--status", type=click.Choice(["active", "paused", "ended"]))
@click.option("--limit", type=int, help="At most so many, the newest.")
def list_(mem: Any, as_of: Any, fmt: str, status: str | None, limit: int | None) -> None:
    """List sessions, newest first."""
    from datamem_cli.show.printing import print_records

    having = {} if status is None else {"status": status}
    records = mem.sessions.list(limit=limit, db=mem.view(as_of=as_of), **having)
    rows = [
        {
            "id": str(one.external_id or one.id),
            "status": one.status,
            "began": one.created_at,
            "user": one.user.name if one.user is not None else None,
            "title": one.title,
        }
        for one in records
    ]
    print_records(rows, fmt)


@session.command()
@with_memory(write=True)
@click.argument("ref", metavar="SESSION")
def pause(mem: Any, ref: str) -> None:
    """Pause a session."""
    _say(mem.sessions.pause(ref))


@session.command()
@with_memory(write=True)
@click.argument("ref", metavar="SESSION")
def resume(mem: Any, ref: str) -> None:
    """Go on with a paused session."""
    _say(mem.sessions.resume(ref))


@session.command()
@with_memory(write=True)
@click.option("--summary", help="What it was about.")
@click.argument("ref", metavar="SESSION")
def end(mem: Any, ref: str, summary: str | None) -> None:
    """End a session; it takes no more turns."""
    _say(mem.sessions.end(ref, summary=summary))


@session.command()
@with_memory(write=True)
@click.argument("ref", metavar="SESSION")
def archive(mem: Any, ref: str) -> None:
    """Mark an ended session as one that retention may move away."""
    _say(mem.sessions.archive(ref), "archived")


def _say(record: Any, status: str | None = None) -> None:
    click.echo(f"{record.external_id or record.id}: {status or record.status.lstrip(':')}")


COMMANDS = (session,)
