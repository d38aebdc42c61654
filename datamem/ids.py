"""Entity ids and their three partitions: user entities, transactions, attributes."""

from __future__ import annotations

from typing import Final

TX_BASE: Final = 1 << 40
"""A transaction's entity id is TX_BASE + t, so that ids and t tell each other apart."""

ATTR_BASE: Final = 1 << 41
"""Attribute entities are ATTR_BASE + n; user entities count from 1, as peers' examples do."""

MAX_T: Final = (1 << 62) - 1
"""`tx_retracted` of a datom that still holds."""


def tx_of_t(t: int) -> int:
    """Return the entity id of transaction number `t`."""
    return TX_BASE + t


def t_of_tx(tx: int) -> int:
    """Return the number of the transaction whose entity id is `tx`."""
    return tx - TX_BASE


def is_tx(entity_id: int) -> bool:
    """Tell whether the id lies in the transaction partition."""
    return TX_BASE <= entity_id < ATTR_BASE


def is_attribute(entity_id: int) -> bool:
    """Tell whether the id lies in the attribute partition."""
    return entity_id >= ATTR_BASE
