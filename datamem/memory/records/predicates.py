"""Predicates of the agent schema that a connection must know to check them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from datamem.errors import DatamemError

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.db import Db


def block_fits(db: Db, eid: int) -> bool:
    """Tell whether a block's text is no longer than its limit, in characters.

    Raises:
        DatamemError: `block/too-long` with both lengths.
    """
    block = db.entity(eid)
    assert block is not None
    length, limit = len(block[":block/value"]), block[":block/limit"]
    if length <= limit:
        return True
    raise block_too_long(str(block[":block/label"]), length, limit)


def block_too_long(label: str, length: int, limit: int) -> DatamemError:
    """Return the refusal of a block's text."""
    return DatamemError(
        f"block {label} would have {length} characters, and its limit is {limit}",
        code="block/too-long",
        hint="rethink it to something shorter, or set a higher limit",
        label=label,
        length=length,
        limit=limit,
    )


PREDICATES: Final[dict[str, Callable[..., bool]]] = {":datamem.memory/block-fits": block_fits}


def register_predicates(conn: Connection) -> None:
    """Make the connection able to check what the agent schema asks for."""
    for name, predicate in PREDICATES.items():
        conn.register(name, predicate)
