"""Packs: immutable blobs of a store, named by their content, mapped at their first use.

A pack that newer roots no longer name is deleted; database values that still read it keep it mapped,
so a value stays whole for as long as somebody holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol
from weakref import WeakValueDictionary

from datamem.errors import StorageError


class BlobStore(Protocol):
    """The part of the storage contract that indexes need."""

    def put(self, name: str, data: bytes, *, durable: bool | None = None) -> None:
        """Store an immutable blob; durable on return where the policy says so, or with the next checkpoint."""

    def open_blob(self, name: str) -> memoryview:
        """Return a blob's bytes, mapped."""

    def delete(self, name: str) -> None:
        """Remove a blob."""

    def names(self, prefix: str = "") -> Iterable[str]:
        """Return the names of the stored blobs."""


class Pack:
    """One blob, mapped when first read."""

    __slots__ = ("__weakref__", "_data", "_store", "name")

    def __init__(
        self, name: str, store: BlobStore | None, data: memoryview | None = None
    ) -> None:
        self.name = name
        self._store = store
        self._data = data

    def data(self) -> memoryview:
        """Return its bytes.

        Raises:
            StorageError: `storage/missing-blob` if the store does not have it.
        """
        data = self._data
        if data is None:
            assert self._store is not None
            try:
                data = self._store.open_blob(self.name)
            except StorageError:
                data = self._data  # another thread mapped it, then it was deleted or closed
                if data is None:
                    raise
            self._data = data
        return data


class Packs:
    """The packs of one store; without a store or write access, new packs live while they are used."""

    def __init__(self, store: BlobStore | None = None, *, read_only: bool = False) -> None:
        self._store = store
        self._is_read_only = read_only
        self.fresh: set[str] = set()
        """Names written since the last root; the one who publishes roots clears it."""
        self._open: WeakValueDictionary[str, Pack] = WeakValueDictionary()

    @property
    def is_transient(self) -> bool:
        """Tell whether the packs are in memory only."""
        return self._store is None

    def get(self, name: str) -> Pack:
        """Return the pack of this name; nothing is read yet."""
        pack = self._open.get(name)
        if pack is None:
            pack = self._open[name] = Pack(name, self._store)
        return pack

    def verified(self, name: str) -> memoryview:
        """Return a blob's bytes, read in whole and compared with its name.

        Raises:
            StorageError: `storage/missing-blob`, `storage/corrupt-blob`.
        """
        data = self.get(name).data()
        if _name_of(name.partition("-")[0], data) != name:
            raise StorageError(
                f"the bytes of blob {name} are not those that its name says",
                code="storage/corrupt-blob",
                hint="run `datamem check --repair` to rebuild the indexes from the log",
                blob=name,
            )
        return data

    def write(self, kind: str, data: bytes, *, is_synced: bool = True) -> Pack:
        """Store bytes under a name made of their digest; a damaged blob of that name is replaced.

        Args:
            kind: first part of the name.
            data: the bytes.
            is_synced: False leaves it to the next checkpoint to sync them, together with others.
        """
        name = _name_of(kind, data)
        if self._store is None or self._is_read_only:
            return Pack(name, None, memoryview(data))
        self.fresh.add(name)
        durable = None if is_synced else False
        try:
            self._store.put(name, data, durable=durable)
        except StorageError as error:
            if error.code != "storage/blob-exists":
                raise
            self._open.pop(name, None)
            self._store.delete(name)
            self._store.put(name, data, durable=durable)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Delete a blob; whoever still reads it keeps it mapped."""
        pack = self._open.get(name)
        if pack is not None:
            pack.data()
        if self._store is not None:
            self._store.delete(name)

    def map_all(self) -> None:
        """Map every pack that somebody uses, since the store is about to close."""
        for pack in list(self._open.values()):
            with suppress(StorageError):
                pack.data()

    def sweep(self, keep: set[str]) -> int:
        """Delete all blobs but those to keep; return how many."""
        names = [] if self._store is None else list(self._store.names())
        doomed = [name for name in names if name not in keep]
        for name in doomed:
            self.remove(name)
        return len(doomed)


def _name_of(kind: str, data: bytes | memoryview) -> str:
    return f"{kind}-{hashlib.blake2b(data, digest_size=16).hexdigest()}"
