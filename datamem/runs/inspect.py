"""Looking back into a run: what it knew, when it learned it, why it acted, what it assumed and ignored.

Answers are derivations: a decision, the evidence it rests on, and under that the messages and runs that the
evidence came from. Everything is read from the database value of the moment that is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np

from datamem.db.database import Db
from datamem.db.difference import entity_name
from datamem.db.time import instant_of_t
from datamem.edn import print_edn
from datamem.errors import RunError
from datamem.ids import t_of_tx, tx_of_t
from datamem.index.changes import changed_facts
from datamem.kv.reading import entity_of, refs_of, value_of
from datamem.runs.comparing.script import shortened
from datamem.runs.events import Event
from datamem.runs.pictures import Node, tree_svg
from datamem.runs.recorder.read import tx_of
from datamem.runs.recorder.steps import Step, is_memory
from datamem.runs.runs import Run, check_run
from datamem.runs.traces import Trace, TraceRef, find_trace, get_trace, read_traces

Moment: TypeAlias = "Event | Step | int | None"
"""An event, a step, the sequence of an event, or None for now."""

SOURCES: Final = (":memory/source-messages", ":memory/source-memories")
"""Reference attributes that lead from what is remembered to what it came from."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact came from.

    Attributes:
        t, instant: the transaction that asserted it.
        run: id of the run that wrote it, or None.
        event: entity of the event that was written with it, or None.
        source: what was imported by that transaction, or None.
    """

    t: int
    instant: datetime
    run: str | None = None
    event: int | None = None
    source: str | None = None

    def __str__(self) -> str:
        parts = [f"t {self.t}, {self.instant:%Y-%m-%d %H:%M:%S}"]
        parts += [f"run {self.run}"] if self.run else []
        parts += [f"imported from {self.source}"] if self.source else []
        return ", ".join(parts)


@dataclass(slots=True, repr=False)
class Derivation:
    """Something known or said, and under it what it came from.

    Attributes:
        kind: "decision", "tool_call", "memory", "message", …: the kind of trace, or of entity.
        entity: its id; `name` a lookup ref or ident of it, if it has one.
        text: what it says, in a line.
        origin: where what it says was written.
        role: what it is to the one above: "cited", "recalled", "ignored", "about", "source".
    """

    kind: str
    entity: int
    name: Any
    text: str
    origin: Origin
    role: str = ""
    children: list[Derivation] = field(default_factory=list)

    def __iter__(self) -> Iterator[Derivation]:
        """Yield this and everything under it, from top to bottom."""
        yield self
        for child in self.children:
            yield from child

    def __repr__(self) -> str:
        return f"<Derivation {self.kind} {self.text}>"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield it as text, what it came from indented under it."""
        role = f"{self.role}: " if self.role else ""
        yield f"{'  ' * depth}{role}{self.kind} {self.text} ({self.origin})"
        for child in self.children:
            yield from child.lines(depth + 1)

    def tree(self) -> Node:
        """Return it as the tree that pictures are made of."""
        label = f"{self.role} {self.kind}".strip()
        node = Node(label, self.text, _COLOURED.get(self.kind, "event"))
        node.children = [child.tree() for child in self.children]
        return node

    def _repr_svg_(self) -> str:
        return tree_svg(self.tree())


_COLOURED: Final = {
    "decision": "trace",
    "assumption": "trace",
    "citation": "trace",
    "confidence": "trace",
    "tool_call": "tool",
    "model_output": "model",
    "memory": "transact",
}


def memory_at(run: Run, moment: Moment = None) -> Db:
    """Return the whole memory as it was when an event of a run was written.

    Raises:
        RunError: `run/no-event`.
    """
    check_run(run)
    db = run.conn.db
    if moment is None:
        return db
    if isinstance(moment, Step):
        return db.as_of(moment.t)
    if isinstance(moment, Event):
        return db.as_of(tx_of(db, moment.eid))
    eid = entity_of(db, ":event/id", f"{run.id}/{moment}")
    if eid is None:
        raise RunError(
            f"run {run.id} has no event {moment}",
            code="run/no-event",
            hint="read_events lists them; the first is 1",
            run=run.id,
            event=moment,
        )
    return db.as_of(tx_of(db, eid))


def learned(db: Db, entity: Any, attribute: str | None = None) -> list[tuple[str, Any, Origin]]:
    """Return when and from where each fact of an entity was learned, as (attribute, value, origin).

    Args:
        entity: an id, ident or lookup ref; of nothing known there is nothing to return.
        attribute: only of this one.
    """
    e = db.resolve(entity)
    if e is None:
        return []
    a = None if attribute is None else db.schema.require(attribute).id
    datoms = sorted(db.datoms_of_rows(db.rows(e=e, a=a)), key=lambda d: (d.tx, d.a))
    return [(db.ident(d.a) or f":{d.a}", d.v, origin_of(db, t_of_tx(d.tx))) for d in datoms]


def origin_of(db: Db, t: int) -> Origin:
    """Return who wrote a transaction, and with which event."""
    tx = tx_of_t(t)
    run = value_of(db, tx, ":tx/run")
    return Origin(
        t,
        instant_of_t(db, t),
        None if run is None else value_of(db, run, ":run/id"),
        _event_of(db, tx),
        value_of(db, tx, ":import/source"),
    )


