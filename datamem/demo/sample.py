"""The sample: ten weeks of talk between Mira, who opens a bakery, and her agent Pip, with what Pip kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datamem.conn import Connection
from datamem.edn import Keyword, read
from datamem.importers import ImportReport, import_batches, read_chats, sample_path

K = Keyword


def play_sample(conn: Connection) -> None:
    """Transact the sample: each session on its date, and what the agent kept of it right after."""
    report = ImportReport("chat", "sample")
    kept = {memory[K(":session")]: memory for memory in read_memories()}
    for batch in read_chats(sample_path(), "sample"):
        import_batches(conn, [batch], report)
        session = next(e for e in batch.entities if K(":session/id") in e)
        memory = kept.get(session[K(":session/external-id")])
        if memory is not None:
            meta = {K(":db/txInstant"): memory[K(":at")], K(":tx/why"): memory[K(":why")]}
            conn.transact(memory[K(":tx-data")], meta=meta)


def read_memories() -> Iterator[Any]:
    """Yield what the sample agent kept: `:at`, `:session`, `:why` and `:tx-data` each."""
    yield from read(sample_path("memories.edn").read_text(encoding="utf-8"))
