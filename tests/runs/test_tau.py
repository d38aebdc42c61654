"""Conversations as recorded runs: imported, replayed by an agent that makes the same calls, altered, compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import datamem
from datamem.conn import Connection
from datamem.importers import import_file
from datamem.runs import get_run, list_runs, read_traces, verify
from datamem.runs.chat import chat_agent
from datamem.runs.differences import diff
from datamem.runs.forks import fork
from datamem.runs.inspect import memory_at
from datamem.runs.recorder.read import Recording, read_recording
from datamem.runs.replayer.journal import ReplayError
from datamem.runs.replayer.replay import replay

TAU = Path(__file__).resolve().parents[3] / "shared" / "data" / "tau_bench_airline_gpt4o.json"
needs_tau = pytest.mark.skipif(not TAU.exists(), reason="the evaluation data is not here")


def call(name: str, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"call-{name}", "type": "function", "function": function}


def trajectory(trial: int, *, seat: str = "12A", reward: float = 1.0) -> dict[str, Any]:
    """A conversation of ours: two calls in one reply, answered the other way round."""
    asked = [call("find", to="Oslo"), call("seats", flight=7)]
    return {
        "task_id": 5,
        "trial": trial,
        "reward": reward,
        "traj": [
            {"role": "system", "content": "You sell tickets."},
            {"role": "user", "content": "To Oslo, please."},
            {"role": "assistant", "content": None, "tool_calls": asked},
            {
                "role": "tool",
                "tool_call_id": "call-seats",
                "name": "seats",
                "content": f'["{seat}"]',
            },
            {"role": "tool", "tool_call_id": "call-find", "name": "find", "content": "[7]"},
            {"role": "assistant", "content": f"Seat {seat} on flight 7?"},
            {"role": "user", "content": "Yes. ###STOP###"},
        ],
    }


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    file = tmp_path / "trials.json"
    file.write_text(json.dumps([trajectory(0), trajectory(1, seat="3C", reward=0.0)]))
    with datamem.connect(":memory:") as found:
        import_file(found, file, format="runs", source="ours")
        assert import_file(found, file, format="runs", source="ours").transactions == 0
        yield found


def test_a_conversation_is_a_run_with_events_calls_and_traces(conn: Connection) -> None:
    run = get_run(conn, "ours/task-5/trial-0")
    known = run.record()
    assert known.status == "completed"
    assert known.metadata == {"task_id": 5, "trial": 0, "reward": 1.0}
    steps = read_recording(conn.db, run).steps
    assert [step.title() for step in steps] == [
        "tool user", "model assistant", "tool seats", "tool find", "model assistant", "tool user",
    ]  # fmt: skip
    assert steps[2].input == {"flight": 7}
    assert steps[2].place == "message 4"
    assert [trace.name for trace in read_traces(run, "tool_call")] == ["seats", "find"]
    assert [trace.output["content"] for trace in read_traces(run, "model_output")] == [
        None,
        "Seat 12A on flight 7?",
    ]
    found = verify(run)
    assert found.broken is None
    assert found.event_count == 7
    texts = "[:find [?c ...] :in $ ?r :where [?r :run/session ?s] [?m :message/session ?s] [?m :message/content ?c]]"
    assert "Yes. ###STOP###" in set(conn.db.q(texts, run.eid))


def test_the_memory_of_each_step_ends_with_its_message(conn: Connection) -> None:
    run = get_run(conn, "ours/task-5/trial-1")
    status = "[:find ?s . :in $ ?r :where [?r :run/status ?s]]"
    said = "[:find (max ?n) . :in $ ?r :where [?r :run/session ?s] [?m :message/session ?s] [?m :message/sequence ?n]]"
    answered = "[:find (count ?c) . :in $ ?r :where [?r :run/session ?s] [?m :message/session ?s] [?c :tool-call/message ?m] [?c :tool-call/result]]"
    steps = read_recording(conn.db, run).steps
    moments = [memory_at(run, step) for step in steps]
    assert [db.q(said, run.eid) for db in moments] == [2, 3, 4, 5, 6, 7]
    assert [db.q(answered, run.eid) for db in moments] == [None, None, 1, 2, 2, 2]
    assert [str(db.q(status, run.eid)) for db in moments] == [":running"] * 5 + [":completed"]


def test_a_fork_goes_on_from_any_message(conn: Connection) -> None:
    run = get_run(conn, "ours/task-5/trial-1")
    kept = read_recording(conn.db, run).steps[2]
    later = iter(['["12A"]', {"role": "assistant", "content": "Seat 12A?"}, "Yes."])
    branch = fork(run, kept, chat_agent(lambda *_: next(later)), run_id="otherwise")
    assert [message["content"] for message in branch.replayed.output[3:]] == [
        '["3C"]', '["12A"]', "Seat 12A?", "Yes.",
    ]  # fmt: skip
    assert branch.compare_runs().common_count == 3
    branch.drop()


def test_a_run_replays_from_its_record(conn: Connection) -> None:
    for known in list_runs(conn.db):
        found = replay(get_run(conn, known.id), chat_agent()).require_same()
        trial = known.metadata["trial"]
        expected = trajectory(trial, seat="12A" if trial == 0 else "3C")["traj"]
        assert found.output == expected


def test_two_trials_part_where_the_world_did(conn: Connection) -> None:
    runs = [get_run(conn, f"ours/task-5/trial-{trial}") for trial in (0, 1)]
    found = diff(*runs)
    assert found.common_count == 2
    assert found.first is not None
    assert found.first.verdict == "other-result"
    assert found.first.difference == "it: '[\"12A\"]' is now '[\"3C\"]'"


def altered(recording: Recording, number: int, output: Any, *, is_resealed: bool) -> Recording:
    """Return a recording with another result of a step; resealed, its digest says so too."""
    steps = list(recording.steps)
    step = replace(steps[number - 1], output=output)
    seal = "" if is_resealed else recording.steps[number - 1].recorded_digest
    steps[number - 1] = replace(step, recorded_digest=seal)
    return replace(recording, steps=tuple(steps))


def world_of(recording: Recording) -> Callable[[str, str, Mapping[str, Any]], Any]:
    """Return a world that answers as it did when the recording was made."""
    answers = {step.input_digest: step.output for step in recording.steps}
    names = {
        (step.kind, step.name, json.dumps(step.input, sort_keys=True)): step.input_digest
        for step in recording.steps
    }

    def world(kind: str, name: str, arguments: Mapping[str, Any]) -> Any:
        return answers[names[kind, name, json.dumps(dict(arguments), sort_keys=True)]]

    return world


def check_alterations(recording: Recording, number: int) -> None:
    """An altered result is found at its own step: by its digest, or against the world."""
    torn = altered(recording, number, "altered", is_resealed=False)
    found = replay(torn, chat_agent()).divergence
    assert found is not None
    assert (found.reason, found.number) == ("changed-record", number)
    resealed = altered(recording, number, "altered", is_resealed=True)
    found = replay(resealed, chat_agent(world_of(recording)), live={"tool"}).divergence
    assert found is not None
    assert (found.reason, found.number) == ("other-result", number)
    first = diff(recording, resealed).first
    assert first is not None
    assert first.a is not None
    assert first.a.number == number


@pytest.mark.parametrize("number", [3, 4])
def test_an_altered_result_is_reported_at_exactly_its_step(
    conn: Connection, number: int
) -> None:
    recording = read_recording(conn.db, "ours/task-5/trial-0")
    check_alterations(recording, number)


def test_a_resealed_result_parts_at_the_next_call_that_depends_on_it(conn: Connection) -> None:
    recording = read_recording(conn.db, "ours/task-5/trial-0")
    found = replay(altered(recording, 4, "[]", is_resealed=True), chat_agent()).divergence
    assert found is not None
    assert found.reason == "never-recorded"
    assert found.number == 5
    assert "['conversation']" in found.difference


def test_nobody_answers_where_the_record_does_not(conn: Connection) -> None:
    run = get_run(conn, "ours/task-5/trial-0")
    found = replay(run, chat_agent(), live={"find"}, mode="fall-through")
    assert isinstance(found.error, ReplayError)
    assert found.error.code == "replay/no-world"


@needs_tau
@pytest.mark.slow
def test_every_recorded_trajectory_replays_and_every_alteration_is_found() -> None:
    with datamem.connect(":memory:") as conn:
        import_file(conn, TAU, format="runs", source="tau")
        runs = [get_run(conn, known.id) for known in list_runs(conn.db)]
        assert len(runs) == 200
        recordings = {run.id: read_recording(conn.db, run) for run in runs}
        for run in runs:
            assert replay(run, chat_agent()).require_same().digest == recordings[run.id].digest
            assert verify(run).broken is None
        parted = 0
        for task in range(50):
            trials = [recordings[f"tau/task-{task}/trial-{trial}"] for trial in range(4)]
            parted += sum(bool(diff(trials[0], other)) for other in trials[1:])
        assert parted > 100
        for recording in list(recordings.values())[::10]:
            tools = [s.number for s in recording.steps if s.kind == "tool" and s.name != "user"]
            if tools:
                check_alterations(recording, tools[len(tools) // 2])
