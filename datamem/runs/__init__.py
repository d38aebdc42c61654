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
from datamem.runs.verify import BrokenLink, Verification, check_events, verify

__all__ = [
    "BrokenLink",
    "Event",
    "NewEvent",
    "Run",
    "RunRecord",
    "Verification",
    "append_event",
    "append_events",
    "attach",
    "begin_run",
    "check_events",
    "current_run",
    "detach",
    "end_run",
    "find_run",
    "get_event",
    "get_run",
    "list_runs",
    "read_events",
    "read_run",
    "require_runs",
    "resume_run",
    "verify",
]
