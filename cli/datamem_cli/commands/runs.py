"""Commands of runs: run, events, trace, verify."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from datamem_cli.options import as_of_option, db_option, format_option, text_of_argument


def json_argument(text: str | None) -> Any:
    """Return an argument as the JSON it is; `-` reads standard input, `@FILE` a file.

    Raises:
        UsageError: for what is no JSON.
    """
    if text is None:
        return None
    try:
        return json.loads(text_of_argument(text))
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no JSON: {error}") from error


def without_none(record: Any, *left_out: str) -> dict[str, Any]:
    """Return a dataclass as a record of what it has."""
    found = asdict(record)
    return {
        key: value
        for key, value in found.items()
        if key not in left_out and value not in (None, (), {}, "")
    }


def _event_row(event: Any) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "type": event.type,
        "timestamp": event.timestamp,
        "thread": event.thread,
        "payload": json.dumps(event.payload, ensure_ascii=False),
        "digest": event.digest[:12],
    }


@click.group()
def run() -> None:
    r"""Runs of agents: begin, end, show, list.

    \b
    Examples:
      datamem run begin --id run-1 --agent pip --metadata '{"task": "book a table"}'
      datamem events append run-1 observed '{"price": 3}'
      datamem run end run-1
      datamem run list --status failed
    """


@run.command()
@db_option
@click.option("--id", "run_id", metavar="NAME", help="Its name; else one is made.")
@click.option("--metadata", metavar="JSON", help="A JSON object.")
@click.option("--parent", metavar="RUN", help="The run it belongs to.")
@click.option("--agent", metavar="NAME", help="External id of the agent.")
@click.option("--session", metavar="NAME", help="External id of the session.")
@click.option("--scope", metavar="SCOPE", help="tenant/app/agent.")
def begin(path: str, run_id: str | None, metadata: str | None, **named: Any) -> None:
    """Begin a run and print its id."""
    from datamem.runs import begin_run
    from datamem_cli.opening import open_writing

    with open_writing(path) as conn:
        click.echo(begin_run(conn, run_id, json_argument(metadata), **named).id)


@run.command()
@db_option
@click.option(
    "--status",
    type=click.Choice(["completed", "failed", "cancelled"]),
    default="completed",
    show_default=True,
)
@click.option("--error", metavar="TEXT", help="Why it failed.")
@click.argument("run_id", metavar="RUN")
def end(path: str, status: str, error: str | None, run_id: str) -> None:
    """End a run: nothing can be appended to it any more."""
    from datamem.runs import end_run, get_run
    from datamem_cli.opening import open_writing

    with open_writing(path) as conn:
        record = end_run(get_run(conn, run_id), status, error=error)
        click.echo(f"{record.id} has {record.status}")


@run.command()
@db_option
@as_of_option
@format_option
@click.argument("run_id", metavar="RUN")
def show(path: str, as_of: Any, fmt: str, run_id: str) -> None:
    """Show what is known of a run."""
    from datamem.runs import read_run
    from datamem_cli.opening import open_reading, view_of
    from datamem_cli.show.printing import print_record

    with open_reading(path) as conn:
        db = view_of(conn.db, as_of=as_of, since=None, history=False)
        print_record(without_none(read_run(db, run_id), "eid"), fmt)


@run.command("list")
@db_option
@as_of_option
@format_option
@click.option("--status", help="running, completed, failed or cancelled.")
@click.option("--parent", metavar="RUN", help="Only those that belong to this run.")
@click.option("--scope", metavar="SCOPE", help="Only those of this scope and the scopes in it.")
def list_(path: str, as_of: Any, fmt: str, **which: Any) -> None:
    """List runs by when they began."""
    from datamem.runs import list_runs
    from datamem_cli.opening import open_reading, view_of
    from datamem_cli.show.printing import print_records

    with open_reading(path) as conn:
        db = view_of(conn.db, as_of=as_of, since=None, history=False)
        keys = ("id", "status", "namespace", "started_at", "ended_at", "error")
        print_records([{k: getattr(r, k) for k in keys} for r in list_runs(db, **which)], fmt)


@click.group()
def events() -> None:
    r"""Events of a run: append one, list them.

    \b
    Examples:
      datamem events append run-1 tool_call '{"tool": "search", "q": "oven"}'
      datamem events list run-1 --start 2 --type tool_call
      datamem verify run-1
    """


@events.command()
@db_option
@click.option("--thread", help="The thread of the run that it belongs to.")
@click.argument("run_id", metavar="RUN")
@click.argument("kind", metavar="TYPE")
@click.argument("payload", metavar="JSON", required=False)
def append(path: str, thread: str | None, run_id: str, kind: str, payload: str | None) -> None:
    """Append an event to an open run."""
    from datamem.runs import append_event, get_run
    from datamem_cli.opening import open_writing

    with open_writing(path) as conn:
        run = get_run(conn, run_id)
        event = append_event(run, kind, json_argument(payload), thread=thread)
        click.echo(f"{run_id}/{event.sequence} {event.digest}")


@events.command("list")
@db_option
@as_of_option
@format_option
@click.option("--start", type=int, default=1, help="The first to show.")
@click.option("--stop", type=int, help="The first not to show.")
@click.option("--type", "kind", help="Only events of this type.")
@click.option("--thread", help="Only events of this thread.")
@click.argument("run_id", metavar="RUN")
def list_events(
    path: str,
    as_of: Any,
    fmt: str,
    start: int,
    stop: int | None,
    kind: str | None,
    thread: str | None,
    run_id: str,
) -> None:
    """List the events of a run in order."""
    from datamem.runs import read_events
    from datamem_cli.opening import open_reading, view_of
    from datamem_cli.show.printing import print_records

    with open_reading(path) as conn:
        db = view_of(conn.db, as_of=as_of, since=None, history=False)
        found = read_events(run_id, start, stop, db=db, type=kind, thread=thread)
        print_records([_event_row(event) for event in found], fmt)


@click.group()
def trace() -> None:
    r"""Traces of a run: what was asked, decided and assumed; OpenTelemetry spans in and out.

    \b
    Examples:
      datamem trace add run-1 decision --text "offer tea" --confidence 0.9 --recalled 42
      datamem trace list run-1 --kind decision
      datamem trace why run-1
      datamem trace import spans.json
      datamem trace export run-1 > spans.json
    """


@trace.command()
@db_option
@click.option("--name", help="The tool, the model, or what it is called.")
@click.option("--text", help="What was decided, assumed or cited.")
@click.option("--input", "input_", metavar="JSON")
@click.option("--output", metavar="JSON")
@click.option("--confidence", type=float, metavar="0..1")
@click.option("--about", metavar="TRACE", help="The trace that this is about.")
@click.option("--parent", metavar="TRACE", help="The span that it happened in.")
@click.option(
    "--recalled", type=int, multiple=True, help="Entity of a memory that was recalled."
)
@click.option("--cited", type=int, multiple=True, help="Entity of a source.")
@click.option("--ignored", type=int, multiple=True, help="Entity of what was not used.")
@click.argument("run_id", metavar="RUN")
@click.argument("kind", metavar="KIND")
def add(
    path: str, input_: str | None, output: str | None, run_id: str, kind: str, **said: Any
) -> None:
    """Add a trace to an open run, with the event that says so."""
    from datamem.runs import add_trace, get_run
    from datamem_cli.opening import open_writing

    values = {"input": json_argument(input_), "output": json_argument(output)}
    with open_writing(path) as conn:
        click.echo(add_trace(get_run(conn, run_id), kind, **values, **said).id)


@trace.command("list")
@db_option
@as_of_option
@format_option
@click.option("--kind", help="Only traces of this kind.")
@click.argument("run_id", metavar="RUN")
def list_traces(path: str, as_of: Any, fmt: str, kind: str | None, run_id: str) -> None:
    """List the traces of a run in order."""
    from datamem.runs import read_traces
    from datamem_cli.opening import open_reading, view_of
    from datamem_cli.show.printing import print_records

    with open_reading(path) as conn:
        db = view_of(conn.db, as_of=as_of, since=None, history=False)
        keys = ("id", "kind", "name", "text", "status", "confidence", "parent")
        found = read_traces(run_id, kind, db=db)
        print_records([{key: getattr(one, key) for key in keys} for one in found], fmt)


@trace.command("why")
@db_option
@click.argument("run_id", metavar="RUN")
@click.argument("trace_id", metavar="[TRACE]", required=False)
def explain(path: str, run_id: str, trace_id: str | None) -> None:
    """Print why a run acted: what a decision rests on, where that came from, and what it did not use.

    Without a TRACE, of each of its decisions.
    """
    from datamem.runs import get_run, ignored, read_traces, why
    from datamem_cli.opening import open_reading

    with open_reading(path) as conn:
        found = get_run(conn, run_id)
        for one in [trace_id] if trace_id else read_traces(found, "decision"):
            click.echo(str(why(found, one)))
        for unused in ignored(found):
            click.echo(f"ignored: {unused.kind} {unused.text}")


@trace.command("import")
@db_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(path: str, file: Path) -> None:
    """Import OpenTelemetry spans from an OTLP/JSON file, each once."""
    from datamem.runs import import_otlp, read_traces
    from datamem_cli.opening import open_writing

    data = json_argument(file.read_text(encoding="utf-8"))
    with open_writing(path) as conn:
        for run in import_otlp(conn, data):
            click.echo(f"{run.id}: {len(read_traces(run))} traces")


@trace.command()
@db_option
@click.option("--style", type=click.Choice(["genai", "openinference"]), default="genai")
@click.argument("run_id", metavar="RUN")
def export(path: str, style: str, run_id: str) -> None:
    """Print the traces of a run as OTLP/JSON."""
    from datamem.runs import export_otlp
    from datamem_cli.opening import open_reading

    with open_reading(path) as conn:
        data = export_otlp(run_id, db=conn.db, style=style)
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))


@click.command()
@db_option
@as_of_option
@click.argument("run_ids", metavar="RUN", nargs=-1)
def verify(path: str, as_of: Any, run_ids: tuple[str, ...]) -> None:
    r"""Recompute the digests of runs' events; name the first link that does not hold.

    Without a RUN, of every run. Exits with 1 at a broken chain.

    \b
    Example:
      datamem verify run-1 run-2
    """
    from datamem.runs import check_events, list_runs
    from datamem_cli.opening import open_reading, view_of

    with open_reading(path) as conn:
        db = view_of(conn.db, as_of=as_of, since=None, history=False)
        for run_id in run_ids or [run.id for run in list_runs(db)]:
            found = check_events(run_id, db)
            click.echo(f"{run_id}: {found.event_count} events, whole, {found.digest}")


COMMANDS = (run, events, trace, verify)
