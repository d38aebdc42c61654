"""Events: what happened in a run, in order and without gaps, each holding the digest of the one before.

An event is an entity. The database's own log is where it lives and what makes it durable; the chain of
digests says that nobody has changed, dropped, added or reordered one since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, TypeAlias

from datamem.db import Db
from datamem.errors import RunError
from datamem.index.words import instant_of_us, us_of_instant
from datamem.kv.jsonvalue import canonical_json, given, held, plain_json
from datamem.kv.reading import columns_of, entity_of, value_of, values_of
from datamem.runs.current import Carrying
from datamem.runs.runs import Run, check_open, find_run, view_of

Also: TypeAlias = "Callable[[Db, list[Event]], list[Any]]"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a run.

    Attributes:
        eid: its entity.
        run: id of its run.
        sequence: its place in the run, from 1.
        payload: any JSON value.
        thread: the thread of the run it belongs to, if it named one.
        agent: entity of the agent whose it is, if it named one.
        previous: digest of the event before; of the run's name for the first.
        digest: SHA-256 of all this as canonical JSON, in hex.
    """

    eid: int
    run: str
    sequence: int
    type: str
    payload: Any
    timestamp: datetime
    thread: str | None
    agent: int | None
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append; see `append_event`."""

    type: str
    payload: Any = None
    thread: str | None = None
    agent: int | None = None
    timestamp: datetime | None = None


def append_event(
    run: Run,
    type: str,  # noqa: A002 - the field's own name
    payload: Any = None,
    *,
    thread: str | None = None,
    agent: int | None = None,
    timestamp: datetime | None = None,
) -> Event:
    """Append an event to an open run; it is durable as the connection's policy says.

    Args:
        payload: any JSON value.
        thread, agent: narrower scopes than the run; `read_events` selects by them.
        timestamp: for the import of what happened elsewhere; None: now.

    Raises:
        RunError: `run/ended`, `run/unknown`, `event/bad-type`.
        StateError: `json/not-json`.
    """
    return _append(run, [_checked(type, payload, thread, agent, timestamp)])[0]


def append_events(
    run: Run, events: Iterable[NewEvent], also: Also | None = None
) -> list[Event]:
    """Append several events in one transaction: all or none.

    Args:
        also: called with the newest database value and the events as they will be; returns more
            tx-data for the same transaction, where `event_tempid(event)` refers to one of them.
    """
    return _append(run, [checked_event(event) for event in events], also)


def _append(run: Run, checked: Sequence[NewEvent], also: Also | None = None) -> list[Event]:
    """Append events that are checked."""
    made: list[Event] = []

    def build(db: Db) -> list[Any]:
        made[:] = chain_events(db, run, checked)
        more = also(db, made) if also is not None else []
        return [*(map_of(event, run.eid) for event in made), *more]

    if not checked:
        return []
    with Carrying(run):
        report = run.conn.update(build)
    run.seen_sequence = made[-1].sequence
    run.head = report.t, made[-1].sequence, made[-1].digest
    return [_with_eid(event, report.tempids[event_tempid(event)]) for event in made]


def _with_eid(event: Event, eid: int) -> Event:
    """Return an event that knows its entity; `dataclasses.replace` would take as long as a lookup."""
    e = event
    return Event(
        eid,
        e.run,
        e.sequence,
        e.type,
        e.payload,
        e.timestamp,
        e.thread,
        e.agent,
        e.previous,
        e.digest,
    )


def event_tempid(event: Event) -> str:
    """Return what names an event inside the transaction that appends it."""
    return f"event {event.sequence}"


def chain_events(db: Db, run: Run, events: Sequence[NewEvent]) -> list[Event]:
    """Return events to append as they will be but for their entities; they are plain JSON already.

    Raises:
        RunError: `run/ended`, `run/unknown`.
    """
    t, sequence, previous = run.head
    if t != db.basis_t:
        check_open(db, run.eid, "it takes no event")
        sequence, previous = head_of(db, run.id, run.seen_sequence)
    now_us = run.conn.now_us()
    made: list[Event] = []
    for event in events:
        sequence += 1
        at_us = now_us if event.timestamp is None else us_of_instant(event.timestamp)
        scope = event.thread, event.agent
        digest = digest_of(run.id, sequence, event.type, event.payload, at_us, scope, previous)
        made.append(
            Event(
                0,
                run.id,
                sequence,
                event.type,
                event.payload,
                instant_of_us(at_us),
                event.thread,
                event.agent,
                previous,
                digest,
            )
        )
        previous = digest
    return made


def map_of(event: Event, run: int) -> dict[str, Any]:
    """Return an event as the map that transacts it."""
    return {
        ":db/id": event_tempid(event),
        ":event/id": f"{event.run}/{event.sequence}",
        ":event/run": run,
        ":event/sequence": event.sequence,
        ":event/type": event.type,
        ":event/payload": held(event.payload),
        ":event/timestamp": event.timestamp,
        ":event/thread": event.thread,
        ":event/agent": event.agent,
        ":event/previous": event.previous,
        ":event/digest": event.digest,
    }


def checked_event(event: NewEvent) -> NewEvent:
    """Return an event with a payload of plain JSON and an instant with a zone.

    Raises:
        RunError: `event/bad-type`.
        StateError: `json/not-json`.
    """
    return _checked(event.type, event.payload, event.thread, event.agent, event.timestamp)


def _checked(
    kind: Any, payload: Any, thread: str | None, agent: int | None, at: datetime | None
) -> NewEvent:
    if not isinstance(kind, str) or not kind:
        raise RunError(
            f"{kind!r} is no type of an event",
            code="event/bad-type",
            hint="use a short text, such as tool_call",
            type=kind,
        )
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return NewEvent(kind, plain_json(payload, "the payload"), thread, agent, at)


def digest_of(
    run: str,
    sequence: int,
    type: str,  # noqa: A002 - the field's own name
    payload: Any,
    at_us: int,
    scope: tuple[str | None, int | None],
    previous: str,
) -> str:
    """Return the digest of an event: SHA-256 of its canonical JSON, 64 hex digits.

    Args:
        at_us: when, µs since 1970.
        scope: thread and agent.
        previous: digest of the event before.
    """
    thread, agent = scope
    text = canonical_json(
        {
            "run": run,
            "sequence": sequence,
            "type": type,
            "payload": payload,
            "timestamp": at_us,
            "thread": thread,
            "agent": agent,
            "previous": previous,
        }
    )
    return sha256(text.encode()).hexdigest()


def first_previous(run: str) -> str:
    """Return what the first event of a run holds for a predecessor's digest."""
    return sha256(canonical_json({"run": run}).encode()).hexdigest()


