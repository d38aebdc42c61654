"""Opening and closing: places, modes, refusals, readers beside a writer, and what there is to see."""

from __future__ import annotations

import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

import datamem
from datamem.conn import Connection, check, connect
from datamem.errors import DatamemError, StorageError
from datamem.index import compaction
from tests.conn.worlds import (
    SCHEMA,
    facts,
    history,
    image,
    kill,
    open_db,
    people,
    tiny_sizes,
)


@pytest.fixture
def tiny() -> Any:
    with tiny_sizes():
        yield


def grown(conn: Connection, count: int = 12) -> Connection:
    for n in range(count):
        conn.transact([{":p/name": f"n{n % 6}", ":p/age": n, ":p/tags": [f"tag {n % 9}"]}])
    return conn


def refused(code: str, *arguments: Any, **options: Any) -> DatamemError:
    with pytest.raises(DatamemError) as found:
        connect(*arguments, **options)
    assert found.value.code == code
    return found.value


def test_a_database_in_memory_ends_with_its_connection() -> None:
    with datamem.connect() as one, datamem.connect(":memory:") as other:
        one.transact([{"p/name": "ann"}])
        assert other.db.basis_t == 1
        assert one.path is None
        assert "memory" in repr(one)
        assert one.recovery is None
        assert one.refresh() is one.db
        one.sync()
        one.compact()
        assert "bytes" not in one.stats()
        assert [entry.t for entry in one.log()] == [1, 2]


def test_a_transaction_may_leave_its_sync_to_the_next(tmp_path) -> None:
    with datamem.connect(tmp_path / "db", SCHEMA) as conn:
        durable = conn.transact([{":p/name": "synced"}]).t
        for number in range(3):
            conn.transact([{":p/name": f"later {number}"}], sync=False)
        assert conn.db.basis_t == durable + 3
        assert conn._store.durable == durable
        assert conn.transact([{":p/name": "synced too"}]).t == conn._store.durable
        conn.transact([{":p/name": "last"}], sync=False)
        conn.sync()
        assert conn._store.durable == conn.db.basis_t


def test_a_directory_is_made_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with datamem.connect(path, SCHEMA, fsync="interval:5") as conn:
        assert conn.path == path
        assert str(path) in repr(conn)
        grown(conn)
        conn.sync()
        said = facts(conn.db)
    for name in (str(path), f"file://{path}"):
        with datamem.connect(name) as conn:
            assert facts(conn.db) == said


def test_a_schema_is_transacted_once(tmp_path: Path) -> None:
    text = "{:a/b {:db/valueType :db.type/long} :a/c {:db/valueType :db.type/string}}"
    file = tmp_path / "schema.edn"
    file.write_text(text, encoding="utf-8")
    with connect(tmp_path / "db", file) as conn:
        assert conn.db.basis_t == 2
        conn.transact([{":a/b": 1}])
    with connect(tmp_path / "db", text) as conn:
        assert conn.db.basis_t == 3
    with connect(tmp_path / "db", "{:a/d {:db/valueType :db.type/long}}") as conn:
        assert conn.db.basis_t == 4
        assert conn.db.schema.get(":a/d") is not None
    error = refused(
        "schema/contradicts-data", tmp_path / "db", "{:a/b {:db/valueType :db.type/string}}"
    )
    assert ":a/b" in str(error)
    with connect(tmp_path / "db") as conn:  # the lock was given back
        assert conn.db.basis_t == 4


