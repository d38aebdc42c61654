"""Files that ship with the package, and bringing the agent schema into a database that lacks it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datamem.edn import Keyword
from datamem.importers.batch import Connection
from datamem.importers.instants import last_instant, one_us_after
from datamem.schema.agent import agent_schema, agent_schema_text, missing_definitions

__all__ = ["agent_schema", "agent_schema_text", "ensure_attributes", "sample_path"]

_PACKAGE = Path(__file__).resolve().parents[1]


def sample_path(name: str = "conversation.jsonl") -> Path:
    """Return a file of the sample: the conversation, or `memories.edn`, what an agent kept of it."""
    return _PACKAGE / "sample" / name


def ensure_attributes(conn: Connection, attributes: Iterable[Keyword]) -> int:
    """Declare those of the attributes and specs that the agent schema names and the database lacks.

    The transaction's instant is that of the one before it and a microsecond, so that a history
    may still be imported with its own dates. Returns how many were declared.
    """
    missing = missing_definitions(conn.db.schema, attributes)
    if missing:
        instant = one_us_after(last_instant(conn.db))
        conn.transact(missing, meta={Keyword(":db/txInstant"): instant})
    return len(missing)