# Reading


def head_of(db: Db, run: str, hint: int = 0) -> tuple[int, str]:
    """Return the sequence and digest of a run's last event; 0 and `first_previous` if it has none.

    Events have no gaps, so the last one is found by asking which exist, doubling the step from the hint.
    """
    low, high = (hint, hint + 1) if hint and _event_eid(db, run, hint) else (0, max(hint, 1))
    step = 1
    while _event_eid(db, run, high):
        low, step = high, step * 2
        high += step
    while high - low > 1:
        middle = (low + high) // 2
        if _event_eid(db, run, middle):
            low = middle
        else:
            high = middle
    if low == 0:
        return 0, first_previous(run)
    eid = _event_eid(db, run, low)
    return low, value_of(db, eid, ":event/digest")


def _event_eid(db: Db, run: str, sequence: int) -> int:
    return entity_of(db, ":event/id", f"{run}/{sequence}") or 0


def get_event(db: Db, run: Run | str, sequence: int) -> Event:
    """Return one event of a run.

    Raises:
        RunError: `run/unknown`, `event/unknown`.

    Cost: tens of µs.
    """
    name = run.id if isinstance(run, Run) else run
    eid = _event_eid(db, name, sequence)
    if not eid:
        find_run(db, run)
        count, _ = head_of(db, name)
        raise RunError(
            f"run {name} has no event {sequence}",
            code="event/unknown",
            hint=f"it has {count}, from 1",
            run=name,
            sequence=sequence,
        )
    return event_of(db, eid, name)


def event_of(db: Db, eid: int, run: str | None = None) -> Event:
    """Return the event that an entity is."""
    get: Callable[[str], Any] = values_of(db, eid).get
    return Event(
        eid,
        run or value_of(db, get(":event/run"), ":run/id"),
        get(":event/sequence"),
        get(":event/type"),
        given(get(":event/payload")),
        get(":event/timestamp"),
        get(":event/thread"),
        get(":event/agent"),
        get(":event/previous"),
        get(":event/digest"),
    )


def read_events(
    run: Run | str,
    start: int = 1,
    stop: int | None = None,
    *,
    db: Db | None = None,
    type: str | None = None,  # noqa: A002 - the field's own name
    thread: str | None = None,
    agent: int | None = None,
) -> list[Event]:
    """Return events of a run in order.

    Args:
        start, stop: sequences, from start to before stop; None: to the end.
        db: the database value to read, as `conn.db.as_of(…)`; None: now, of a `Run`'s connection.
        type, thread, agent: only the events with these.

    Raises:
        RunError: `run/unknown`.
    """
    view = view_of(run, db)
    eid = find_run(view, run)
    name = run.id if isinstance(run, Run) else run
    return [
        event
        for event in _in_range(view, eid, name, max(start, 1), stop)
        if type in {None, event.type}
        and thread in {None, event.thread}
        and agent in {None, event.agent}
    ]


FEW: Final = 16
"""So many events are looked up one by one."""


def _in_range(db: Db, run: int, name: str, start: int, stop: int | None) -> list[Event]:
    if stop is not None and stop - start <= FEW:
        eids = (_event_eid(db, name, sequence) for sequence in range(start, stop))
        return [event_of(db, eid, name) for eid in eids if eid]
    return [
        event
        for event in events_of_run(db, run, name)
        if start <= (event.sequence or 0) and (stop is None or event.sequence < stop)
    ]


_PARTS: Final = (
    *(":event/sequence", ":event/type", ":event/payload", ":event/timestamp", ":event/thread"),
    *(":event/agent", ":event/previous", ":event/digest"),
)


def events_of_run(db: Db, run: int, name: str) -> list[Event]:
    """Return whatever claims to be an event of a run, by sequence; read as columns."""
    attribute = db.schema.require(":event/run")
    eids = db.referrers(run, attribute.id)
    gets: list[Callable[[int], Any]] = [column.get for column in columns_of(db, eids, _PARTS)]
    rows = ((eid, *(get(eid) for get in gets)) for eid in eids)
    events = [
        Event(eid, name, sequence, kind, given(payload), *rest)
        for eid, sequence, kind, payload, *rest in rows
    ]
    return sorted(events, key=lambda event: (event.sequence or 0, event.eid))
