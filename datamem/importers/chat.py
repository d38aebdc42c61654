"""Chat transcripts in the OpenAI message format, with tool calls, as sessions and messages.

Accepted: a JSON list of messages (one conversation); a list of conversations; JSON Lines with a
conversation a line. A conversation is a list of messages, or an object that holds one under
`messages`, `traj`, `conversation` or `turns`; what else the object says is kept as the session's
metadata. A conversation is the same one on a second import when its `id` is the same, or, where it
has none, its content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from datamem.edn import Keyword
from datamem.importers.batch import Batch, EntityMap
from datamem.importers.chatmessage import Place, edn_text, message_entities
from datamem.importers.instants import parse_instant
from datamem.importers.jsonfile import (
    decode_text,
    parse_json,
    parse_json_lines,
    read_bytes,
    refuse_shape,
)
from datamem.importers.names import derived_uuid, digest_of
from datamem.index.words import instant_of_us, us_of_instant

_MESSAGES: Final = ("messages", "traj", "conversation", "turns")
_IDS: Final = ("session_id", "conversation_id", "thread_id", "id")
_DATES: Final = ("created_at", "created", "timestamp", "date")
K = Keyword


def read_chats(
    path: str | Path, source: str = "chat", *, with_runs: bool = False
) -> list[Batch]:
    """Read a file of conversations into batches, dated ones in the order of their dates.

    Args:
        with_runs: also what each conversation shows of an agent's run: events, tool calls, traces. Then every
            message is a batch of its own, so that the database can be seen as of each; else a conversation is.

    Raises:
        ImportFileError: `import/unreadable`, `import/bad-json`, `import/wrong-shape`.
    """
    path = Path(path)
    text = decode_text(read_bytes(path), path)
    seen: Counter[str] = Counter()
    batches = [
        batch
        for where, line, item in _conversations(text, path)
        for batch in _Conversation(item, where, line, path, source).batches(seen, with_runs)
    ]
    return sorted(
        batches, key=lambda batch: batch.instant.timestamp() if batch.instant else -1.0
    )


def _conversations(text: str, path: Path) -> Iterator[tuple[str, int | None, Any]]:
    """Yield (where, line, conversation); line is None where the file is one JSON value."""
    if path.suffix.lower() in {".jsonl", ".ndjson"}:
        for line, item in parse_json_lines(text, path):
            yield f"line {line}", line, item
        return
    value = parse_json(text, path)
    if isinstance(value, dict) or _is_message_list(value):
        value = [value]
    if not isinstance(value, list):
        refuse_shape(path, "the file", "a conversation or a list of conversations")
    for index, item in enumerate(value, start=1):
        yield f"conversation {index}", None, item


def _is_message_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], dict)
        and "role" in value[0]
    )


class _Conversation:
    """One conversation as it is read: its messages, its name, and what else is known of it."""

    def __init__(
        self, item: Any, where: str, line: int | None, path: Path, source: str
    ) -> None:
        self.where, self.line, self.path, self.source = where, line, path, source
        self.about: Mapping[str, Any] = {}
        if isinstance(item, dict):
            key = next((name for name in _MESSAGES if isinstance(item.get(name), list)), None)
            if key is None:
                refuse_shape(path, where, f"a conversation (no {', '.join(_MESSAGES)})", line)
            self.about = {name: value for name, value in item.items() if name != key}
            item = item[key]
        if not _is_message_list(item):
            refuse_shape(path, where, 'a list of messages with a "role" each', line)
        self.messages: list[Any] = item

    def batches(self, seen: Counter[str], with_runs: bool) -> list[Batch]:
        """Return the batches; `seen` counts names, so that equal conversations stay two."""
        name = self._name()
        seen[name] += 1
        if seen[name] > 1:
            name = f"{name}-{seen[name]}"
        session_id = derived_uuid(self.source, name)
        instant = self._instant()
        about = [*self._agent(), *self._user(), self._session(session_id, name, instant)]
        place = Place(self.source, name, session_id, self._senders())
        said = []
        for sequence, message in enumerate(self.messages, start=1):
            self._check(message, sequence)
            said.append(message_entities(message, sequence, place))
        link_results(said)
        if with_runs:
            return self._run_batches(about, said, session_id, name)
        return [Batch((*about, *chain.from_iterable(said)), instant)]

    def _run_batches(
        self, about: list[EntityMap], said: list[list[EntityMap]], session_id: UUID, name: str
    ) -> list[Batch]:
        """Return a batch for how the run began, and one for each message after that."""
        from datamem.importers.chatruns import message_times, run_name, run_steps

        links = {
            K(":run/session"): [K(":session/id"), session_id],
            K(":run/agent"): [K(":agent/id"), self._agent_id()],
        }
        instant = self._instant()
        run_id = run_name(self.source, name, self.about)
        steps = run_steps(self.messages, self.about, run_id, instant, links)
        first = len(said) - len(steps) + 1
        begun = (*about, *chain.from_iterable(said[:first]), *steps[0])
        parts = [
            begun,
            *((*one, *step) for one, step in zip(said[first:], steps[1:], strict=True)),
        ]
        if instant is None:
            return [Batch(part) for part in parts]
        times = message_times(self.messages, us_of_instant(instant))[max(first - 1, 0) :]
        return [Batch(part, instant_of_us(at)) for part, at in zip(parts, times, strict=True)]

    def _name(self) -> str:
        named = next((self.about[key] for key in _IDS if self.about.get(key) is not None), None)
        if isinstance(named, str | int):
            return str(named)
        return digest_of([self.about, self.messages])

    def _instant(self) -> Any:
        found = [self.about.get(key) for key in _DATES]
        found += [self.messages[0].get(key) for key in _DATES]
        return next((instant for value in found if (instant := parse_instant(value))), None)

    def _user_name(self) -> str | None:
        info = self.about.get("info")
        task = info.get("task") if isinstance(info, dict) else None
        for place in (self.about, task):
            if isinstance(place, dict):
                for key in ("user_id", "user"):
                    if isinstance(place.get(key), str):
                        return str(place[key])
        return None

    def _agent_id(self) -> UUID:
        return derived_uuid(self.source, "agent", self._agent_name())

    def _agent_name(self) -> str:
        name = self.about.get("agent")
        return name if isinstance(name, str) and name else self.source

    def _user_id(self) -> UUID | None:
        name = self._user_name()
        return None if name is None else derived_uuid(self.source, "user", name)

    def _senders(self) -> dict[str, Any]:
        """Return who speaks in each role, as lookup refs."""
        senders: dict[str, Any] = {":assistant": [K(":agent/id"), self._agent_id()]}
        if (user_id := self._user_id()) is not None:
            senders[":user"] = [K(":user/id"), user_id]
        return senders

    def _agent(self) -> list[EntityMap]:
        name = self._agent_name()
        return [
            {
                K(":agent/id"): self._agent_id(),
                K(":agent/external-id"): f"{self.source}/{name}",
                K(":agent/name"): name,
            }
        ]

    def _user(self) -> list[EntityMap]:
        name = self._user_name()
        if name is None:
            return []
        return [
            {
                K(":user/id"): self._user_id(),
                K(":user/external-id"): f"{self.source}/{name}",
                K(":user/name"): name,
            }
        ]

    def _session(self, session_id: Any, name: str, instant: Any) -> EntityMap:
        user_id, number = self._user_id(), self.about.get("number")
        title, reward = self.about.get("title"), self.about.get("reward")
        entity: EntityMap = {
            K(":session/id"): session_id,
            K(":session/external-id"): f"{self.source}/{name}",
            K(":session/agent"): [K(":agent/id"), self._agent_id()],
            K(":session/user"): user_id and [K(":user/id"), user_id],
            K(":session/number"): number if type(number) is int else None,
            K(":session/title"): title if isinstance(title, str) else None,
            K(":session/status"): K(":ended"),
            K(":session/created-at"): instant,
            K(":session/meta"): edn_text(self.about) if self.about else None,
        }
        if isinstance(reward, int | float) and not isinstance(reward, bool):
            entity[K(":session/reward")] = float(reward)
        return {key: value for key, value in entity.items() if value is not None}

    def _check(self, message: Any, sequence: int) -> None:
        where = f"{self.where}, message {sequence}"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            refuse_shape(self.path, where, 'an object with a "role"', self.line)
        calls = message.get("tool_calls")
        if calls is not None and not isinstance(calls, list):
            refuse_shape(self.path, f"{where}, tool_calls", "a list", self.line)


def link_results(said: list[list[EntityMap]]) -> None:
    """Say in the message that answers a tool call, the next one with its id, which call that is.

    Args:
        said: of each message, itself and its calls.
    """
    open_calls: dict[str, Any] = {}
    for message, *calls in said:
        call_id = open_calls.pop(message.get(K(":message/tool-call-id"), ""), None)
        if call_id is not None:
            message[K(":tool-call/_result")] = [K(":tool-call/id"), call_id]
        for call in calls:
            if (name := call.get(K(":tool-call/external-id"))) is not None:
                open_calls[name] = call[K(":tool-call/id")]
