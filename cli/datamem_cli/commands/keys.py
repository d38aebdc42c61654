"""Commands of keys and states: kv, state."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from datamem_cli.commands.runs import json_argument
from datamem_cli.options import as_of_option, db_option, format_option

F = TypeVar("F", bound=Callable[..., Any])


def _with_records(kind: str, *, write: bool) -> Callable[[F], F]:
    """Add `--db` and `--scope`; the command gets `records`, a store of keys or of states."""

    def decorate(function: F) -> F:
        @db_option
        @click.option("--scope", default="", help="tenant/app/agent/run.")
        @wraps(function)
        def command(*args: Any, path: str, scope: str, **kwargs: Any) -> Any:
            from datamem.kv import States, Store
            from datamem_cli.opening import open_reading, open_writing

            made = Store if kind == "kv" else States
            with (open_writing if write else open_reading)(path) as conn:
                return function(*args, records=made(conn, scope), **kwargs)

        return command  # type: ignore[return-value]  # same call, other parameters

    return decorate


def _print_value(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _row(entry: Any) -> dict[str, Any]:
    return {
        "key": entry.name,
        "version": entry.version,
        "value": json.dumps(entry.value, ensure_ascii=False),
        "expires_at": entry.expires_at,
    }


def _change_row(change: Any) -> dict[str, Any]:
    return {
        "t": change.t,
        "instant": change.instant,
        "version": change.version,
        "value": None if change.is_deleted else json.dumps(change.value, ensure_ascii=False),
    }


@click.group()
def kv() -> None:
    r"""Keys: JSON values by key in a scope, with versions and a time to live.

    \b
    Examples:
      datamem kv put plan/1 '{"steps": ["ask"]}' --ttl 3600
      datamem kv get plan/1
      datamem kv cas plan/1 1 '{"steps": []}'
      datamem kv list plan/
      datamem kv history plan/1
      datamem kv txn --read plan/1=2 --write 'plan/1={"steps": ["answer"]}' --write done=true
    """


@kv.command()
@_with_records("kv", write=False)
@as_of_option
@click.argument("key")
def get(records: Any, as_of: Any, key: str) -> None:
    """Print a key's value, now or then; exits with 1 if it has none."""
    from datamem.errors import StateError

    entry = records.entry(key, as_of=as_of)
    if entry is None:
        raise StateError(f"key {key} has no value", code="kv/not-found", key=key)
    _print_value(entry.value)


@kv.command()
@_with_records("kv", write=True)
@click.option("--ttl", type=float, metavar="SECONDS", help="How long it lives.")
@click.argument("key")
@click.argument("value", metavar="JSON")
def put(records: Any, ttl: float | None, key: str, value: str) -> None:
    """Give a key a value."""
    entry = records.put(key, json_argument(value), ttl=ttl)
    click.echo(f"{key} is at version {entry.version}")


@kv.command()
@_with_records("kv", write=True)
@click.option("--ttl", type=float, metavar="SECONDS", help="How long it lives.")
@click.argument("key")
@click.argument("expected", metavar="VERSION", type=int)
@click.argument("value", metavar="JSON")
def cas(records: Any, ttl: float | None, key: str, expected: int, value: str) -> None:
    """Give a key a value if it is at a version; 0: if it is not there."""
    entry = records.cas(key, expected, json_argument(value), ttl=ttl)
    click.echo(f"{key} is at version {entry.version}")


@kv.command()
@_with_records("kv", write=True)
@click.argument("key")
def delete(records: Any, key: str) -> None:
    """Take a key's value away; its history stays."""
    click.echo(f"deleted {key}" if records.delete(key) else f"{key} has no value")


@kv.command("list")
@_with_records("kv", write=False)
@as_of_option
@format_option
@click.argument("prefix", default="")
def list_keys(records: Any, as_of: Any, fmt: str, prefix: str) -> None:
    """List the keys that begin with a prefix."""
    from datamem_cli.show.printing import print_records

    print_records([_row(entry) for entry in records.list(prefix, as_of=as_of)], fmt)


@kv.command()
@_with_records("kv", write=False)
@format_option
@click.argument("key")
def history(records: Any, fmt: str, key: str) -> None:
    """Show every version that a key had."""
    from datamem_cli.show.printing import print_records

    print_records([_change_row(change) for change in records.history(key)], fmt)


