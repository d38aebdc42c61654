"""Chat transcripts as batches: shapes accepted, tool calls, identities, refusals."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from datamem.edn import read
from datamem.errors import ImportFileError
from datamem.importers import guess_format, read_chats, sample_path
from datamem.importers.chatmessage import edn_text, role_of, text_of

TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Weather?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": '{"sky": "blue"}'},
    {"role": "assistant", "content": "Blue."},
]


@pytest.fixture
def write(tmp_path):
    def write(value: object, name: str = "talk.json"):
        path = tmp_path / name
        text = value if isinstance(value, str) else json.dumps(value)
        path.write_text(text)
        return path

    return write


def entities(batch, attribute):
    return [entity for entity in batch.entities if attribute in entity]


@pytest.mark.parametrize(
    "value",
    [
        TALK,
        [TALK],
        {"messages": TALK},
        [{"traj": TALK, "task_id": 7}],
        [{"conversation": TALK}],
    ],
)
def test_every_usual_shape_is_read(write, value) -> None:
    (batch,) = read_chats(write(value))
    roles = [str(m[":message/role"]) for m in entities(batch, ":message/id")]
    assert roles == [":system", ":user", ":assistant", ":tool", ":assistant"]


def test_json_lines_hold_a_conversation_a_line(write) -> None:
    line = json.dumps({"messages": TALK})
    path = write(f"{line}\n\n{json.dumps(TALK[:2])}\n", "talk.jsonl")
    assert len(read_chats(path)) == 2


def test_a_tool_call_is_an_entity_with_its_message_and_its_result(write) -> None:
    (batch,) = read_chats(write(TALK))
    (call,) = entities(batch, ":tool-call/id")
    messages = entities(batch, ":message/id")
    assert call[":tool-call/name"] == "weather"
    assert call[":tool-call/message"] == [":message/id", messages[2][":message/id"]]
    assert messages[3][":tool-call/_result"] == [":tool-call/id", call[":tool-call/id"]]
    assert read(messages[2][":message/tool-calls"])[0][":function"][":name"] == "weather"
    assert read(messages[3][":message/tool-results"]) == {":sky": "blue"}


def test_a_reused_call_id_is_answered_by_the_next_message_with_it(write) -> None:
    (batch,) = read_chats(write([*TALK, *TALK[2:4]]))
    calls = [
        [":tool-call/id", call[":tool-call/id"]] for call in entities(batch, ":tool-call/id")
    ]
    messages = entities(batch, ":message/id")
    answered = [m[":tool-call/_result"] for m in messages if ":tool-call/_result" in m]
    assert answered == calls


def test_what_else_a_conversation_says_is_its_metadata(write) -> None:
    item = {
        "traj": TALK,
        "reward": 1,
        "trial": 2,
        "info": {"task": {"user_id": "ana_1"}, "odd key!": [1, 2]},
    }
    (batch,) = read_chats(write([item]), source="airline")
    (session,) = entities(batch, ":session/id")
    (user,) = entities(batch, ":user/id")
    assert user[":user/name"] == "ana_1"
    assert session[":session/user"] == [":user/id", user[":user/id"]]
    assert session[":session/reward"] == 1.0
    assert read(session[":session/meta"])[":trial"] == 2
    assert entities(batch, ":agent/id")[0][":agent/name"] == "airline"


def test_a_conversation_is_known_by_its_id_or_its_content(write) -> None:
    def session_id(value, source="chat"):
        return entities(read_chats(write([value]), source)[0], ":session/id")[0][":session/id"]

    named = {"id": "t1", "messages": TALK}
    assert session_id(named) == session_id({**named, "messages": TALK[:2]})
    assert session_id({"messages": TALK}) != session_id({"messages": TALK[:2]})
    assert session_id(named) != session_id(named, source="elsewhere")


def test_equal_conversations_of_one_file_stay_two(write) -> None:
    batches = read_chats(write([TALK, TALK]))
    ids = {entities(batch, ":session/id")[0][":session/id"] for batch in batches}
    assert len(ids) == 2


def test_dates_give_the_order_and_the_instants(write) -> None:
    later = {"created_at": "2024-02-01T10:00:00Z", "messages": TALK}
    earlier = {"created": 1704099600, "messages": TALK}
    first, second = read_chats(write([later, earlier]))
    assert first.instant == datetime(2024, 1, 1, 9, tzinfo=UTC)
    assert second.instant == datetime(2024, 2, 1, 10, tzinfo=UTC)


def test_parts_of_a_message_are_kept_and_their_text_is_its_content() -> None:
    parts = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "x"}},
    ]
    assert text_of(parts) == "Look:"
    assert text_of([]) is None
    assert read(edn_text(parts))[1] == {":type": "image_url", ":image_url": {":url": "x"}}


def test_names_that_no_keyword_can_have_stay_texts() -> None:
    assert read(edn_text({"two words": 1})) == {"two words": 1}


@pytest.mark.parametrize(
    ("role", "keyword"),
    [
        ("Assistant", ":assistant"),
        ("developer", ":system"),
        ("function", ":tool"),
        ("a b", ":other"),
    ],
)
def test_roles_are_keywords(role, keyword) -> None:
    assert role_of(role) == keyword


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (7, "the file"),
        ([7], "conversation 1"),
        ([{"a": 1}], "conversation 1"),
        ([{"messages": []}], "conversation 1"),
        ([[{"role": "user"}, {"content": "x"}]], "message 2"),
        ([[{"role": "user", "tool_calls": 3}]], "tool_calls"),
    ],
)
def test_what_is_no_conversation_is_refused_and_named(write, value, said) -> None:
    with pytest.raises(ImportFileError) as refused:
        read_chats(write(value))
    assert refused.value.code == "import/wrong-shape"
    assert said in refused.value.message


def test_a_bad_line_is_named(write) -> None:
    path = write(json.dumps(TALK) + '\n{"a": }\n', "talk.jsonl")
    with pytest.raises(ImportFileError) as refused:
        read_chats(path)
    assert refused.value.data["line"] == 2


def test_the_sample_is_six_dated_sessions() -> None:
    batches = read_chats(sample_path(), "sample")
    assert guess_format(sample_path()) == "chat"
    assert [b.instant.date().isoformat() for b in batches if b.instant] == [
        "2024-03-04",
        "2024-03-11",
        "2024-03-19",
        "2024-04-02",
        "2024-04-16",
        "2024-05-12",
    ]
