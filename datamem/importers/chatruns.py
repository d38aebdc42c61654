"""The run that a conversation shows: its events, each with the digest of the one before, and their traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from datamem.clock import now_us
from datamem.edn import Keyword
from datamem.importers.batch import EntityMap
from datamem.importers.instants import parse_instant
from datamem.index.words import instant_of_us, us_of_instant
from datamem.kv.jsonvalue import plain_json
from datamem.runs.chat import MODEL, chat_input, chat_steps
from datamem.runs.events import Event, digest_of, first_previous, map_of
from datamem.runs.recorder.journal import event_type
from datamem.runs.recorder.read import BEGIN
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.traces import call_traces
from datamem.runs.recorder.values import encode_value

K = Keyword
_DATES: Final = ("timestamp", "created_at", "created", "date")
_ABOUT: Final = ("task_id", "trial", "reward", "title")


def run_steps(
    messages: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
    run_id: str,
    instant: datetime | None,
    links: Mapping[Any, Any],
) -> list[list[EntityMap]]:
    """Return the run with its first event, and then, a message each, its other events with their traces.

    They refer to each other by identity. The last event ends the run.

    Args:
        messages: of a conversation, in the OpenAI format.
        about: what else is known of it; task, trial and reward become the run's metadata.
        instant: of the conversation; messages without a date of their own have it. None: now.
        links: further attributes of the run: its session and agent.
    """
    times_us = message_times(messages, now_us() if instant is None else us_of_instant(instant))
    begun = {"input": encode_value(chat_input(messages)), "seed": 0}
    run: dict[Any, Any] = {
        ":run/id": run_id,
        ":run/status": ":running",
        ":run/started-at": instant_of_us(times_us[0]),
        ":run/metadata": {key: about[key] for key in _ABOUT if about.get(key) is not None}
        or None,
        **links,
    }
    event = _next_event(None, run_id, BEGIN, begun, times_us[0])
    found = [[_keyed(run), _event_map(event)]]
    speakers = {turn for turn in begun["input"]["turns"] if turn != MODEL}
    for step in chat_steps(messages, times_us):
        event = _next_event(event, run_id, event_type(step), step.to_payload(), step.ended_us)
        traces = [] if step.name in speakers else _traces(step, event)
        found.append([_event_map(event), *traces])
    ended = {
        ":run/status": ":completed",
        ":run/ended-at": instant_of_us(times_us[-1]),
        ":run/event-count": event.sequence,
        ":run/digest": event.digest,
    }
    if len(found) == 1:
        found[0][0] |= _keyed(ended)
    else:
        found[-1][0][K(":event/run")] = _keyed({":run/id": run_id, **ended})
    return found


def run_name(source: str, name: str, about: Mapping[str, Any]) -> str:
    """Return the id of a conversation's run: by task and trial, where it has both."""
    task, trial = about.get("task_id"), about.get("trial")
    if task is not None and trial is not None:
        return f"{source}/task-{task}/trial-{trial}"
    return f"{source}/{name}"


def message_times(messages: Sequence[Mapping[str, Any]], begin_us: int) -> list[int]:
    """Return when each message was sent, µs since 1970, never before the one before it.

    Args:
        begin_us: when those before the first dated one were.
    """
    at_us, times = begin_us, []
    for message in messages:
        found = next((at for key in _DATES if (at := parse_instant(message.get(key)))), None)
        at_us = at_us if found is None else max(at_us, us_of_instant(found))
        times.append(at_us)
    return times


def _next_event(
    before: Event | None, run_id: str, type_: str, payload: Any, at_us: int
) -> Event:
    sequence = 1 if before is None else before.sequence + 1
    previous = first_previous(run_id) if before is None else before.digest
    plain = plain_json(payload, "the payload")
    digest = digest_of(run_id, sequence, type_, plain, at_us, (None, None), previous)
    at = instant_of_us(at_us)
    return Event(0, run_id, sequence, type_, plain, at, None, None, previous, digest)


def _event_map(event: Event) -> EntityMap:
    found = map_of(event, 0) | {":event/run": [":run/id", event.run]}
    del found[":db/id"]
    return _keyed(found)


def _traces(step: Step, event: Event) -> list[EntityMap]:
    name = f"{event.run}/{event.sequence}"
    run, beside = [":run/id", event.run], [":event/id", name]
    return [_keyed(trace) for trace in call_traces(run, step, name, beside)]


def _keyed(entity: Mapping[str, Any]) -> EntityMap:
    return {K(key): value for key, value in entity.items() if value is not None}
