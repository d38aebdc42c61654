"""Databases of vectors, and the model that searches are held to: score everything, sort, cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from hypothesis import strategies as st

import datamem

WIDTH = 6
SCHEMA = f"""
{{:doc/name {{:db/valueType :db.type/string :db/unique :db.unique/identity}}
 :doc/topic {{:db/valueType :db.type/long}}
 :doc/vector {{:db/valueType :db.type/vector :db/dimension {WIDTH} :db/metric-type :db.metric/cosine}}
 :doc/chunks {{:db/valueType :db.type/vector :db/dimension {WIDTH} :db/metric-type :db.metric/l2
              :db/cardinality :db.cardinality/many}}}}
"""
VECTORS = np.random.default_rng(11).standard_normal((40, WIDTH)).astype(np.float32)
"""What tests choose from; few, so that equal vectors come up."""

numbers = st.integers(0, len(VECTORS) - 1)
names = st.integers(0, 11)

State = Mapping[int, frozenset[int]]
"""Entity by number -> the numbers of its vectors."""


def score(metric: str, stored: np.ndarray, query: np.ndarray) -> float:
    """Return the score of one vector in double precision."""
    a, b = stored.astype(np.float64), query.astype(np.float64)
    match metric:
        case "cosine":
            return float(a @ b / np.sqrt((a @ a) * (b @ b)))
        case "inner-product":
            return float(a @ b)
        case "l2":
            return -float(np.sqrt(((a - b) ** 2).sum()))
        case _:
            return -float((a != b).sum())


def best(
    metric: str, state: State, query: np.ndarray, k: int, among: Iterable[int] | None = None
) -> list[float]:
    """Return the scores of the `k` nearest, best first: what any right answer has."""
    only = set(state if among is None else among)
    found = [
        score(metric, VECTORS[number], query)
        for name, numbers_of in state.items()
        if name in only
        for number in numbers_of
    ]
    return sorted(found, reverse=True)[:k]


def eid(db: datamem.Db, name: int) -> int | None:
    found: int | None = db.resolve([":doc/name", str(name)])
    return found
