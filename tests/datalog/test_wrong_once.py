"""Queries that were answered wrongly once, each with the reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import datamem
from datamem.datalog import q
from datamem.db.database import Db
from datamem.edn import BigInt, Uri

from .worlds import LONG, World

SCHEMA = """
{:u/id {:db/valueType :db.type/long :db/unique :db.unique/identity}
 :u/name {:db/valueType :db.type/string} :u/boss {:db/valueType :db.type/ref}
 :u/score {:db/valueType :db.type/double} :u/rank {:db/valueType :db.type/long}
 :u/any {:db/valueType :db.type/edn :db/cardinality :db.cardinality/many}}"""


@pytest.fixture(scope="module")
def db() -> Db:
    """Two people; the first has an ident, doubles at their bounds, and equal numbers of three types."""
    conn = datamem.connect(":memory:", schema=SCHEMA)
    conn.transact(
        [
            {":db/id": "a", ":db/ident": ":user/ann", ":u/id": 1, ":u/name": "Ann", ":u/score": math.inf},
            {":u/id": 2, ":u/boss": "a", ":u/score": -math.inf, ":u/rank": -(1 << 63)},
            {":db/id": "a", ":u/any": [1, 1.0, BigInt(1)], ":u/rank": 5},
        ]
    )  # fmt: skip
    return conn.db


@pytest.mark.parametrize("given", [["u/id", 1], ":user/ann"])
@pytest.mark.parametrize(
    "text",
    [
        "[:find ?n . :in $ ?e :where [(get-else $ ?e :u/name nil) ?n]]",
        "[:find ?n . :in $ ?e :where [(get-some $ ?e :u/boss :u/name) [_ ?n]]]",
        "[:find ?n . :in $ [?e ...] :where [(missing? $ ?e :u/boss)] [(ground \"Ann\") ?n]]",
        "[:find (pull ?e [:u/name]) . :in $ ?e]",
    ],
)  # fmt: skip
def test_an_input_that_no_pattern_uses_is_an_entity_all_the_same(
    db: Db, text: str, given: Any
) -> None:
    """Lookup refs and idents were resolved only where a pattern used them."""
    found = db.q(text, [given] if "..." in text else given)
    assert found in ("Ann", {":u/name": "Ann"})


def test_a_lookup_ref_is_resolved_in_the_first_source_that_uses_it() -> None:
    """It was resolved in any of them, differently from run to run."""
    conn = datamem.connect(":memory:", schema=SCHEMA)
    conn.transact([{":u/id": 1, ":u/name": "was"}])
    then = conn.db
    conn.transact([[":db/add", ["u/id", 1], ":u/id", 9]])
    conn.transact([{":u/id": 1, ":u/name": "is"}])
    text = "[:find ?n . :in $b $a ?e :where [$a ?e :u/id _] [$b ?e :u/name ?n]]"
    assert datamem.q(text, conn.db, then, ["u/id", 1]) is None
    assert datamem.q(text, then, conn.db, ["u/id", 1]) == "was"


def test_a_function_may_take_what_an_optional_clause_found(db: Db) -> None:
    """Its arguments counted as bound by it, so that the optional clause waited for it."""
    text = """[:find ?i ?x :where [?e :u/id ?i] (optional [?e :u/name ?n]) [(some? ?n) ?x]]"""
    assert db.q(text) == {(1, True), (2, False)}


def test_infinities_have_statistics(db: Db) -> None:
    """They were errors of Python's fractions."""
    ask = "[:find ({} ?s) . :with ?e :where [?e :u/score ?s]]"
    assert math.isnan(db.q(ask.format("variance")))
    assert math.isnan(db.q(ask.format("stddev")))
    assert math.isnan(db.q(ask.format("median")))
    values = [[1e308, 1], [1e308, 2], [1, 3]]
    text = "[:find (sum ?x) . :with ?i :in $ [[?x ?i]]]"
    assert db.q(text, values) == math.inf


def test_not_a_number_is_the_greatest_and_equals_itself(db: Db) -> None:
    """Whichever way it was made: on columns or by Python, with one sign or the other."""
    made = "[?e :u/score ?s] [(- ?s ?s) ?n]"
    assert db.q(f"[:find ?n ?m :where {made} [?f :u/score ?t] [(* 0.0 ?t) ?m] [(= ?n ?m)]]")
    assert db.q(f"[:find ?n :where {made} [(= ?n ?n)]]")
    assert db.q(f"[:find [?i ...] :where {made} [?e :u/id ?i] [(< ?s ?n)] [(< 1 ?n)]]") == [
        1,
        2,
    ]
    ordered = db.q(
        "[:find ?n :where [(ground [##Inf 1.0]) [?s ...]] [(- ?s ?s) ?n] :order-by ?n]"
    )
    assert [str(n) for (n,) in ordered] == ["0.0", "nan"]


