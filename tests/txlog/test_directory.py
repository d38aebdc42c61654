"""A directory as a store: who may open it, how files follow each other, how readers follow."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datamem.errors import StorageError
from datamem.txlog import DirectoryStore, SyncPolicy
from datamem.txlog.logfile import HEADER_BYTES
from tests.txlog.faulty import CountingFileSystem, abandon, newest_log

HOLD = """
import sys
from datamem.txlog import DirectoryStore
store = DirectoryStore(sys.argv[1])
store.append(store.head() + 1, b"from another process")
print("open", flush=True)
sys.stdin.read()
"""


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def fill(path: Path, count: int, **options: object) -> None:
    with DirectoryStore(path, **options) as store:  # type: ignore[arg-type]
        for n in range(1, count + 1):
            store.append(n, b"%d" % n)


def test_the_layout_is_what_the_format_document_says(tmp_path: Path) -> None:
    with DirectoryStore(tmp_path / "new" / "db") as store:
        store.append(1, b"first")
        store.put("seg", b"bytes")
    names = {str(p.relative_to(store.path)) for p in store.path.rglob("*") if p.is_file()}
    assert names == {"DATAMEM", "durable", "lock", "log/00000000000000000001.log", "blobs/seg"}
    assert newest_log(store.path).stat().st_size == HEADER_BYTES + 25 + 5


@pytest.mark.parametrize("content", ["text", "other", "damaged", "file"])
def test_what_is_not_a_database_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "db"
    if content == "file":
        path.write_text("a file")
    else:
        path.mkdir()
        (path / ("DATAMEM" if content != "other" else "notes.txt")).write_text("my notes")
    if content == "damaged":
        (path / "DATAMEM").unlink()
        path.rmdir()
        fill(path, 1)
        text = (path / "DATAMEM").read_text()
        (path / "DATAMEM").write_text(text.replace("check ", "check 0"))
    before = sorted(p.name for p in tmp_path.rglob("*"))
    for read_only in (False, True):
        with pytest.raises(StorageError, match="storage/not-a-database"):
            DirectoryStore(path, read_only=read_only)
    assert {*before} | {"lock"} == {p.name for p in tmp_path.rglob("*")} | {"lock"}


def test_an_interrupted_creation_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "DATAMEM.tmp").write_text("datamem da")
    fill(tmp_path, 1)
    assert not (tmp_path / "DATAMEM.tmp").exists()


def test_a_missing_database_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="storage/not-found"):
        DirectoryStore(tmp_path / "db", read_only=True)
    with pytest.raises(StorageError, match="storage/not-found"):
        DirectoryStore(tmp_path / "db", create=False)
    assert not (tmp_path / "db").exists()


@pytest.mark.parametrize("where", ["manifest", "log"])
def test_a_newer_format_is_refused_with_both_versions(tmp_path: Path, where: str) -> None:
    fill(tmp_path, 1)
    if where == "manifest":
        text = (tmp_path / "DATAMEM").read_text()
        (tmp_path / "DATAMEM").write_text(text.replace("format 1", "format 7"))
    else:
        log = newest_log(tmp_path)
        log.write_bytes(log.read_bytes()[:8] + b"\x07" + log.read_bytes()[9:])
    with pytest.raises(StorageError) as refused:
        DirectoryStore(tmp_path)
    assert refused.value.code == "storage/newer-format"
    assert (refused.value.data["found"], refused.value.data["known"]) == (7, 1)


def test_one_process_writes_and_others_read_along(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"open\n"
    with pytest.raises(StorageError) as refused:
        DirectoryStore(tmp_path / "db")
    assert refused.value.code == "storage/locked"
    assert refused.value.data["pid"] == holder.pid
    assert pickle.loads(pickle.dumps(refused.value)).data == refused.value.data
    with DirectoryStore(tmp_path / "db", read_only=True) as reader:
        assert reader.read(1, 9) == [b"from another process"]
    holder.kill()
    holder.communicate()
    with DirectoryStore(tmp_path / "db") as store:
        assert store.read(1, 9) == [b"from another process"]
        assert store.recovery is None


def test_a_second_writer_in_the_same_process_is_refused(tmp_path: Path) -> None:
    with DirectoryStore(tmp_path), pytest.raises(StorageError, match="storage/locked"):
        DirectoryStore(tmp_path)
    DirectoryStore(tmp_path).close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_refused_and_does_no_harm(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.append(1, b"parent")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.append(2, b"child")
        except StorageError as error:
            os.write(writing, error.code.encode())
        store.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 99) == b"storage/forked"
    os.close(reading)
    os.close(writing)
    with pytest.raises(StorageError, match="storage/locked"):
        DirectoryStore(tmp_path)
    store.append(2, b"parent again")
    store.close()


def test_a_removed_lock_file_is_noticed_before_anything_is_written(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.append(1, b"first")
    (tmp_path / "lock").unlink()
    with pytest.raises(StorageError, match="storage/lock-lost"):
        store.append(2, b"second")
    with pytest.raises(StorageError, match="storage/lock-lost"):
        store.put("x", b"")
    abandon(store)
    assert DirectoryStore(tmp_path).read(1, 9) == [b"first"]


def test_a_read_only_store_creates_and_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "db", 2)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "db").rglob("*")}
    with DirectoryStore(tmp_path / "db", read_only=True) as store:
        assert store.read(1, 9) == [b"1", b"2"]
        calls: list[Callable[[], object]] = [
            lambda: store.append(3, b"x"),
            lambda: store.append_many(3, [b"x"]),
            lambda: store.put("x", b""),
            lambda: store.delete("x"),
            store.sync,
        ]
        for call in calls:
            with pytest.raises(StorageError, match="storage/read-only"):
                call()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "db").rglob("*")} == before


def test_a_reader_follows_across_files(tmp_path: Path) -> None:
    with DirectoryStore(tmp_path, file_bytes=120) as writer:
        reader = DirectoryStore(tmp_path, read_only=True)
        assert reader.head() == 0
        for n in range(1, 21):
            writer.append(n, b"%d" % n * 10, checkpoint=n == 10)
            assert reader.wait(n, 0)
            assert reader.read(n, 9) == [b"%d" % n * 10]
            assert reader.latest_checkpoint() == ((10, b"10" * 10) if n >= 10 else None)
        assert reader.read(1, 99) == writer.read(1, 99)
        assert not reader.wait(21, 0)
        reader.close()


def test_a_reader_notices_when_what_it_saw_was_lost(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    reader = DirectoryStore(tmp_path, read_only=True)
    log = newest_log(tmp_path)
    log.write_bytes(log.read_bytes()[:-1] + b"?")
    with pytest.raises(StorageError, match="storage/log-rewound"):
        reader.head()
    reader.close()


def test_a_checkpoint_begins_a_file_and_open_reads_only_the_newest(tmp_path: Path) -> None:
    with DirectoryStore(tmp_path / "db", file_bytes=200) as store:
        for n in range(1, 31):
            store.append(n, b"%30d" % n, checkpoint=n == 15)
        firsts = [int(path.stem) for path in sorted((store.path / "log").iterdir())]
        assert 15 in firsts
        assert len(firsts) > 5
    for path in sorted((store.path / "log").iterdir())[:-2]:
        path.rename(path.with_suffix(".away"))
    with DirectoryStore(tmp_path / "db", read_only=True, salvage=True) as damaged:
        assert damaged.head() == 0
    for path in sorted((store.path / "log").glob("*.away")):
        path.rename(path.with_suffix(".log"))
    fs = CountingFileSystem()
    with DirectoryStore(tmp_path / "db", fs=fs) as store:
        assert fs.calls.count("pread") <= 5
        assert store.latest_checkpoint() == (15, b"%30d" % 15)
        assert store.read(15, 99) == [b"%30d" % n for n in range(15, 31)]
        assert store.read(1, 99) == [b"%30d" % n for n in range(1, 31)]
        assert store.verify() == []


def test_opening_and_closing_leaves_no_descriptors_or_files(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    fds = open_descriptors()
    before = newest_log(tmp_path).read_bytes()
    for _ in range(50):
        DirectoryStore(tmp_path).close()
    assert open_descriptors() == fds
    assert newest_log(tmp_path).read_bytes() == before


def test_the_interval_policy_syncs_what_is_owed_once(tmp_path: Path) -> None:
    fs = CountingFileSystem()
    with DirectoryStore(tmp_path, fsync="interval:3600000", fs=fs) as store:
        store.append(1, b"first")
        store.append(2, b"second")
        assert store.durable == 1
        fs.calls.clear()
        store.tick()
        store.tick()
        assert fs.calls == ["duplicate", "fdatasync"]
        assert store.durable == 2


def test_a_large_entry_is_written_once_and_small_ones_into_blocks_that_are_there(
    tmp_path: Path,
) -> None:
    fs = CountingFileSystem()
    with DirectoryStore(tmp_path / "db", fs=fs) as store:
        store.append(1, b"first")
        for n, entry, expected in (
            (2, b"large" * 100_000, ["pwrite", "fdatasync"]),
            (3, b"small", ["pwrite", "pwrite", "fdatasync"]),
            (4, b"small", ["pwrite", "fdatasync"]),
        ):
            fs.calls.clear()
            store.append(n, entry)
            assert fs.calls == expected
    file = newest_log(tmp_path / "db")
    assert file.stat().st_size < 501_000
    with DirectoryStore(tmp_path / "db") as store:
        assert store.read(1, 10) == [b"first", b"large" * 100_000, b"small", b"small"]


def test_a_failed_background_sync_stops_appending(tmp_path: Path) -> None:
    class Broken(CountingFileSystem):
        broken = False

        def before(self, number: int, name: str, args: tuple[object, ...]) -> None:
            if self.broken and name == "fdatasync":
                raise OSError(5, "the disk is broken")

    fs = Broken()
    store = DirectoryStore(tmp_path, fsync="interval:3600000", fs=fs)
    store.append(1, b"first")
    store.append(2, b"second")
    fs.broken = True
    store.tick()
    fs.broken = False
    with pytest.raises(StorageError, match="storage/write-failed"):
        store.append(3, b"third")
    store.close()


@pytest.mark.parametrize("text", ["always", "interval:50", "off"])
def test_policies_read_as_they_print(text: str) -> None:
    assert str(SyncPolicy.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "never", "interval", "interval:0", "interval:-1", "off:1"]
)
def test_an_unknown_policy_is_refused(text: str) -> None:
    with pytest.raises(StorageError, match="storage/bad-policy"):
        SyncPolicy.parse(text)
