"""What every store promises, whichever it is."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from datamem.errors import StorageError
from datamem.txlog import Conflict, DirectoryStore, MemoryStore, Store


class StoreContract:
    """Inherited by the tests of each store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = self.new_store(tmp_path)
        yield store
        store.close()

    def new_store(self, tmp_path: Path) -> Store:
        raise NotImplementedError  # abstract

    def test_a_new_store_is_empty(self, store: Store) -> None:
        assert (store.head(), store.read(1, 10), store.latest_checkpoint()) == (0, [], None)
        assert store.recovery is None

    def test_entries_are_read_back_in_order(self, store: Store) -> None:
        for n in range(1, 6):
            store.append(n, b"entry %d" % n)
        assert store.read(2, 3) == [b"entry 2", b"entry 3", b"entry 4"]
        assert store.read(5, 9) == [b"entry 5"]
        assert store.read(6, 9) == store.read(0, 9) == store.read(1, 0) == []
        assert store.head() == 5

    @pytest.mark.parametrize("n", [0, 1, 2, 4, 5])
    def test_only_the_next_number_is_taken(self, store: Store, n: int) -> None:
        store.append_many(1, [b"a", b"b"])
        with pytest.raises(Conflict) as refused:
            store.append(n, b"c")
        assert refused.value.code == "storage/conflict"
        assert refused.value.data == {"entry": n, "head": 2}
        assert store.read(1, 9) == [b"a", b"b"]

    def test_a_group_takes_consecutive_numbers(self, store: Store) -> None:
        store.append_many(1, [b"a", b"", b"c" * 5000])
        store.append_many(4, [])
        store.append_many(4, [b"d"])
        assert store.read(1, 9) == [b"a", b"", b"c" * 5000, b"d"]

    def test_one_of_many_writers_gets_each_number(self, store: Store) -> None:
        def write(name: bytes) -> None:
            for _ in range(20):
                try:
                    store.append(store.head() + 1, name)
                    won.append(name)
                except Conflict:
                    pass

        won: list[bytes] = []
        threads = [threading.Thread(target=write, args=(b"%d" % i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(store.read(1, 1000)) == sorted(won)

    def test_the_latest_checkpoint_is_found(self, store: Store) -> None:
        for n in range(1, 10):
            store.append(n, b"%d" % n, checkpoint=n in {3, 7})
        assert store.latest_checkpoint() == (7, b"7")
        assert store.read(1, 20) == [b"%d" % n for n in range(1, 10)]

    def test_blobs_are_kept_and_never_change(self, store: Store) -> None:
        store.put("seg-1", b"bytes")
        store.put("seg-1", b"bytes")
        store.put("seg-0", memoryview(b""), durable=False)
        with pytest.raises(StorageError, match="storage/blob-exists"):
            store.put("seg-1", b"other")
        assert store.get("seg-1") == b"bytes"
        assert store.get("nothing") is None
        assert (bytes(store.open_blob("seg-1")), bytes(store.open_blob("seg-0"))) == (
            b"bytes",
            b"",
        )
        assert store.open_blob("seg-1").readonly
        assert (store.names(), store.names("seg-1")) == (["seg-0", "seg-1"], ["seg-1"])

    def test_a_blob_may_be_given_as_a_column(self, store: Store) -> None:
        column = memoryview(array("q", [1, 2, 3]))
        store.put("column", column)
        store.put("column", column)
        assert store.get("column") == column.tobytes()

    def test_a_view_outlives_its_blob(self, store: Store) -> None:
        store.put("seg", b"bytes")
        view = store.open_blob("seg")
        store.delete("seg")
        store.delete("seg")
        assert (bytes(view), store.names()) == (b"bytes", [])
        with pytest.raises(StorageError, match="storage/missing-blob"):
            store.open_blob("seg")

    @pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "-x", "x" * 201, "x.tmp"])
    def test_a_blob_name_is_the_same_everywhere(self, store: Store, name: str) -> None:
        with pytest.raises(StorageError, match="storage/bad-name"):
            store.put(name, b"")

    def test_waiting_ends_when_the_entry_is_there(self, store: Store) -> None:
        seen: list[bool] = []
        waiter = threading.Thread(target=lambda: seen.append(store.wait(2, 30)))
        waiter.start()
        store.append_many(1, [b"a", b"b"])
        waiter.join()
        assert seen == [True]
        assert store.wait(1, 0)
        assert not store.wait(3, 0.001)

    def test_a_closed_store_refuses(self, store: Store) -> None:
        store.append(1, b"a")
        store.close()
        store.close()
        for call in (
            store.head,
            store.sync,
            store.verify,
            store.names,
            store.latest_checkpoint,
            lambda: store.read(1, 1),
            lambda: store.append(2, b"b"),
            lambda: store.append_many(2, [b"b"]),
            lambda: store.put("x", b""),
            lambda: store.get("x"),
            lambda: store.delete("x"),
        ):
            with pytest.raises(StorageError, match="storage/closed"):
                call()

    def test_an_oversized_entry_is_refused(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("datamem.txlog.store.MAX_ENTRY_BYTES", 10)
        with pytest.raises(StorageError, match="storage/entry-too-large"):
            store.append_many(1, [b"small", b"x" * 11])
        assert store.head() == 0

    def test_a_copy_holds_the_same_up_to_an_entry(self, store: Store, tmp_path: Path) -> None:
        for n in range(1, 8):
            store.append(n, b"%d" % n, checkpoint=n in {1, 4, 7})
        store.put("seg", b"bytes")
        for upto, head, root in ((None, 7, 7), (6, 6, 4), (4, 4, 4), (3, 3, 1), (0, 0, 0)):
            target = tmp_path / f"copy-{upto}"
            store.copy_to(target, upto)
            with DirectoryStore(target, create=False) as copy:
                assert copy.read(1, 99) == [b"%d" % n for n in range(1, head + 1)]
                assert copy.latest_checkpoint() == ((root, b"%d" % root) if root else None)
                assert copy.verify() == []
                assert copy.get("seg") == b"bytes"
                copy.append(head + 1, b"goes on")
        with pytest.raises(StorageError, match="storage/exists"):
            store.copy_to(tmp_path / "copy-0")
        assert store.verify() == []


class TestMemoryStore(StoreContract):
    def new_store(self, tmp_path: Path) -> Store:
        return MemoryStore()


class TestDirectoryStore(StoreContract):
    def new_store(self, tmp_path: Path) -> Store:
        return DirectoryStore(tmp_path / "db")


class TestDirectoryStoreWithTinyFiles(StoreContract):
    def new_store(self, tmp_path: Path) -> Store:
        return DirectoryStore(tmp_path / "db", file_bytes=100, preallocate=False)


class TestDirectoryStoreUnsynced(StoreContract):
    def new_store(self, tmp_path: Path) -> Store:
        return DirectoryStore(tmp_path / "db", fsync="off")


class TestDirectoryStoreAtIntervals(StoreContract):
    def new_store(self, tmp_path: Path) -> Store:
        return DirectoryStore(tmp_path / "db", fsync="interval:1")
