"""A column of an answer: words or Python objects, which become values when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Protocol

import numpy as np

from datamem.datalog.columns.domains import Domain, doubles
from datamem.datalog.columns.kernels import Int64Array


class Column(Protocol):
    """One column of a result."""

    name: str

    def values(self) -> list[Any]:
        """Return the Python values; made once."""

    def part(self, rows: slice) -> list[Any]:
        """Return the Python values of some rows; none are kept."""

    def take(self, rows: Int64Array) -> Column:
        """Return some rows of the column."""

    def array(self) -> np.ndarray[Any, Any]:
        """Return the values as a numpy array: typed for numbers, booleans and instants."""


class WordColumn:
    """A column of words, decoded when it is looked at."""

    __slots__ = ("_values", "domain", "name", "words")

    def __init__(self, name: str, words: Int64Array, domain: Domain) -> None:
        self.name = name
        self.words = words
        self.domain = domain
        self._values: list[Any] | None = None

    def values(self) -> list[Any]:
        """Return the Python values."""
        if self._values is None:
            self._values = self.domain.decode(self.words)
        return self._values

    def part(self, rows: slice) -> list[Any]:
        """Return the values of some rows."""
        if self._values is not None:
            return self._values[rows]
        return self.domain.decode(self.words[rows])

    def take(self, rows: Int64Array) -> WordColumn:
        """Return some rows."""
        return WordColumn(self.name, self.words[rows], self.domain)

    def array(self) -> np.ndarray[Any, Any]:
        """Return int64, float64, bool or datetime64[us] where the domain is one, else objects.

        Whole numbers may be the index's own, and are not to be written to.
        """
        match self.domain.name:
            case "int":
                words = self.words.view()
                words.flags.writeable = False
                return words
            case "double":
                return doubles(self.words)
            case "boolean":
                return self.words.astype(np.bool_)
            case "instant":
                return self.words.astype("datetime64[us]")
            case "object":
                return _instants(self.values())
            case _:
                pass
        return _objects(self.values())


class ObjectColumn:
    """A column of Python values: aggregates and pulled maps."""

    __slots__ = ("_items", "name")

    def __init__(self, name: str, items: list[Any]) -> None:
        self.name = name
        self._items = items

    def values(self) -> list[Any]:
        """Return the values."""
        return self._items

    def part(self, rows: slice) -> list[Any]:
        """Return the values of some rows."""
        return self._items[rows]

    def take(self, rows: Int64Array) -> ObjectColumn:
        """Return some rows."""
        return ObjectColumn(self.name, [self._items[row] for row in rows.tolist()])

    def array(self) -> np.ndarray[Any, Any]:
        """Return a typed array for plain numbers, else objects."""
        kinds = {type(item) for item in self._items}
        if kinds in ({int}, {float}, {bool}):
            try:
                return np.array(self._items)
            except OverflowError:
                return _objects(self._items)
        return _objects(self._items)


def _instants(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return instants of which some are missing as datetime64[us] with NaT; other values as objects."""
    if set(map(type, values)) != {datetime, NoneType}:
        return _objects(values)
    plain = [at and at.astimezone(UTC).replace(tzinfo=None) for at in values]
    return np.array(plain, "datetime64[us]")


def _objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    return np.fromiter(values, object, len(values))
