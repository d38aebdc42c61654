"""Pages: where one ended, as a token, and the rows that come after it.

A cursor holds the values by which the last row was ordered, the order's own columns first and all
others after them, so that no two rows are at one place. The next page begins after those values, whatever
was added, removed or changed in between: nothing is shown twice and nothing is left out for rows that
stayed where they were.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import sort_key
from datamem.datalog.faults import query_error
from datamem.edn import print_edn, read
from datamem.errors import DatamemError


@dataclass(frozen=True, slots=True)
class Place:
    """One key of a total order: a variable and its direction."""

    name: str
    descending: bool

    def __str__(self) -> str:
        return f"{self.name} desc" if self.descending else self.name


def ordered_rows(rows: Relation, places: Sequence[Place]) -> Int64Array:
    """Return the permutation that puts rows in order."""
    keys = [ranks(rows.column(place.name), rows.domain(place.name)) for place in places]
    signed = [
        ~key if place.descending else key for key, place in zip(keys, places, strict=True)
    ]
    return np.lexsort(tuple(signed[::-1]))


def rows_after(
    rows: Relation, places: Sequence[Place], token: Any, text: str | None
) -> BoolArray:
    """Tell which rows come after the place that a cursor names.

    Raises:
        QueryError: `query/bad-cursor` for what is no cursor, or one of another order.
    """
    values = _read_token(token, places, text)
    after = np.zeros(rows.size, np.bool_)
    for place, value in zip(reversed(places), reversed(values), strict=True):
        words, word = _ranks_with(rows.column(place.name), rows.domain(place.name), value)
        beyond = words < word if place.descending else words > word
        after = beyond | ((words == word) & after)
    return after


def cursor_of(rows: Relation, at: int, places: Sequence[Place]) -> Callable[[], str]:
    """Return what makes the cursor of one row, when somebody asks for it."""

    def make() -> str:
        row = np.array([at])
        values = [rows.domain(p.name).decode(rows.column(p.name)[row])[0] for p in places]
        text = print_edn([[str(place) for place in places], values])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    return make


def _read_token(token: Any, places: Sequence[Place], text: str | None) -> list[Any]:
    try:
        padded = str(token) + "=" * (-len(str(token)) % 4)
        order, values = read(base64.urlsafe_b64decode(padded.encode()).decode())
    except (DatamemError, ValueError, TypeError):
        raise query_error(
            f":after needs the cursor of a result, and got {token!r}",
            code="query/bad-cursor",
            hint="give result.cursor of the page before; nil begins with the first page",
            text=text,
        ) from None
    wanted = [str(place) for place in places]
    if order != wanted or len(values) != len(wanted):
        raise query_error(
            f"the cursor is of rows ordered by {', '.join(order)}, and this query orders by"
            f" {', '.join(wanted)}",
            code="query/bad-cursor",
            hint="a cursor continues the query that made it",
            text=text,
        )
    found: list[Any] = values
    return found


def ranks(words: Int64Array, domain: Domain) -> Int64Array:
    """Return int64 ranks that order as the values do."""
    if domain.ordered or not len(words):
        return words
    few, places = kernels.map_distinct(words)
    return value_ranks(domain.decode(few))[places]


def _ranks_with(words: Int64Array, domain: Domain, value: Any) -> tuple[Int64Array, int]:
    """Return ranks of words and of one more value, which need not be among them."""
    word = domain.encode(value) if domain.ordered else None
    if word is not None:
        return words, word
    few, places = kernels.map_distinct(words)
    found = value_ranks([*domain.decode(few), value])
    return found[:-1][places], int(found[-1])


def value_ranks(values: Sequence[Any]) -> Int64Array:
    """Return the rank of each value in the total order; only equal values of one type have equal ranks."""
    keys = [sort_key(value) for value in values]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    found = np.empty(len(keys), np.int64)
    rank = -1
    previous: Any = None
    for at in order:
        if rank < 0 or keys[at] != previous:
            rank += 1
            previous = keys[at]
        found[at] = rank
    return found
