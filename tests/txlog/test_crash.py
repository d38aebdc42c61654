"""Crashes: cuts, tears and lost power leave every acknowledged entry; damage is never cut away."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import StorageError
from datamem.txlog import DirectoryStore, Recovery
from datamem.txlog.frame import OVERHEAD_BYTES
from datamem.txlog.logfile import HEADER_BYTES
from tests.txlog.faulty import (
    PowerCut,
    PowerCutFileSystem,
    abandon,
    crash_image,
    newest_log,
)


def write_log(path: Path, payloads: list[bytes], *, closed: bool = False) -> bytes:
    """Make a database with these entries, one append each, and return its log file's bytes."""
    store = DirectoryStore(path, preallocate=False)
    for n, payload in enumerate(payloads, 1):
        store.append(n, payload)
    store.close() if closed else abandon(store)
    return newest_log(path).read_bytes()


def ends(payloads: list[bytes]) -> list[int]:
    """Return where each record ends in the file."""
    offset, found = HEADER_BYTES, []
    for payload in payloads:
        offset += OVERHEAD_BYTES + len(payload)
        found.append(offset)
    return found


@pytest.mark.parametrize("fill", ["cut", "zeros"])
def test_a_cut_at_every_byte_of_the_last_record_drops_only_it(
    tmp_path: Path, fill: str
) -> None:
    payloads = [b"first", b"second", b"the last one \x00\xa5\x00 of them"]
    whole = write_log(tmp_path, payloads)
    start = ends(payloads)[1]
    for cut in range(start, len(whole)):
        tail = b"" if fill == "cut" else bytes(len(whole) - cut + 300)
        newest_log(tmp_path).write_bytes(whole[:cut] + tail)
        with DirectoryStore(tmp_path, read_only=True) as reader:
            assert reader.read(1, 9) == payloads[:2]
        store = DirectoryStore(tmp_path)
        used = len(whole[:cut].rstrip(b"\0")) if fill == "zeros" else cut
        assert store.read(1, 9) == payloads[:2]
        assert (store.recovery is None) == (used <= start)
        if store.recovery:
            assert store.recovery.entry == 3
            assert 0 < store.recovery.cut_bytes <= cut - start
        store.append(3, b"again")
        abandon(store)
        with DirectoryStore(tmp_path, read_only=True) as reader:
            assert reader.read(1, 9) == [*payloads[:2], b"again"]


def test_a_cut_below_the_durable_mark_is_refused(tmp_path: Path) -> None:
    payloads = [b"first", b"second", b"third"]
    whole = write_log(tmp_path, payloads, closed=True)
    for cut in range(HEADER_BYTES, len(whole)):
        newest_log(tmp_path).write_bytes(whole[:cut])
        with pytest.raises(StorageError, match="storage/corrupt-log"):
            DirectoryStore(tmp_path)
        assert newest_log(tmp_path).read_bytes() == whole[:cut]


@pytest.mark.parametrize("closed", [True, False])
def test_a_flipped_bit_in_any_record_is_refused_and_named(tmp_path: Path, closed: bool) -> None:
    """The last record too: it is complete, so it was not torn; it was damaged."""
    payloads = [b"first", b"second", b"third"]
    whole = write_log(tmp_path, payloads, closed=closed)
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        newest_log(tmp_path).write_bytes(damaged)
        with pytest.raises(StorageError) as refused:
            DirectoryStore(tmp_path)
        assert newest_log(tmp_path).read_bytes() == damaged
        if refused.value.code == "storage/newer-format":
            assert 8 <= position < 12
            continue
        assert refused.value.code == "storage/corrupt-log"
        entry = 1 + sum(position >= end for end in ends(payloads))
        assert (refused.value.data["entry"] == entry) or position < HEADER_BYTES
        assert refused.value.data["file"] == str(newest_log(tmp_path))
        with DirectoryStore(tmp_path, read_only=True, salvage=True) as rest:
            kept = 0 if position < HEADER_BYTES else entry - 1
            assert rest.read(1, 9) == payloads[:kept]
            assert rest.recovery
            assert [damage.entry for damage in rest.verify()] == [kept + 1]


