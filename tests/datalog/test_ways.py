"""`explain` says which way a query is answered in fact, and what it reads."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.datalog import explain, q
from datamem.datalog.explanation import Explanation
from datamem.db.database import Db

from .worlds import LONG, MANY, REF, STRING, UNIQUE, World

ATTRIBUTES: dict[str, Any] = {
    ":n/id": LONG | UNIQUE,
    ":n/age": LONG,
    ":n/name": STRING,
    ":n/tag": STRING | MANY,
    ":n/up": REF,
}
ABOVE = """[[(above ?a ?b) [?b :n/up ?a]]
            [(above ?a ?b) [?b :n/up ?x] (above ?a ?x)]]"""
CASES: tuple[tuple[str, tuple[Any, ...], str, list[Any]], ...] = (
    (
        '[:find ?e ?a :where [?e :n/age ?a] [?e :n/name "b"]]',
        (),
        "star",
        [(":n/name", "avet", 5), (":n/age", "aevt", 20)],
    ),
    (
        '[:find ?n :where [?e :n/name ?n] [?e :n/age ?a] [(> ?a 17)] [?e :n/tag "x"]]',
        (),
        "star",
        [(":n/age", "avet", 3), (":n/tag", "avet", 10), (":n/name", "aevt", 20)],
    ),
    ("[:find ?a (count ?e) :where [?e :n/age ?a]]", (), "star", [(":n/age", "aevt", 20)]),
    (
        "[:find ?e :where [?e :n/age ?a] :order-by ?a :limit 2]",
        (),
        "star",
        [(":n/age", "aevt", 20)],
    ),
    (
        "[:find ?a . :in $ ?i :where [?e :n/id ?i] [?e :n/up ?u] [?u :n/age ?a] [(> ?a 2)]]",
        (7,),
        "point",
        [(":n/id", "avet", None), (":n/up", "eavt", None), (":n/age", "eavt", None)],
    ),
    (
        "[:find [?f ...] :in $ ?i :where [?e :n/id ?i] [?f :n/up ?e] [?f :n/age 3]]",
        (2,),
        "point",
        [(":n/id", "avet", None), (":n/up", "avet", None), (":n/age", "eavt", None)],
    ),
    ("[:find ?a ?b :in $ % :where (above ?a ?b)]", (ABOVE,), "closure", [(":n/up", "aevt", None)]),
    (
        "[:find [?b ...] :in $ % ?a :where (above ?a ?b)]",
        (ABOVE, 1),
        "closure",
        [(":n/up", "avet", None)],
    ),
    (
        "[:find [?a ...] :in $ % ?b :where (above ?a ?b)]",
        (ABOVE, 9),
        "closure",
        [(":n/up", "eavt", None)],
    ),
    ("[:find ?a ?b :where [?x :n/age ?a] [?y :n/age ?b] [?y :n/up ?x]]", (), "engine", []),
    ("[:find ?a . :in $ ?i :where [?e :n/id ?i] [?e :n/age ?a]]", ([":n/id", 7],), "engine", []),
    ("[:find ?e :in $ ?a :where [?e :n/age ?x] [(< ?x ?a)]]", (2.5,), "engine", []),
    ('[:find ?e :where [?e :n/name "never there"]]', (), "engine", []),
)  # fmt: skip


@pytest.fixture(scope="module")
def db() -> Db:
    """Twenty entities; each but the first refers to the one before it, half of them have a tag."""
    world = World(ATTRIBUTES)
    facts: list[tuple[Any, ...]] = [
        *((e, ":n/id", e) for e in range(1, 21)),
        *((e, ":n/age", e) for e in range(1, 21)),
        *((e, ":n/name", "abcd"[e % 4]) for e in range(1, 21)),
        *((e, ":n/tag", "x") for e in range(2, 21, 2)),
        *((e, ":n/up", e - 1) for e in range(2, 21)),
    ]
    return world.add(facts, frozen=True)


def reads_of(plan: Explanation) -> list[tuple[Any, ...]]:
    return [(read["attribute"], read["index"], read["rows"]) for read in plan.way["reads"]]


@pytest.mark.parametrize(("text", "inputs", "way", "reads"), CASES)
def test_the_way_taken_is_told(
    db: Db, text: str, inputs: tuple[Any, ...], way: str, reads: list[Any]
) -> None:
    plan = explain(text, db, *inputs)
    assert (plan.way["way"], reads_of(plan)) == (way, reads)
    assert ("taken instead" in str(plan)) == (way != "engine")
    found = explain(text, db, *inputs, analyze=True)
    assert (found.way["way"], reads_of(found)) == (way, reads)
    answer = q(text, db, *inputs)
    expected = 0 if answer is None else 1 if isinstance(answer, int) else len(answer)
    assert found.rows == expected
    if way != "engine":
        assert found.way["rows"] == expected
        assert found.way["us"] > 0
        assert f"taken instead, the short way: {way}, {reads[0][0]} by {reads[0][1]}" in str(
            found
        )


def test_a_view_that_is_not_plain_takes_the_steps(db: Db) -> None:
    text = "[:find ?e ?a :where [?e :n/age ?a]]"
    assert explain(text, db, analyze=True).way["way"] == "star"
    for view in (db.history(), db.since(0)):
        assert explain(text, view, analyze=True).way["way"] == "engine"


def test_functions_of_a_call_take_the_steps(db: Db) -> None:
    text = "[:find ?e ?a :where [?e :n/age ?a]]"
    assert explain(text, db, functions={"f": str}).way["way"] == "engine"
    assert explain(text, db, analyze=True, functions={"f": str}).way["way"] == "engine"


def test_rows_that_only_the_engine_sorts_out_are_not_claimed() -> None:
    """An attribute of one value that had many: known only when its rows are read."""
    many = World(ATTRIBUTES | {":n/age": LONG | MANY})
    many.add([(1, ":n/age", 1), (1, ":n/age", 2), (1, ":n/name", "a")], frozen=True)
    one = World(ATTRIBUTES)
    one.heap, one.t, one.index = many.heap, many.t, many.index
    for text in (
        "[:find ?e :where [?e :n/name _] [?e :n/age ?a]]",
        "[:find (max ?a) . :where [?e :n/name _] [?e :n/age ?a]]",
    ):
        assert explain(text, one.db, analyze=True).way["way"] == "engine"


def test_a_search_says_its_engine() -> None:
    import datamem

    with datamem.connect(":memory:", schema="{:m/text {:db/fulltext true}}") as conn:
        conn.transact([{":m/text": "blue sky"}, {":m/text": "red sea"}])
        plan = conn.db.explain(
            '[:find ?e :where [(fulltext $ :m/text "sky") [[?e]]]]', analyze=True
        )
    assert (plan.way["way"], plan.way["rows"]) == ("search", 1)
    assert plan.way["reads"][0]["attribute"] == ":m/text"