def _event_of(db: Db, tx: int) -> int | None:
    """Return the last event written by a transaction."""
    attribute = db.schema.get(":event/id")
    if attribute is None:
        return None
    e, a, _ = changed_facts(db.index, tx - 1, tx)
    found = e[a == attribute.id]
    return int(found.max()) if len(found) else None


def why(run: Run, decision: TraceRef) -> Derivation:
    """Return why it acted: a decision or other trace, what it rests on, and where that came from.

    Raises:
        RunError: `trace/unknown`.
    """
    check_run(run)
    db = run.conn.db
    eid = find_trace(db, decision)
    return _derivation(db.as_of(tx_of(db, eid)), db, eid)


def knew(run: Run, moment: Moment = None) -> list[Derivation]:
    """Return what it had recalled or cited by then, each once, with its sources."""
    db = memory_at(run, moment)
    used = _used(read_traces(run, db=db), ("recalled", "cited"))
    return [_derivation(db, db, e, role) for e, role in used.items()]


def assumed(run: Run, moment: Moment = None) -> list[Derivation]:
    """Return what it had assumed by then, with how sure it was and what it rested on."""
    db = memory_at(run, moment)
    return [_derivation(db, db, trace.eid) for trace in read_traces(run, "assumption", db=db)]


def ignored(run: Run, moment: Moment = None) -> list[Derivation]:
    """Return what it had at hand by then and did not use: said to be ignored, or recalled and never cited."""
    db = memory_at(run, moment)
    traces = read_traces(run, db=db)
    cited = {e for trace in traces for e in trace.cited}
    found = _used(traces, ("ignored", "recalled"))
    return [_derivation(db, db, e, role) for e, role in found.items() if e not in cited]


def _used(traces: Iterable[Trace], roles: tuple[str, ...]) -> dict[int, str]:
    """Return the entities that traces link to in these roles, by the first role each had."""
    found: dict[int, str] = {}
    for trace in traces:
        for role in roles:
            for e in getattr(trace, role):
                found.setdefault(e, role)
    return found


def _derivation(
    db: Db, now: Db, e: int, role: str = "", above: frozenset[int] = frozenset()
) -> Derivation:
    """Describe an entity and, under it, what it came from; nothing stands under itself.

    Args:
        db: the memory at the moment; `now` has what was said about a trace after it.
    """
    if not db.entity_words(e):
        db = now
    trace = _trace_at(db, e)
    if trace is None:
        kind, text, t = _said(db, e)
    else:
        kind, text, t = trace.kind, _trace_text(trace), tx_of(db, e)
    origin = origin_of(db, t)
    found = Derivation(kind, e, entity_name(db, e), text, origin, role)
    above |= {e}
    grounds = _sources(db, e, origin) if trace is None else _grounds(now, trace)
    found.children = [
        _derivation(db, now, other, its_role, above)
        for other, its_role in grounds
        if other not in above
    ]
    return found


def _trace_at(db: Db, e: int) -> Trace | None:
    return None if value_of(db, e, ":trace/id") is None else get_trace(db, e)


def _grounds(now: Db, trace: Trace) -> Iterator[tuple[int, str]]:
    for role in ("cited", "recalled", "ignored"):
        yield from (
            (e, role) for e in getattr(trace, role) if role == "cited" or e not in trace.cited
        )
    if trace.about is not None and trace.kind != "confidence":
        yield trace.about, "about"
    about = now.schema.get(":trace/about")
    if about is not None:
        yield from ((e, "about") for e in now.referrers(trace.eid, about.id))


def _sources(db: Db, e: int, origin: Origin) -> Iterator[tuple[int, str]]:
    """Yield what an entity came from: its sources, else the event it was stored with."""
    found = [(other, "source") for a in SOURCES for other in refs_of(db, e, a)]
    yield from found
    is_record = value_of(db, e, ":event/id") is not None
    if not found and not is_record and origin.event is not None:
        yield origin.event, "stored by"


def _trace_text(trace: Trace) -> str:
    parts = [part for part in (trace.name, trace.text) if part]
    if trace.confidence is not None:
        parts.append(f"({trace.confidence:g})")
    if trace.input is not None:
        parts.append(shortened(trace.input, 80))
    if trace.output is not None:
        parts.append(f"-> {shortened(trace.output, 80)}")
    return " ".join(parts)


def _said(db: Db, e: int) -> tuple[str, str, int]:
    """Return the kind of an entity, by the namespace of its identity, what it says, and the t it said so in."""
    facts = {db.ident(a) or "": (a, word) for a, word in db.entity_words(e)}
    kind = next((ident[1:].partition("/")[0] for ident in facts if is_memory(ident)), "event")
    for name in (f":{kind}/content", f":{kind}/text", f":{kind}/name", f":{kind}/type"):
        if name in facts:
            a, word = facts[name]
            [value] = db.decode(db.value_type(a), np.array([word]))
            return kind, shortened(value, 120), t_of_tx(int(db.rows(e=e, a=a).tx.max()))
    name = entity_name(db, e)
    return kind, str(e) if name is None else print_edn(name), tx_of(db, e)
