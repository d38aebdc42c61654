"""LoCoMo files as batches: what is made of a session, in which order, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from datamem.edn import read
from datamem.errors import ImportFileError
from datamem.importers import read_locomo


def conversation(**sessions: tuple[str, list[tuple[str, str]]]) -> dict[str, object]:
    made: dict[str, object] = {"speaker_a": "Ana", "speaker_b": "Ben"}
    for name, (date, turns) in sessions.items():
        made[f"{name}_date_time"] = date
        made[name] = [
            {"speaker": who, "dia_id": f"D{name[-1]}:{n}", "text": text}
            for n, (who, text) in enumerate(turns, start=1)
        ]
    return made


@pytest.fixture
def write(tmp_path):
    def write(samples: object) -> str:
        path = tmp_path / "talk.json"
        path.write_text(json.dumps(samples))
        return str(path)

    return write


def entities(batch, attribute):
    return [entity for entity in batch.entities if attribute in entity]


def test_sessions_of_all_conversations_come_in_the_order_of_their_dates(write) -> None:
    path = write(
        [
            {
                "sample_id": "one",
                "conversation": conversation(
                    session_1=("1:56 pm on 8 May, 2023", [("Ana", "Hello")]),
                    session_2=("9:00 am on 1 July, 2023", [("Ben", "Again")]),
                ),
            },
            {
                "sample_id": "two",
                "conversation": conversation(
                    session_1=("12:05 am on 9 May, 2023", [("Ben", "Late")])
                ),
            },
        ]
    )
    batches = read_locomo(path)
    assert [entities(b, ":session/id")[0][":session/external-id"] for b in batches] == [
        "one/session-1",
        "two/session-1",
        "one/session-2",
    ]
    assert batches[1].instant == datetime(2023, 5, 9, 0, 5, tzinfo=UTC)


def test_a_turn_becomes_a_message_of_its_speaker(write) -> None:
    turns = [("Ana", "Hello"), ("Ben", "Hi!"), ("Ana", "News?")]
    sample = {
        "sample_id": "one",
        "conversation": conversation(session_3=("1:00 pm on 8 May, 2023", turns)),
    }
    (batch,) = read_locomo(write([sample]))
    messages = entities(batch, ":message/id")
    ana = next(u for u in entities(batch, ":user/id") if u[":user/name"] == "Ana")
    session = entities(batch, ":session/id")[0]
    assert session[":session/number"] == 3
    assert [m[":message/content"] for m in messages] == ["Hello", "Hi!", "News?"]
    assert [m[":message/sequence"] for m in messages] == [1, 2, 3]
    assert messages[2][":message/sender"] == [":user/id", ana[":user/id"]]
    assert messages[2][":message/external-id"] == "one/D3:3"
    assert messages[2][":message/timestamp"] == batch.instant + timedelta(seconds=2)


def test_a_shared_image_is_a_part_of_its_message(write) -> None:
    made = conversation(session_1=("1:00 pm on 8 May, 2023", [("Ana", "Look")]))
    made["session_1"][0] |= {"img_url": ["https://example.org/a.jpg"], "blip_caption": "a cat"}  # type: ignore[index]
    (batch,) = read_locomo(write([{"sample_id": "one", "conversation": made}]))
    text, image = read(entities(batch, ":message/id")[0][":message/parts"])
    assert text == {":type": ":text", ":text": "Look"}
    assert image[":caption"] == "a cat"
    assert image[":urls"] == ["https://example.org/a.jpg"]


def test_reading_twice_gives_the_same_ids(write) -> None:
    made = conversation(session_1=("1:00 pm on 8 May, 2023", [("Ana", "Hello")]))
    path = write([{"sample_id": "one", "conversation": made}])
    assert read_locomo(path) == read_locomo(path)
    assert read_locomo(path) != read_locomo(path, source="elsewhere")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda c: c.pop("speaker_a"), "speaker_a"),
        (lambda c: c.update(session_1_date_time="yesterday"), "yesterday"),
        (lambda c: c.pop("session_1_date_time"), "session_1_date_time"),
        (lambda c: c["session_1"][0].pop("text"), "turn 1"),
        (lambda c: c["session_1"][0].update(speaker="Cleo"), "Cleo"),
        (lambda c: c.update(session_1={"a": 1}), "list of turns"),
    ],
)
def test_what_is_not_of_the_format_is_refused_and_named(write, damage, said) -> None:
    made = conversation(session_1=("1:00 pm on 8 May, 2023", [("Ana", "Hello")]))
    damage(made)
    with pytest.raises(ImportFileError) as refused:
        read_locomo(write([{"sample_id": "one", "conversation": made}]))
    assert refused.value.code == "import/wrong-shape"
    assert said in refused.value.message


def test_broken_json_is_refused_with_its_line(tmp_path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('[\n {"a": 1,}\n]')
    with pytest.raises(ImportFileError) as refused:
        read_locomo(path)
    assert (refused.value.code, refused.value.data["line"]) == ("import/bad-json", 2)


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(ImportFileError) as refused:
        read_locomo(tmp_path / "none.json")
    assert refused.value.code == "import/unreadable"
