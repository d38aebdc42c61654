"""What a transaction did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.db.datom import Datom
from datamem.ids import tx_of_t

if TYPE_CHECKING:
    from datamem.db.database import Db


@dataclass(slots=True)
class TxReport:
    """The outcome of a transaction.

    Attributes:
        db_before, db_after: the database values around it.
        tempids: tempid to entity id, as the tx-data wrote them.
        t: its number; with nothing to do, that of `db_before`.
    """

    db_before: Db
    db_after: Db
    tempids: Mapping[Any, int]
    t: int
    _datoms: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[bool]]
    _tx_data: list[Datom] | None = field(default=None)

    @property
    def tx(self) -> int:
        """The transaction's entity id."""
        return tx_of_t(self.t)

    @property
    def tx_data(self) -> list[Datom]:
        """The datoms it added and retracted, made at the first look; empty if nothing changed."""
        if self._tx_data is None:
            e, a, v, added = (np.asarray(column) for column in self._datoms)
            tx = np.full(len(e), self.tx, np.int64)
            self._tx_data = self.db_after.datoms_of(e, a, v, tx, added.astype(np.bool_))
        return self._tx_data

    @property
    def datom_count(self) -> int:
        """How many datoms `tx_data` has."""
        return len(self._datoms[0])

    def __repr__(self) -> str:
        return (
            f"TxReport(t={self.t}, {self.datom_count} datoms, tempids={dict(self.tempids)!r})"
        )
