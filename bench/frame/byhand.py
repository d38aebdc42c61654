"""The benchmark's queries written by hand over sorted numpy columns: how fast they could be.

No parser, no plan, no types, no past, no second level, no caller to be protected from: each function knows its
query. What it shares with an engine is the storage, each attribute's rows by entity and by value and a
dictionary of the values' codes, and that nothing promises dense ids or a value of every attribute for
every entity. Answers are columns of the caller's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.frame.people import LAST_NAMES, NAMES, SEXES

Int64 = NDArray[np.int64]
Answer = Sequence[tuple[str, NDArray[Any]]]
"""Columns with what their codes stand for: "e" and "number" are themselves."""

WORDS: dict[str, Sequence[Any]] = {":name": NAMES, ":last-name": LAST_NAMES, ":sex": SEXES}
CODES = {
    name: {value: code for code, value in enumerate(values)} for name, values in WORDS.items()
}


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows of each attribute, in two orders.

    Attributes:
        by_entity: attribute to (entities, values), int64[n] each, sorted by entity.
        by_value: attribute to (values, entities), int64[n] each, sorted by value, then entity.
    """

    by_entity: dict[str, tuple[Int64, Int64]]
    by_value: dict[str, tuple[Int64, Int64]]

    @classmethod
    def of(cls, columns: dict[str, NDArray[Any]]) -> Sorted:
        """Sort columns of codes, as `people.codes` gives them; row n is entity n + 1."""
        by_entity, by_value = {}, {}
        for name, column in columns.items():
            order = np.argsort(column, kind="stable")
            by_entity[name] = (np.arange(1, len(column) + 1), column)
            by_value[name] = (column[order], order + 1)
        return cls(by_entity, by_value)

    def where(self, name: str, value: str) -> Int64:
        """Return the entities that have a value, ascending."""
        code = CODES[name][value]
        values, entities = self.by_value[name]
        start, stop = np.searchsorted(values, [code, code + 1])
        return entities[start:stop]

    def join(self, name: str, e: Int64) -> tuple[Int64, Int64]:
        """Return (rows of `e`, values): who has the attribute, and what, for ascending entities."""
        entities, values = self.by_entity[name]
        at = np.searchsorted(entities, e)
        at[at == len(entities)] = 0
        rows = np.flatnonzero(entities[at] == e)
        return rows, values[at[rows]]

    def rows(self, answer: Answer) -> list[tuple[Any, ...]]:
        """Return an answer as tuples of values."""
        return list(zip(*[_decoded(name, column) for name, column in answer], strict=True))


def _decoded(name: str, column: NDArray[Any]) -> list[Any]:
    table = WORDS.get(name)
    values = column.tolist()
    return values if table is None else [table[code] for code in values]


def _q1(data: Sorted) -> Answer:
    return [("e", data.where(":name", "Ivan").copy())]


def _q2(data: Sorted) -> Answer:
    e = data.where(":name", "Ivan")
    rows, ages = data.join(":age", e)
    return [("e", e[rows]), ("number", ages)]


def _male_ivans(data: Sorted) -> Int64:
    return np.intersect1d(
        data.where(":name", "Ivan"), data.where(":sex", ":male"), assume_unique=True
    )


def _q3(data: Sorted) -> Answer:
    e = _male_ivans(data)
    rows, ages = data.join(":age", e)
    return [("e", e[rows]), ("number", ages)]


def _q4(data: Sorted) -> Answer:
    e = _male_ivans(data)
    rows, last_names = data.join(":last-name", e)
    e = e[rows]
    rows, ages = data.join(":age", e)
    return [("e", e[rows]), (":last-name", last_names[rows]), ("number", ages)]


def _q5(data: Sorted) -> Answer:
    ages = np.unique(data.join(":age", data.where(":name", "Ivan"))[1])
    values, entities = data.by_value[":age"]
    starts = np.searchsorted(values, ages)
    counts = np.searchsorted(values, ages, side="right") - starts
    offsets = np.cumsum(counts) - counts
    at = np.arange(int(counts.sum())) + np.repeat(starts - offsets, counts)
    e, a = entities[at], np.repeat(ages, counts)
    order = np.argsort(e)
    rows, last_names = data.join(":last-name", e[order])
    rows = order[rows]
    return [("e", e[rows]), (":last-name", last_names), ("number", a[rows])]


def _qpred(data: Sorted, least: int = 50_000) -> Answer:
    values, entities = data.by_value[":salary"]
    start = np.searchsorted(values, least, side="right")
    return [("e", entities[start:].copy()), ("number", values[start:].copy())]


def _aggregates(data: Sorted) -> Answer:
    e, names = data.by_entity[":name"]
    rows, salaries = data.join(":salary", e)
    names = names[rows]
    counts = np.bincount(names, minlength=len(NAMES))
    sums = np.bincount(names, weights=salaries, minlength=len(NAMES))
    return [(":name", np.arange(len(NAMES))), ("number", counts), ("number", sums / counts)]


BY_HAND: dict[str, Callable[..., Answer]] = {
    "q1": _q1,
    "q2": _q2,
    "q2-switch": _q2,
    "q3": _q3,
    "q4": _q4,
    "q5": _q5,
    "qpred1": _qpred,
    "qpred2": _qpred,
    "aggregates": _aggregates,
}
