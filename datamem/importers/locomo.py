"""LoCoMo: long conversations of two people, session by session, as users, sessions and messages.

Every session of every conversation is one batch, and the batches are in the order of the sessions'
dates over the whole file, so that each transaction can carry its session's own instant. The source
dates sessions only: a message's timestamp is that of its session and a second for every turn
before it, so that sorting by time gives the order of the turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from datamem.edn import Keyword, print_edn
from datamem.importers.batch import Batch, EntityMap
from datamem.importers.instants import parse_spoken_instant
from datamem.importers.jsonfile import decode_text, parse_json, read_bytes, refuse_shape
from datamem.importers.names import derived_uuid

_SESSION: Final = re.compile(r"session_(\d+)")
_TURN_SECONDS: Final = 1
K = Keyword


def read_locomo(path: str | Path, source: str = "locomo") -> list[Batch]:
    """Read a file of conversations into one batch a session, the earliest first.

    Raises:
        ImportFileError: `import/unreadable`, `import/bad-json`, `import/wrong-shape`.
    """
    path = Path(path)
    samples = parse_json(decode_text(read_bytes(path), path), path)
    if not isinstance(samples, list):
        refuse_shape(path, "the file", "a list of conversations")
    batches = [
        batch
        for index, item in enumerate(samples)
        for batch in _sample(item, index, path, source)
    ]
    return sorted(batches, key=_date)


def _date(batch: Batch) -> datetime:
    assert batch.instant is not None
    return batch.instant


def _sample(sample: Any, index: int, path: Path, source: str) -> Iterator[Batch]:
    where = f"conversation {index + 1}"
    if not isinstance(sample, dict) or not isinstance(sample.get("conversation"), dict):
        refuse_shape(path, where, 'an object with a "conversation"')
    conversation = sample["conversation"]
    name = str(sample.get("sample_id", f"conversation-{index + 1}"))
    speakers = [conversation.get("speaker_a"), conversation.get("speaker_b")]
    if not all(isinstance(speaker, str) for speaker in speakers):
        refuse_shape(path, where, 'a conversation with "speaker_a" and "speaker_b"')
    cast = _Cast(source, name, speakers)
    for key, turns in conversation.items():
        match = _SESSION.fullmatch(key)
        if match is not None and turns:
            instant = _session_date(conversation, key, path, where)
            yield _Session(cast, int(match[1]), instant, path).batch(turns)


def _session_date(conversation: dict[str, Any], key: str, path: Path, where: str) -> datetime:
    text = conversation.get(f"{key}_date_time")
    instant = parse_spoken_instant(text) if isinstance(text, str) else None
    if instant is None:
        refuse_shape(
            path, f"{where}, {key}_date_time {text!r}", 'a date like "1:56 pm on 8 May, 2023"'
        )
    return instant


class _Cast:
    """Who takes part in a conversation: two users, and the agent whose memory it is."""

    def __init__(self, source: str, name: str, speakers: list[Any]) -> None:
        self.source = source
        self.name = name
        self.agent_id = derived_uuid(source, name, "agent")
        self.user_ids = {
            speaker: derived_uuid(source, name, "user", speaker) for speaker in speakers
        }

    def user_ref(self, speaker: str) -> list[Any]:
        return [K(":user/id"), self.user_ids[speaker]]

    def entities(self) -> list[EntityMap]:
        agent = {
            K(":agent/id"): self.agent_id,
            K(":agent/external-id"): f"{self.source}/{self.name}",
            K(":agent/name"): self.name,
        }
        users: list[EntityMap] = [
            {
                K(":user/id"): user_id,
                K(":user/external-id"): f"{self.source}/{self.name}/{speaker}",
                K(":user/name"): speaker,
            }
            for speaker, user_id in self.user_ids.items()
        ]
        return [agent, *users]


class _Session:
    """One session and its turns."""

    def __init__(self, cast: _Cast, number: int, instant: datetime, path: Path) -> None:
        self.cast = cast
        self.number = number
        self.instant = instant
        self.path = path
        self.name = f"{cast.name}/session-{number}"
        self.id = derived_uuid(cast.source, self.name)

    def batch(self, turns: Any) -> Batch:
        if not isinstance(turns, list):
            refuse_shape(self.path, self.name, "a list of turns")
        messages = [self.message(turn, n) for n, turn in enumerate(turns, start=1)]
        return Batch((*self.cast.entities(), self.entity(), *messages), self.instant)

    def entity(self) -> EntityMap:
        cast = self.cast
        refs = [cast.user_ref(speaker) for speaker in cast.user_ids]
        return {
            K(":session/id"): self.id,
            K(":session/external-id"): self.name,
            K(":session/agent"): [K(":agent/id"), cast.agent_id],
            K(":session/user"): refs[0],
            K(":session/participants"): refs,
            K(":session/number"): self.number,
            K(":session/title"): f"{' and '.join(cast.user_ids)}, session {self.number}",
            K(":session/status"): K(":ended"),
            K(":session/created-at"): self.instant,
        }

    def message(self, turn: Any, sequence: int) -> EntityMap:
        self._check_turn(turn, sequence)
        name = f"{self.cast.name}/{turn['dia_id']}"
        entity: EntityMap = {
            K(":message/id"): derived_uuid(self.cast.source, name),
            K(":message/external-id"): name,
            K(":message/session"): [K(":session/id"), self.id],
            K(":message/sender"): self.cast.user_ref(turn["speaker"]),
            K(":message/role"): K(":user"),
            K(":message/content"): turn["text"],
            K(":message/sequence"): sequence,
            K(":message/timestamp"): self.instant
            + timedelta(seconds=(sequence - 1) * _TURN_SECONDS),
        }
        if image := _image(turn):
            text = {K(":type"): K(":text"), K(":text"): turn["text"]}
            entity[K(":message/parts")] = print_edn([text, image])
            if caption := image.get(K(":caption")):
                entity[K(":message/caption")] = caption
        return entity

    def _check_turn(self, turn: Any, sequence: int) -> None:
        where = f"{self.name}, turn {sequence}"
        texts = ("speaker", "dia_id", "text")
        if not isinstance(turn, dict) or not all(isinstance(turn.get(k), str) for k in texts):
            refuse_shape(self.path, where, f"an object with texts {', '.join(texts)}")
        if turn["speaker"] not in self.cast.user_ids:
            refuse_shape(
                self.path, f"{where}, speaker {turn['speaker']!r}", "one of the two speakers"
            )


def _image(turn: dict[str, Any]) -> EntityMap:
    """Return the image that a turn shares, as a part; empty when it shares none."""
    found = {
        K(":urls"): turn.get("img_url"),
        K(":caption"): turn.get("blip_caption"),
        K(":query"): turn.get("query"),
    }
    part = {key: value for key, value in found.items() if value}
    return {K(":type"): K(":image"), **part} if part else {}
