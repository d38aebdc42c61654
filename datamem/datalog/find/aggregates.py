"""Aggregates: one value per group, over columns of words where that is exact."""

from __future__ import annotations

import math
import random  # noqa: TID251  # what a query draws never enters the log
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain, doubles
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.values import LONG_MAX, LONG_MIN, identity, order_key, sort_key
from datamem.datalog.functions.arithmetic import is_number
from datamem.edn import BigInt
from datamem.errors import QueryError

Column = tuple[Int64Array, Domain]

_EXACT: Final = 1 << 53


class Groups:
    """The groups of a relation's rows.

    Attributes:
        ids: group of each row, int64[rows].
        sizes: rows of each group, int64[count].
        count: number of groups.
    """

    __slots__ = ("count", "ids", "sizes")

    def __init__(self, ids: Int64Array, sizes: Int64Array) -> None:
        self.ids = ids
        self.sizes = sizes
        self.count = len(sizes)

    def lists(self, values: Sequence[Any]) -> list[list[Any]]:
        """Return the values of each group, in row order."""
        lists: list[list[Any]] = [[] for _ in range(self.count)]
        for group, value in zip(self.ids.tolist(), values, strict=True):
            lists[group].append(value)
        return lists


def count_rows(groups: Groups, _column: Column | None = None) -> list[int]:
    """`count`: rows of each group."""
    counts: list[int] = groups.sizes.tolist()
    return counts


def vector_aggregate(name: str, column: Column, groups: Groups) -> list[Any] | None:
    """Aggregate words; None where only Python values give the exact answer."""
    words, domain = column
    if name == "count":
        return count_rows(groups)
    if name == "count-distinct":
        _, codes = kernels.map_distinct(words)
        pairs = kernels.distinct_rows([groups.ids, codes])
        return _listed(np.bincount(pairs[0], minlength=groups.count))
    if name in ("min", "max") and domain.ordered:
        return domain.decode(_extreme(name, words, groups))
    if name in ("sum", "avg") and domain.name == "int":
        return _integers(name, words, groups)
    if name in ("sum", "avg") and domain.name == "double":
        sums = np.bincount(groups.ids, doubles(words), groups.count)
        if name == "sum":
            return _listed(sums)
        return _listed(sums / groups.sizes)
    return None


def _listed(array: np.ndarray[Any, Any]) -> list[Any]:
    values: list[Any] = array.tolist()
    return values


def _extreme(name: str, words: Int64Array, groups: Groups) -> Int64Array:
    if groups.count == 1:
        return np.array([words.min() if name == "min" else words.max()])
    start = np.iinfo(np.int64).max if name == "min" else np.iinfo(np.int64).min
    result = np.full(groups.count, start)
    (np.minimum if name == "min" else np.maximum).at(result, groups.ids, words)
    return result


def _integers(name: str, words: Int64Array, groups: Groups) -> list[Any] | None:
    limit = max(abs(int(words.max())), abs(int(words.min()))) * len(words)
    if limit > LONG_MAX:
        return None
    if limit <= _EXACT:
        sums = np.bincount(groups.ids, words, groups.count).astype(np.int64)
    else:
        sums = np.zeros(groups.count, np.int64)
        np.add.at(sums, groups.ids, words)
    if name == "sum":
        return _listed(sums)
    pairs = zip(sums.tolist(), groups.sizes.tolist(), strict=True)
    return [total / count for total, count in pairs]


def _numbers(values: Sequence[Any], name: str) -> list[Any]:
    for value in values:
        if not is_number(value):
            raise QueryError(
                f"({name} …) needs numbers, and got {value!r}",
                code="query/not-a-number",
                value=value,
            )
    if any(isinstance(v, Decimal) for v in values) and any(
        isinstance(v, float) for v in values
    ):
        return [float(value) for value in values]
    return list(values)


def total(values: Sequence[Any]) -> Any:
    """`sum`; integers stay exact, whatever their size."""
    numbers = _numbers(values, "sum")
    if any(isinstance(value, float) for value in numbers):
        return _exactly(numbers, lambda: math.fsum(numbers))
    result = sum(numbers)
    is_long = not isinstance(result, int) or LONG_MIN <= result <= LONG_MAX
    return result if is_long else BigInt(result)


def _exactly(numbers: Sequence[Any], calculated: Callable[[], float]) -> float:
    """Return an exact result rounded once; where there is none, of infinities, the sum that doubles give."""
    try:
        return calculated()
    except (OverflowError, ValueError):
        return float(sum(numbers, 0.0))


def mean(values: Sequence[Any]) -> float:
    """`avg`: a double."""
    numbers = _numbers(values, "avg")
    return float(total(numbers) / len(numbers))


def median(values: Sequence[Any]) -> float:
    """`median`: a double; of an even count, the mean of the middle two."""
    ordered = sorted(_numbers(values, "median"), key=order_key)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return _exactly(middle, lambda: float(sum(map(Fraction, middle)) / len(middle)))


def variance(values: Sequence[Any]) -> float:
    """`variance` of the population; NaN where a number has no end."""
    numbers = _numbers(values, "variance")
    if any(isinstance(value, float) and not math.isfinite(value) for value in numbers):
        return math.nan
    exact = list(map(Fraction, numbers))
    center = sum(exact) / len(exact)
    return float(sum((value - center) ** 2 for value in exact) / len(exact))


def smallest(values: Sequence[Any], count: int | None = None) -> Any:
    """`min`, or the smallest `count` values, ascending."""
    if count is None:
        return min(values, key=sort_key)
    return sorted(values, key=sort_key)[:count]


def largest(values: Sequence[Any], count: int | None = None) -> Any:
    """`max`, or the largest `count` values, ascending."""
    if count is None:
        return max(values, key=sort_key)
    return sorted(values, key=sort_key)[-count:] if count else []


def distinct(values: Sequence[Any]) -> frozenset[Any] | list[Any]:
    """`distinct`: the set of values; a list where some are not hashable or mix 1 with True."""
    unique = list({identity(value): value for value in values}.values())
    try:
        found = frozenset(unique)
    except TypeError:
        return unique
    return found if len(found) == len(unique) else unique


def draw(values: Sequence[Any], count: int | None = None) -> Any:
    """`rand`: one value, or `count` with repeats."""
    if count is None:
        return random.choice(values)  # noqa: S311  # not for secrets
    return [random.choice(values) for _ in range(count)]  # noqa: S311


def sample(values: Sequence[Any], count: int) -> list[Any]:
    """`sample`: `count` different values, or all there are."""
    unique = list({identity(value): value for value in values}.values())
    return random.sample(unique, min(count, len(unique)))


AGGREGATES: Final[dict[str, tuple[Callable[..., Any], int]]] = {
    "count": (len, 0),
    "count-distinct": (lambda values: len({identity(value) for value in values}), 0),
    "sum": (total, 0),
    "avg": (mean, 0),
    "mean": (mean, 0),
    "median": (median, 0),
    "variance": (variance, 0),
    "stddev": (lambda values: math.sqrt(variance(values)), 0),
    "min": (smallest, 1),
    "max": (largest, 1),
    "min-n": (smallest, 1),
    "max-n": (largest, 1),
    "distinct": (distinct, 0),
    "rand": (draw, 1),
    "sample": (sample, 1),
    "vec": (list, 0),
    "collect": (list, 0),
}
"""name -> (function of a group's values and the constants before them, most constants)."""
