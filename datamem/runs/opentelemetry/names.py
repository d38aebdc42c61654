"""What attributes of spans mean: OpenTelemetry's GenAI conventions, and OpenInference's.

Names as of semantic-conventions-genai (development) and OpenInference 0.1; `gen_ai.system`,
`gen_ai.prompt` and the like are older names of the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

INFERENCE: Final = {"chat", "generate_content", "text_completion", "fetch_response"}
_INDEXED: Final = re.compile(r"(?P<list>.+)\.(?P<n>\d+)\.(?P<path>.+)")

_NAMES: Final = (
    *("gen_ai.tool.name", "tool.name", "gen_ai.request.model", "gen_ai.response.model"),
    *("llm.model_name", "gen_ai.agent.name", "agent.name", "gen_ai.workflow.name"),
)
_INPUTS: Final = (
    *("gen_ai.tool.call.arguments", "gen_ai.input.messages", "gen_ai.prompt"),
    *("gen_ai.retrieval.query.text", "gen_ai.memory.query.text", "input.value"),
)
_OUTPUTS: Final = (
    *("gen_ai.tool.call.result", "gen_ai.output.messages", "gen_ai.completion"),
    *("gen_ai.retrieval.documents", "gen_ai.memory.records", "output.value"),
)
_INPUT_TOKENS: Final = (
    *("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "llm.token_count.prompt",
)
_OUTPUT_TOKENS: Final = (
    *("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "llm.token_count.completion",
)
_SESSIONS: Final = ("gen_ai.conversation.id", "session.id")
_AGENTS: Final = ("gen_ai.agent.name", "agent.name", "gen_ai.agent.id")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the attributes of a span say, where they say it.

    Attributes:
        kind: of the trace; `is_inference`: whether it is a call of a model.
        input, output: JSON values, also where the span has them as JSON text.
    """

    kind: str
    is_inference: bool
    name: str | None
    input: Any
    output: Any
    input_tokens: int | None
    output_tokens: int | None
    session: str | None
    agent: str | None


def meaning_of(attributes: Mapping[str, Any]) -> Meaning:
    """Return what the attributes of a span mean."""
    lists = _lists(attributes)
    own = attributes.get("datamem.trace.kind")
    operation = attributes.get("gen_ai.operation.name")
    kind = attributes.get("openinference.span.kind")
    is_tool = operation == "execute_tool" or kind == "TOOL"
    return Meaning(
        own if isinstance(own, str) else "tool_call" if is_tool else "span",
        operation in INFERENCE or kind == "LLM",
        _text(attributes, _NAMES),
        _value(attributes, _INPUTS) or lists.get("llm.input_messages"),
        _value(attributes, _OUTPUTS)
        or lists.get("llm.output_messages")
        or lists.get("retrieval.documents"),
        _count(attributes, _INPUT_TOKENS),
        _count(attributes, _OUTPUT_TOKENS),
        _text(attributes, _SESSIONS),
        _text(attributes, _AGENTS),
    )


def _text(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    found = (attributes[name] for name in names if name in attributes)
    return next((value for value in found if isinstance(value, str) and value), None)


def _count(attributes: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    found = (attributes[name] for name in names if name in attributes)
    return next((value for value in found if type(value) is int and value < 1 << 62), None)


def _value(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of the attributes; a JSON text as what it says."""
    for name in names:
        if name in attributes:
            value = attributes[name]
            if isinstance(value, str) and value[:1] in {"{", "[", '"'}:
                try:
                    return json.loads(value, parse_constant=str)
                except ValueError:
                    return value
            return value
    return None


def _lists(attributes: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return what flat names spell as lists: `llm.input_messages.0.message.role` and its kin."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for name, value in attributes.items():
        match = _INDEXED.fullmatch(name)
        if match and "." in match["list"]:
            _, _, field = match["path"].partition(".")
            entries = found.setdefault(match["list"], {})
            entries.setdefault(int(match["n"]), {})[field or match["path"]] = value
    return {name: [entries[n] for n in sorted(entries)] for name, entries in found.items()}


def genai_attributes(trace: Any) -> dict[str, Any]:
    """Return the GenAI attributes of a trace that was not imported."""
    found: dict[str, Any] = {"datamem.trace.kind": trace.kind, "datamem.trace.id": trace.id}
    match trace.kind:
        case "tool_call":
            found["gen_ai.operation.name"] = "execute_tool"
            found |= _named("gen_ai.tool.name", trace.name)
            found |= _json("gen_ai.tool.call.arguments", trace.input)
            found |= _json("gen_ai.tool.call.result", trace.output)
        case "model_input" | "model_output":
            found["gen_ai.operation.name"] = "chat"
            found |= _named("gen_ai.request.model", trace.name)
            found |= _json("gen_ai.input.messages", trace.input)
            found |= _json("gen_ai.output.messages", trace.output)
        case _:
            found |= _json("datamem.trace.input", trace.input)
            found |= _json("datamem.trace.output", trace.output)
    found |= _named("datamem.trace.text", trace.text)
    found |= _named("datamem.trace.confidence", trace.confidence)
    found |= _named("error.type", trace.error)
    found |= _named("gen_ai.usage.input_tokens", trace.input_tokens)
    return found | _named("gen_ai.usage.output_tokens", trace.output_tokens)


_OPENINFERENCE: Final = {
    "tool_call": "TOOL",
    "model_input": "LLM",
    "model_output": "LLM",
}


def openinference_attributes(trace: Any) -> dict[str, Any]:
    """Return the OpenInference attributes of a trace that was not imported."""
    found: dict[str, Any] = {
        "datamem.trace.kind": trace.kind,
        "datamem.trace.id": trace.id,
        "openinference.span.kind": _OPENINFERENCE.get(trace.kind, "CHAIN"),
    }
    for name, value in (("input", trace.input), ("output", trace.output)):
        if value is not None:
            found |= _json(f"{name}.value", value)
            found[f"{name}.mime_type"] = "application/json"
    named = "tool.name" if trace.kind == "tool_call" else "llm.model_name"
    if trace.kind in _OPENINFERENCE:
        found |= _named(named, trace.name)
    found |= _named("datamem.trace.text", trace.text)
    found |= _named("datamem.trace.confidence", trace.confidence)
    found |= _named("llm.token_count.prompt", trace.input_tokens)
    return found | _named("llm.token_count.completion", trace.output_tokens)


def _named(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


def _json(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: json.dumps(value, ensure_ascii=False)}
