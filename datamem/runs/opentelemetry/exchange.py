"""Traces in and out as OpenTelemetry spans, with GenAI or OpenInference attributes.

Imported spans keep everything they brought, so that exporting gives them back. A trace of theirs becomes a
run, a span a trace of it with the event that says so; calls of models also become the `model_input` and
`model_output` that a query of native runs would ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from datamem.conn import Connection
from datamem.db import Db
from datamem.errors import RunError
from datamem.index.words import instant_of_us, us_of_instant
from datamem.kv.jsonvalue import plain_json
from datamem.kv.reading import entity_of, value_of
from datamem.runs.current import carry_runs, detach
from datamem.runs.events import Event, NewEvent, append_events, event_tempid
from datamem.runs.opentelemetry.names import (
    Meaning,
    genai_attributes,
    meaning_of,
    openinference_attributes,
)
from datamem.runs.opentelemetry.otlp import OtlpSpan, read_otlp, write_otlp
from datamem.runs.runs import (
    Run,
    begin_run,
    end_run,
    find_run,
    get_run,
    view_of,
)
from datamem.runs.traces import KINDS, Trace, read_traces, trace_map


def import_otlp(conn: Connection, data: Any, run: Run | None = None) -> list[Run]:
    """Import OTLP/JSON spans; return the runs they belong to.

    Spans that were imported before are left as they are, so that an export may be read twice.

    Args:
        data: parsed JSON.
        run: an open run for all spans; None: one for each trace id, named by it, which ends with them.

    Raises:
        RunError: `trace/malformed-span` with every fault, and nothing is imported; `run/ended`.
        StateError: `json/not-json`.
    """
    carry_runs(conn)
    spans = read_otlp(plain_json(data, "the data"))
    known = [span for span in spans if not entity_of(conn.db, ":trace/id", _trace_id(span))]
    if run is not None:
        if known:
            _add_spans(run, sorted(known, key=_by_start))
        return [run]
    fresh = {_trace_id(span) for span in known}
    return [
        _import_trace(conn, name, group, fresh) for name, group in _by_trace_id(spans).items()
    ]


def _by_start(span: OtlpSpan) -> tuple[int, str]:
    return span.start_ns, span.span_id


def _by_trace_id(spans: list[OtlpSpan]) -> dict[str, list[OtlpSpan]]:
    groups: dict[str, list[OtlpSpan]] = {}
    for span in sorted(spans, key=_by_start):
        groups.setdefault(span.trace_id, []).append(span)
    return groups


def _import_trace(conn: Connection, name: str, spans: list[OtlpSpan], fresh: set[str]) -> Run:
    """Import the fresh spans of one trace id as a run of that name, or into the one that is there.

    The run ends once a span without parent has; an import that was cut off is finished by the next.
    """
    known = entity_of(conn.db, ":run/id", name)
    run = _begin(conn, name, spans) if known is None else get_run(conn, name)
    detach(run)
    added = [span for span in spans if _trace_id(span) in fresh]
    if added:
        _add_spans(run, added)
    roots = [span for span in spans if not span.parent_id and span.end_ns]
    if roots and run.is_open:
        ended = max(max(span.end_ns, span.start_ns) for span in spans)
        is_failed = any(span.status.get("code") == 2 for span in roots)
        end_run(run, "failed" if is_failed else "completed", ended_at=_instant(ended))
    return run


def _begin(conn: Connection, name: str, spans: list[OtlpSpan]) -> Run:
    meanings = [meaning_of(span.attributes) for span in spans]
    return begin_run(
        conn,
        name,
        {"source": "otlp"},
        agent=next((m.agent for m in meanings if m.agent), None),
        session=next((m.session for m in meanings if m.session), None),
        started_at=_instant(spans[0].start_ns),
    )


def _add_spans(run: Run, spans: Sequence[OtlpSpan]) -> None:
    """Add spans to a run in one transaction, in the order in which they began."""
    events = [
        NewEvent(
            "span",
            {"trace": _trace_id(span), "name": span.name, "attributes": span.attributes},
            timestamp=_instant(span.start_ns),
        )
        for span in spans
    ]

    def also(db: Db, made: list[Event]) -> list[Any]:
        here = {_trace_id(span): f"span {span.span_id}" for span in spans}
        forms: list[Any] = []
        for span, event in zip(spans, made, strict=True):
            parent_id = f"{span.trace_id}/{span.parent_id}"
            parent = here.get(parent_id) or entity_of(db, ":trace/id", parent_id)
            forms += _forms(run, span, event_tempid(event), parent)
        return forms

    append_events(run, events, also)


def _forms(run: Run, span: OtlpSpan, event: str, parent: Any) -> list[Any]:
    """Return the maps of a span's traces: its own, and what a model was told and said."""
    means, name = meaning_of(span.attributes), _trace_id(span)
    times = {
        "started-at": _instant(span.start_ns),
        "ended-at": _instant(span.end_ns) if span.end_ns else None,
    }
    failed = span.status.get("code") == 2
    values = times | {
        "name": means.name or span.name,
        "parent": parent,
        "input": means.input,
        "output": means.output,
        "status": f":{_status(span)}",
        "error": span.status.get("message") or "error" if failed else None,
        "input-tokens": means.input_tokens,
        "output-tokens": means.output_tokens,
        "attributes": span.attributes or None,
        "otlp": _otlp(span),
        **_own(span),
    }
    kind = means.kind if means.kind in KINDS else "span"
    own = trace_map(name, run.eid, event, kind, values) | {":db/id": f"span {span.span_id}"}
    return [own, *_messages(run, span, means, event, times)]


