"""The traces of recorded steps: calls as spans, reasoning with what it rests on, each beside its event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from datamem.db.database import Db
from datamem.index.words import instant_of_us
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.values import RecordError, decode_value
from datamem.runs.runs import Run
from datamem.runs.traces import trace_map

REASONING: Final = ("decision", "assumption", "citation", "confidence")
"""Kinds of trace that an agent's own words make."""
_LINKS: Final = ("recalled", "cited", "ignored")
_WORDS: Final = ("name", "text", "input", "output", "confidence")


@dataclass(frozen=True, slots=True)
class TraceHandle:
    """A call or a piece of reasoning that later ones may be about or cite; `step` is its place."""

    step: int


def check_trace(kind: str, content: Mapping[str, Any]) -> None:
    """Refuse what is no piece of reasoning.

    Raises:
        RecordError: `record/bad-trace`.
    """
    unknown = [name for name in content if name not in (*_LINKS, *_WORDS, "about")]
    if kind not in REASONING or unknown:
        what = f"{kind!r}" if kind not in REASONING else f"a {kind} with {', '.join(unknown)}"
        raise RecordError(
            f"{what} is no piece of reasoning",
            code="record/bad-trace",
            hint=f"{', '.join(REASONING)}; each may have {', '.join((*_WORDS, *_LINKS, 'about'))}",
            kind=kind,
        )


@dataclass(slots=True)
class TraceMaker:
    """Makes the traces of a run's steps, and knows which step has which.

    Attributes:
        names: `:trace/id` of the step that was issued so-many-th.
        parts: steps done inside a step that has not ended, by that one's place.
    """

    run: Run
    names: dict[int, str] = field(default_factory=dict)
    parts: dict[int, list[str]] = field(default_factory=dict)

    def maps(self, db: Db, step: Step, name: str, event: Any) -> list[Any]:
        """Return what transacts the traces of a step; none for kinds that have none.

        Args:
            name: `:trace/id` of its trace.
            event: tempid of its event.
        """
        if step.kind in {"tool", "model"}:
            return self._call(step, name, event)
        if step.kind == "trace":
            return [self._reasoning(db, step, name, event)]
        return []

    def keep(self, step: Step, name: str) -> None:
        """Take note of a step whose traces have been stored."""
        if step.kind in {"tool", "model", "trace"}:
            self.names[step.issued] = name
            self.parts.pop(step.issued, None)
            if step.parent:
                self.parts.setdefault(step.parent, []).append(name)

    def _call(self, step: Step, name: str, event: Any) -> list[Any]:
        found = call_traces(self.run.eid, step, name, event)
        found[0] |= {":db/id": _SPAN}
        parts = self.parts.get(step.issued, ())
        return [*found, *({":trace/id": part, ":trace/parent": _SPAN} for part in parts)]

    def _reasoning(self, db: Db, step: Step, name: str, event: Any) -> dict[str, Any]:
        content = step.input
        at = instant_of_us(step.started_us)
        values = {key: content.get(key) for key in _WORDS}
        values |= {"started-at": at, "ended-at": at, "about": self._about(content)}
        for key in _LINKS:
            values[key] = [self._entity(db, ref) for ref in content.get(key, ())]
        kept = {key: value for key, value in values.items() if value not in (None, [])}
        return trace_map(name, self.run.eid, event, step.name, kept)

    def _entity(self, db: Db, ref: Any) -> int:
        if isinstance(ref, dict) and ref.get("$type") == TraceHandle.__name__:
            return _resolved(db, [":trace/id", self.names[ref["step"]]])
        return _resolved(db, decode_value(ref))

    def _about(self, content: Mapping[str, Any]) -> Any:
        about = content.get("about")
        return None if about is None else [":trace/id", self.names[about["step"]]]


_SPAN: Final = "datamem.span"


def call_traces(run: Any, step: Step, name: str, event: Any) -> list[dict[str, Any]]:
    """Return the traces of a call: that of a tool, or a model's output and what it was asked.

    Args:
        run, event: references to both, as tx-data takes them.
        name: `:trace/id` of the first.
    """
    failure = step.failure
    values = {
        "name": step.name,
        "input": step.input,
        "output": step.output,
        "status": ":error" if failure else ":ok",
        "error": failure and f"{failure.type.partition(':')[2]}: {failure.message}",
        "started-at": instant_of_us(step.started_us),
        "ended-at": instant_of_us(step.ended_us),
    }
    if step.started_us == step.ended_us:  # nobody has timed it: the event says when it was
        del values["started-at"], values["ended-at"]
    if step.kind == "tool":
        return [trace_map(name, run, event, "tool_call", values)]
    asked = {"name": step.name, "input": values.pop("input")}
    if "started-at" in values:
        asked |= dict.fromkeys(("started-at", "ended-at"), values.pop("started-at"))
    return [
        trace_map(name, run, event, "model_output", values),
        trace_map(f"{name}.input", run, event, "model_input", asked),
    ]


def _resolved(db: Db, ref: Any) -> int:
    found = db.resolve(ref)
    if found is None:
        raise RecordError(
            f"{ref!r} is no entity of the database",
            code="record/unknown-entity",
            hint="name what was used by its id, or by a lookup ref",
            entity=ref,
        )
    return found
