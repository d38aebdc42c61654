"""What a connection has committed, and where its log stands."""

from __future__ import annotations

from dataclasses import dataclass

from datamem.db.database import Db


@dataclass(slots=True)
class State:
    """What is committed and where the log stands; replaced, never changed.

    Attributes:
        db: the value that readers get.
        digest: the chain's digest after it.
        entry_count: entries in the log.
        unrooted_rows: datoms that no published index root holds.
    """

    db: Db
    digest: bytes
    entry_count: int
    unrooted_rows: int = 0
