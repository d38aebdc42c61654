"""The log as data, branches, copies and backups."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datamem.conn import Connection, check, restore
from datamem.db import Db
from datamem.errors import DatamemError, StorageError
from datamem.ids import tx_of_t
from datamem.txlog import DirectoryStore
from tests.conn.worlds import (
    SCHEMA,
    START_US,
    answers,
    facts,
    history,
    image,
    kill,
    open_db,
    people,
    tiny_sizes,
)


@pytest.fixture(autouse=True, scope="module")
def tiny() -> Any:
    with tiny_sizes():
        yield


def grown(conn: Connection, count: int = 20) -> Connection:
    for n in range(count):
        conn.transact([{":p/name": f"n{n % 6}", ":p/age": n, ":p/tags": [f"tag {n % 9}"]}])
    return conn


def instant(ms: int) -> datetime:
    """Return when the clock by hand has been looked at so often."""
    return datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(milliseconds=ms)


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_log_is_read_from_and_to_any_point(tmp_path: Path, in_memory: bool) -> None:
    """Twenty-two transactions, with index roots between them that the log does not show."""
    conn = grown(open_db(":memory:" if in_memory else tmp_path / "db", SCHEMA))
    everything = list(conn.log())
    assert [entry.t for entry in everything] == list(range(1, 23))
    assert in_memory or conn.stats()["log_entries"] > 22
    assert [entry.instant for entry in everything[2:]] == [instant(n) for n in range(1, 21)]

    def ts(*points: Any, **named: Any) -> list[int]:
        return [entry.t for entry in conn.log(*points, **named)]

    assert ts(21) == ts(tx_of_t(21)) == [21, 22]
    assert ts(5, 8) == ts(tx_of_t(5), tx_of_t(8)) == ts(start=5, end=tx_of_t(8)) == [5, 6, 7]
    assert ts(end=3) == [1, 2]
    assert ts(0) == ts(0, 1000) == ts(1) == list(range(1, 23))
    assert ts(23) == ts(1000) == ts(8, 8) == ts(9, 2) == ts(0, 0) == []
    assert ts(instant(18)) == [20, 21, 22]
    assert ts(instant(18), instant(19)) == [20]
    between = timedelta(microseconds=500)
    assert ts(instant(18) + between, instant(20) + between) == [21, 22]
    assert ts(instant(18).replace(tzinfo=None)) == [20, 21, 22]
    assert ts(datetime(1960, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)) == [1, 2]
    assert ts(datetime(2100, 1, 1, tzinfo=UTC)) == []
    for bad in (-1, "yesterday", 1.5, True, 1 << 50):
        with pytest.raises(DatamemError, match="db/bad-point"):
            ts(bad)
    before = conn.log(21)
    conn.transact([{":p/name": "later"}])
    assert [entry.t for entry in before] == [21, 22]
    conn.close()


def test_an_entry_of_the_log_is_the_reports_tx_data() -> None:
    conn = open_db(schema=SCHEMA)
    conn.transact([{":p/name": "ann", ":p/age": 1}])
    report = conn.transact([{":p/name": "ann", ":p/age": 2}], meta={":m/why": "a birthday"})
    (entry,) = conn.log(report.t)
    assert entry.datoms == report.tx_data
    assert entry.tx == report.tx == tx_of_t(report.t)
    assert len(entry.digest) == 32
    assert "t=4" in repr(entry)
    assert [d.v for d in entry.datoms if d.e == entry.tx] == [entry.instant, "a birthday"]
    assert [(d.v, d.added) for d in entry.datoms if d.e == 1] == [(1, False), (2, True)]


def state(db: Db) -> Any:
    return facts(db), history(db), answers(db)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("parent_in_memory", [True, False])
def test_a_branch_shares_the_past_and_nothing_else(
    tmp_path: Path, in_memory: bool, parent_in_memory: bool
) -> None:
    conn = grown(open_db(":memory:" if parent_in_memory else tmp_path / "db", SCHEMA))
    conn.register("older", lambda db, e: [[":db/add", e, ":p/age", 99]])
    before = state(conn.db)
    branch = conn.fork(None if in_memory else tmp_path / "branch")
    assert branch.path == (None if in_memory else tmp_path / "branch")
    assert state(branch.db) == before
    heard: list[int] = []
    conn.listen(lambda report: heard.append(report.t))
    report = branch.transact(
        [[":older", 1], {":p/name": "only here"}, [":db/retractEntity", 2]]
    )
    assert report.t == conn.db.basis_t + 1
    assert heard == []
    assert state(conn.db) == before
    here = state(branch.db)
    conn.transact([[":db/retractEntity", 1], {":p/name": "only there", ":x/note": "new"}])
    conn.compact()
    assert state(branch.db) == here
    assert branch.db.resolve([":p/name", "only there"]) is None
    assert branch.db.schema.get(":x/note") is None
    shared, own = list(branch.log(end=23)), list(branch.log(23))
    assert [e.digest for e in shared] == [e.digest for e in conn.log(end=23)]
    assert [e.t for e in own] == [23]
    assert own[0].digest != next(conn.log(23)).digest
    copied = branch.copy(tmp_path / "copy")
    branch.close()
    with open_db(copied) as again:
        assert state(again.db) == here
        grown(again, 30)
    assert check(copied).problems == []
    conn.close()


@pytest.mark.parametrize("t", [1, 2, 3, 11, 22])
def test_a_branch_of_a_past_instant(tmp_path: Path, t: int) -> None:
    conn = grown(open_db(tmp_path / "db", SCHEMA))
    conn.compact()
    then = state(conn.db.as_of(t))
    points: list[Any] = [t, tx_of_t(t), next(conn.log(t)).instant]
    for point in points:
        branch = conn.fork(as_of=point)
        assert branch.db.basis_t == t
        assert (facts(branch.db), history(branch.db)) == then[:2]
        report = branch.transact([{"x/after": "the fork", "x/a": "tag 3"}])
        assert report.t == t + 1
        assert set(branch.db.q("[:find ?v :where [_ :x/after ?v]]")) == {("the fork",)}
    number = len(list(tmp_path.iterdir()))
    stored = conn.fork(tmp_path / str(number), as_of=t)
    assert (facts(stored.db), history(stored.db)) == then[:2]
    stored.transact([{"x/after": "the fork"}])
    stored.close()
    assert check(tmp_path / str(number)).problems == []
    copied = branch.copy(tmp_path / "copy")
    with open_db(copied) as again:
        assert (facts(again.db), history(again.db)) == (facts(branch.db), history(branch.db))
    assert check(copied).problems == []
    conn.close()


def test_a_branch_before_the_beginning_has_only_the_system() -> None:
    conn = grown(open_db(schema=SCHEMA), 3)
    for point in (0, datetime(1900, 1, 1, tzinfo=UTC)):
        branch = conn.fork(as_of=point)
        assert branch.db.basis_t == 1
        assert people(branch.db) == {}
    assert conn.fork(as_of=1000).db.basis_t == conn.db.basis_t


def test_branches_of_branches(tmp_path: Path) -> None:
    """Each goes its own way; each has the log of its own line."""
    trunk = grown(open_db(tmp_path / "db", SCHEMA), 5)
    line = [trunk]
    for depth in range(6):
        line.append(line[-1].fork())
        line[-1].transact([{":p/name": f"depth {depth}", ":p/tags": f"d{depth}"}])
    sides = [branch.fork(as_of=branch.db.basis_t - 1) for branch in line[2:]]
    expected = [state(branch.db) for branch in line[1:-1]]
    for depth, branch in enumerate(line):
        branch.transact([[":db/retractEntity", 1], {":p/name": f"end of {depth}"}])
    for side, then in zip(sides, expected, strict=True):
        assert state(side.db) == then
    for depth, branch in enumerate(line):
        names = {p.get(":p/name") for p in people(branch.db).values()}
        assert {n for n in names if n and n.startswith("depth")} == {
            f"depth {d}" for d in range(depth)
        }
        assert [entry.t for entry in branch.log()] == list(range(1, 9 + depth))
        copied = branch.copy(tmp_path / f"copy {depth}")
        with open_db(copied) as again:
            assert state(again.db) == state(branch.db)
        assert check(copied).problems == []
    trunk.close()
    assert state(line[-1].db)[0]
    line[-1].transact([{":p/name": "without its trunk"}])
    with pytest.raises(StorageError, match="storage/closed"):
        list(line[-1].log())


def test_a_speculation_does_not_see_what_is_committed_later() -> None:
    conn = open_db(schema=SCHEMA)
    conn.transact([{":p/name": "ann", ":p/age": 1}])
    guess = conn.db.with_tx([{":p/name": "bob"}]).db_after
    conn.transact([[":db/retractEntity", [":p/name", "ann"]]])
    assert {p[":p/name"] for p in people(guess).values()} == {"ann", "bob"}
    again = guess.with_tx([{":p/name": "cy"}]).db_after
    assert len(people(again)) == 3


def test_copies_of_a_database_that_is_being_written(tmp_path: Path) -> None:
    conn = open_db(tmp_path / "db", SCHEMA)
    done = threading.Event()
    errors: list[BaseException] = []

    def write() -> None:
        try:
            n = 0
            while not done.is_set():
                conn.transact([{":p/name": f"{n}", ":p/age": n, ":p/tags": ["x", f"{n % 7}"]}])
                n += 1
        except BaseException as error:  # noqa: BLE001  told to the test's thread
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    copies = [conn.copy(tmp_path / f"copy {i}") for i in range(6)]
    done.set()
    thread.join(60)
    assert errors == []
    last = 0
    for path in copies:
        with open_db(path) as copied:
            t = copied.db.basis_t
            assert t >= last
            assert facts(copied.db) == facts(conn.db.as_of(t))
            copied.transact([{":p/name": "in the copy"}])
            last = t
        assert check(path).problems == []
    with pytest.raises(StorageError, match="storage/exists"):
        conn.copy(copies[0])
    conn.close()


def test_a_backup_is_verified_before_it_is_restored(tmp_path: Path) -> None:
    with grown(open_db(tmp_path / "db", SCHEMA)) as conn:
        said = state(conn.db)
        backup = conn.copy(tmp_path / "backup")
    assert restore(backup, tmp_path / "restored") == tmp_path / "restored"
    with open_db(tmp_path / "restored") as conn:
        assert state(conn.db) == said
    with pytest.raises(StorageError, match="storage/exists"):
        restore(backup, tmp_path / "restored")
    with pytest.raises(StorageError, match="storage/not-found"):
        restore(tmp_path / "nowhere", tmp_path / "new")
    log = min((backup / "log").iterdir())
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    with pytest.raises(StorageError, match="storage/corrupt-log"):
        restore(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_copy_may_end_inside_the_group_that_began_a_file(tmp_path: Path) -> None:
    with DirectoryStore(tmp_path / "db", file_bytes=100) as store:
        store.append(1, b"x" * 200)
        store.append_many(2, [b"y" * 50] * 4)
        for upto in range(1, 6):
            store.copy_to(tmp_path / str(upto), upto)
            with DirectoryStore(tmp_path / str(upto)) as copied:
                assert copied.read(1, 9) == store.read(1, upto)
                assert copied.verify() == []


def test_a_killed_database_is_copied_and_restored_as_it_was(tmp_path: Path) -> None:
    conn = grown(open_db(tmp_path / "db", SCHEMA))
    left = image(conn, tmp_path / "left")
    said = state(conn.db)
    kill(conn)
    restore(left, tmp_path / "restored")
    with open_db(tmp_path / "restored", read_only=True) as again:
        assert state(again.db) == said
