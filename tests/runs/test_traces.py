"""Traces: what was decided and on what grounds, as entities that queries join; spans that nest."""

from __future__ import annotations

from typing import Any

import pytest

from datamem import runs
from datamem.errors import DatamemError
from tests.kv.worlds import refused, world


def memories(conn: Any, *texts: str) -> list[int]:
    tempids = conn.transact([{":db/id": t, ":memory/content": t} for t in texts]).tempids
    return [tempids[text] for text in texts]


def test_a_decision_is_joined_with_what_was_recalled_cited_and_ignored() -> None:
    conn, _ = world()
    tea, coffee, rain = memories(conn, "likes tea", "hates coffee", "it rains")
    with runs.begin_run(conn, "r") as run:
        made = runs.add_trace(
            run, "decision", text="offer tea", confidence=0.9, recalled=[tea], cited=[coffee],
            ignored=[rain],
        )  # fmt: skip
        runs.add_trace(run, "confidence", confidence=0.4, about=made)
        runs.add_trace(run, "assumption", text="it is morning", parent=made)
    why = """[:find ?text ?because :where [?d :trace/kind :decision] [?d :trace/text ?text]
              [?d :trace/recalled ?m] [?m :memory/content ?because]]"""
    assert set(conn.db.q(why)) == {("offer tea", "likes tea")}
    decision, doubt, assumption = runs.read_traces(run)
    assert decision == made
    assert (decision.recalled, decision.cited, decision.ignored) == ((tea,), (coffee,), (rain,))
    assert (doubt.about, doubt.confidence) == (made.eid, 0.4)
    assert assumption.parent == made.eid
    events = runs.read_events(run)
    assert [event.type for event in events] == ["decision", "confidence", "assumption"]
    assert events[0].payload == {
        "text": "offer tea",
        "confidence": 0.9,
        "recalled": [tea],
        "cited": [coffee],
        "ignored": [rain],
    }
    assert [trace.event for trace in runs.read_traces(run)] == [event.eid for event in events]
    assert runs.read_traces(run, "assumption") == [assumption]


@pytest.mark.parametrize("value", [None, 0, False, "", [], {}, {"a": None}])
def test_inputs_and_outputs_are_any_json(value: Any) -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        made = runs.add_trace(run, "tool_call", "t", input=value, output=value)
    found = runs.get_trace(conn.db, made.id)
    assert (found.input, found.output) == (value, value)
    assert type(found.output) is type(value)


def test_a_trace_may_belong_to_an_event_that_is_there() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        event = runs.append_event(run, "observed", {"price": 3})
        first = runs.add_trace(run, "citation", text="price list", event=event)
        second = runs.add_trace(run, "assumption", text="in euros", event=event.eid)
        with runs.begin_run(conn, "other") as other, refused("trace/unknown-event"):
            runs.add_trace(other, "citation", event=event)
    assert (first.id, second.id) == ("r/1.1", "r/1.2")
    assert len(runs.read_events(run)) == 1


def test_spans_nest_and_tell_how_they_ended() -> None:
    conn, clock = world()
    with runs.begin_run(conn, "r") as run:
        with runs.span(run, "plan") as plan:
            clock.move(1)
            with runs.span(run, "search", "tool_call", input={"q": "tea"}) as search:
                clock.move(2)
                search.output = ["a", "b"]
                search.input_tokens = 7
            with pytest.raises(KeyError), runs.span(run, "fails"):
                raise KeyError("gone")
            runs.add_trace(run, "decision", text="stop")
        assert runs.current_span(run) is None
        outer, tool, failed, decision = runs.read_traces(run)
        assert plan.trace == outer
        assert search.trace == tool
        assert tool.parent == failed.parent == decision.parent == outer.eid
        assert (tool.output, tool.status, tool.input_tokens) == (["a", "b"], "ok", 7)
        assert (failed.status, failed.error) == ("error", "KeyError: 'gone'")
        assert tool.ended_at is not None
        assert tool.started_at is not None
        assert (tool.ended_at - tool.started_at).total_seconds() == 2
        with refused("trace/not-open"):
            runs.end_span(run, tool)
    assert runs.verify(run).is_whole


def test_spans_of_a_clock_that_goes_back_do_not_end_before_they_began() -> None:
    conn, clock = world()
    with runs.begin_run(conn) as run, runs.span(run, "s") as span:
        clock.move(-60)
    assert span.trace is not None
    assert span.trace.ended_at == span.trace.started_at


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        ("thought", {}, "trace/unknown-kind"),
        ("decision", {"recalled": [10**6]}, "trace/unknown-entity"),
        ("decision", {"cited": [[":agent/external-id", "nobody"]]}, "trace/unknown-entity"),
        ("decision", {"about": "r/99"}, "trace/unknown"),
        ("decision", {"parent": 3}, "trace/unknown"),
        ("decision", {"confidence": 1.5}, "schema/out-of-range"),
        ("tool_call", {"output": {1}}, "json/not-json"),
    ],
)
def test_a_trace_that_cannot_be_writes_nothing(kind: str, options: Any, code: str) -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        t = conn.db.basis_t
        with pytest.raises(DatamemError) as refusal:
            runs.add_trace(run, kind, **options)
        assert code in {
            refusal.value.code,
            *(c["code"] for c in refusal.value.data.get("conflicts", [])),
        }
        assert conn.db.basis_t == t
        assert runs.current_span(run) is None
    with refused("run/ended"):
        runs.add_trace(run, "decision")
