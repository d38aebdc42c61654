"""A store in memory: for tests, forks and databases that need not outlive the process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NoReturn

from datamem.txlog.directory import DirectoryStore
from datamem.txlog.store import (
    Damage,
    Recovery,
    blob_exists_error,
    check_blob_name,
    check_entry_size,
    closed_error,
    conflict_error,
    missing_blob_error,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class MemoryStore:
    """Entries and blobs in memory; keeps the contract of `Store`, except that nothing lasts."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._blobs: dict[str, bytes] = {}
        self._checkpoints: list[int] = []
        self._changed = threading.Condition()
        self._waiting = 0
        self._closed = False

    @property
    def recovery(self) -> Recovery | None:
        """Nothing to mend, ever."""
        return None

    def append(self, n: int, entry: bytes, *, checkpoint: bool = False) -> None:
        """See `Store.append`."""
        with self._changed:
            self._append(n, [entry])
            if checkpoint:
                self._checkpoints.append(n)

    def append_many(
        self,
        n: int,
        entries: Sequence[bytes],
        *,
        is_synced: bool = True,  # noqa: ARG002 - as the protocol
    ) -> None:
        """See `Store.append_many`; nothing here is ever durable."""
        with self._changed:
            self._append(n, entries)

    def _append(self, n: int, entries: Sequence[bytes]) -> None:
        self._check_open()
        if n != len(self._entries) + 1:
            raise conflict_error(n, len(self._entries))
        for entry in entries:
            check_entry_size(entry)
        self._entries.extend(entries)
        if self._waiting:
            self._changed.notify_all()

    def sync(self) -> None:
        """See `Store.sync`."""
        self._check_open()

    def read(self, n: int, limit: int) -> list[bytes]:
        """See `Store.read`."""
        self._check_open()
        return self._entries[n - 1 : n - 1 + max(limit, 0)] if n > 0 else []

    def head(self) -> int:
        """See `Store.head`."""
        self._check_open()
        return len(self._entries)

    def latest_checkpoint(self) -> tuple[int, bytes] | None:
        """See `Store.latest_checkpoint`."""
        self._check_open()
        if not self._checkpoints:
            return None
        n = self._checkpoints[-1]
        return n, self._entries[n - 1]

    def put(self, name: str, data: bytes | memoryview, *, durable: bool | None = None) -> None:  # noqa: ARG002  part of the contract
        """See `Store.put`."""
        self._check_open()
        check_blob_name(name)
        if self._blobs.setdefault(name, copied := bytes(data)) != copied:
            raise blob_exists_error(name)

    def get(self, name: str) -> bytes | None:
        """See `Store.get`."""
        self._check_open()
        check_blob_name(name)
        return self._blobs.get(name)

    def open_blob(self, name: str) -> memoryview:
        """See `Store.open_blob`."""
        data = self.get(name)
        if data is None:
            raise missing_blob_error(name, "the store in memory")
        return memoryview(data)

    def delete(self, name: str) -> None:
        """See `Store.delete`."""
        self._check_open()
        check_blob_name(name)
        self._blobs.pop(name, None)

    def names(self, prefix: str = "") -> list[str]:
        """See `Store.names`."""
        self._check_open()
        return sorted(name for name in self._blobs if name.startswith(prefix))

    def wait(self, n: int, timeout: float) -> bool:
        """See `Store.wait`."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(
                    lambda: self._closed or len(self._entries) >= n,
                    max(deadline - time.monotonic(), 0),
                )
            finally:
                self._waiting -= 1
            return len(self._entries) >= n

    def verify(self) -> list[Damage]:
        """See `Store.verify`."""
        self._check_open()
        return []

    def copy_to(self, path: Path, upto: int | None = None) -> None:
        """See `Store.copy_to`."""
        head = self.head()
        last = head if upto is None else min(upto, head)
        with DirectoryStore.create_copy(path) as target:
            for name, data in list(self._blobs.items()):
                target.put(name, data, durable=False)
            at = 1
            for n in [*(n for n in self._checkpoints if n <= last), last + 1]:
                if at < n:
                    target.append_many(at, self._entries[at - 1 : n - 1])
                if n <= last:
                    target.append(n, self._entries[n - 1], checkpoint=True)
                at = n + 1

    def close(self) -> None:
        """See `Store.close`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _check_open(self) -> None:
        if self._closed:
            self._refuse_closed()

    def _refuse_closed(self) -> NoReturn:
        raise closed_error()
