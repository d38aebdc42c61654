"""Files that ship with the package, and bringing the agent schema into a database that lacks it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from datamem.edn import Keyword, read
from datamem.importers.batch import Connection
from datamem.importers.instants import last_instant, one_us_after

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def agent_schema_text() -> str:
    """Return `schemas/agent_schema.edn`, from the wheel or from the checkout."""
    shipped = _PACKAGE / "_schemas" / "agent_schema.edn"
    checkout = _PACKAGE.parent / "schemas" / "agent_schema.edn"
    return (shipped if shipped.exists() else checkout).read_text(encoding="utf-8")


@cache
def agent_schema() -> dict[Keyword, dict[Keyword, Any]]:
    """Return the agent schema as data: attribute to description; not to be changed."""
    schema: dict[Keyword, dict[Keyword, Any]] = read(agent_schema_text())
    return schema


def sample_path(name: str = "conversation.jsonl") -> Path:
    """Return a file of the sample: the conversation, or `memories.edn`, what an agent kept of it."""
    return _PACKAGE / "sample" / name


def ensure_attributes(conn: Connection, attributes: Iterable[Keyword]) -> int:
    """Declare those of the attributes that the agent schema names and the database does not know.

    The transaction's instant is that of the one before it and a microsecond, so that a history
    may still be imported with its own dates. Returns how many were declared.
    """
    known, shipped = conn.db.schema, agent_schema()
    missing = [
        {Keyword(":db/ident"): attribute, **_definition(shipped[attribute])}
        for attribute in attributes
        if attribute in shipped and known.get(attribute) is None
    ]
    if missing:
        instant = one_us_after(last_instant(conn.db))
        conn.transact(missing, meta={Keyword(":db/txInstant"): instant})
    return len(missing)


def _definition(description: dict[Keyword, Any]) -> dict[Keyword, Any]:
    cardinality = {Keyword(":db/cardinality"): Keyword(":db.cardinality/one")}
    return cardinality | description
