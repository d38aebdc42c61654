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
from datamem.runs.events import Event, digest_of, first_previous, map_of
from datamem.runs.record_chat import MODEL, chat_input, chat_steps
from datamem.runs.record_journal import event_type
from datamem.runs.record_read import BEGIN
from datamem.runs.record_steps import Step
from datamem.runs.record_traces import call_traces
from datamem.runs.record_values import encode_value

K = Keyword
_DATES: Final = ("timestamp", "created_at", "created", "date")
_ABOUT: Final = ("task_id", "trial", "reward", "title")


def run_entities(
    messages: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
    run_id: str,
    instant: datetime | None,
    links: Mapping[Any, Any],
) -> list[EntityMap]:
    """Return a run, its events and its traces, which refer to each other by identity.

    Args:
        messages: of a conversation, in the OpenAI format.
        about: what else is known of it; task, trial and reward become the run's metadata.
        instant: of the conversation; messages without a date of their own have it. None: now.
        links: further attributes of the run: its session and agent.
    """
    times_us = _times(messages, instant)
    begun = {"input": encode_value(chat_input(messages)), "seed": 0}
    steps = chat_steps(messages, times_us)
    events: list[Event] = []
    _append(events, run_id, BEGIN, begun, times_us[0])
    found: list[EntityMap] = []
    speakers = {turn for turn in begun["input"]["turns"] if turn != MODEL}
    for step in steps:
        event = _append(events, run_id, event_type(step), step.to_payload(), step.ended_us)
        if step.name not in speakers:
            found += _traces(step, event)
    run = {
        ":run/id": run_id,
        ":run/status": ":completed",
        ":run/started-at": instant_of_us(times_us[0]),
        ":run/ended-at": instant_of_us(times_us[-1]),
        ":run/metadata": {key: about[key] for key in _ABOUT if about.get(key) is not None}
        or None,
        ":run/event-count": len(events),
        ":run/digest": events[-1].digest,
        **links,
    }
    return [_keyed(run), *(_event_map(event) for event in events), *found]


def run_name(source: str, name: str, about: Mapping[str, Any]) -> str:
    """Return the id of a conversation's run: by task and trial, where it has both."""
    task, trial = about.get("task_id"), about.get("trial")
    if task is not None and trial is not None:
        return f"{source}/task-{task}/trial-{trial}"
    return f"{source}/{name}"


def _times(messages: Sequence[Mapping[str, Any]], instant: datetime | None) -> list[int]:
    """Return when each message was sent, µs since 1970, never before the one before it."""
    at_us = now_us() if instant is None else us_of_instant(instant)
    times = []
    for message in messages:
        found = next((at for key in _DATES if (at := parse_instant(message.get(key)))), None)
        at_us = at_us if found is None else max(at_us, us_of_instant(found))
        times.append(at_us)
    return times


def _append(events: list[Event], run_id: str, type_: str, payload: Any, at_us: int) -> Event:
    sequence = len(events) + 1
    previous = events[-1].digest if events else first_previous(run_id)
    plain = plain_json(payload, "the payload")
    digest = digest_of(run_id, sequence, type_, plain, at_us, (None, None), previous)
    at = instant_of_us(at_us)
    event = Event(0, run_id, sequence, type_, plain, at, None, None, previous, digest)
    events.append(event)
    return event


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
