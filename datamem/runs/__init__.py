"""Runs of agents: what happened, in which order, on what grounds, and proof that it is unchanged."""

from datamem.runs.events import (
    Event,
    NewEvent,
    append_event,
    append_events,
    get_event,
    read_events,
)
from datamem.runs.runs import (
    Run,
    RunRecord,
    attach,
    begin_run,
    current_run,
    detach,
    end_run,
    find_run,
    get_run,
    list_runs,
    read_run,
    require_runs,
    resume_run,
)
from datamem.runs.spans import Span, current_span, end_span, span
from datamem.runs.traces import KINDS, Trace, add_trace, find_trace, get_trace, read_traces
from datamem.runs.verify import BrokenLink, Verification, check_events, verify

__all__ = [
    "KINDS",
    "BrokenLink",
    "Event",
    "NewEvent",
    "Run",
    "RunRecord",
    "Span",
    "Trace",
    "Verification",
    "add_trace",
    "append_event",
    "append_events",
    "attach",
    "begin_run",
    "check_events",
    "current_run",
    "current_span",
    "detach",
    "end_run",
    "end_span",
    "find_run",
    "find_trace",
    "get_event",
    "get_run",
    "get_trace",
    "list_runs",
    "read_events",
    "read_run",
    "read_traces",
    "require_runs",
    "resume_run",
    "span",
    "verify",
]
