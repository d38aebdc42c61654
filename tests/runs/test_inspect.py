"""Looking back: a decision leads to its evidence, and that to the messages it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from datamem.conn import Connection
from datamem.errors import RunError
from datamem.runs import Run, diff, fork, read_traces, verify
from datamem.runs.inspect import assumed, ignored, knew, learned, memory_at, why
from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.read import read_recording
from datamem.runs.recorder.record import record
from datamem.runs.recorder.values import RecordError
from datamem.runs.replayer.replay import replay
from datamem.schema.agent import agent_schema
from tests.runs.agents import connect

MESSAGE, LIKES, OLD = UUID(int=1), UUID(int=2), UUID(int=3)
MEMORIES = [
    {":db/id": "m", ":message/id": MESSAGE, ":message/content": "I only drink tea", ":message/role": ":user"},
    {":memory/id": LIKES, ":memory/content": "Ann drinks tea", ":memory/source-messages": "m"},
    {":memory/id": OLD, ":memory/content": "Ann drank coffee once"},
]  # fmt: skip


def waiter(run: RunContext) -> str:
    likes, old = [":memory/id", LIKES], [":memory/id", OLD]
    stock = run.tool("stock")(lambda what: {"tea": 4}[what])
    guess = run.trace("assumption", "she is thirsty", recalled=[likes, old])
    run.trace("confidence", confidence=0.6, about=guess)
    stock("tea")
    choice = run.trace(
        "decision", "serve tea", cited=[likes, run.last_call("stock")], ignored=[old]
    )
    run.trace("confidence", confidence=0.9, about=choice)
    run.transact([{":note/id": "order", ":note/text": "tea"}])
    run.transact([{":note/id": "order", ":note/text": "green tea"}])
    return "tea"


@pytest.fixture
def conn() -> Iterator[Connection]:
    with connect() as found:
        found.transact([{":db/ident": k, **v} for k, v in agent_schema().items() if k.startswith((":message/", ":memory/"))])  # fmt: skip
        found.transact(MEMORIES, meta={":import/source": "chat.json"})
        yield found


@pytest.fixture
def run(conn: Connection) -> Run:
    return record(conn, waiter, run_id="r").run


def texts(found: Any) -> list[str]:
    return [node.text for node in found]


def test_a_decision_leads_to_evidence_and_on_to_messages(run: Run) -> None:
    [decision] = read_traces(run, "decision")
    found = why(run, decision)
    assert [(node.role, node.kind) for node in found] == [
        ("", "decision"),
        ("cited", "memory"),
        ("source", "message"),
        ("cited", "tool_call"),
        ("ignored", "memory"),
        ("about", "confidence"),
    ]
    assert texts(found)[:3] == ["serve tea", "'Ann drinks tea'", "'I only drink tea'"]
    assert texts(found)[3] == "stock {'what': 'tea'} -> 4"
    assert found.origin.run == "r"
    assert list(found)[2].origin.source == "chat.json"
    assert "cited: memory 'Ann drinks tea'" in str(found)
    assert found._repr_svg_().startswith("<svg")


def test_what_it_knew_assumed_and_ignored(run: Run) -> None:
    assert texts(knew(run)) == [
        "'Ann drinks tea'",
        "'Ann drank coffee once'",
        "stock {'what': 'tea'} -> 4",
    ]
    assert [(one.text, texts(one)[-1]) for one in assumed(run)] == [("she is thirsty", "(0.6)")]
    assert texts(ignored(run)) == ["'Ann drank coffee once'"]


def test_each_is_asked_of_a_moment(run: Run) -> None:
    steps = read_recording(run.conn.db, run).steps
    assert knew(run, 1) == []
    assert [len(knew(run, step)) for step in steps[:5]] == [2, 2, 2, 3, 3]
    assert texts(ignored(run, steps[0])) == ["'Ann drinks tea'", "'Ann drank coffee once'"]
    order = [":note/id", "order"]
    seen = [memory_at(run, step).entity(order).get(":note/text") for step in steps[-2:]]
    assert seen == ["tea", "green tea"]
    assert memory_at(run, steps[-3]).resolve(order) is None
    assert memory_at(run).entity(order)[":note/text"] == "green tea"


def test_a_fact_says_when_and_by_whom_it_was_learned(run: Run) -> None:
    db = run.conn.db
    [(name, value, origin)] = learned(db, [":note/id", "order"], ":note/text")
    assert (name, value, origin.run) == (":note/text", "green tea", "r")
    assert db.entity(origin.event)[":event/type"] == "transact"
    imported = learned(db, [":memory/id", LIKES])
    assert {origin.source for _, _, origin in imported} == {"chat.json"}
    assert learned(db, [":note/id", "nobody"]) == []


def test_reasoning_replays_with_the_rest(run: Run) -> None:
    found = replay(run, waiter).require_same()
    [decision] = read_traces(found.journal.run, "decision")
    assert texts(why(found.journal.run, decision)) == texts(
        why(run, read_traces(run, "decision")[0])
    )
    assert verify(found.journal.run).broken is None


def test_what_cannot_be_said_is_refused(conn: Connection) -> None:
    def agent(run: RunContext) -> None:
        for bad in (
            lambda: run.trace("feeling", "good"),
            lambda: run.trace("decision", "x", because="y"),
            lambda: run.trace("decision", "x", cited=[[":memory/id", UUID(int=9)]]),
            lambda: run.last_call("nobody"),
        ):
            with pytest.raises(RecordError) as caught:
                bad()
            codes.append(caught.value.code)

    codes: list[str] = []
    run = record(conn, agent).run
    assert codes == [
        "record/bad-trace",
        "record/bad-trace",
        "record/unknown-entity",
        "record/no-call",
    ]
    with pytest.raises(RunError) as caught:
        memory_at(run, 99)
    assert caught.value.code == "run/no-event"


def test_what_was_cited_was_learned_when_it_last_changed(conn: Connection) -> None:
    report = conn.transact(
        [[":db/add", [":memory/id", LIKES], ":memory/content", "Ann likes tea"]]
    )
    later = record(conn, waiter, run_id="later").run
    [decision] = read_traces(later, "decision")
    likes = next(node for node in why(later, decision) if node.role == "cited")
    assert (likes.text, likes.origin.t) == ("'Ann likes tea'", report.t)
    assert [node.origin.source for node in likes.children] == ["chat.json"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: why(r, 1),
        ignored,
        memory_at,
        replay,
        lambda r: replay(r, waiter),
        lambda r: diff(r, r),
        fork,
    ],
)
def test_the_name_of_a_run_is_no_run(ask: Any) -> None:
    with pytest.raises(TypeError, match=r"get_run\(conn, 'r1'\) gives one"):
        ask("r1")
