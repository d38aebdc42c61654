"""Many threads commit: all is there once and in order, failures are their own, interrupts lose nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from datamem.conn import check
from datamem.conn.turns import Request, Turns
from datamem.db import Db, TxReport
from datamem.errors import DatamemError, StorageError, TransactError
from datamem.txlog.memory import MemoryStore
from tests.conn.worlds import SCHEMA, open_db, people, tried

THREADS, COMMITS = 16, 200


def together(calls: Sequence[Callable[[], None]]) -> None:
    """Run calls in threads of their own, started at once; raise what one of them raised."""
    gate = threading.Barrier(len(calls))
    errors: list[BaseException] = []

    def run(call: Callable[[], None]) -> None:
        gate.wait()
        try:
            call()
        except BaseException as error:  # noqa: BLE001  told to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("in_memory", [True, False])
def test_sixteen_threads_commit_everything_once(tmp_path: Path, in_memory: bool) -> None:
    """Also: one request in ten is refused alone, and index work comes between."""
    path = ":memory:" if in_memory else tmp_path / "db"
    conn = open_db(path, SCHEMA)
    heard: list[int] = []
    conn.listen(lambda report: heard.append(report.t))
    seen: list[tuple[int, int, int]] = []

    def work(k: int) -> None:
        for i in range(COMMITS):
            report = conn.transact([{":p/name": f"{k}/{i}", ":p/age": i}])
            seen.append((k, i, report.t))
            assert report.db_after.basis_t == report.t == report.db_before.basis_t + 1
            assert report.db_after.resolve([":p/name", f"{k}/{i}"]) is not None
            assert report.db_before.resolve([":p/name", f"{k}/{i}"]) is None
            if i % 10 == 0:
                _, error = tried(lambda: conn.transact([{":p/age": "wrong"}, {":p/score": 1}]))
                assert error is not None
                assert error.code == "schema/wrong-type"
            if i == COMMITS // 2 and k % 8 == 0:
                conn.compact()

    together([lambda k=k: work(k) for k in range(THREADS)])  # type: ignore[misc]
    first = 3
    assert sorted(t for _, _, t in seen) == list(range(first, first + THREADS * COMMITS))
    assert heard == list(range(first, first + THREADS * COMMITS))
    for k in range(THREADS):
        mine = [t for thread, _, t in seen if thread == k]
        assert mine == sorted(mine)
    assert len(people(conn.db)) == THREADS * COMMITS
    instants = [entry.instant for entry in conn.log()]
    assert instants == sorted(set(instants))
    conn.close()
    if not in_memory:
        with open_db(path) as again:
            assert len(people(again.db)) == THREADS * COMMITS
        assert check(path).problems == []


class Gated(MemoryStore):
    """A store whose first appends wait until a group has queued up; then it may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.failure: BaseException | None = None
        self.fails_after = False
        self.groups: list[int] = []

    def append(self, n: int, entry: bytes, *, checkpoint: bool = False) -> None:
        self._wait()
        self.groups.append(1)
        if self.failure is None or self.fails_after:
            super().append(n, entry, checkpoint=checkpoint)
        self._fail()

    def append_many(self, n: int, entries: Sequence[bytes], *, is_synced: bool = True) -> None:
        self._wait()
        self.groups.append(len(entries))
        if self.failure is None or self.fails_after:
            super().append_many(n, entries, is_synced=is_synced)
        self._fail()

    def _wait(self) -> None:
        self.entered.set()
        assert self.gate.wait(60)

    def _fail(self) -> None:
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure


class Crowd:
    """A connection over a gated store, and threads that queue up behind its first commit."""

    def __init__(self) -> None:
        self.conn = open_db(schema=SCHEMA)
        self.store = Gated()
        self.store._entries = list(self.conn._store._entries)  # type: ignore[attr-defined]
        self.conn._store = self.conn._writer.store = self.store
        self.results: dict[str, Any] = {}

    def run(
        self, transactions: dict[str, Any], *, prepare: Callable[[], None] = lambda: None
    ) -> None:
        """Commit "first" alone; while it waits, all others queue up and become one group."""
        threads = [self._thread("first", [{":p/name": "first"}])]
        threads[0].start()
        assert self.store.entered.wait(60)
        turns, joined = self.conn._writer._turns, threading.Semaphore(0)
        join = turns._join

        def told(request: Any) -> None:
            join(request)
            joined.release()

        turns._join = told  # type: ignore[method-assign]
        for name, tx_data in transactions.items():
            threads.append(self._thread(name, tx_data))
            threads[-1].start()
            assert joined.acquire(timeout=60)
        self._arm(prepare)
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def _arm(self, prepare: Callable[[], None]) -> None:
        """Let the first commit through, then prepare what shall happen to the group."""
        original = self.store._wait

        def second() -> None:
            self.store._wait = original  # type: ignore[method-assign]
            prepare()

        self.store._wait = second  # type: ignore[method-assign]
        self.store.gate.set()

    def _thread(self, name: str, tx_data: Any) -> threading.Thread:
        def call() -> None:
            try:
                self.results[name] = self.conn.transact(tx_data)
            except BaseException as error:  # noqa: BLE001  the outcome is what is tested
                self.results[name] = error

        return threading.Thread(target=call)


