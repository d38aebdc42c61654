"""A step: one thing an agent did that could have gone otherwise, as its record keeps it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any, Final

from datamem.runs.recorder.values import RecordError, decode_value, digest_of, encode_value

CALLS: Final = frozenset({"tool", "model", "clock"})
"""Kinds whose recorded result a replay hands out."""

KINDS: Final = CALLS | {"read", "event", "trace", "transact"}

_STANDING: Final = (
    "kind",
    "occurrence",
    "issued",
    "after",
    "parent",
    "place",
    "started_us",
    "ended_us",
)
_RECORDS: Final = (":run/", ":event/", ":trace/", ":tx/")
_QUIET: Final = ("datamem.runs.", "functools", "contextlib", "asyncio.")


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that a step ended with.

    Attributes:
        type: `module:qualified name` of its class.
        args: its arguments as JSON data; its text where they cannot be kept.
    """

    type: str
    message: str
    args: Any = None

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return what a record keeps of an exception."""
        kind = type(error)
        try:
            args = encode_value(list(error.args))
        except RecordError:
            args = None
        return cls(f"{kind.__module__}:{kind.__qualname__}", str(error), args)

    def to_exception(self) -> Exception:
        """Return an exception of the recorded class, where that is loaded and can be made, else ours."""
        module, _, name = self.type.partition(":")
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and self.args is not None:
            try:
                return kind(*decode_value(self.args))
            except TypeError:
                pass
        return RecordError(
            f"the recorded call failed with {self.type}: {self.message}",
            code="record/failed-step",
            hint="import the module of that exception before replaying, to have it by its class",
            type=self.type,
        )


@dataclass(frozen=True)
class Step:
    """One recorded step.

    Attributes:
        kind: one of `KINDS`; `name` says which tool, model, event type.
        input, output: JSON data (`record_values`); `failure` is set instead of an output.
        occurrence: how many steps with the same kind, name and input began before, plus one.
        issued: its place, from 1, in the order in which steps began.
        after: how many steps had ended when it began; steps that overlapped have no order.
        parent: `issued` of the step that it is a part of; 0 for none.
        number: its place, from 1, in the order in which steps ended; 0 while it runs.
        place: the code that took it, as "agent.py:42 in plan".
        started_us, ended_us: µs since 1970.
        t, event: the transaction and the entity that recorded it; 0 where there is none.
        recorded_digest: the digest of the result that was written beside it.
    """

    kind: str
    name: str
    input: Any = None
    output: Any = None
    failure: Failure | None = None
    occurrence: int = 1
    issued: int = 1
    after: int = 0
    parent: int = 0
    number: int = 0
    place: str = ""
    started_us: int = 0
    ended_us: int = 0
    t: int = 0
    event: int = 0
    recorded_digest: str = field(default="", compare=False)

    @cached_property
    def input_digest(self) -> str:
        """Digest of kind, name and input: equal for equal calls."""
        return digest_of([self.kind, self.name, self.input])

    @cached_property
    def result_digest(self) -> str:
        """Digest of the output, or of the failure."""
        failure = self.failure
        return digest_of(
            [self.output, None if failure is None else [failure.type, failure.message]]
        )

    @property
    def digest(self) -> str:
        """Digest of the call and its result; times and places do not count."""
        return digest_of([self.input_digest, self.result_digest])

    @property
    def is_whole(self) -> bool:
        """Whether the result is the one that was written, as far as its digest tells."""
        return self.recorded_digest in {"", self.result_digest}

    def title(self) -> str:
        """Return kind and name, as `tool search`."""
        return f"{self.kind} {self.name}".rstrip()

    def asked(self) -> Any:
        """Return what tells it from others of its name: its input; of reasoning, what was said."""
        if self.kind == "trace" and isinstance(self.input, dict):
            return self.input.get("text", self.input.get("confidence", self.input))
        return self.input

    def to_payload(self) -> dict[str, Any]:
        """Return the step as the payload of its event: what it was, and under `step` how it stood."""
        failure = self.failure
        return {
            "name": self.name,
            "input": self.input,
            "output": self.output,
            "failure": None
            if failure is None
            else [failure.type, failure.message, failure.args],
            "step": {
                **{name: getattr(self, name) for name in _STANDING},
                "digest": self.result_digest,
            },
        }

    @classmethod
    def from_payload(cls, payload: Any, *, number: int, t: int = 0, event: int = 0) -> Step:
        """Return the step of a payload; the rest says where it was recorded.

        Raises:
            RecordError: `record/bad-step` for a payload that is none of ours.
        """
        try:
            standing, failure = payload["step"], payload["failure"]
            return cls(
                name=payload["name"],
                input=payload["input"],
                output=payload["output"],
                failure=None if failure is None else Failure(*failure),
                recorded_digest=standing["digest"],
                **{name: standing[name] for name in _STANDING},
                number=number,
                t=t,
                event=event,
            )
        except (KeyError, TypeError) as error:
            raise RecordError(
                f"this is no recorded step: {error!r}",
                code="record/bad-step",
                hint="only a recorder writes such events",
                payload=payload,
            ) from error

    def ended(self, output: Any, failure: Failure | None, ended_us: int) -> Step:
        """Return the step with its result."""
        return replace(self, output=output, failure=failure, ended_us=ended_us)


def is_memory(ident: str) -> bool:
    """Tell whether an attribute is of what an agent remembers, not of how its runs are recorded."""
    return not ident.startswith(_RECORDS)


def place_of_caller() -> str:
    """Return the code outside this package that called into it, as "agent.py:42 in plan"."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - what `inspect` uses
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not f"{module}.".startswith(_QUIET):
            break
        frame = frame.f_back
    if frame is None:
        return ""
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno} in {code.co_name}"
