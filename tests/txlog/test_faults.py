"""A disk that fails: nothing acknowledged is lost, nothing is half visible, errors have codes."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datamem.errors import StorageError
from datamem.txlog import DirectoryStore
from tests.txlog.faulty import (
    CountingFileSystem,
    FailingFileSystem,
    ShortWrites,
    SmallDisk,
    abandon,
)

SENT = [b"one" * 300, b"two", b"three" * 300, b"four", b"five", b"six" * 9000]


@contextmanager
def allowing(code: str) -> Iterator[None]:
    """Run a call that may be refused with this code and no other."""
    try:
        yield
    except StorageError as error:
        if error.code != code:
            raise


def run_scenario(path: Path, fs: CountingFileSystem) -> tuple[list[bytes], list[str]]:
    """Go on after each failure, as a caller may; return what was acknowledged and the codes."""
    acked: list[bytes] = []
    codes: list[str] = []

    def attempt(payloads: list[bytes], *, checkpoint: bool = False) -> None:
        try:
            if len(payloads) == 1:
                store.append(len(acked) + 1, payloads[0], checkpoint=checkpoint)
            else:
                store.append_many(len(acked) + 1, payloads)
            acked.extend(payloads)
        except StorageError as error:
            codes.append(error.code)
        assert store.head() == len(acked)

    try:
        store = DirectoryStore(path, fs=fs)
    except StorageError as error:
        return acked, [error.code]
    attempt(SENT[:1])
    attempt(SENT[1:2])
    attempt(SENT[2:4])
    try:
        store.put("seg", b"bytes")
    except StorageError as error:
        codes.append(error.code)
    attempt(SENT[4:5], checkpoint=True)
    attempt(SENT[5:])
    try:
        assert store.read(1, 99) == acked
    except StorageError as error:
        codes.append(error.code)
    try:
        store.close()
    except StorageError as error:
        codes.append(error.code)
    return acked, codes


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_whichever_call_fails_what_was_acknowledged_is_there(
    tmp_path: Path, number: int, lasting: bool
) -> None:
    """Model: the acknowledged entries, and at most the one call more that was under way."""
    nth = 0
    while True:
        nth += 1
        path = tmp_path / str(nth)
        fs = FailingFileSystem(nth, number, lasting=lasting)
        acked, codes = run_scenario(path, fs)
        with DirectoryStore(path) as after:
            found = after.read(1, 99)
            assert found[: len(acked)] == acked, (nth, fs.calls[nth - 1])
            assert len(found) - len(acked) in {0, 1, 2}, (nth, fs.calls[nth - 1])
            assert after.verify() == []
            after.append(len(found) + 1, b"goes on")
        if len(fs.calls) < nth:
            assert (acked, codes) == (SENT, [])
            break
        assert set(codes) <= {
            "storage/disk-full",
            "storage/write-failed",
            "storage/io-error",
            "storage/conflict",
            "storage/corrupt-log",
        }, (nth, fs.calls[nth - 1])
    assert nth > 60


@pytest.mark.parametrize("room", range(1, 3000, 131))
def test_a_full_disk_takes_back_the_partial_record_and_goes_on_later(
    tmp_path: Path, room: int
) -> None:
    store = DirectoryStore(tmp_path / "db")
    store.append(1, b"first")
    abandon(store)
    disk = SmallDisk(room)
    store = DirectoryStore(tmp_path / "db", fs=disk)
    kept = [b"first"]
    for n in range(10):
        with allowing("storage/disk-full"):
            store.append(len(kept) + 1, b"%d" % n * 400)
            kept.append(b"%d" % n * 400)
        assert store.read(1, 99) == kept
    assert len(kept) < 10
    with pytest.raises(StorageError, match="storage/disk-full"):
        store.put("seg", b"x" * 5000)
    with pytest.raises(StorageError, match="storage/disk-full"):
        store.append(len(kept) + 1, b"root" * 1000, checkpoint=True)
    assert store.names() == []
    disk.room = 100_000
    store.append(len(kept) + 1, b"room again")
    store.append(len(kept) + 2, b"root", checkpoint=True)
    store.close()
    with DirectoryStore(tmp_path / "db") as after:
        assert after.read(1, 99) == [*kept, b"room again", b"root"]
        assert after.recovery is None


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_after_a_failed_write_or_sync_nothing_more_is_appended(
    tmp_path: Path, call: str
) -> None:
    class Broken(CountingFileSystem):
        broken = False

        def before(self, number: int, name: str, args: tuple[object, ...]) -> None:
            if self.broken and name == call:
                raise OSError(errno.EIO, "the disk is broken")

    fs = Broken()
    store = DirectoryStore(tmp_path / "db", fs=fs)
    store.append(1, b"first")
    fs.broken = True
    for _ in range(2):
        with pytest.raises(StorageError, match="storage/write-failed"):
            store.append(2, b"second")
        fs.broken = False
    with pytest.raises(StorageError, match="storage/write-failed"):
        store.sync()
    assert store.read(1, 9) == [b"first"]
    store.close()
    with DirectoryStore(tmp_path / "db") as again:
        assert again.read(1, 1) == [b"first"]
        again.append(again.head() + 1, b"works again")


def test_short_writes_are_completed(tmp_path: Path) -> None:
    with DirectoryStore(tmp_path / "db", fs=ShortWrites()) as store:
        store.append(1, b"first" * 100)
        store.append(2, b"second" * 100)
        store.put("seg", b"blob" * 100)
    with DirectoryStore(tmp_path / "db") as store:
        assert store.read(1, 9) == [b"first" * 100, b"second" * 100]
        assert store.get("seg") == b"blob" * 100


@pytest.mark.parametrize(
    "call", ["pwrite", "fdatasync", "truncate", "rename", "sync_directory"]
)
def test_an_interrupt_leaves_an_entry_stored_or_gone(tmp_path: Path, call: str) -> None:
    class Interrupted(CountingFileSystem):
        armed = False

        def before(self, number: int, name: str, args: tuple[object, ...]) -> None:
            if self.armed and name == call:
                self.armed = False
                raise KeyboardInterrupt

    fs = Interrupted()
    store = DirectoryStore(tmp_path / "db", fs=fs)
    store.append(1, b"first")
    sent = [b"first"]
    for checkpoint in (False, True):
        n = len(sent) + 1
        fs.armed = True
        try:
            store.append(n, b"interrupted" * 50, checkpoint=checkpoint)
            sent.append(b"interrupted" * 50)
        except (KeyboardInterrupt, StorageError):
            assert store.head() == n - 1
        fs.armed = False
        with allowing("storage/write-failed"):
            store.append(store.head() + 1, b"next")
            sent.append(b"next")
    assert store.read(1, 9) == sent
    store.close()
    with DirectoryStore(tmp_path / "db") as after:
        assert after.read(1, len(sent)) == sent
        assert after.verify() == []


def test_a_reading_error_is_not_the_end_of_the_log(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "db")
    store.append_many(1, [b"a", b"b"])
    store.close()
    fs = FailingFileSystem(10**9)
    with DirectoryStore(tmp_path / "db", fs=fs) as store:
        fs.nth = len(fs.calls) + 2
        with pytest.raises(StorageError, match="storage/io-error"):
            store.read(1, 9)
        assert store.read(1, 9) == [b"a", b"b"]


def test_ten_thousand_bytes_are_one_write_and_one_sync(tmp_path: Path) -> None:
    fs = CountingFileSystem()
    with DirectoryStore(tmp_path / "db", fs=fs, preallocate=False) as store:
        store.append(1, b"first")
        fs.calls.clear()
        store.append_many(2, [b"x" * 100] * 100)
        assert fs.calls == ["pwrite", "fdatasync"]
