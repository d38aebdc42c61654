"""The commands of memories: memory add, list, show, revise, supersede, tag, forget, restore, recall, retain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

import click

from datamem_cli.options import Point, as_of_option, db_option, format_option

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _scope_options(function: F) -> F:
    """Add the owners whose memory it is."""
    for name, text in (
        ("session", "Only this session's, and what it shares with all."),
        ("agent", "Only this agent's, and what all agents share."),
        ("user", "Only this user's, and what all users share."),
        ("organization", "Only this tenant's; made by the first command that writes."),
    ):
        function = click.option(f"--{name}", metavar="NAME", help=text)(function)
    return function


def with_memory(*, write: bool) -> Callable[[F], F]:
    """Give a command `mem`, the memory of the database within the scope that its options name."""

    def decorate(function: F) -> F:
        @_scope_options
        @db_option
        @wraps(function)
        def command(
            *args: Any,
            path: str,
            organization: str | None,
            user: str | None,
            agent: str | None,
            session: str | None,
            **kwargs: Any,
        ) -> Any:
            from datamem.memory import Memory
            from datamem_cli.opening import open_reading, open_writing

            with open_writing(path) if write else open_reading(path) as conn:
                whole = Memory(conn, organization=organization if write else None)
                owners = {"user": user, "agent": agent, "session": session}
                mem = whole.scope(organization=organization, **owners)
                return function(*args, mem=mem, **kwargs)

        return command  # type: ignore[return-value]  # same call, other parameters

    return decorate


class Delay(click.ParamType[Any]):
    """An instant, or how long from now: 90m, 12h, 7d, 2w."""

    name = "WHEN"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a timedelta or an aware datetime."""
        text = str(value)
        if text[-1:] in _UNITS and text[:-1].isdigit():
            return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        found = Point().convert(text, param, ctx)
        if not isinstance(found, datetime):
            self.fail(f"{value!r} is no time; write 90m, 12h, 7d, 2w or a date", param, ctx)
        return found


def show_memories(records: list[Any], fmt: str) -> None:
    """Print memories, a line each."""
    from datamem_cli.show.printing import print_records

    rows = [
        {
            "id": str(one.external_id or one.id),
            "type": one.type,
            "priority": one.priority,
            "tags": " ".join(sorted(one.tags)),
            "content": one.content,
        }
        for one in records
    ]
    print_records(rows, fmt)


def say_memory(record: Any, verb: str) -> None:
    """Say in a line what was done with a memory."""
    click.echo(f"{verb} {record.external_id or record.id}: {record.content}")


@click.group()
def memory() -> None:
    r"""Remember, revise, forget: an agent's memory without Datalog.

    A memory is named by its id, or by the name given with --id.

    \b
    Examples:
      datamem memory add "Mira takes her tea black" --user mira --tag tea
      datamem memory list --user mira
      datamem memory supersede tea-1 "Mira takes milk now" --at 2024-05-01 --why "she said so"
      datamem memory list --valid-at 2024-04-01
      datamem memory forget tea-1 --why "she asked"
    """


@memory.command()
@with_memory(write=True)
@click.option("--id", "name", metavar="NAME", help="A name to find it by.")
@click.option(
    "--type", "kind", default="fact", show_default=True, help="fact, preference, episode, …"
)
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@click.option("--importance", type=float, help="0.0 to 1.0.")
@click.option("--priority", type=int, help="1 to 10; 5 if nothing is said.")
@click.option("--expires", type=Delay(), help="When it expires: 7d from now, or a date.")
@click.option("--valid-from", type=Delay(), help="Since when it is true.")
@click.option("--why", help="The reason, kept on the transaction.")
@click.argument("content")
def add(
    mem: Any, name: str | None, kind: str, expires: Any, content: str, **options: Any
) -> None:
    r"""Add a memory, unless it is known already.

    \b
    Examples:
      datamem memory add "The oven comes on Friday" --expires 7d
      datamem memory add "Rye flour comes from Old Weir Mill" --tag supplier --importance 0.5
    """
    record = mem.add(content, id=name, type=kind, expires_at=expires, **options)
    say_memory(record, "added" if record.is_new else "known already,")


