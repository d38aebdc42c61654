"""Spans: traces that take time and that others happen in."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from datamem.db import Db
from datamem.errors import RunError
from datamem.kv.jsonvalue import held, plain_json
from datamem.kv.reading import value_of
from datamem.runs.events import Event, NewEvent, append_events
from datamem.runs.runs import Run
from datamem.runs.traces import Trace, TraceRef, add_trace, find_trace, get_trace

_spans: ContextVar[tuple[Trace, ...]] = ContextVar("datamem_spans", default=())


def current_span(run: Run) -> Trace | None:
    """Return the innermost open span of this context that belongs to a run."""
    return next((span for span in reversed(_spans.get()) if span.run == run.eid), None)


@dataclass(slots=True)
class Span:
    """A span as a context manager; what is set of it inside the block is written at its end.

    Attributes:
        trace: its beginning; None before the block.
        output: a JSON value.
        input_tokens, output_tokens: what a model says it used.
    """

    run: Run
    name: str
    kind: str = "span"
    options: dict[str, Any] = field(default_factory=dict)
    output: Any = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    trace: Trace | None = None

    def __enter__(self) -> Self:
        self.trace = add_trace(self.run, self.kind, self.name, status="open", **self.options)
        _spans.set((*_spans.get(), self.trace))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the span; an exception makes it one that failed, and goes on."""
        assert self.trace is not None
        eid = self.trace.eid
        _spans.set(tuple(span for span in _spans.get() if span.eid != eid))
        failure = None if error is None else f"{type(error).__name__}: {error}"
        tokens = self.input_tokens, self.output_tokens
        self.trace = end_span(self.run, eid, output=self.output, error=failure, tokens=tokens)


def span(
    run: Run,
    name: str,
    kind: str = "span",
    **options: Any,
) -> Span:
    """Return a span of a run, to be used in a `with` block: what is traced inside has it as parent.

    Args:
        kind: `span`, `tool_call`, … (`KINDS`).
        options: as `add_trace` takes them.
    """
    return Span(run, name, kind, options)


def end_span(
    run: Run,
    trace: TraceRef,
    *,
    output: Any = None,
    error: str | None = None,
    tokens: tuple[int | None, int | None] = (None, None),
) -> Trace:
    """End a span that was added with `status="open"`, with an event that says so.

    Raises:
        RunError: `trace/not-open`, `trace/unknown`, `run/ended`.
        StateError: `json/not-json`.
    """
    result = plain_json(output, "the output")
    status = "ok" if error is None else "error"
    found = find_trace(run.conn.db, trace)
    payload = {
        "trace": value_of(run.conn.db, found, ":trace/id"),
        "output": result,
        "status": status,
        "error": error,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
    }

    def also(db: Db, events: list[Event]) -> list[Any]:
        if value_of(db, found, ":trace/status") != ":open":
            raise RunError(
                f"span {payload['trace']} is not open",
                code="trace/not-open",
                hint="a span ends once; add_trace writes what has no duration",
                trace=payload["trace"],
            )
        ended = {
            ":db/id": found,
            ":trace/status": f":{status}",
            ":trace/error": error,
            ":trace/output": None if result is None else held(result),
            ":trace/ended-at": max(
                events[0].timestamp, value_of(db, found, ":trace/started-at")
            ),
            ":trace/input-tokens": tokens[0],
            ":trace/output-tokens": tokens[1],
        }
        return [ended]

    said = {key: value for key, value in payload.items() if value is not None}
    append_events(run, [NewEvent("span_end", said)], also)
    return get_trace(run.conn.db, found)
