"""A datom: one fact, who asserted or retracted it, and which of the two."""

from __future__ import annotations

from typing import Any, NamedTuple


class Datom(NamedTuple):
    """One fact.

    Attributes:
        e: entity id.
        a: entity id of the attribute; `db.ident(a)` names it.
        v: the value.
        tx: entity id of the transaction; its t is `tx - 2**40`.
        added: False for a retraction.
    """

    e: int
    a: int
    v: Any
    tx: int
    added: bool