def test_places_that_are_no_database(tmp_path: Path) -> None:
    refused("storage/unknown-url", "postgres://somewhere/db")
    refused("storage/not-found", tmp_path / "nothing", read_only=True)
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "file").write_text("text", encoding="utf-8")
    refused("storage/not-a-database", tmp_path / "file")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("text", encoding="utf-8")
    refused("storage/not-a-database", tmp_path / "other")
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["notes.txt"]
    refused("storage/bad-policy", tmp_path / "new", fsync="sometimes")
    with pytest.raises(StorageError, match="storage/not-found"):
        check(tmp_path / "nothing")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    with open_db(tmp_path / "db", SCHEMA):
        pass
    manifest = tmp_path / "db" / "DATAMEM"
    lines = (
        manifest.read_text(encoding="utf-8").replace("format 1", "format 2").splitlines()[:-1]
    )
    body = "".join(f"{line}\n" for line in lines)
    manifest.write_text(f"{body}check {zlib.crc32(body.encode()):08x}\n", encoding="utf-8")
    for read_only in (False, True):
        error = refused("storage/newer-format", tmp_path / "db", read_only=read_only)
        assert "newer datamem" in (error.hint or "")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with open_db(tmp_path / "db", SCHEMA) as conn:
        grown(conn)
        error = refused("storage/locked", tmp_path / "db")
        assert "process" in error.message
        with pytest.raises(StorageError, match="storage/locked"):
            check(tmp_path / "db", repair=True)
        assert check(tmp_path / "db").problems == []
        conn.transact([{":p/name": "still there"}])
    with open_db(tmp_path / "db"):
        pass


def test_a_closed_connection_says_so_and_its_values_can_be_read(
    tmp_path: Path, tiny: None
) -> None:
    with grown(open_db(tmp_path / "first", SCHEMA), 30) as first:
        path = first.copy(tmp_path / "db")
    conn = open_db(path)  # nothing but the schema has been read of its segments
    old, branch = conn.db, conn.fork()
    conn.close()
    conn.close()
    for call in (
        lambda: conn.transact([{":p/name": "late"}]),
        lambda: conn.load({":p/age": [1]}),
        lambda: list(conn.log()),
        lambda: conn.copy(tmp_path / "copy"),
        lambda: conn.fork(tmp_path / "fork"),
        lambda: conn.fork(as_of=3),
        conn.compact,
        conn.sync,
    ):
        with pytest.raises(StorageError, match="storage/closed"):
            call()
    assert "basis_t" in repr(conn)
    with open_db(path) as again:
        assert facts(old) == facts(again.db) == facts(branch.db)
        assert history(old) == history(again.db)
        assert facts(old.as_of(9)) == facts(again.db.as_of(9))
    branch.transact([{":p/name": "later"}])
    assert branch.db.resolve([":p/name", "later"]) is not None


def test_a_reader_beside_the_writer_follows_when_it_is_told(tmp_path: Path, tiny: None) -> None:
    """Through roots that the writer publishes, log files it begins, and blobs it deletes."""
    writer = grown(open_db(tmp_path / "db", SCHEMA), 3)
    reader = open_db(tmp_path / "db", read_only=True)
    old, said = reader.db, facts(writer.db)
    unread = open_db(tmp_path / "db", read_only=True)
    for n in range(40):
        writer.transact([{":p/name": f"m{n % 5}", ":p/age": n, f":x/a{n % 4}": "text"}])
        if n % 7 == 0:
            assert reader.db.basis_t < writer.db.basis_t
            now = reader.refresh()
            assert now is reader.db
            assert (facts(now), history(now)) == (facts(writer.db), history(writer.db))
            assert now.schema.to_data() == writer.db.schema.to_data()
            assert reader.stats()["digest"] == writer.stats()["digest"]
            assert [e.t for e in reader.log(now.basis_t)] == [now.basis_t]
    assert facts(old) == facts(unread.db) == said
    unread.close()
    assert reader.refresh() is reader.refresh()
    branch = reader.fork()
    branch.transact([{":p/name": "in a branch of a reader"}])
    writer.close()
    reader.close()
    assert check(tmp_path / "db").problems == []


def test_a_reader_writes_nothing(tmp_path: Path, tiny: None) -> None:
    writer = grown(open_db(tmp_path / "db", SCHEMA), 30)
    reader = open_db(tmp_path / "db", read_only=True)
    before, files = reader.db, sorted((tmp_path / "db").rglob("*"))
    writer.transact([{":p/name": "meanwhile"}])
    for call in (
        lambda: reader.transact([{":p/name": "no"}]),
        lambda: reader.load({":p/age": [1, 2]}),
        reader.compact,
        reader.sync,
    ):
        with pytest.raises(StorageError, match="storage/read-only"):
            call()
    assert reader.db is before
    assert reader.refresh().basis_t == writer.db.basis_t
    reader.close()
    assert sorted((tmp_path / "db").rglob("*")) == files
    writer.close()


