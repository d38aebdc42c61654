"""The attributes that keys, states, runs and traces need, declared where a database lacks them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from datamem.conn import Connection
from datamem.db import Db
from datamem.edn import Keyword
from datamem.errors import StorageError
from datamem.schema.agent import agent_schema, missing_definitions
from datamem.transact import resolve


@cache
def _names(sections: tuple[str, ...]) -> tuple[Keyword, ...]:
    """Return the attributes of the agent schema whose namespaces are among `sections`."""
    wanted = tuple(f":{section}/" for section in sections)
    return tuple(name for name in agent_schema() if name.startswith(wanted))


def declare(conn: Connection, *sections: str) -> None:
    """Declare what the agent schema has in these namespaces and the database does not know.

    The transaction's instant is a microsecond after the one before it, so that a history may still be
    imported with its own dates.
    """
    names = _names(sections)
    if _is_known(conn.db, names):
        return
    try:
        conn.commit(_declaration(names))
    except StorageError as error:
        if error.code != "storage/read-only":  # then there is nothing to read either
            raise


def _is_known(db: Db, names: tuple[Keyword, ...]) -> bool:
    return all(db.schema.get(name) is not None for name in names)


def _declaration(names: tuple[Keyword, ...]) -> Callable[[Db], Any]:
    def plan(db: Db) -> Any:
        missing = missing_definitions(db.schema, names)
        return resolve(db, missing, now_us=db.last_instant_us + 1)

    return plan
