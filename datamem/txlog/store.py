"""The storage contract: what every store of numbered entries and immutable blobs promises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from datamem.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_ENTRY_BYTES: Final = 256 << 20
"""A larger transaction is several entries, or a blob that an entry names."""

_BLOB_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


class Conflict(StorageError):  # noqa: N818  the contract's own word: not a fault, a lost race
    """Number n is not the next one; nothing of the call was stored."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening had to mend.

    Attributes:
        file: the log file that ended in an unfinished record.
        entry: number of the first entry that was dropped; it had never been acknowledged.
        cut_bytes: how many bytes were cut off (read-only: how many are ignored).
        reason: one sentence for people.
    """

    file: str
    entry: int
    cut_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that `verify` found wrong: which file, which entry, at which byte, and what."""

    file: str
    entry: int
    offset: int
    reason: str


class Store(Protocol):
    """Numbered entries 1, 2, 3 … and immutable blobs; there is no other state.

    All methods may be called from any thread. Every method raises StorageError
    "storage/closed" after `close()`.
    """

    @property
    def recovery(self) -> Recovery | None:
        """What opening had to mend, or None."""
        ...

    def append(self, n: int, entry: bytes, *, checkpoint: bool = False) -> None:
        """Store `entry` as number `n` if and only if the log holds exactly n - 1 entries.

        Durable on return under the policy "always". A checkpoint is an entry from which a
        reader can start: whatever came before it need not be read to open the database. All
        blobs put before are durable when a checkpoint is.

        Raises:
            Conflict: storage/conflict: `n` is not the next number.
            StorageError: storage/disk-full: nothing was stored; appending may go on later.
                storage/write-failed: nothing more can be appended until the store is opened anew.
                storage/entry-too-large, storage/read-only, storage/lock-lost, storage/forked.
        """
        ...

    def append_many(self, n: int, entries: Sequence[bytes], *, is_synced: bool = True) -> None:
        """Store several entries as n, n + 1, … with one write and one sync (group commit).

        Not synced, they are durable with the next that are, or after `sync`; a crash before that may
        lose the newest of them, as under the policy "off".

        On an error no entry of the group counts as stored; see `append`.
        """
        ...

    def sync(self) -> None:
        """Make everything appended and put so far durable, whatever the policy."""
        ...

    def read(self, n: int, limit: int) -> list[bytes]:
        """Return the entries n, n + 1, … that exist, at most `limit` of them, in order.

        Raises:
            StorageError: storage/corrupt-log: damage, with file, entry and offset; never taken
                for the end of the log.
        """
        ...

    def head(self) -> int:
        """Return the number of the newest entry, 0 when there is none."""
        ...

    def latest_checkpoint(self) -> tuple[int, bytes] | None:
        """Return the newest checkpoint and its number without reading what came before it."""
        ...

    def put(self, name: str, data: bytes | memoryview, *, durable: bool | None = None) -> None:
        """Store an immutable blob. Names are never reused; the same bytes again change nothing.

        Args:
            name: letters, digits, ".", "_" and "-", at most 200, not starting
                with "." or "-" and not ending in ".tmp".
            data: the bytes; large ones are written and synced in steps.
            durable: on return; None is what the policy says (True unless "off"). With False the
                blob is durable after the next `sync` or checkpoint.

        Raises:
            StorageError: storage/blob-exists: other bytes have this name already.
                storage/bad-name, storage/disk-full, storage/read-only.
        """
        ...

    def get(self, name: str) -> bytes | None:
        """Return a blob's bytes, None when there is none. Checking them is the caller's part."""
        ...

    def open_blob(self, name: str) -> memoryview:
        """Return a read-only view of a blob, memory-mapped where the store can.

        The view stays valid after `close` and `delete`.

        Raises:
            StorageError: storage/missing-blob.
        """
        ...

    def delete(self, name: str) -> None:
        """Forget a blob that no entry needs any more; a missing one is no error."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of the blobs, sorted."""
        ...

    def wait(self, n: int, timeout: float) -> bool:
        """Wait until entry `n` exists, at most `timeout` seconds; tell whether it does."""
        ...

    def verify(self) -> list[Damage]:
        """Read every entry and return all that is wrong. Cost: one pass over the log."""
        ...

    def copy_to(self, path: Path, upto: int | None = None) -> None:
        """Write a directory store with the entries 1 … `upto` and all blobs; writes may go on.

        Raises:
            StorageError: storage/exists: `path` is there and not empty.
        """
        ...

    def close(self) -> None:
        """Sync, release everything; a second call does nothing."""
        ...


def conflict_error(n: int, head: int) -> Conflict:
    """Return the error for an append at `n` to a log that holds `head` entries."""
    return Conflict(
        f"entry {n} cannot be appended, the log holds {head}",
        code="storage/conflict",
        hint="read what was appended meanwhile and append at the next number",
        entry=n,
        head=head,
    )


def check_entry_size(entry: bytes) -> None:
    """Refuse an entry that no reader would take.

    Raises:
        StorageError: storage/entry-too-large.
    """
    if len(entry) > MAX_ENTRY_BYTES:
        raise StorageError(
            f"an entry of {len(entry)} bytes is larger than {MAX_ENTRY_BYTES}",
            code="storage/entry-too-large",
            hint="split the transaction",
            bytes=len(entry),
            limit=MAX_ENTRY_BYTES,
        )


def check_blob_name(name: str) -> None:
    """Refuse a name that is not the same on every file system.

    Raises:
        StorageError: storage/bad-name.
    """
    if not _BLOB_NAME.fullmatch(name) or name.endswith(".tmp"):
        raise StorageError(
            f"{name!r} cannot name a blob",
            code="storage/bad-name",
            hint="use letters, digits, '.', '_' and '-', at most 200, starting with none of '.-' and not ending in '.tmp'",
            name=name,
        )


def blob_exists_error(name: str) -> StorageError:
    """Return the error for a second blob under a name that other bytes have."""
    return StorageError(
        f"a blob named {name} exists and holds other bytes",
        code="storage/blob-exists",
        hint="blobs never change: use a new name",
        name=name,
    )


def missing_blob_error(name: str, where: str) -> StorageError:
    """Return the error for a blob that should be there."""
    return StorageError(
        f"{where} has no blob {name}",
        code="storage/missing-blob",
        hint="restore a backup, or let the indexes be rebuilt from the log",
        name=name,
    )


def closed_error() -> StorageError:
    """Return the error for any use after `close`."""
    return StorageError(
        "the store is closed", code="storage/closed", hint="connect to it again"
    )