def test_one_failing_request_in_a_group_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datamem.txlog.store.MAX_ENTRY_BYTES", 10_000)
    crowd = Crowd()
    crowd.run(
        {
            "a": [{":p/name": "a", ":p/code": 1}],
            "taken": [{":p/name": "b", ":p/code": 1}],
            "wrong": [{":p/name": "c", ":p/age": "old"}],
            "nothing": [[":db/add", [":p/name", "a"], ":p/code", 1]],
            "large": [{":p/name": "d", ":p/tags": "x" * 10_000}],
            "e": [{":p/name": "e", ":z/new": "x"}],
        }
    )
    results = crowd.results
    assert crowd.store.groups == [1, 2]
    assert [results[name].t for name in ("first", "a", "nothing", "e")] == [3, 4, 4, 5]
    assert results["nothing"].tx_data == []
    assert results["taken"].code == "transact/unique-conflict"
    assert results["wrong"].code == "schema/wrong-type"
    assert results["large"].code == "storage/entry-too-large"
    assert {p[":p/name"] for p in people(crowd.conn.db).values()} == {"first", "a", "e"}


GROUP: dict[str, Any] = {
    "a": [{":db/id": "x", ":p/name": "a", ":y/new": "text"}],
    "again": [[":db/add", [":p/name", "a"], ":y/new", "text"]],
    "wrong": [{":p/age": "old"}],
    "b": [{":p/name": "b"}],
}


def test_a_group_that_the_log_refuses_changes_nothing() -> None:
    """Whoever saw the refused transactions as done is refused as well."""
    crowd = Crowd()
    fault = StorageError("no room", code="storage/disk-full")
    crowd.run(GROUP, prepare=lambda: setattr(crowd.store, "failure", fault))
    for name in ("a", "again", "b"):
        assert crowd.results[name] is fault
    assert crowd.results["wrong"].code == "schema/wrong-type"
    db = crowd.conn.db
    assert (db.basis_t, crowd.store.head()) == (3, 3)
    assert {p[":p/name"] for p in people(db).values()} == {"first"}
    assert db.schema.get(":y/new") is None
    assert db.heap.size == db.heap_size
    report = crowd.conn.transact([{":db/id": "x", ":p/name": "later", ":y/new": 7}])
    assert (report.t, report.tempids) == (4, {"x": 2})
    assert crowd.conn.db.pull("[*]", 2) == {":db/id": 2, ":p/name": "later", ":y/new": 7}


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupt_while_the_log_is_written_is_the_working_threads_alone(
    after: bool,
) -> None:
    """The others are done, or done next: each once, whether the log had the group or not."""
    crowd = Crowd()
    heard: list[int] = []
    crowd.conn.listen(lambda report: heard.append(report.t))

    def prepare() -> None:
        crowd.store.failure = KeyboardInterrupt()
        crowd.store.fails_after = after

    crowd.run(GROUP, prepare=prepare)
    interrupted = [n for n, r in crowd.results.items() if isinstance(r, KeyboardInterrupt)]
    assert len(interrupted) == 1
    for name in {"first", "a", "b"} - set(interrupted):
        assert isinstance(crowd.results[name], TxReport), crowd.results[name]
    again = crowd.results["again"]  # without "a" there is nothing to add to
    if "again" not in interrupted:
        assert isinstance(again, TxReport) is (after or "a" not in interrupted)
    assert "wrong" in interrupted or crowd.results["wrong"].code == "schema/wrong-type"
    names = sorted(p[":p/name"] for p in people(crowd.conn.db).values())
    lost = set() if after else set(interrupted)
    assert names == sorted({"first", "a", "b"} - lost)
    assert crowd.conn.db.basis_t == crowd.store.head() == 2 + len(names)
    crowd.conn.transact([{":p/name": "goes on"}])
    assert heard == list(range(3, 4 + len(names)))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_a_function_that_raises_leaves_the_connection_usable(
    error: type[BaseException],
) -> None:
    conn = open_db(schema=SCHEMA)
    conn.transact([{":p/name": "ann", ":p/age": 1}])
    before = conn.db

    def fail(db: Db) -> Any:
        raise error

    conn.register("fail", fail)
    raised = error if not issubclass(error, Exception) else TransactError
    with pytest.raises(raised):
        conn.transact([{":p/name": "bob"}, [":fail"]])
    assert conn.db is before
    report = conn.transact([{":p/name": "bob"}])
    assert report.t == before.basis_t + 1
    assert len(people(conn.db)) == 2


