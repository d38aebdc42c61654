"""Views by entity: what `showing` shows is what a filter by datom would."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.errors import TransactError

NAMES = ("ann", "ben", "cleo", "dan", "eve", "fay")


@cache
def connection() -> datamem.Connection:
    """Six people in a ring of friends; then each third is renamed, and one leaves."""
    conn = datamem.connect(
        schema="""{:name {:db/valueType :db.type/string :db/unique :db.unique/identity}
                   :age {:db/valueType :db.type/long :db/index true}
                   :friend {:db/valueType :db.type/ref}}"""
    )
    conn.transact(
        [
            {":db/id": f"p{n}", ":name": name, ":age": n, ":friend": f"p{(n + 1) % 6}"}
            for n, name in enumerate(NAMES)
        ]
    )
    conn.transact([[":db/add", n, ":age", 40 + n] for n in (1, 4)])
    conn.transact([[":db/retractEntity", 6]])
    return conn


VIEWS = {
    "present": lambda db: db,
    "as of": lambda db: db.as_of(2),
    "since": lambda db: db.since(2),
    "history": lambda db: db.history(),
    "filter": lambda db: db.filter(lambda _, datom: datom.a != ":x" and datom.v != 3),
}
QUERIES = (
    "[:find ?e ?v :where [?e :age ?v]]",
    '[:find ?e :where [?e :name "ben"]]',
    "[:find ?e ?n :where [?e :age ?a] [(> ?a 2)] [?e :name ?n]]",
    "[:find ?n ?m :where [?e :friend ?f] [?e :name ?n] [?f :name ?m]]",
    "[:find (count ?e) :where [?e :name]]",
    "[:find ?n :where [?e :name ?n] (not [?e :friend 2])]",
)
people = st.sets(st.integers(1, 7))


@pytest.mark.parametrize("view", VIEWS)
@given(hidden=people, more=people)
def test_showing_equals_a_filter_by_entity(view, hidden, more) -> None:
    """Model: `filter` with a predicate on the datom's entity."""

    def shows(entities: set[int]):
        gone = np.array(sorted(entities), np.int64)
        return lambda e: ~np.isin(e, gone)

    before = VIEWS[view](connection().db)
    shown = before.showing(shows(hidden)).showing(shows(more))
    model = before.filter(lambda _, datom: datom.e not in hidden | more)
    assert list(shown.datoms("eavt")) == list(model.datoms("eavt"))
    assert list(shown.datoms("avet", ":age")) == list(model.datoms("avet", ":age"))
    for query in QUERIES:
        assert shown.q(query) == model.q(query), query
    if view != "history":
        every = range(1, 8)
        assert shown.pull_many("[* {:friend [:name]}]", every) == model.pull_many(
            "[* {:friend [:name]}]", every
        )


def test_views_over_it_keep_it() -> None:
    db = connection().db.showing(lambda e: e != 2)
    for view in VIEWS.values():
        assert 2 not in {datom.e for datom in view(db).datoms("eavt")}
    assert 2 in {datom.e for datom in db.unfiltered().datoms("eavt")}
    assert "filtered" in repr(db)


def test_it_is_called_for_columns() -> None:
    sizes = []

    def shows(e):
        sizes.append(len(e))
        return np.ones(len(e), np.bool_)

    connection().db.showing(shows).q("[:find ?e ?v :where [?e :age ?v]]")
    assert sizes
    assert len(sizes) <= 2, "a call a column, not a datom"


def test_a_transaction_does_not_continue_a_part() -> None:
    with pytest.raises(TransactError) as refused:
        connection().db.showing(lambda e: e > 0).with_tx([{":name": "gil"}])
    assert refused.value.code == "transact/past-view"
