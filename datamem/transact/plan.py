"""What a transaction will do: resolved datoms and new heap values, ready to be logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datamem.index.heap import NewValue
    from datamem.schema import Schema

_FEW_DATOMS: Final = 4_096


@dataclass(slots=True)
class TxPlan:
    """A checked transaction that has not happened yet.

    The columns are one row a datom, the first being `[tx :db/txInstant instant]`. A value that the
    heap does not have yet has the code it will get: `heap_size` of the database plus its place in
    `new_values`.

    Attributes:
        t, tx: number and entity id of the transaction; those of the database when `empty`.
        instant_us: µs since 1970; later than that of every earlier transaction.
        e, a, v: entity, attribute and word of each datom.
        added: False for retractions, which come before the assertion that replaces them.
        new_values: type, canonical value and heap key of each new code.
        next_entity, next_attribute: the counters afterwards.
        tempids: tempid as written to entity id.
        schema: the schema afterwards.
        changes_schema: whether `schema` differs from the database's.
        empty: nothing to do: no datoms, and no t is used up.
    """

    t: int
    tx: int
    instant_us: int
    e: Sequence[int]
    a: Sequence[int]
    v: Sequence[int]
    added: Sequence[bool]
    new_values: Sequence[NewValue]
    next_entity: int
    next_attribute: int
    tempids: Mapping[Any, int]
    schema: Schema
    changes_schema: bool = False
    empty: bool = False

    def add(self, facts: Sequence[tuple[int, int, int]]) -> None:
        """Add assertions, of (entity, attribute, word) that do not hold yet."""
        e, a, v = zip(*facts, strict=True)
        self.e, self.a, self.v = (
            _extended(self.e, e),
            _extended(self.a, a),
            _extended(self.v, v),
        )
        self.added = _extended(self.added, [True] * len(facts))


def plan_column(parts: Sequence[Any]) -> Any:
    """Return parts joined to one column: an array, which is sequence enough for a plan, or a list if it is short."""
    column = np.concatenate(parts)
    return column.tolist() if len(column) <= _FEW_DATOMS else column


def _extended(column: Any, more: Sequence[int]) -> Any:
    """Return a column with more rows; one that is an array stays one."""
    if isinstance(column, np.ndarray):
        return np.concatenate((column, np.array(more, column.dtype)))
    return (*column, *more)