def test_pages_show_numbers_that_are_equal_but_for_their_type(db: Db) -> None:
    """1, 1N and 1.0 stood at one place, and a page that began behind one left out the others."""
    page = "[:find ?v :in $ ?c :where [_ :u/any ?v] :order-by ?v :limit 1 :after ?c]"
    seen, cursor = [], None
    while cursor is not None or not seen:
        found = db.q(page, cursor)
        seen += [v for (v,) in found]
        cursor = found.cursor
    assert [type(v) for v in seen] == [int, BigInt, float]


def test_a_sum_that_fits_is_a_long(db: Db) -> None:
    """The least of all was taken for one that does not."""
    total = db.q("[:find (sum ?r) . :where [?e :u/rank ?r] [(< ?r 0)]]")
    assert (type(total), total) == (int, -(1 << 63))


@pytest.mark.parametrize("value", [(1 << 63) - 1, -(1 << 63)])
def test_the_last_words_are_found_among_stored_ones(value: int) -> None:
    """What follows the last word is no int64: numpy compared as doubles, and found nothing."""
    world = World({":u/rank": LONG})
    sign = -1 if value > 0 else 1
    db = world.add([(e, ":u/rank", value + sign * e) for e in range(3)], frozen=True)
    text = "[:find [?e ...] :in $ [?r ...] :where [?e :u/rank ?r]]"
    for _ in range(40):  # what is asked often is looked up by place
        assert q(text, db, [value]) == [0]
        assert sorted(q(text, db, [value, value + 2 * sign])) == [0, 2]


def test_arrays_in_python_data_are_told_apart() -> None:
    """Queries are remembered by how they print, and numpy prints some of a long array."""
    one = np.zeros(2000)
    other = one.copy()
    other[1000] = 1.0
    for array in (one, other):
        query = [":find", "?x", ".", ":where", [("f", array), "?x"]]
        found = q(query, [], functions={"f": lambda v: float(v.sum())})
        assert found == array.sum()


def test_a_constant_in_a_pattern_of_a_collection_selects_whole_tuples() -> None:
    """Positions after a constant were taken from all tuples."""
    rows = [(1, "a", True), (3, "b", False), (3, "c", True), (3, 3, 3)]
    assert q("[:find ?x ?y :in $t :where [$t 3 ?x ?y]]", rows) == {
        ("b", False), ("c", True), (3, 3),
    }  # fmt: skip
    assert q("[:find ?x :in $t :where [$t 3 ?x true]]", rows) == {("c",)}
    assert q("[:find ?x :in $t :where [$t 7 ?x]]", rows) == set()
    assert q("[:find ?x ?y :in $t :where [$t 3 ?x] [$t ?y ?x]]", rows) == {
        ("b", 3), ("c", 3), (3, 3),
    }  # fmt: skip
    assert q("[:find ?x :in $t :where [$t 3 ?x ?x]]", rows) == {(3,)}


def test_numbers_of_two_types_in_python_data_are_told_apart() -> None:
    """Queries were remembered by how they print, and 1N prints as 1 does in Python."""
    conn = datamem.connect(":memory:", schema=SCHEMA)
    values = [1, BigInt(1), 1.0, True, "x", Uri("x")]
    conn.transact([[":db/add", e, ":u/any", value] for e, value in enumerate(values, 1)])
    for e, value in enumerate(values, 1):
        query = [":find", ["?e", "..."], ":where", ["?e", ":u/any", value]]
        assert conn.db.q(query) == [e]


def test_python_data_name_a_source_before_a_rule_or_a_not() -> None:
    """Only `$` could stand there."""
    rules = "[[(link ?x ?y) [?x ?y]]]"
    where: list[Any] = [["$a", "?x", "?y"], ("$b", "link", "?x", "_")]
    base = [":find", "?x", ":in", "$a", "$b", "%", ":where"]
    assert q([*base, *where], [(1, 2), (3, 4)], [(1, 5)], rules) == {(1,)}
    where[1] = ("$b", "not", ["?x", "_"])
    assert q([*base, *where], [(1, 2), (3, 4)], [(1, 5)], rules) == {(3,)}


def test_a_caller_may_give_a_comparison_another_meaning(db: Db) -> None:
    """The library's `<` bounded what was read."""
    text = "[:find [?r ...] :where [_ :u/rank ?r] [(< ?r 0)]]"
    found = db.q(text, functions={"<": lambda _a, _b: True})
    assert sorted(found) == [-(1 << 63), 5]


def test_vectors_of_equal_numbers_are_equal() -> None:
    """Two codes of one heap were compared without a look at what the vectors hold."""
    conn = datamem.connect(":memory:", schema=SCHEMA)
    conn.transact([[":db/add", 1, ":u/any", [1]], [":db/add", 2, ":u/any", [1.0]]])
    text = "[:find ?v ?w :where [1 :u/any ?v] [2 :u/any ?w] [(= ?v ?w)]]"
    assert len(conn.db.q(text)) == 1
