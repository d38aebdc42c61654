"""Crashes, full disks and damage: what was acknowledged is there, once, and damage is never an answer."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.conn import Connection, check
from datamem.errors import StorageError
from datamem.txlog import DirectoryStore, FileSystem
from tests.conn.worlds import (
    SCHEMA,
    answers,
    facts,
    few,
    history,
    image,
    kill,
    open_db,
    people,
    tiny_sizes,
    tried,
)
from tests.txlog.faulty import (
    FailingFileSystem,
    PowerCut,
    PowerCutFileSystem,
    SmallDisk,
    abandon,
    newest_log,
)

CODES = {
    "storage/disk-full",
    "storage/write-failed",
    "storage/io-error",
    "storage/closed",
    "storage/corrupt-log",
    "storage/conflict",
    "storage/not-found",
    "storage/not-a-database",
}
REFUSALS = {"storage/corrupt-log", "storage/newer-format"}
States = dict[int, dict[int, dict[str, Any]]]
"""What the database holds after each t."""
_numbers = itertools.count()


@pytest.fixture(autouse=True, scope="module")
def tiny() -> Any:
    with tiny_sizes():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crashes")


def fresh(root: Path) -> Path:
    return root / str(next(_numbers))


def tx_data(n: int) -> list[Any]:
    """Return the nth transaction: a new attribute now and then, changes of what was there."""
    name = f"n{n % 4}"
    age: dict[str, Any] = {":p/name": name, ":p/age": n, ":p/tags": [f"tag {n}", "all"]}
    if n % 5 == 4:
        return [{":p/name": name, f":x/attribute{n}": "new"}]
    if n % 5 == 3:
        return [{":p/name": f"n{(n - 1) % 4}", ":p/age": -n, ":p/score": 0.5}]
    return [age]


def grow(conn: Connection, count: int, start: int = 0) -> States:
    at = {conn.db.basis_t: people(conn.db)}
    for n in range(start, start + count):
        report = conn.transact(tx_data(n))
        at[report.t] = people(report.db_after)
    return at


def opened_with(fs: FileSystem, path: Path, schema: Any = None) -> Connection:
    """Connect, syncing every commit, over files that fail."""
    with pytest.MonkeyPatch.context() as patch:
        opening = partial(DirectoryStore, fs=fs)
        patch.setattr(import_module("datamem.conn.connect"), "DirectoryStore", opening)
        return open_db(path, schema, fsync="always")


def sound(path: Path, at: States) -> int:
    """See that a directory holds a prefix of what was transacted and can go on; return its t."""
    with open_db(path) as conn:
        t = conn.db.basis_t
        if t in at:
            assert people(conn.db) == at[t]
        earlier = [before for before in at if before < t]
        for before in earlier[-1:] + earlier[:: len(earlier) // 3 + 1]:
            assert people(conn.db.as_of(before)) == at[before]
        conn.transact([{":x/after": "the crash"}])
    report = check(path)
    assert report.problems == []
    assert report.transactions == t + 1
    return t


@pytest.fixture(scope="module")
def crashed(root: Path) -> tuple[Path, States]:
    """Files of a database that was killed: roots, and a tail behind the last one."""
    conn = open_db(fresh(root), SCHEMA, fsync="always")
    at = grow(conn, 20)
    conn.compact()
    at |= grow(conn, 7, start=20)
    left = image(conn, fresh(root))
    kill(conn)
    return left, at


@few
@given(data=st.data())
def test_a_log_cut_anywhere_holds_the_first_transactions(
    root: Path, crashed: tuple[Path, States], data: st.DataObject
) -> None:
    source, at = crashed
    path = Path(shutil.copytree(source, fresh(root)))
    log = newest_log(path)
    whole = log.read_bytes().rstrip(b"\0")
    cut = data.draw(st.integers(0, len(whole)))
    log.write_bytes(whole[:cut])
    t, error = tried(lambda: sound(path, at))
    if error is not None:
        assert error.code == "storage/corrupt-log"
        assert cut < 200  # the file was born with its header and its root
    else:
        assert t in at
        assert cut < len(whole) or t == max(at)


def run_scenario(path: Path, fs: FileSystem) -> tuple[States, list[str]]:
    """Transact, publish and close over failing files; return what was acknowledged, and the codes."""
    at: States = {}
    codes: list[str] = []
    try:
        conn = opened_with(fs, path, SCHEMA)
    except StorageError as error:
        return at, [error.code]
    twin = open_db(schema=SCHEMA)
    at[twin.db.basis_t] = people(twin.db)
    for n in range(9):
        before = conn.db
        try:
            if n == 6:
                conn.compact()
            report = conn.transact(tx_data(n))
            at[report.t] = people(twin.transact(tx_data(n)).db_after)
            assert conn.db.basis_t == report.t == before.basis_t + 1
        except StorageError as error:
            codes.append(error.code)
            assert conn.db.basis_t == before.basis_t
    try:
        conn.close()
    except StorageError as error:
        codes.append(error.code)
    return at, codes


@few
@given(
    nth=st.integers(1, 530),
    number=st.sampled_from([errno.EIO, errno.ENOSPC]),
    lasting=st.booleans(),
)
def test_whichever_call_fails_what_was_acknowledged_is_there(
    root: Path, nth: int, number: int, lasting: bool
) -> None:
    """Model: the acknowledged transactions, and at most the one more that was under way."""
    path = fresh(root)
    fs = FailingFileSystem(nth, number, lasting=lasting)
    at, codes = run_scenario(path, fs)
    assert set(codes) <= CODES, (codes, fs.calls[nth - 1])
    last = max(at, default=0)
    assert last <= sound(path, at) <= last + 1 + (not at), fs.calls[nth - 1 : nth]


@few
@given(nth=st.integers(1, 260), seed=st.integers(0, 9))
def test_whenever_the_power_goes_what_was_acknowledged_is_there(
    root: Path, nth: int, seed: int
) -> None:
    """Model: unsynced sectors and names may be on the disk or not; the sync is believed."""
    path, left = fresh(root), fresh(root)
    fs = PowerCutFileSystem(path, nth)
    at: States = {}
    conn = None
    try:
        conn = opened_with(fs, path, SCHEMA)
        at[conn.db.basis_t] = people(conn.db)
        for n in range(9):
            if n == 6:
                conn.compact()
            report = conn.transact(tx_data(n))
            at[report.t] = people(report.db_after)
        conn.close()
    except PowerCut:
        if conn is not None:
            abandon(conn._store)  # type: ignore[arg-type]
    fs.write_image(left, seed)
    last = max(at, default=0)
    assert last <= sound(left, at) <= last + 1 + (not at)


@pytest.mark.parametrize("room", [0, 300, 1500, 4000])
def test_a_full_disk_refuses_commits_and_takes_them_again_when_there_is_room(
    tmp_path: Path, room: int
) -> None:
    with open_db(tmp_path / "db", SCHEMA) as conn:
        at = grow(conn, 3)
    disk = SmallDisk(room)
    conn = opened_with(disk, tmp_path / "db")
    refused = 0
    for n in range(30):
        before = conn.db
        size, counters = before.heap.size, (before.next_entity, before.next_attribute)
        entity = {":p/name": f"m{n}", f":y/new{n}": "x" * 20}
        report, error = tried(partial(conn.transact, [entity]))
        if report is None:
            assert error is not None
            assert error.code == "storage/disk-full"
            refused += 1
            assert conn.db is before
            assert conn.db.schema.get(f":y/new{n}") is None
            assert before.heap.size == size == before.heap_size
            assert (conn.db.next_entity, conn.db.next_attribute) == counters
        else:
            at[report.t] = people(report.db_after)
    assert refused > 3
    disk.room = 1_000_000
    report = conn.transact([{":db/id": "t", ":p/name": "room again", ":y/new29": "x" * 20}])
    assert report.t == max(at) + 1
    assert report.tempids["t"] == counters[0]
    at[report.t] = people(conn.db)
    conn.compact()
    conn.close()
    assert sound(tmp_path / "db", at) == report.t


class NoRoomForBlobs(FileSystem):
    """Blobs cannot be written; the log can."""

    is_full = False

    def open(self, path: Path, flags: int) -> int:
        if self.is_full and flags & os.O_CREAT and path.parent.name == "blobs":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().open(path, flags)


def test_commits_go_on_when_no_root_can_be_written(tmp_path: Path) -> None:
    fs = NoRoomForBlobs()
    conn = opened_with(fs, tmp_path / "db", SCHEMA)
    at = grow(conn, 5)
    fs.is_full = True
    at |= grow(conn, 30, start=5)
    assert "disk-full" in conn.stats()["maintenance_error"]
    with pytest.raises(StorageError, match="storage/disk-full"):
        conn.compact()
    assert people(conn.db) == at[max(at)]
    fs.is_full = False
    at |= grow(conn, 10, start=35)
    assert conn.stats()["maintenance_error"] is None
    assert conn.stats()["rows_since_root"] < 100
    assert all(people(conn.db.as_of(t)) == then for t, then in at.items())
    fs.is_full = True
    conn.close()
    assert sound(tmp_path / "db", at) == max(at)


def test_a_blob_that_cannot_be_removed_harms_nobody(tmp_path: Path) -> None:
    class Stubborn(FileSystem):
        def unlink(self, path: Path) -> None:
            if path.parent.name == "blobs" and not path.name.endswith(".tmp"):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            super().unlink(path)

    conn = opened_with(Stubborn(), tmp_path / "db", SCHEMA)
    at = grow(conn, 40)
    conn.close()
    left = len(list((tmp_path / "db" / "blobs").iterdir()))
    assert sound(tmp_path / "db", at) == max(at)
    assert len(list((tmp_path / "db" / "blobs").iterdir())) < left


@pytest.fixture(scope="module")
def stored(root: Path) -> tuple[Path, Any]:
    """A closed database with a root, several packs, heap segments and tables; and what it says."""
    path = fresh(root)
    conn = open_db(path, SCHEMA)
    grow(conn, 20)
    conn.compact()
    for n in range(20, 32):
        conn.transact(tx_data(n))
    said = everything(conn)
    conn.close()
    assert check(path).problems == []
    return path, said


def everything(conn: Connection) -> Any:
    return facts(conn.db), history(conn.db), answers(conn.db), facts(conn.db.as_of(15))


@pytest.mark.parametrize("kind", ["root-", "pack-", "heap-", "table-"])
def test_a_deleted_blob_is_rebuilt_from_the_log(
    root: Path, stored: tuple[Path, Any], kind: str
) -> None:
    source, said = stored
    count = 0
    for number in range(3):
        path = Path(shutil.copytree(source, fresh(root)))
        blobs = sorted((path / "blobs").glob(kind + "*"))
        blobs[number % len(blobs)].unlink()
        report = check(path)
        codes = [problem.code for problem in report.problems]
        assert codes in ([], ["storage/missing-blob"])
        with open_db(path) as conn:
            assert (conn.root_error is None) is report.ok
            assert everything(conn) == said
        assert check(path).problems == []
        with open_db(path) as conn:
            assert conn.root_error is None
            assert everything(conn) == said
        count += not report.ok
    assert count > 0 or len(blobs) > 1


def somewhere(directory: Path, data: st.DataObject) -> tuple[Path, bytearray, int, int]:
    """Return a file, its content, a place in it and a bit."""
    files = sorted(directory.iterdir())
    file = files[int(data.draw(parts, label="file") * len(files))]
    content = bytearray(file.read_bytes())
    at = int(data.draw(parts, label="at") * len(content))
    return file, content, at, 1 << data.draw(st.integers(0, 7), label="bit")


parts = st.floats(0, 1, exclude_max=True)


@few
@given(data=st.data(), how=st.sampled_from(["flip", "cut", "garbage"]))
def test_a_damaged_blob_is_an_error_or_rebuilt_but_never_another_answer(
    root: Path, stored: tuple[Path, Any], data: st.DataObject, how: str
) -> None:
    source, said = stored
    path = Path(shutil.copytree(source, fresh(root)))
    blob, content, at, bit = somewhere(path / "blobs", data)
    if how == "flip":
        content[at] ^= bit
    elif how == "cut":
        del content[at:]
    else:
        content[at : at + 8] = b"\xff\x00\xaa\x55" * 2
    blob.unlink()  # copies may share the file
    blob.write_bytes(content)
    with open_db(path) as conn:
        says, error = tried(lambda: everything(conn))
        if error is None:
            assert says == said
        else:
            assert error.code in {"storage/corrupt-segment", "storage/corrupt-blob"}
            assert "check --repair" in (error.hint or "")
    report = check(path)
    repaired = check(path, repair=True)
    assert repaired.repaired is (not report.ok)
    assert check(path).problems == []
    with open_db(path) as conn:
        assert conn.root_error is None
        assert everything(conn) == said


@few
@given(data=st.data())
def test_a_flipped_bit_in_the_log_is_refused_or_reported(
    root: Path, stored: tuple[Path, Any], data: st.DataObject
) -> None:
    source, said = stored
    path = Path(shutil.copytree(source, fresh(root)))
    log, content, at, bit = somewhere(path / "log", data)
    content[at] ^= bit
    log.write_bytes(content)
    conn, error = tried(lambda: open_db(path))
    if conn is None:
        assert error is not None
        assert error.code in REFUSALS
    else:
        assert everything(conn) == said
        conn.close()
    report, error = tried(lambda: check(path))
    assert error is None or error.code in REFUSALS
    assert report is None or report.problems[0].code in REFUSALS
