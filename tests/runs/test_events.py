"""Events: in order, without gaps, chained; and whatever is changed afterwards is found."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem import runs
from datamem.errors import DatamemError, StorageError
from datamem.kv import Store
from datamem.runs import NewEvent
from datamem.txlog import DirectoryStore
from tests.kv.test_store import json_values, same
from tests.kv.worlds import refused, world
from tests.txlog.faulty import FailingFileSystem, abandon


@given(payloads=st.lists(json_values, max_size=6))
def test_events_come_back_as_they_were(payloads: list[Any]) -> None:
    conn, clock = world()
    with runs.begin_run(conn, "r") as run:
        for payload in payloads:
            clock.move(1)
            event = runs.append_event(run, "step", payload)
            assert runs.get_event(conn.db, run, event.sequence) == event
    found = runs.read_events(run)
    assert [event.sequence for event in found] == list(range(1, len(payloads) + 1))
    assert all(same(event.payload, p) for event, p in zip(found, payloads, strict=True))
    assert all(a.digest == b.previous for a, b in pairwise(found))
    assert runs.verify(run).event_count == len(payloads)
    assert runs.verify(run).is_whole


def test_events_of_a_range_a_type_a_thread_and_an_agent() -> None:
    conn, _ = world()
    agents = conn.transact([{":db/id": n, ":agent/external-id": n} for n in "ab"]).tempids
    with runs.begin_run(conn, "r") as run:
        for i in range(1, 11):
            thread = f"t{i % 2}"
            runs.append_event(run, f"type{i % 3}", i, thread=thread, agent=agents["ab"[i % 2]])
    payloads = lambda **how: [event.payload for event in runs.read_events(run, **how)]  # noqa: E731
    assert payloads(start=3, stop=6) == [3, 4, 5]
    assert payloads(start=9, stop=90) == [9, 10]
    assert payloads(thread="t0") == [2, 4, 6, 8, 10]
    assert payloads(type="type0") == [3, 6, 9]
    assert payloads(agent=agents["b"], thread="t0") == []
    assert payloads(agent=agents["b"], start=8) == [9]
    query = '[:find [?p ...] :where [?e :event/type "type0"] [?e :event/payload ?p]]'
    assert set(conn.db.q(query)) == {3, 6, 9}


def test_events_of_the_past() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        runs.append_event(run, "one")
        then = conn.db
        runs.append_event(run, "two")
    assert [event.type for event in runs.read_events("r", db=then)] == ["one"]
    assert runs.verify("r", then).event_count == 1
    assert runs.read_run(then, "r").status == "running"


def test_threads_append_without_gaps() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:

        def work(n: int) -> None:
            for i in range(20):
                runs.append_event(run, "step", [n, i], thread=str(n))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert runs.verify(run).event_count == 160
    for n in range(8):
        assert [e.payload for e in runs.read_events(run, thread=str(n))] == [
            [n, i] for i in range(20)
        ]


def test_several_events_are_appended_together_or_not_at_all() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        made = runs.append_events(run, [NewEvent("a", 1), NewEvent("b", 2)])
        t = conn.db.basis_t
        with refused("json/not-json"):
            runs.append_events(run, [NewEvent("c", 3), NewEvent("d", {1})])
        with refused("event/bad-type"):
            runs.append_events(run, [NewEvent("c", 3), NewEvent("")])
        assert runs.append_events(run, []) == []
        assert conn.db.basis_t == t
    assert runs.read_events(run) == made


def test_an_instant_that_is_given_is_kept() -> None:
    conn, _ = world()
    with runs.begin_run(conn) as run:
        at = datetime(2024, 5, 1, 12, tzinfo=UTC)
        assert runs.append_event(run, "old", timestamp=at).timestamp == at
        assert runs.append_event(run, "old", timestamp=at.replace(tzinfo=None)).timestamp == at
    assert runs.verify(run).is_whole


def test_events_that_cannot_be_are_refused() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        runs.append_event(run, "one")
        with refused("event/unknown"):
            runs.get_event(conn.db, "r", 2)
        with refused("run/unknown"):
            runs.get_event(conn.db, "other", 1)
    with refused("run/ended"):
        runs.append_event(run, "late")
    with refused("run/unknown"):
        runs.append_event(runs.Run(conn, "nobody", 10**6), "x")


TAMPERINGS: dict[str, Any] = {
    "payload": [[":db/add", [":event/id", "r/3"], ":event/payload", "other"]],
    "type": [[":db/add", [":event/id", "r/3"], ":event/type", "other"]],
    "thread": [[":db/add", [":event/id", "r/3"], ":event/thread", "other"]],
    "digest": [[":db/add", [":event/id", "r/3"], ":event/digest", "0" * 64]],
    "previous": [[":db/add", [":event/id", "r/3"], ":event/previous", "0" * 64]],
    "time": [[":db/retract", [":event/id", "r/3"], ":event/timestamp"]],
    "dropped": [[":db/retractEntity", [":event/id", "r/3"]]],
    "sequence": [[":db/add", [":event/id", "r/3"], ":event/sequence", 9]],
    "moved": [[":db/add", [":event/id", "r/3"], ":event/run", [":run/id", "other"]]],
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_whatever_is_changed_is_found_where_it_is(what: str) -> None:
    conn, _ = world()
    runs.end_run(runs.begin_run(conn, "other"))
    with runs.begin_run(conn, "r") as run:
        for i in range(5):
            runs.append_event(run, "step", i)
    assert runs.verify(run).is_whole
    before = conn.db
    conn.transact(TAMPERINGS[what])
    found = runs.verify(run)
    assert found.broken is not None
    assert found.broken.sequence == 3
    assert found.event_count == 2
    with pytest.raises(DatamemError, match="event/broken-chain") as refusal:
        runs.check_events(run)
    assert refusal.value.data["sequence"] == 3
    assert runs.verify(run, before).is_whole


def test_an_event_that_is_made_up_or_missing_at_the_end_is_found() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        for i in range(3):
            runs.append_event(run, "step", i)
    made_up = conn.fork()
    made_up.transact([{":event/id": "r/x", ":event/run": run.eid, ":event/sequence": 2}])
    broken = runs.verify("r", made_up.db).broken
    assert broken is not None
    assert broken.sequence in {2, 3}
    conn.transact([[":db/retractEntity", [":event/id", "r/3"]]])
    broken = runs.verify(run).broken
    assert broken is not None
    assert (broken.sequence, broken.why) == (3, "is missing")


def test_a_chain_rewritten_behind_the_end_of_a_run_is_found() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        runs.append_event(run, "step", 1)
    conn.transact([[":db/add", run.eid, ":run/status", ":running"]])
    runs.append_event(run, "step", 2)
    broken = runs.verify(run).broken
    assert broken is not None
    assert broken.sequence == 2


def opened(path: Path, fs: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        opening = partial(DirectoryStore, fs=fs)
        patch.setattr(import_module("datamem.conn.connect"), "DirectoryStore", opening)
        return datamem.connect(path)


def scenario(conn: Any, done: list[str]) -> None:
    """Take steps, noting each that was acknowledged."""
    run = runs.begin_run(conn, "r")
    done.append("run")
    try:
        for i in range(3):
            runs.append_event(run, "step", i)
            done.append("event")
            Store(conn).put("last", i)
            done.append("key")
        with runs.span(run, "work"):
            done.append("span")
            runs.add_trace(run, "decision", text="go on")
            done.append("decision")
        done.append("span end")
        runs.end_run(run)
        done.append("end")
    finally:
        runs.detach(run)


@settings(max_examples=25)
@given(nth=st.integers(10, 80))
def test_a_crash_between_any_two_steps_leaves_whole_steps(
    nth: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Files fail for good at the nth call; what was acknowledged is there, and nothing is half there."""
    path = tmp_path_factory.mktemp("crash") / "db"
    done: list[str] = []
    conn = None
    try:
        conn = opened(path, FailingFileSystem(nth, lasting=True))
        scenario(conn, done)
    except (StorageError, OSError):
        pass
    finally:
        if conn is not None:
            conn._writer.is_closed = True
            abandon(conn._store)
    with datamem.connect(path) as conn:
        if not done:
            return
        found = runs.verify("r", conn.db)
        assert found.is_whole
        events = done.count("event") + sum(
            done.count(k) for k in ("span", "decision", "span end")
        )
        assert events <= found.event_count <= events + 1
        traces = runs.read_traces("r", db=conn.db)
        kinds = [e.type for e in runs.read_events("r", db=conn.db)]
        assert len(traces) == sum(kind in {"span", "decision"} for kind in kinds)
        assert all(trace.event is not None for trace in traces)
        kept = Store(conn).get("last", -1)
        assert kept in {done.count("key") - 1, done.count("key")}
        record = runs.read_run(conn.db, "r")
        assert record.status == "completed" or "end" not in done
        if record.status == "running":
            run = runs.resume_run(conn, "r")
            runs.append_event(run, "after the crash")
            runs.end_run(run)
            assert runs.verify("r", conn.db).is_whole


def test_both_zeros_are_one_and_verify() -> None:
    conn, _ = world()
    with runs.begin_run(conn) as run:
        runs.append_event(run, "zero", {"x": -0.0, "y": [0.0, -0.0]})
    assert runs.verify(run).is_whole


def test_many_events_are_read_as_few_are() -> None:
    conn, clock = world()
    with runs.begin_run(conn, "r") as run:
        for i in range(40):
            clock.move(1)
            runs.append_event(
                run, f"t{i % 3}", [i, None] if i % 4 else None, thread="ab"[i % 2]
            )
    whole = runs.read_events(run)
    assert whole == [runs.get_event(conn.db, "r", n) for n in range(1, 41)]
    assert runs.read_events(run, 5, 9) == whole[4:8]
    assert runs.read_events(run, 5, 39) == whole[4:38]
    assert runs.read_events(run, 30) == whole[29:]
    conn.transact([[":db/retract", [":event/id", "r/7"], ":event/sequence", 7]])
    assert runs.read_events(run) == [*whole[:6], *whole[7:]]