def _messages(
    run: Run, span: OtlpSpan, means: Meaning, event: str, times: dict[str, Any]
) -> list[Any]:
    if not means.is_inference or means.kind != "span":
        return []
    parts = (("input", means.input, "started-at"), ("output", means.output, "ended-at"))
    return [
        trace_map(
            f"{_trace_id(span)}/{part}",
            run.eid,
            event,
            f"model_{part}",
            {
                "name": means.name,
                part: value,
                "parent": f"span {span.span_id}",
                "started-at": times[at],
                "ended-at": times[at],
            },
        )
        for part, value, at in parts
        if value is not None
    ]


def _own(span: OtlpSpan) -> dict[str, Any]:
    """Return what an exported trace of ours says of itself."""
    get = span.attributes.get
    found = {"text": get("datamem.trace.text"), "confidence": get("datamem.trace.confidence")}
    is_part = isinstance(found["confidence"], float) and 0 <= found["confidence"] <= 1
    return {
        "text": found["text"] if isinstance(found["text"], str) else None,
        "confidence": found["confidence"] if is_part else None,
    }


def _trace_id(span: OtlpSpan) -> str:
    return f"{span.trace_id}/{span.span_id}"


def _status(span: OtlpSpan) -> str:
    if span.status.get("code") == 2:
        return "error"
    return "ok" if span.end_ns else "open"


def _otlp(span: OtlpSpan) -> dict[str, Any]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "name": span.name,
        "startTimeUnixNano": span.start_ns,
        "endTimeUnixNano": span.end_ns,
        "status": span.status,
        "rest": span.rest,
        "resource": span.resource,
        "scope": span.scope,
    }


def _instant(ns: int) -> datetime:
    return instant_of_us(ns // 1000)


# Out


def export_otlp(
    run: Run | str | int, *, db: Db | None = None, style: str = "genai"
) -> dict[str, Any]:
    """Return the traces of a run as OTLP/JSON data.

    Imported spans come out as they came in. Others get ids made of theirs, and attributes by `style`.

    Args:
        style: `genai` or `openinference`.

    Raises:
        RunError: `run/unknown`, `trace/unknown-style`.
    """
    if style not in {"genai", "openinference"}:
        raise RunError(
            f"{style!r} is no convention of attributes",
            code="trace/unknown-style",
            hint="use genai or openinference",
            style=style,
        )
    view = view_of(run, db)
    name: str = value_of(view, find_run(view, run), ":run/id")
    traces = read_traces(run, db=view)
    ids = {trace.eid: _span_ids(trace, name) for trace in traces}
    imported = {trace.eid for trace in traces if trace.otlp}
    spans = [
        _imported(trace) if trace.otlp else _native(trace, ids, style)
        for trace in traces
        if trace.otlp or not _is_message_of(trace, imported)
    ]
    return write_otlp(spans)


def _is_message_of(trace: Trace, imported: set[int]) -> bool:
    """Tell whether a trace only says what the span it is in says as well."""
    return trace.parent in imported and trace.id.endswith(("/input", "/output"))


def _span_ids(trace: Trace, run: str) -> tuple[str, str]:
    if trace.otlp:
        return trace.otlp["traceId"], trace.otlp["spanId"]
    return _hex(run, 32), _hex(trace.id, 16)


def _hex(text: str, length: int) -> str:
    return sha256(text.encode()).hexdigest()[:length]


def _imported(trace: Trace) -> OtlpSpan:
    kept = trace.otlp
    return OtlpSpan(
        kept["traceId"],
        kept["spanId"],
        kept["parentSpanId"],
        kept["name"],
        kept["startTimeUnixNano"],
        kept["endTimeUnixNano"],
        kept["status"],
        trace.attributes,
        kept["rest"],
        kept["resource"],
        kept["scope"],
    )


def _native(trace: Trace, ids: dict[int, tuple[str, str]], style: str) -> OtlpSpan:
    trace_id, span_id = ids[trace.eid]
    parent = ids.get(trace.parent) if trace.parent is not None else None
    genai = style == "genai"
    status: dict[str, Any] = {}
    if trace.status == "error" or trace.error:
        status = {"code": 2, "message": trace.error or ""}
    elif trace.status == "ok":
        status = {"code": 1}
    return OtlpSpan(
        trace_id,
        span_id,
        parent[1] if parent else "",
        trace.name or trace.kind,
        _ns(trace.started_at),
        _ns(trace.ended_at),
        status,
        genai_attributes(trace) if genai else openinference_attributes(trace),
        {"kind": 1},
        {"attributes": [{"key": "service.name", "value": {"stringValue": "datamem"}}]},
        {"name": "datamem"},
    )


def _ns(instant: datetime | None) -> int:
    return 0 if instant is None else us_of_instant(instant) * 1000
