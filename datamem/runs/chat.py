"""Conversations as recorded runs: the steps that a transcript shows, and an agent that takes them again.

A message of the assistant is a call of a model, a message of a tool the result of a call that the assistant
asked for, and a message of anybody else the answer to being asked. What the model was asked is the whole
conversation before; it is named by a chained digest, so that a single changed word changes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.values import digest_of
from datamem.runs.replayer.journal import ReplayError

Message: TypeAlias = "Mapping[str, Any]"
World: TypeAlias = Callable[[str, str, Mapping[str, Any]], Any]
"""Answers a call that is made for real: kind, name and arguments to a result."""

MODEL: Final = "assistant"


def chat_input(messages: Sequence[Message]) -> dict[str, Any]:
    """Return what the run of a conversation starts with: system messages, and whose turn it is when.

    Example:
        >>> chat_input(
        ...     [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
        ... )
        {'messages': [{'role': 'system', 'content': 'Be kind.'}], 'turns': ['user']}
    """
    first = next((i for i, m in enumerate(messages) if m["role"] != "system"), len(messages))
    turns: list[str] = []
    calls: list[str] = []
    for message in messages[first:]:
        turns.append(_turn(message, calls))
        if message["role"] == "assistant":
            calls = [call[0] for call in calls_of(message)]
    return {"messages": [dict(m) for m in messages[:first]], "turns": turns}


def _turn(message: Message, calls: Sequence[str]) -> str:
    """Return whose turn a message was; a tool's with the place of its call in the reply before, from 1."""
    if message["role"] != "tool":
        return str(message["role"])
    called = message.get("tool_call_id")
    return f"tool {calls.index(called) + 1 if called in calls else 0}"


def calls_of(message: Message) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the tool calls that a reply asks for: id, name and arguments."""
    found = []
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        found.append((str(call.get("id")), str(function.get("name")), _arguments(function)))
    return found


def _arguments(function: Mapping[str, Any]) -> dict[str, Any]:
    text = function.get("arguments")
    try:
        data = json.loads(text) if isinstance(text, str) else text
    except json.JSONDecodeError:
        data = text
    return data if isinstance(data, dict) else {"arguments": data}


def chat_steps(messages: Sequence[Message], times_us: Sequence[int]) -> list[Step]:
    """Return the steps of a conversation.

    Args:
        times_us: when each message was sent, µs since 1970, as many as messages.
    """
    agent_input = chat_input(messages)
    first = len(agent_input["messages"])
    said = iter(zip(messages[first:], times_us[first:], strict=True))
    steps: list[Step] = []
    occurrences: dict[str, int] = {}

    def next_message(kind: str, name: str, arguments: Mapping[str, Any]) -> Any:
        message, at_us = next(said)
        number = len(steps) + 1
        step = Step(
            kind,
            name,
            dict(arguments),
            dict(message) if kind == "model" else message.get("content"),
            issued=number,
            after=number - 1,
            number=number,
            place=f"message {first + number}",
            started_us=at_us,
            ended_us=at_us,
        )
        occurrence = occurrences[step.input_digest] = occurrences.get(step.input_digest, 0) + 1
        steps.append(replace(step, occurrence=occurrence))
        return step.output

    _converse(agent_input, next_message)
    return steps


def chat_agent(world: World | None = None) -> Callable[[RunContext], list[dict[str, Any]]]:
    """Return an agent that issues the calls of a recorded conversation, and returns its messages.

    Args:
        world: answers calls that are made for real; None: there is nobody to ask.
    """
    ask = _nobody if world is None else world

    def agent(run: RunContext) -> list[dict[str, Any]]:
        def call(kind: str, name: str, arguments: Mapping[str, Any]) -> Any:
            return run.call(kind, name, lambda **given: ask(kind, name, given), **arguments)

        return _converse(run.input, call)

    return agent


def _nobody(kind: str, name: str, arguments: Mapping[str, Any]) -> Any:
    raise ReplayError(
        f"the {kind} {name} would have to be called, and nobody is there to answer",
        code="replay/no-world",
        hint="chat_agent(world) takes a function that answers",
        arguments=dict(arguments),
    )


def _converse(
    agent_input: Mapping[str, Any], call: Callable[[str, str, Mapping[str, Any]], Any]
) -> list[dict[str, Any]]:
    """Go through the turns; return all messages. The only place that knows what is asked in a turn."""
    messages = [dict(message) for message in agent_input["messages"]]
    told = digest_of(messages)
    calls: list[tuple[str, str, dict[str, Any]]] = []
    for number, turn in enumerate(agent_input["turns"], start=1):
        role, _, place = turn.partition(" ")
        if role == "assistant":
            reply = call("model", MODEL, {"turn": number, "conversation": told})
            message, calls = {"role": role, **reply}, calls_of(reply)
        elif role == "tool" and 0 < int(place) <= len(calls):
            call_id, name, arguments = calls[int(place) - 1]
            message = {"role": role, "tool_call_id": call_id, "name": name}
            message["content"] = call("tool", name, arguments)
        else:
            message = {"role": role, "content": call("tool", role, {"turn": number})}
        messages.append(message)
        told = digest_of([told, message])
    return messages
