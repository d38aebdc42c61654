"""Runs of agents: what happened, in which order, on what grounds, and proof that it is unchanged."""

from datamem.runs.adopting import Conflict, ForkError
from datamem.runs.chat import chat_agent
from datamem.runs.comparing.script import Divergence
from datamem.runs.current import attach, current_run, detach, require_runs
from datamem.runs.differences import RunDifference, diff
from datamem.runs.drawing import draw, draw_beside
from datamem.runs.events import (
    Event,
    NewEvent,
    append_event,
    append_events,
    get_event,
    read_events,
)
from datamem.runs.forks import Fork, fork
from datamem.runs.inspect import (
    Derivation,
    Origin,
    assumed,
    ignored,
    knew,
    learned,
    memory_at,
    why,
)
from datamem.runs.opentelemetry.exchange import export_otlp, import_otlp
from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.read import Recording, load_recording, read_recording, save_recording
from datamem.runs.recorder.record import Recorded, record, recording
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.values import RecordError
from datamem.runs.replayer.journal import Override, ReplayError, answer, ask, fail
from datamem.runs.replayer.replay import Frame, Playback, Replay, replay, replay_async
from datamem.runs.runs import (
    Run,
    RunRecord,
    begin_run,
    end_run,
    find_run,
    get_run,
    list_runs,
    read_run,
    resume_run,
)
from datamem.runs.spans import Span, current_span, end_span, span
from datamem.runs.traces import KINDS, Trace, add_trace, find_trace, get_trace, read_traces
from datamem.runs.verification import BrokenLink, Verification, check_events, verify

__all__ = [
    "KINDS",
    "BrokenLink",
    "Conflict",
    "Derivation",
    "Divergence",
    "Event",
    "Fork",
    "ForkError",
    "Frame",
    "NewEvent",
    "Origin",
    "Override",
    "Playback",
    "RecordError",
    "Recorded",
    "Recording",
    "Replay",
    "ReplayError",
    "Run",
    "RunContext",
    "RunDifference",
    "RunRecord",
    "Span",
    "Step",
    "Trace",
    "Verification",
    "add_trace",
    "answer",
    "append_event",
    "append_events",
    "ask",
    "assumed",
    "attach",
    "begin_run",
    "chat_agent",
    "check_events",
    "current_run",
    "current_span",
    "detach",
    "diff",
    "draw",
    "draw_beside",
    "end_run",
    "end_span",
    "export_otlp",
    "fail",
    "find_run",
    "find_trace",
    "fork",
    "get_event",
    "get_run",
    "get_trace",
    "ignored",
    "import_otlp",
    "knew",
    "learned",
    "list_runs",
    "load_recording",
    "memory_at",
    "read_events",
    "read_recording",
    "read_run",
    "read_traces",
    "record",
    "recording",
    "replay",
    "replay_async",
    "require_runs",
    "resume_run",
    "save_recording",
    "span",
    "verify",
    "why",
]