def test_a_function_cannot_transact_but_may_speculate_and_fork() -> None:
    conn = open_db(schema=SCHEMA)
    conn.register("nested", lambda db: conn.transact([{":p/name": "inner"}]))
    conn.register("closing", lambda db: conn.close())

    def sound(db: Db, name: str) -> Any:
        assert conn.fork().transact([{":p/name": name}]).t == db.basis_t + 1
        return list(db.with_tx([{":p/name": name}]).tx_data)[1:]

    conn.register("sound", sound)
    for name in (":nested", ":closing"):
        with pytest.raises(DatamemError, match="transact/nested"):
            conn.transact([[name]])
    conn.transact([[":sound", "ann"]])
    assert [p[":p/name"] for p in people(conn.db).values()] == ["ann"]


def test_listeners_get_every_report_once_in_order_and_may_transact(
    caplog: pytest.LogCaptureFixture,
) -> None:
    conn = open_db(schema=SCHEMA)
    heard: list[TxReport] = []
    late: list[int] = []

    def answer(report: TxReport) -> None:
        heard.append(report)
        name = report.db_after.pull("[:p/name]", report.tx_data[1].e)[":p/name"]
        if not name.startswith("re: "):
            conn.transact([{":p/name": f"re: {name}"}])

    def broken(report: TxReport) -> None:
        message = "a listener's own fault"
        raise RuntimeError(message)

    stop = conn.listen(broken)
    conn.listen(answer)
    conn.listen(lambda report: late.append(report.t))

    def work(k: int) -> None:
        for i in range(10):
            conn.transact([{":p/name": f"{k}/{i}"}])

    with caplog.at_level(logging.CRITICAL, "datamem"):
        together([lambda k=k: work(k) for k in range(8)])  # type: ignore[misc]
        conn.transact([[":db/add", "datomic.tx", ":db/doc", "end"], {":p/name": "re: end"}])
    assert [report.t for report in heard] == list(range(3, 3 + 161)) == late
    assert all(len(report.tx_data) > 1 for report in heard)
    stop()
    stop()
    conn.transact([[":db/add", [":p/name", "re: end"], ":p/age", 1]])
    assert conn.db.basis_t == late[-1]
    conn.transact([])
    assert late[-1] == conn.db.basis_t


class Turn(Request):
    """A request that remembers how often it was worked on."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        super().__init__()
        self.count = 0


class Interruptible:
    """Stands for a lock whose `acquire` is interrupted, as Ctrl-C does in the main thread."""

    def __init__(self, before: Callable[[], None]) -> None:
        self.before = before

    def acquire(self) -> bool:
        self.before()
        raise KeyboardInterrupt

    def release(self) -> None:
        raise RuntimeError


def scene() -> tuple[Turns[Turn], threading.Event, threading.Thread]:
    """Return turns whose first worker waits for an event."""
    started, gate = threading.Event(), threading.Event()

    def work(group: list[Turn]) -> None:
        started.set()
        assert gate.wait(60)
        for request in group:
            request.count += 1
            request.is_done = True

    turns: Turns[Turn] = Turns(work, most=4)
    thread = threading.Thread(target=lambda: turns.submit(Turn()))
    thread.start()
    assert started.wait(60)
    return turns, gate, thread


@pytest.mark.parametrize("when", ["waiting", "done", "has the turn"])
def test_an_interrupted_waiting_thread_does_not_lose_the_turn(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, gate, thread = scene()
    request = Turn()

    def before() -> None:
        if when != "waiting":
            gate.set()
            thread.join(60)
        if when == "done":
            request.is_done = True

    class Lock:
        def __new__(cls) -> Any:
            return Once(before)

    class Once(Interruptible):
        taken = False

        def acquire(self) -> bool:
            if not self.taken:
                self.taken = True
                return True
            return super().acquire()

    monkeypatch.setattr("datamem.conn.turns.threading.Lock", Lock)
    with pytest.raises(KeyboardInterrupt):
        turns.submit(request)
    monkeypatch.undo()
    gate.set()
    thread.join(60)
    following = Turn()
    turns.submit(following)
    assert following.count == 1
    assert request.count == 0
    assert turns._worker is None
    assert not turns._waiting


def test_closing_while_others_commit_refuses_or_stores_each(tmp_path: Path) -> None:
    conn = open_db(tmp_path / "db", SCHEMA)
    acked: list[str] = []

    def work(k: int) -> None:
        for i in range(100):
            report, error = tried(lambda: conn.transact([{":p/name": f"{k}/{i}"}]))  # noqa: B023
            if report is None:
                assert error is not None
                assert error.code == "storage/closed"
                return
            acked.append(f"{k}/{i}")
            if k == 0 and i == 20:
                conn.close()

    together([lambda k=k: work(k) for k in range(8)])  # type: ignore[misc]
    with open_db(tmp_path / "db") as again:
        assert sorted(acked) == sorted(p[":p/name"] for p in people(again.db).values())
    assert check(tmp_path / "db").problems == []
