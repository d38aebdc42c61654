"""Footprints: what a transaction has read, as patterns that later datoms may match."""

from __future__ import annotations

from typing import Any, Final

from datamem.db.database import Db
from datamem.index.kernels import Int64Array
from datamem.schema.types import ValueType

FEW: Final = 512
"""Lookups of more entities or values at once count as reading the whole attribute."""

Fact = tuple[int, int, int]
"""Entity, attribute and word."""


class Footprint:
    """The patterns of everything that was read, found or not.

    A read is noted as what was asked for, so that a datom that would have been part of its answer matches
    it: also one that nobody had written yet. What cannot be noted exactly is noted as more.
    """

    __slots__ = ("attributes", "entities", "everything", "missing", "ranges", "slots", "values")

    def __init__(self) -> None:
        self.everything = False
        self.entities: set[int] = set()
        self.attributes: set[int] = set()
        self.slots: set[tuple[int, int]] = set()
        """(entity, attribute)."""
        self.values: set[tuple[int, int]] = set()
        """(attribute, word)."""
        self.ranges: dict[int, list[tuple[int | None, int | None]]] = {}
        """Attribute to inclusive bounds of words."""
        self.missing: set[tuple[ValueType, Any]] = set()
        """Types and keys of values that the database did not have at all."""

    def note(self, e: int | None, a: int | None, v: int | None) -> None:
        """Note a read of the datoms with these parts."""
        if e is not None and a is not None:
            self.slots.add((e, a))
        elif e is not None:
            self.entities.add(e)
        elif a is not None and v is not None:
            self.values.add((a, v))
        elif a is not None:
            self.attributes.add(a)
        else:
            self.everything = True

    def note_entities(self, a: int, es: Int64Array) -> None:
        """Note a read of an attribute of several entities."""
        if len(es) > FEW:
            self.attributes.add(a)
        else:
            self.slots.update((e, a) for e in es.tolist())

    def note_values(self, a: int, vs: Int64Array) -> None:
        """Note a read of who has one of several values."""
        if len(vs) > FEW:
            self.attributes.add(a)
        else:
            self.values.update((a, v) for v in vs.tolist())

    def note_range(self, a: int, low: int | None, high: int | None) -> None:
        """Note a read of an attribute's values between two words."""
        if low is None and high is None:
            self.attributes.add(a)
        else:
            self.ranges.setdefault(a, []).append((low, high))

    def note_missing(self, tag: ValueType, key: Any) -> None:
        """Note that a value was looked for, by its key in the heap, which nothing had."""
        self.missing.add((tag, key))

    def codes_since(self, db: Db) -> frozenset[int]:
        """Return the codes that missing values have got by a later database value."""
        if not self.missing:
            return frozenset()
        found = (db.heap.find_key(tag, key) for tag, key in self.missing)
        return frozenset(code for code in found if code is not None)

    def has(self, fact: Fact) -> bool:
        """Tell whether a datom matches something that was read."""
        e, a, v = fact
        return (
            self.everything
            or e in self.entities
            or a in self.attributes
            or (e, a) in self.slots
            or (a, v) in self.values
            or (a in self.ranges and self._in_range(a, v))
        )

    def _in_range(self, a: int, v: int) -> bool:
        return any(
            (low is None or low <= v) and (high is None or v <= high)
            for low, high in self.ranges[a]
        )
