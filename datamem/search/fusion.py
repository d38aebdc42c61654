"""Fusing rankings: several lists of entities with scores, to one with the parts of each score.

By default scores are brought to 0 … 1 in each list (the least found 0, the best 1) and added with weights: the
field's measurements favour it clearly where one list is much weaker (`docs/decisions/`). Reciprocal ranks
(Cormack et al., 2009) look at places only, for scores that cannot be compared at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from datamem.errors import QueryError
from datamem.index.kernels import Int64Array

Float64Array = npt.NDArray[np.float64]
Method = Literal["min-max", "reciprocal-rank"]

_METHODS: Final = ("min-max", "reciprocal-rank")
RANK_CONSTANT: Final = 60
"""What is added to a rank before it is inverted; that of the paper."""


class Fused(NamedTuple):
    """Entities of several lists, best first.

    Attributes:
        e: int64[n], the entities, distinct.
        score: float64[n], the fused scores.
        parts: float64[n] for each list by name: its own score, NaN where it did not find the entity.
    """

    e: Int64Array
    score: Float64Array
    parts: dict[str, Float64Array]

    def top(self, k: int) -> Fused:
        """Return the first `k`."""
        parts = {name: scores[:k] for name, scores in self.parts.items()}
        return Fused(self.e[:k], self.score[:k], parts)


def fuse(
    found: Mapping[str, Any],
    *,
    method: Method = "min-max",
    weights: Mapping[str, float] | None = None,
    k: int | None = None,
) -> Fused:
    """Return the entities of several searches in one ranking, equal scores by entity.

    Args:
        found: by name, `Hits` or another object with columns `e` and `score`, larger is better. An
            entity that is several times in one list counts with its best score.
        method: "min-max" adds the scores of each list, brought to 0 … 1; "reciprocal-rank" adds
            1 / (60 + rank).
        weights: of each list, 1 where it says nothing.
        k: only so many; None: all.

    Raises:
        QueryError: `search/bad-option`.

    Cost: some 0.1 ms for two lists of a hundred.

    Example:
        >>> from datamem.db.hits import Hits
        >>> words = Hits(np.array([1, 2]), np.zeros(2), np.zeros(2), np.array([9.0, 3.0]))
        >>> close = Hits(np.array([2, 3]), np.zeros(2), np.zeros(2), np.array([0.9, 0.1]))
        >>> fuse({"words": words, "close": close}, weights={"words": 0.5}).e.tolist()
        [2, 1, 3]
    """
    if method not in _METHODS:
        raise bad_option("method", method, " or ".join(_METHODS))
    weights = _checked_weights(found, weights)
    lists = {name: _best_of_each(hits) for name, hits in found.items()}
    columns = [e for e, _ in lists.values()]
    entities = np.unique(np.concatenate(columns)) if columns else np.empty(0, np.int64)
    total = np.zeros(len(entities))
    parts = {}
    for name, (e, score) in lists.items():
        at = np.searchsorted(entities, e)
        parts[name] = np.full(len(entities), np.nan)
        parts[name][at] = score
        share = _scaled(score) if method == "min-max" else _inverse_ranks(e, score)
        total[at] += weights.get(name, 1.0) * share
    order = np.lexsort((entities, -total))[:k]
    ranked = {name: scores[order] for name, scores in parts.items()}
    return Fused(entities[order], total[order], ranked)


def bad_option(name: str, value: Any, allowed: str) -> QueryError:
    """Return the refusal of an option of a search."""
    return QueryError(
        f"{name} of a search cannot be {value!r}",
        code="search/bad-option",
        hint=f"use {allowed}",
        option=name,
        value=value,
    )


def _checked_weights(
    found: Mapping[str, Any], weights: Mapping[str, Any] | None
) -> dict[str, float]:
    checked = {}
    for name, weight in (weights or {}).items():
        if name not in found:
            raise bad_option("weights", name, f"the names of the lists: {', '.join(found)}")
        if not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise bad_option("weights", weight, "numbers of at least 0")
        checked[name] = float(weight)
    return checked


def _best_of_each(hits: Any) -> tuple[Int64Array, Float64Array]:
    """Return each entity once, with its best score."""
    e = np.asarray(hits.e, np.int64)
    score = np.asarray(hits.score, np.float64)
    order = np.lexsort((-score, e))
    e, score = e[order], score[order]
    first = np.ones(len(e), np.bool_)
    first[1:] = e[1:] != e[:-1]
    return e[first], score[first]


def _scaled(score: Float64Array) -> Float64Array:
    """Return scores with the least at 0 and the greatest at 1; all at 1 where they are equal."""
    if not len(score):
        return score
    low, high = float(score.min()), float(score.max())
    if high <= low:
        return np.ones(len(score))
    scaled: Float64Array = (score - low) / (high - low)
    return scaled


def _inverse_ranks(e: Int64Array, score: Float64Array) -> Float64Array:
    ranks = np.empty(len(score))
    ranks[np.lexsort((e, -score))] = np.arange(1, len(score) + 1)
    inverse: Float64Array = 1.0 / (RANK_CONSTANT + ranks)
    return inverse


def fused_columns(fused: Fused, names: Sequence[str]) -> tuple[Any, ...]:
    """Return (e, score, the parts by name); parts that did not find an entity are 0 there."""
    return (
        fused.e,
        fused.score,
        *(np.nan_to_num(fused.parts[name], nan=0.0) for name in names),
    )
