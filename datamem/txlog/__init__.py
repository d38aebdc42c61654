"""What is on disk and when it is safe: numbered entries, immutable blobs, and the digest chain.

This package knows bytes and entry numbers only. `Store` is the contract; `MemoryStore` and
`DirectoryStore` keep it. The format is told in `docs/format-log.md`.
"""

from __future__ import annotations

from datamem.txlog.chain import leaf_digests, leaf_salts, next_digest
from datamem.txlog.directory import DirectoryStore
from datamem.txlog.files import FileSystem
from datamem.txlog.memory import MemoryStore
from datamem.txlog.policy import SyncPolicy
from datamem.txlog.store import Conflict, Damage, Recovery, Store

__all__ = [
    "Conflict",
    "Damage",
    "DirectoryStore",
    "FileSystem",
    "MemoryStore",
    "Recovery",
    "Store",
    "SyncPolicy",
    "leaf_digests",
    "leaf_salts",
    "next_digest",
]
