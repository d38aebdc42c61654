"""Rows of a result: taken one after another, cut out or kept, they are the same rows."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.datalog import Result, q, result
from datamem.datalog.columns.column import WordColumn
from datamem.datalog.columns.domains import Domains
from datamem.db.database import Db
from datamem.edn import Keyword

from .worlds import BOOLEAN, DOUBLE, EDN, INSTANT, KEYWORD, LONG, REF, STRING, World

ATTRIBUTES: dict[str, Any] = {
    ":r/long": LONG,
    ":r/double": DOUBLE,
    ":r/on": BOOLEAN,
    ":r/at": INSTANT,
    ":r/name": STRING,
    ":r/kind": KEYWORD,
    ":r/doc": EDN,
    ":r/to": REF,
}
QUERIES = (
    "[:find ?e ?v :where [?e :r/long ?v]]",
    "[:find ?v :where [?e :r/double ?v]]",
    "[:find ?v ?e :where [?e :r/on ?v]]",
    "[:find ?e ?v :where [?e :r/at ?v]]",
    "[:find ?v ?k :where [?e :r/name ?v] [?e :r/kind ?k]]",
    "[:find ?e ?v :where [?e :r/doc ?v]]",
    "[:find ?e ?v ?w :keys e name long :where [?e :r/name ?v] [?e :r/long ?w]]",
    "[:find ?e ?v :where [?e :r/name ?v] :order-by [?v :desc ?e]]",
    "[:find ?e ?d :where [?e :r/long] [(get-else $ ?e :r/to nil) ?d]]",
    "[:find ?e ?s :where [?e :r/name ?v] [(str ?v ?v) ?s]]",
    "[:find ?v (count ?e) (avg ?n) :where [?e :r/long ?v] [?e :r/double ?n]]",
    "[:find ?e (pull ?e [:r/name :r/to]) :where [?e :r/long]]",
    "[:find ?e ?a ?v :where [?e ?a ?v]]",
    '[:find ?e :where [?e :r/name "nobody"]]',
)
slices = st.slices(30) | st.builds(slice, st.integers(-40, 40), st.integers(-40, 40))


@contextmanager
def stretches_of(rows: int) -> Iterator[None]:
    """Take rows of results a few at a time."""
    before = result.STRETCH_ROWS
    result.STRETCH_ROWS = rows  # type: ignore[misc]
    try:
        yield
    finally:
        result.STRETCH_ROWS = before  # type: ignore[misc]


def world_of(count: int) -> Db:
    """Return a database of so many entities with a value of every type."""
    world = World(ATTRIBUTES)
    facts: list[tuple[Any, ...]] = []
    for e in range(1, count + 1):
        facts += [
            (e, ":r/long", e % 5 - 2),
            (e, ":r/double", e / 3),
            (e, ":r/on", e % 2 == 0),
            (e, ":r/at", datetime(2024, 1, 1 + e % 28, tzinfo=UTC)),
            (e, ":r/name", f"name {e % 7}"),
            (e, ":r/kind", Keyword(":even" if e % 2 else ":odd")),
            (e, ":r/doc", {"a": [e, "b"]} if e % 3 else [e]),
        ]
        if e % 4 == 0:
            facts.append((e, ":r/to", e - 1))
    return world.add(facts) if facts else world.db


@given(count=st.integers(0, 24), stretch=st.integers(1, 9), cut=slices)
def test_rows_one_after_another_are_the_rows(count: int, stretch: int, cut: slice) -> None:
    """Model: the list of all rows, of every type, labelled, ordered, grouped and pulled."""
    db = world_of(count)
    for text in QUERIES:
        rows = q(text, db).rows()
        with stretches_of(stretch):
            found = q(text, db)
            assert list(found) == rows, text
            assert list(found) == rows, text
            assert found[cut] == rows[cut], text
            assert list(reversed(q(text, db))) == rows[::-1], text
            assert all(row in found for row in rows), text
            assert ("nothing",) not in found
            assert found == rows, text
            assert [found[i] for i in range(len(rows))] == rows, text
            assert list(found) == rows, text


def large(count: int = 200_000) -> Result:
    words = np.arange(count)
    domains = Domains()
    columns = [
        WordColumn("?a", words, domains.integer),
        WordColumn("?b", words, domains.double),
    ]
    return Result(columns, count)


def peak_bytes(work: Any) -> int:
    """Return the most memory that a call held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_iterating_a_large_result_holds_a_stretch_of_it() -> None:
    found = large()
    assert peak_bytes(lambda: sum(1 for _ in found)) < 1_000_000
    assert peak_bytes(lambda: found[1000:1010]) < 100_000
    assert peak_bytes(found.rows) > 10_000_000


def test_rows_that_are_kept_are_the_same_objects() -> None:
    found = large(5000)
    assert next(iter(found)) is not next(iter(found))
    first = found[0]
    assert next(iter(found)) is first
    assert found.rows() is found.rows()


def test_two_loops_over_one_result_do_not_disturb_each_other() -> None:
    found = large(5000)
    outer = [(row, sum(1 for _ in found)) for row in found[:3]]
    assert [count for _, count in outer] == [5000] * 3
    assert list(zip(found, found, strict=True)) == [(row, row) for row in found.rows()]


@pytest.mark.parametrize("size", [10, 5000])
def test_labelled_rows_are_mappings_however_they_are_taken(size: int) -> None:
    words = np.arange(size)
    column = WordColumn("?a", words, Domains().integer)
    found = Result([column], size, labels=["a"])
    assert next(iter(found)) == {"a": 0}
    assert found[1:3] == [{"a": 1}, {"a": 2}]
    assert found.rows_as_tuples(1, 3) == [(1,), (2,)]
    assert list(found)[-1] == found[-1] == {"a": size - 1}