@memory.command(name="list")
@with_memory(write=False)
@as_of_option
@format_option
@click.option("--type", "kind", help="Of this type.")
@click.option("--tag", "tags", multiple=True, help="With this tag; several: with all of them.")
@click.option("--valid-at", type=Point(), help="What was true then.")
@click.option("--forgotten", is_flag=True, help="Also what is forgotten, expired or archived.")
@click.option("--limit", type=int, help="At most so many, the newest.")
def list_(
    mem: Any,
    as_of: Any,
    fmt: str,
    kind: str | None,
    tags: tuple[str, ...],
    valid_at: Any,
    forgotten: bool,
    limit: int | None,
) -> None:
    r"""List memories, newest first.

    \b
    Examples:
      datamem memory list --tag health
      datamem memory list --as-of 2024-03-20      what was known then
      datamem memory list --valid-at 2024-03-20   what was true then, as far as is known now
    """
    db = mem.view(as_of=as_of, valid_at=valid_at, include_forgotten=forgotten)
    show_memories(mem.list(type=kind, tags=tags, limit=limit, db=db), fmt)


@memory.command()
@with_memory(write=False)
@format_option
@click.argument("ref", metavar="MEMORY")
def show(mem: Any, fmt: str, ref: str) -> None:
    """Show a memory and all its versions: what changed, when and why."""
    from datamem_cli.show.printing import print_records

    rows = []
    for version in mem.history(ref):
        changes = {**version.retracted, **version.added}
        for name in changes:
            before = version.retracted.get(name)
            rows.append(
                {
                    "t": version.t,
                    "instant": version.instant,
                    "attribute": name,
                    "was": before,
                    "is": version.added.get(name),
                    "why": version.why,
                }
            )
    print_records(rows, fmt)


@memory.command()
@with_memory(write=True)
@click.option("--why", help="The reason, kept on the transaction.")
@click.argument("ref", metavar="MEMORY")
@click.argument("content")
def revise(mem: Any, ref: str, content: str, why: str | None) -> None:
    """Change what a memory says; what it said stays in its history."""
    say_memory(mem.revise(ref, content, why=why), "revised")


@memory.command()
@with_memory(write=True)
@click.option("--at", type=Point(), help="When the change came to be; now if nothing is said.")
@click.option("--why", help="The reason, kept on the transaction.")
@click.argument("ref", metavar="MEMORY")
@click.argument("content")
def supersede(mem: Any, ref: str, content: str, at: Any, why: str | None) -> None:
    """Say what took the place of a memory: the old one was true until then, the new one since."""
    say_memory(mem.supersede(ref, content, at=at, why=why), "added")


@memory.command()
@with_memory(write=True)
@click.argument("ref", metavar="MEMORY")
@click.argument("tags", nargs=-1, required=True)
def tag(mem: Any, ref: str, tags: tuple[str, ...]) -> None:
    """Add tags to a memory."""
    say_memory(mem.tag(ref, *tags), "tagged")


@memory.command()
@with_memory(write=True)
@click.option("--why", help="The reason, kept on the transaction.")
@click.argument("ref", metavar="MEMORY")
def forget(mem: Any, ref: str, why: str | None) -> None:
    """Forget a memory: it is not shown any more, and `restore` brings it back."""
    mem.forget(ref, why=why)
    click.echo(f"forgot {ref}")


@memory.command()
@with_memory(write=True)
@click.argument("ref", metavar="MEMORY")
def restore(mem: Any, ref: str) -> None:
    """Bring back what was forgotten or has expired."""
    say_memory(mem.restore(ref), "restored")


@memory.command()
@with_memory(write=False)
@as_of_option
@format_option
@click.option("-k", "count", type=int, default=10, show_default=True, help="How many at most.")
@click.argument("query")
def recall(mem: Any, as_of: Any, fmt: str, count: int, query: str) -> None:
    r"""Recall what answers a question: messages and memories, best first.

    \b
    Examples:
      datamem memory recall "What is Mira allergic to?"
      datamem memory recall "oven" --as-of 2024-03-20 -k 3
    """
    from datamem_cli.show.printing import print_records

    found = mem.recall(query, k=count, as_of=as_of)
    rows = [
        {"score": round(item.score, 3), "kind": item.kind, "text": item.text} for item in found
    ]
    print_records(rows, fmt)


@memory.command()
@with_memory(write=True)
@format_option
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.argument("policies", nargs=-1)
def retain(mem: Any, fmt: str, dry_run: bool, policies: tuple[str, ...]) -> None:
    """Apply retention policies: purge, archive, evict. Without names, all that are enabled."""
    from datamem_cli.show.printing import print_records

    outcomes = mem.retention.apply(*policies, dry_run=dry_run)
    rows = [{"policy": o.policy, "action": o.action, "count": o.count} for o in outcomes]
    print_records(rows, fmt)


COMMANDS = (memory,)
