"""One message of a chat as entities: the message itself and its tool calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from datamem.edn import Keyword, print_edn
from datamem.errors import EdnError
from datamem.importers.batch import EntityMap
from datamem.importers.instants import parse_instant
from datamem.importers.names import derived_uuid

_ROLES: Final = {"developer": "system", "function": "tool"}
"""Roles that are another name of one of :user, :assistant, :system and :tool."""
_KNOWN_ROLES: Final = frozenset({"user", "assistant", "system", "tool"})
_DATES: Final = ("timestamp", "created_at", "created", "date")
K = Keyword


@dataclass(frozen=True, slots=True)
class Place:
    """The session that messages belong to; `senders` is role to a lookup ref of who speaks in it."""

    source: str
    session_name: str
    session_id: UUID
    senders: Mapping[str, Any]


def message_entities(message: dict[str, Any], sequence: int, place: Place) -> list[EntityMap]:
    """Return the message and its tool calls; `sequence` counts from 1 in its session."""
    message_id = derived_uuid(place.source, place.session_name, "message", sequence)
    role = role_of(message["role"])
    entity: EntityMap = {
        K(":message/id"): message_id,
        K(":message/external-id"): f"{place.source}/{place.session_name}/{sequence}",
        K(":message/session"): [K(":session/id"), place.session_id],
        K(":message/sender"): place.senders.get(role),
        K(":message/sequence"): sequence,
        K(":message/role"): role,
        K(":message/content"): text_of(message.get("content")),
        K(":message/parts"): parts_of(message.get("content")),
        K(":message/name"): _text(message.get("name")),
        K(":message/model"): _text(message.get("model")),
        K(":message/tool-call-id"): _text(message.get("tool_call_id")),
        K(":message/timestamp"): _instant(message),
    }
    calls = _calls_of(message)
    if calls:
        entity[K(":message/tool-calls")] = edn_text(calls)
    if role == ":tool":
        entity[K(":message/tool-results")] = edn_text(_result_of(message.get("content")))
    present = {key: value for key, value in entity.items() if value is not None}
    return [present, *(_call(call, n, message_id) for n, call in enumerate(calls, start=1))]


def role_of(role: str) -> Keyword:
    """Return the role as a keyword: `developer` is :system, `function` :tool, an unknown one :other."""
    name = _ROLES.get(role.lower(), role.lower())
    return Keyword(f":{name}" if name in _KNOWN_ROLES else ":other")


def text_of(content: Any) -> str | None:
    """Return the text of a message, whose content is a text, a list of parts, or null.

    Example:
        >>> text_of([{"type": "text", "text": "Look:"}, {"type": "image_url"}])
        'Look:'
    """
    if isinstance(content, list):
        texts = [part if isinstance(part, str) else _part_text(part) for part in content]
        return "\n".join(text for text in texts if text) or None
    return content if isinstance(content, str) else None


def _part_text(part: Any) -> str | None:
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else None


def parts_of(content: Any) -> str | None:
    """Return the parts of a message as EDN text, or None where its content is a text."""
    return edn_text(content) if isinstance(content, list | dict) else None


def _calls_of(message: dict[str, Any]) -> list[Any]:
    """Return the tool calls, also of the older form with one `function_call`."""
    calls = list(message.get("tool_calls") or [])
    if isinstance(older := message.get("function_call"), dict):
        calls.append({"type": "function", "function": older})
    return calls


def _call(call: Any, sequence: int, message_id: UUID) -> EntityMap:
    function = call.get("function", call) if isinstance(call, dict) else {}
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    entity: EntityMap = {
        K(":tool-call/id"): derived_uuid(str(message_id), "call", sequence),
        K(":tool-call/external-id"): _text(call.get("id")) if isinstance(call, dict) else None,
        K(":tool-call/message"): [K(":message/id"), message_id],
        K(":tool-call/sequence"): sequence,
        K(":tool-call/name"): _text(function.get("name"))
        if isinstance(function, dict)
        else None,
        K(":tool-call/arguments"): arguments,
    }
    return {key: value for key, value in entity.items() if value is not None}


def _result_of(content: Any) -> Any:
    """Return a tool's answer as data where it is JSON, else as it stands."""
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content)
    except (json.JSONDecodeError, RecursionError):
        return content


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _instant(message: dict[str, Any]) -> Any:
    return next((at for key in _DATES if (at := parse_instant(message.get(key)))), None)


def edn_text(value: Any) -> str:
    """Return JSON data as EDN text, with keywords for the names of objects where they can be."""
    return print_edn(_with_keywords(value))


def _with_keywords(value: Any) -> Any:
    if isinstance(value, dict):
        return {_keyword_or_text(key): _with_keywords(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_keywords(item) for item in value]
    return value


def _keyword_or_text(name: Any) -> Any:
    try:
        return Keyword(f":{name}")
    except EdnError:
        return str(name)
