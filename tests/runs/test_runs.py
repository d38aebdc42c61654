"""Runs: what is written while one is open carries it, and a connection may insist on that."""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import Any

import pytest

import datamem
from datamem import runs
from datamem.kv import States, Store
from tests.kv.worlds import refused, world

RUNS_OF = "[:find [?id ...] :in $ ?a :where [_ ?a _ ?tx] [?tx :tx/run ?run] [?run :run/id ?id]]"


def runs_of(conn: Any, attribute: str) -> set[str]:
    return set(conn.db.q(RUNS_OF, attribute))


def test_every_kind_of_write_carries_the_open_run() -> None:
    conn, _ = world("{:x/loaded {:db/valueType :db.type/long}}")
    store, states = Store(conn), States(conn)
    with runs.begin_run(conn, "r"):
        conn.transact([{":x/map": 1}])
        conn.transact([{":x/meta": 1}], meta={":tx/author": "me"})
        conn.load({":x/loaded": [1, 2, 3]})
        store.put("k", 1)
        states.compare_and_swap("s", 0, 1)
        with conn.transaction() as tx:
            tx.transact([{":x/tx": 1}])
    conn.transact([{":x/after": 1}])
    for attribute in (
        ":x/map",
        ":x/meta",
        ":x/loaded",
        ":kv/value",
        ":state/value",
        ":x/tx",
        ":run/id",
    ):
        assert runs_of(conn, attribute) == {"r"}
    assert runs_of(conn, ":x/after") == set()


def test_a_write_carries_one_run_once() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        report = conn.transact([{":x/a": 1}], meta={":tx/run": run.eid})
    ident = conn.db.ident
    carried = [datom.v for datom in report.tx_data if ident(datom.a) == ":tx/run"]
    assert carried == [run.eid]


def test_inner_runs_are_children_and_the_outer_goes_on() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "outer") as outer:
        with runs.begin_run(conn, "inner") as inner:
            conn.transact([{":x/inner": 1}])
            assert runs.current_run(conn) is inner
        conn.transact([{":x/outer": 1}])
        assert runs.current_run(conn) is outer
    assert runs.current_run(conn) is None
    assert inner.record().parent == outer.eid
    assert (runs_of(conn, ":x/inner"), runs_of(conn, ":x/outer")) == ({"inner"}, {"outer"})
    assert [run.id for run in runs.list_runs(conn.db, parent="outer")] == ["inner"]


def test_a_run_that_raises_has_failed() -> None:
    conn, _ = world()
    with pytest.raises(ZeroDivisionError), runs.begin_run(conn, "r") as run:
        raise ZeroDivisionError("by nought")
    record = run.record()
    assert (record.status, record.error) == ("failed", "ZeroDivisionError: by nought")
    assert record.ended_at is not None


def test_what_is_said_of_a_run_is_kept() -> None:
    conn, clock = world()
    run = runs.begin_run(
        conn, "r", {"task": [1, None]}, agent="pip", session="s-1", scope="acme/support"
    )
    clock.move(3)
    runs.end_run(run, "cancelled", error="enough")
    record = runs.read_run(conn.db, "r")
    assert record.metadata == {"task": [1, None]}
    assert conn.db.entity(record.agent)[":agent/external-id"] == "pip"
    assert conn.db.entity(record.session)[":session/external-id"] == "s-1"
    assert record.ended_at is not None
    assert (record.ended_at - record.started_at).total_seconds() == 3
    assert [r.id for r in runs.list_runs(conn.db, scope="acme", status="cancelled")] == ["r"]
    assert runs.list_runs(conn.db, scope="other") == []


def test_runs_of_other_threads_and_contexts_are_theirs() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:

        def work() -> None:
            conn.transact([{":x/apart": 1}])
            runs.attach(run)
            conn.transact([{":x/joined": 1}])

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        copy_context().run(conn.transact, [{":x/copied": 1}])
    assert runs_of(conn, ":x/apart") == set()
    assert runs_of(conn, ":x/joined") == runs_of(conn, ":x/copied") == {"r"}


def test_two_connections_have_runs_of_their_own() -> None:
    one, _ = world()
    two, _ = world()
    with runs.begin_run(one, "one"), runs.begin_run(two, "two"):
        one.transact([{":x/a": 1}])
        two.transact([{":x/a": 1}])
    assert (runs_of(one, ":x/a"), runs_of(two, ":x/a")) == ({"one"}, {"two"})


def test_a_connection_may_insist_on_runs() -> None:
    conn, _ = world()
    runs.require_runs(conn)
    with refused("run/required"):
        conn.transact([{":x/a": 1}])
    with runs.begin_run(conn) as run:
        conn.transact([{":x/a": 1}])

        def work() -> None:
            runs.append_event(run, "from another thread")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(runs.read_events(run)) == 1
    with refused("run/required"):
        Store(conn).put("k", 1)
    runs.require_runs(conn, required=False)
    conn.transact([{":x/a": 1}])


def test_a_run_goes_on_after_reopening_and_in_a_fork(tmp_path: Any) -> None:
    with datamem.connect(tmp_path / "db") as conn:
        run = runs.begin_run(conn, "r")
        runs.append_event(run, "first")
        runs.detach(run)
    with datamem.connect(tmp_path / "db") as conn:
        again = runs.resume_run(conn, "r")
        runs.append_event(again, "second")
        branch = conn.fork()
        forked = runs.resume_run(branch, "r")
        runs.append_event(forked, "on the branch")
        runs.append_event(again, "third")
        conn.transact([{":x/a": 1}])
        branch.transact([{":x/b": 1}])
        assert [event.type for event in runs.read_events(again)] == ["first", "second", "third"]
        assert [e.type for e in runs.read_events(forked)] == [
            "first",
            "second",
            "on the branch",
        ]
        assert runs.verify(again).is_whole
        assert runs.verify(forked).is_whole
        assert (runs_of(conn, ":x/a"), runs_of(branch, ":x/b")) == ({"r"}, {"r"})
        runs.end_run(again)
        runs.detach(forked)


def test_runs_that_cannot_be_are_refused_and_nothing_is_written() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        t = conn.db.basis_t
        with refused("run/exists"):
            runs.begin_run(conn, "r")
        for bad in ("", "a\nb", 3):
            with refused("run/bad-id"):
                runs.begin_run(conn, bad)  # type: ignore[arg-type]
        with refused("run/unknown"):
            runs.begin_run(conn, "x", parent="nobody")
        with refused("json/not-json"):
            runs.begin_run(conn, "x", {"at": {1, 2}})
        with refused("run/bad-status"):
            runs.end_run(run, "running")
        with refused("run/unknown"):
            runs.get_run(conn, 99)
        assert conn.db.basis_t == t
        assert runs.current_run(conn) is run
    with refused("run/ended"):
        runs.end_run(run)
    with refused("run/ended"):
        runs.resume_run(conn, "r")
    with refused("run/no-database"):
        runs.verify("r")
