"""Traces: what was asked, answered, cited, decided and assumed in a run, and on what grounds.

A trace is an entity beside the event that it is the structure of, so that a query can join a decision with
the memories recalled for it, and `verify` covers what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, TypeAlias

from datamem.db import Db
from datamem.errors import RunError
from datamem.index.words import instant_of_us
from datamem.kv.jsonvalue import given, held, plain_json
from datamem.kv.reading import entity_of, refs_of, value_of, values_of
from datamem.runs.current import Carrying
from datamem.runs.events import Event, NewEvent, append_events, event_tempid
from datamem.runs.runs import Run, check_open, find_run, view_of

KINDS: Final = (
    "span",
    "tool_call",
    "model_input",
    "model_output",
    "citation",
    "decision",
    "confidence",
    "assumption",
)
"""A span is any other stretch of work: an agent, a workflow, a retrieval."""

Entities: TypeAlias = "Sequence[int | list[Any] | tuple[Any, ...]]"
"""Entities as ids or lookup refs."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace.

    Attributes:
        eid: its entity.
        id: its run and the place of its event, as run-1/42.
        run: entity of its run; `event`: of its event.
        parent: entity of the span it happened in.
        about: entity of the trace that a confidence or a citation is of.
        name: the tool, the model, or what it is called.
        text: what was decided, assumed or cited.
        input, output: JSON values.
        recalled, cited, ignored: entities: memories recalled for it, sources it rests on, and what was
            at hand and not used.
        status: `open`, `ok`, `error`, or None.
        attributes: OpenTelemetry attributes, of an imported span.
        otlp: what else an imported span brought.
    """

    eid: int
    id: str
    run: int
    kind: str
    event: int | None = None
    parent: int | None = None
    about: int | None = None
    name: str | None = None
    text: str | None = None
    input: Any = None
    output: Any = None
    confidence: float | None = None
    recalled: tuple[int, ...] = ()
    cited: tuple[int, ...] = ()
    ignored: tuple[int, ...] = ()
    status: str | None = None
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    otlp: dict[str, Any] = field(default_factory=dict)


TraceRef: TypeAlias = "Trace | str | int"


def add_trace(
    run: Run,
    kind: str,
    name: str | None = None,
    *,
    text: str | None = None,
    input: Any = None,  # noqa: A002 - the field's own name
    output: Any = None,
    confidence: float | None = None,
    about: TraceRef | None = None,
    parent: TraceRef | None = None,
    event: Event | int | None = None,
    recalled: Entities = (),
    cited: Entities = (),
    ignored: Entities = (),
    status: str | None = None,
    error: str | None = None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
) -> Trace:
    """Add a trace to an open run, with an event of its kind that says the same.

    Args:
        parent: the span it happened in; None: the current one of this context.
        event: the event it belongs to, if that is there already; then no other is appended.

    Raises:
        RunError: `run/ended`, `trace/unknown-kind`, `trace/unknown`, `trace/unknown-entity`.
        StateError: `json/not-json`.
        SchemaError: `schema/out-of-range` for a confidence that is not from 0 to 1.
    """
    from datamem.runs.spans import current_span

    _check_kind(kind)
    at = instant_of_us(run.conn.now_us())
    values = {
        "name": name,
        "text": text,
        "input": plain_json(input, "the input"),
        "output": plain_json(output, "the output"),
        "confidence": confidence,
        "status": f":{status}" if status else None,
        "error": error,
        "started-at": started_at or at,
        "ended-at": ended_at or (None if status == "open" else started_at or at),
        "input-tokens": input_tokens,
        "output-tokens": output_tokens,
    }
    links = {
        "about": about,
        "parent": parent if parent is not None else current_span(run),
        "recalled": recalled,
        "cited": cited,
        "ignored": ignored,
    }
    return _written(run, kind, values, links, event)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise RunError(
            f"{kind!r} is no kind of trace",
            code="trace/unknown-kind",
            hint=f"the kinds are {', '.join(KINDS)}; a span is anything else",
            kind=kind,
        )


def _written(
    run: Run,
    kind: str,
    values: dict[str, Any],
    links: dict[str, Any],
    event: Event | int | None,
) -> Trace:
    """Transact a trace, after its event or together with one."""
    names: list[str] = []

    def map_of(db: Db, event_ref: Any, name: str) -> dict[str, Any]:
        names[:] = [name]
        return trace_map(name, run.eid, event_ref, kind, values | _linked(db, links))

    if event is None:

        def also(db: Db, events: list[Event]) -> list[Any]:
            made = events[0]
            return [map_of(db, event_tempid(made), f"{run.id}/{made.sequence}")]

        append_events(run, [NewEvent(kind, _payload(run, values, links))], also)
    else:
        eid = event.eid if isinstance(event, Event) else event

        def build(db: Db) -> list[Any]:
            check_open(db, run.eid, "it takes no trace")
            return [map_of(db, eid, _next_id(db, run, eid))]

        with Carrying(run):
            run.conn.update(build)
    return get_trace(run.conn.db, names[0])


def trace_map(
    name: str, run: int, event: Any, kind: str, values: dict[str, Any]
) -> dict[str, Any]:
    """Return a trace as the map that transacts it; values by what follows `:trace/`."""
    found = {f":trace/{key}": value for key, value in values.items() if value not in (None, ())}
    for key in (":trace/input", ":trace/output"):
        if key in found:
            found[key] = held(found[key])
    found |= {":trace/id": name, ":trace/run": run, ":trace/kind": f":{kind}"}
    return found if event is None else found | {":trace/event": event}


def _next_id(db: Db, run: Run, event: int) -> str:
    """Return the id of one more trace of an event that is there.

    Raises:
        RunError: `trace/unknown-event`.
    """
    if value_of(db, event, ":event/run") != run.eid:
        raise RunError(
            f"{event} is no event of run {run.id}",
            code="trace/unknown-event",
            hint="append_event returns the event; its eid names it",
            run=run.id,
            event=event,
        )
    count = len(db.referrers(event, db.schema.require(":trace/event").id))
    return f"{run.id}/{value_of(db, event, ':event/sequence')}.{count + 1}"


def _linked(db: Db, links: dict[str, Any]) -> dict[str, Any]:
    """Return the entities that links name.

    Raises:
        RunError: `trace/unknown`, `trace/unknown-entity`.
    """
    found: dict[str, Any] = {}
    for key, value in links.items():
        if key in {"about", "parent"}:
            found[key] = None if value is None else find_trace(db, value)
        else:
            found[key] = tuple(_entity(db, one) for one in value)
    return found


def _entity(db: Db, ref: Any) -> int:
    eid = db.resolve(ref)
    if eid is None or not db.entity_words(eid):
        raise RunError(
            f"{ref!r} is no entity of the database",
            code="trace/unknown-entity",
            hint="name what was used by its id, or by a lookup ref",
            entity=ref,
        )
    return eid


def _payload(run: Run, values: dict[str, Any], links: dict[str, Any]) -> dict[str, Any]:
    """Return what the event of a trace says: everything but its times."""
    db = run.conn.db
    said = {key: value for key, value in values.items() if not key.endswith("-at")}
    for key, value in _linked(db, links).items():
        if key in {"about", "parent"}:
            said[key] = None if value is None else value_of(db, value, ":trace/id")
        elif value:
            said[key] = list(value)
    if said["status"]:
        said["status"] = said["status"].removeprefix(":")
    return {key: value for key, value in said.items() if value is not None}


# Reading

_WORDS: Final = {
    part.name: f":trace/{part.name.replace('_', '-')}"
    for part in fields(Trace)
    if part.name not in {"eid", "recalled", "cited", "ignored"}
}


def find_trace(db: Db, trace: TraceRef) -> int:
    """Return the entity of a trace.

    Raises:
        RunError: `trace/unknown`.
    """
    if isinstance(trace, Trace):
        eid: int | None = trace.eid
    else:
        eid = entity_of(db, ":trace/id", trace) if isinstance(trace, str) else trace
    if eid is None or value_of(db, eid, ":trace/id") is None:
        raise RunError(
            f"there is no trace {trace if not isinstance(trace, Trace) else trace.id}",
            code="trace/unknown",
            hint="read_traces lists those of a run",
        )
    return eid


def get_trace(db: Db, trace: TraceRef) -> Trace:
    """Return a trace as a database value has it.

    Raises:
        RunError: `trace/unknown`.
    """
    eid = find_trace(db, trace)
    held_values = values_of(db, eid)
    values = {name: held_values[word] for name, word in _WORDS.items() if word in held_values}
    for key in ("kind", "status"):
        if key in values:
            values[key] = values[key].removeprefix(":")
    for key in ("input", "output"):
        values[key] = given(values.get(key))
    used: dict[str, Any] = {
        key: refs_of(db, eid, f":trace/{key}") for key in ("recalled", "cited", "ignored")
    }
    return Trace(eid=eid, **values, **used)


def read_traces(
    run: Run | str | int,
    kind: str | None = None,
    *,
    db: Db | None = None,
    name: str | None = None,
) -> list[Trace]:
    """Return the traces of a run in the order in which they were added.

    Args:
        db: the database value to read; None: now, of a `Run`'s connection.

    Raises:
        RunError: `run/unknown`.
    """
    view = view_of(run, db)
    eid = find_run(view, run)
    attribute = view.schema.require(":trace/run")
    traces = [get_trace(view, e) for e in sorted(view.referrers(eid, attribute.id))]
    return [
        trace for trace in traces if kind in {None, trace.kind} and name in {None, trace.name}
    ]