@given(
    payloads=st.lists(st.binary(max_size=1500), min_size=1, max_size=6),
    data=st.data(),
)
def test_a_cut_anywhere_leaves_a_prefix(payloads: list[bytes], data: st.DataObject) -> None:
    """Model: the log is a list of payloads; a cut at byte b leaves those that end by b.

    Only the first file is born with its first entry, which is durable before it has a name.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        whole = write_log(path, payloads)
        cut = data.draw(st.integers(ends(payloads)[0], len(whole)))
        newest_log(path).write_bytes(whole[:cut])
        with DirectoryStore(path) as store:
            assert store.read(1, 99) == payloads[: sum(end <= cut for end in ends(payloads))]


@given(
    payloads=st.lists(st.binary(max_size=1500), min_size=2, max_size=6),
    data=st.data(),
)
def test_a_changed_byte_before_the_last_record_is_refused(
    payloads: list[bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        damaged = bytearray(write_log(path, payloads))
        position = data.draw(st.integers(0, ends(payloads)[-2] - 1))
        damaged[position] ^= data.draw(st.integers(1, 255))
        newest_log(path).write_bytes(damaged)
        with pytest.raises(StorageError, match=r"storage/(corrupt-log|newer-format)"):
            DirectoryStore(path)


def test_a_torn_group_is_cut_as_a_whole(tmp_path: Path) -> None:
    """Sectors reach the disk in any order, so a later record of the group may be intact."""
    store = DirectoryStore(tmp_path / "db", preallocate=False)
    store.append(1, b"first")
    start = newest_log(store.path).stat().st_size
    store.append_many(2, [b"x" * 2000, b"y" * 50, b"z" * 2000])
    abandon(store)
    data = bytearray(newest_log(store.path).read_bytes())
    data[1024:1536] = bytes(512)
    newest_log(store.path).write_bytes(data)
    with DirectoryStore(store.path) as again:
        assert again.read(1, 9) == [b"first"]
        assert again.recovery == Recovery(
            str(newest_log(store.path)),
            2,
            len(data) - start,
            "entry 2 was not wholly written before a crash",
        )


def test_a_group_torn_in_its_last_record_keeps_the_rest(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "db", preallocate=False)
    store.append(1, b"first")
    store.append_many(2, [b"second", b"third"])
    abandon(store)
    log = newest_log(store.path)
    log.write_bytes(log.read_bytes()[:-3])
    with DirectoryStore(store.path) as again:
        assert again.read(1, 9) == [b"first", b"second"]


@pytest.mark.parametrize("what", ["duplicate", "zero", "stale", "missing", "swap", "foreign"])
def test_misplaced_blocks_and_files_are_refused(tmp_path: Path, what: str) -> None:
    store = DirectoryStore(tmp_path / "db", preallocate=False)
    for n in range(1, 41):
        store.append(n, b"%512d" % n, checkpoint=n == 20)
    store.close()
    logs = sorted((store.path / "log").iterdir())
    data = logs[1].read_bytes()
    if what == "duplicate":
        logs[1].write_bytes(data[:2048] + data[1024:2048] + data[3072:])
    elif what == "zero":
        logs[1].write_bytes(data[:2048] + bytes(1024) + data[3072:])
    elif what == "stale":
        logs[1].write_bytes(data[: ends([b"x" * 512] * 9)[-1]])
    elif what == "missing":
        logs[1].unlink()
    elif what == "swap":
        logs[1].write_bytes(logs[0].read_bytes())
    else:
        write_log(tmp_path / "other", [b"x"] * 20, closed=True)
        logs[1].write_bytes(newest_log(tmp_path / "other").read_bytes())
    with pytest.raises(StorageError, match="storage/corrupt-log"):
        DirectoryStore(store.path)


def test_damage_in_an_older_file_is_found_when_read_and_by_verify(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "db", file_bytes=300)
    for n in range(1, 31):
        store.append(n, b"%30d" % n)
    store.close()
    older = sorted((store.path / "log").iterdir())[1]
    data = bytearray(older.read_bytes())
    data[HEADER_BYTES + 40] ^= 1
    older.write_bytes(data)
    bad = int(older.stem)
    with DirectoryStore(store.path) as again:
        assert again.read(30, 1) == [b"%30d" % 30]
        with pytest.raises(StorageError) as refused:
            again.read(1, 30)
        assert refused.value.code == "storage/corrupt-log"
        assert (refused.value.data["entry"], refused.value.data["offset"]) == (
            bad,
            HEADER_BYTES,
        )
        assert [damage.entry for damage in again.verify()] == [bad]
    with DirectoryStore(store.path, read_only=True, salvage=True) as rest:
        assert rest.head() == bad - 1
        rest.copy_to(tmp_path / "salvaged")
    with DirectoryStore(tmp_path / "salvaged", create=False) as salvaged:
        assert salvaged.head() == bad - 1


def scenario(store: DirectoryStore, acked: list[bytes]) -> None:
    """Append, group, put, checkpoint; `acked` grows when a call has returned."""

    unsynced: list[bytes] = []

    def append(
        payloads: list[bytes], *, checkpoint: bool = False, is_synced: bool = True
    ) -> None:
        n = len(acked) + len(unsynced) + 1
        if not is_synced:
            store.append_many(n, payloads, is_synced=False)
            unsynced.extend(payloads)
            return
        if len(payloads) == 1:
            store.append(n, payloads[0], checkpoint=checkpoint)
        else:
            store.append_many(n, payloads)
        acked.extend([*unsynced, *payloads])
        unsynced.clear()

    append([b"one" * 300])
    append([b"two"])
    append([b"three" * 300, b"four", b"five" * 300])
    append([b"some" * 200, b"more"], is_synced=False)
    store.put("seg", b"segment" * 100, durable=False)
    append([b"six"], checkpoint=True)
    append([b"seven" * 500], is_synced=False)
    append([b"eight" * 100])
    append([b"large" * 60_000])
    append([b"nine"], is_synced=False)
    store.close()
    acked.extend(unsynced)


def test_no_acknowledged_entry_is_lost_when_power_is_cut_anywhere(tmp_path: Path) -> None:
    """Model: a prefix of what was sent that holds all that was acknowledged."""
    sent: list[bytes] = []
    scenario(DirectoryStore(tmp_path / "all", preallocate=True), sent)
    nth, finished = 0, False
    while not finished:
        nth += 1
        fs = PowerCutFileSystem(tmp_path / f"db{nth}", nth)
        acked: list[bytes] = []
        store = None
        try:
            store = DirectoryStore(fs.root, fs=fs)
            scenario(store, acked)
            finished = True
        except PowerCut:
            if store is not None:
                abandon(store)
        for seed in range(6):
            image = tmp_path / f"image{nth}-{seed}"
            fs.write_image(image, seed)
            with DirectoryStore(image) as after:
                found = after.read(1, 99)
                assert found == sent[: len(found)], (nth, seed)
                assert len(found) >= len(acked), (nth, seed)
                assert after.latest_checkpoint() in {None, (8, b"six")}
                if after.latest_checkpoint():
                    assert after.get("seg") == b"segment" * 100
                after.append(len(found) + 1, b"goes on")
    assert nth > 25


def test_opening_after_a_crash_writes_again_what_nothing_proves_durable(tmp_path: Path) -> None:
    """After a failed sync the page cache may show a record that the disk does not hold."""
    store = DirectoryStore(tmp_path / "db")
    store.append(1, b"first")
    store.append(2, b"second")
    image = crash_image(store, tmp_path / "image")
    abandon(store)
    fs = PowerCutFileSystem(image, 10**9)
    again = DirectoryStore(image, fs=fs)
    assert fs.calls[-2:] == ["pwrite", "fdatasync"]
    assert again.durable == 2
    again.close()
    fs = PowerCutFileSystem(image, 10**9)
    DirectoryStore(image, fs=fs).close()
    assert "fdatasync" not in fs.calls


def test_unsynced_entries_may_be_lost_but_nothing_is_made_up(tmp_path: Path) -> None:
    for seed in range(20):
        fs = PowerCutFileSystem(tmp_path / f"db{seed}", 10**9)
        store = DirectoryStore(fs.root, fs=fs, fsync="off")
        sent = [b"%d" % n * 200 for n in range(1, 12)]
        for n, payload in enumerate(sent, 1):
            store.append(n, payload)
            if n == 4:
                store.sync()
        fs.write_image(tmp_path / f"image{seed}", seed)
        abandon(store)
        with DirectoryStore(tmp_path / f"image{seed}") as after:
            found = after.read(1, 99)
            assert found == sent[: len(found)]
            assert len(found) >= 4