def test_reading_a_long_tail_needs_no_place_to_merge(
    tmp_path: Path, tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that was killed long after its last root, opened read-only and checked."""
    monkeypatch.setattr("datamem.conn.publish.ROOT_ROWS", 10**9)
    conn = grown(open_db(tmp_path / "db", SCHEMA), 40)
    left, said = image(conn, tmp_path / "left"), facts(conn.db)
    kill(conn)
    files = sorted(left.rglob("*"))
    monkeypatch.setattr(compaction, "INLINE_ROWS", 0)
    assert check(left).problems == []
    with open_db(left, read_only=True) as reader:
        assert facts(reader.db) == said
    assert sorted(left.rglob("*")) == files


def test_a_reader_of_a_database_without_transactions(tmp_path: Path) -> None:
    """The writer was killed before it had made the first."""
    kill(open_db(tmp_path / "db"))
    next((tmp_path / "db" / "log").iterdir()).unlink()
    with open_db(tmp_path / "db", read_only=True) as reader:
        assert reader.db.basis_t == 0
        assert people(reader.db) == {}
        assert reader.db.as_of(0).schema.get(":db/ident") is not None
        with open_db(tmp_path / "db", SCHEMA) as writer:
            assert reader.refresh().basis_t == 2
            assert facts(reader.db) == facts(writer.db)


def test_stats_say_what_there_is(tmp_path: Path, tiny: None) -> None:
    conn = open_db(tmp_path / "db", SCHEMA)
    empty = conn.stats()
    grown(conn, 30)
    stats = conn.stats()
    assert stats["basis_t"] == 32
    assert stats["next_entity"] == 7
    assert stats["log_entries"] > 32
    assert stats["datoms_asserted"] == len([row for row in history(conn.db) if row[4]])
    assert stats["heap_values"] > empty["heap_values"]
    assert stats["attributes"] == len(conn.db.schema.to_data())
    assert stats["maintenance_error"] is None
    assert set(stats["bytes"]) == {"log", "index", "heap"}
    assert all(size > 0 for size in stats["bytes"].values())
    conn.compact()
    compacted = conn.stats()
    assert compacted["novelty_rows"] == compacted["rows_since_root"] == 0
    assert compacted["levels"] == [stats["datoms_asserted"]]
    assert compacted["digest"] == stats["digest"]
    assert compacted["log_entries"] == stats["log_entries"] + 1
    conn.close()


def test_a_torn_tail_is_cut_and_said(tmp_path: Path) -> None:
    conn = grown(open_db(tmp_path / "db", SCHEMA))
    left = image(conn, tmp_path / "left")
    kill(conn)
    log = next((left / "log").iterdir())
    log.write_bytes(log.read_bytes()[:-3])
    assert [problem.code for problem in check(left).problems] == ["storage/torn-tail"]
    with open_db(left) as again:
        assert again.recovery is not None
        assert again.recovery.cut_bytes > 0
        assert again.db.basis_t == 13
    assert check(left).problems == []


def test_opening_and_closing_from_many_threads(tmp_path: Path) -> None:
    """One gets the lock at a time; the others are told who has it."""
    opened: list[int] = []
    errors: list[str] = []
    gate = threading.Barrier(6)

    def work() -> None:
        gate.wait()
        for _ in range(5):
            try:
                with open_db(tmp_path / "db") as conn:
                    opened.append(conn.transact([{":x/n": 1}]).t)
            except StorageError as error:
                errors.append(error.code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(errors) <= {"storage/locked"}
    assert sorted(opened) == list(range(2, 2 + len(opened)))
    assert len(opened) + len(errors) == 30