@kv.command()
@_with_records("kv", write=True)
@click.option("--schema", metavar="JSON", help="JSON Schema of the values.")
@click.option("--ttl", type=float, metavar="SECONDS", help="How long they live unless said.")
@click.argument("prefix", default="")
def rule(records: Any, schema: str | None, ttl: float | None, prefix: str) -> None:
    """Say what values under a prefix must be, and how long they live."""
    records.rule(prefix, schema=json_argument(schema), ttl=ttl)
    click.echo(f"a rule for keys that begin with {prefix!r}")


@kv.command()
@_with_records("kv", write=True)
def sweep(records: Any) -> None:
    """Take away the values of the scope that have expired."""
    click.echo(f"swept {records.sweep()}")


@kv.command()
@_with_records("kv", write=True)
@click.option("--read", "reads", multiple=True, metavar="KEY=VERSION", help="What was read.")
@click.option("--write", "writes", multiple=True, metavar="KEY=JSON", help="What to write.")
@click.option("--delete", "gone", multiple=True, metavar="KEY", help="What to take away.")
def txn(
    records: Any, reads: tuple[str, ...], writes: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    """Write several keys at once, if all that was read still has its version."""
    from datamem.kv import DELETED
    from datamem.kv import txn as transact

    read_set = {key: json_argument(text) for key, text in map(_pair, reads)}
    write_set = {key: json_argument(text) for key, text in map(_pair, writes)}
    write_set |= dict.fromkeys(gone, DELETED)
    report = transact(records.conn, read_set, write_set, scope=records.scope)
    click.echo(f"t {report.t}")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is no KEY=VALUE")
    return key, value


@click.group()
def state() -> None:
    r"""States that agents coordinate through: read, cas, leases, gates.

    \b
    Examples:
      datamem state cas job 0 '{"step": 1}'
      datamem state read job
      datamem state acquire indexer --holder worker-1 --ttl 60
      datamem state release indexer --holder worker-1 --token 1
    """


@state.command()
@_with_records("state", write=False)
@as_of_option
@click.argument("name")
def read(records: Any, as_of: Any, name: str) -> None:
    """Print a state's version and value, now or then; version 0 is one that nobody wrote."""
    entry = records.read(name, as_of=as_of)
    _print_value({"version": entry.version, "value": entry.value})


@state.command("cas")
@_with_records("state", write=True)
@click.argument("name")
@click.argument("expected", metavar="VERSION", type=int)
@click.argument("value", metavar="JSON")
def swap(records: Any, name: str, expected: int, value: str) -> None:
    """Write a state if it is at a version; 0: if nobody has written it."""
    entry = records.compare_and_swap(name, expected, json_argument(value))
    click.echo(f"{name} is at version {entry.version}")


@state.command("list")
@_with_records("state", write=False)
@as_of_option
@format_option
@click.argument("prefix", default="")
def list_states(records: Any, as_of: Any, fmt: str, prefix: str) -> None:
    """List the states whose names begin with a prefix."""
    from datamem_cli.show.printing import print_records

    print_records([_row(entry) for entry in records.list(prefix, as_of=as_of)], fmt)


@state.command("history")
@_with_records("state", write=False)
@format_option
@click.argument("name")
def state_history(records: Any, fmt: str, name: str) -> None:
    """Show every version of a state."""
    from datamem_cli.show.printing import print_records

    print_records([_change_row(change) for change in records.history(name)], fmt)


@state.command()
@_with_records("state", write=True)
@click.option("--holder", required=True, help="Who wants it.")
@click.option("--ttl", type=float, metavar="SECONDS", help="Until when; else until released.")
@click.argument("name")
def acquire(records: Any, holder: str, ttl: float | None, name: str) -> None:
    """Take a lease and print its fencing token; exits with 1 if another holds it."""
    from datamem.kv import acquire_lease

    click.echo(acquire_lease(records, name, holder, ttl).token)


@state.command()
@_with_records("state", write=True)
@click.option("--holder", required=True, help="Who has it.")
@click.option("--token", required=True, type=int, help="As acquire printed it.")
@click.argument("name")
def release(records: Any, holder: str, token: int, name: str) -> None:
    """Let go of a lease; of one that has passed on, nothing happens."""
    from datamem.kv import Lease

    Lease(records, f"lease/{name}", holder, token).release()


COMMANDS = (kv, state)
