"""Simple queries go a short way; it answers what the engine answers, wherever the rows lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import datamem
from datamem.datalog import prepare, q
from datamem.datalog.result import Result
from datamem.datalog.short.point import PointPlan
from datamem.datalog.short.star_plan import Star, StarScope
from datamem.edn import Keyword
from datamem.index import solid
from datamem.index.freeze import freeze

from .worlds import DOUBLE, KEYWORD, LONG, MANY, REF, STRING, UNIQUE, World

ATTRIBUTES: dict[str, Any] = {
    ":n/id": LONG | UNIQUE,
    ":n/age": LONG,
    ":n/score": DOUBLE,
    ":n/name": STRING,
    ":n/sex": KEYWORD,
    ":n/tag": STRING | MANY,
    ":n/friend": REF,
}
ENGINE: dict[str, Any] = {"max_rows": 1 << 40}
"""A budget of rows that nothing reaches sends a query to the engine."""

VALUES: dict[str, st.SearchStrategy[Any]] = {
    ":n/age": st.integers(-2, 3),
    ":n/score": st.sampled_from([-1.5, -0.0, 0.0, 0.5, 2.0]),
    ":n/name": st.sampled_from(["a", "b", "c"]),
    ":n/sex": st.sampled_from([":male", ":female"]),
    ":n/tag": st.sampled_from(["a", "b", "x"]),
    ":n/friend": st.integers(1, 12),
}
STARS = (
    '[:find ?e :where [?e :n/name "a"]]',
    '[:find ?e :where [?e :n/name "never there"]]',
    "[:find ?e :where [?e :n/age]]",
    "[:find ?e ?v :where [?e :n/age ?v]]",
    "[:find ?v :where [?e :n/age ?v]]",
    "[:find [?v ...] :where [?e :n/name ?v] [?e :n/age _]]",
    "[:find ?e ?a :where [?e :n/age ?a] [(> ?a -1)]]",
    "[:find ?e ?a :where [?e :n/age ?a] [(>= ?a 0)] [(< ?a 3)] [(<= ?a 2)]]",
    "[:find ?e ?a :where [?e :n/age ?a] [(= 1 ?a)]]",
    "[:find ?e ?s :where [?e :n/score ?s] [(< ?s 0.5)]]",
    '[:find ?e ?a :where [?e :n/name "b"] [?e :n/age ?a] [?e :n/sex :male]]',
    '[:find ?n ?a :where [?e :n/name ?n] [?e :n/age ?a] [?e :n/tag "x"]]',
    '[:find ?e :where [?e :n/tag "x"] [?e :n/tag "a"] [?e :n/score _]]',
    "[:find ?e ?f :where [?e :n/friend ?f] [?e :n/age ?a] [(> ?a 0)]]",
    "[:find ?e :where [?e :n/friend 3] [?e :n/name ?n]]",
    "[:find ?e ?t :where [?e :n/tag ?t]]",
    "[:find (count ?e) . :where [?e :n/age ?a] [(> ?a 0)]]",
    "[:find (count ?a) :where [?e :n/age ?a] [?e :n/name _]]",
    "[:find [(count ?e)] :where [?e :n/score 2.0]]",
)
SCOPES = (
    "[:find ?a :with ?e :where [?e :n/age ?a]]",
    "[:find ?e ?a :where [?e :n/age ?a] [?e :n/name ?n] :order-by [?n :desc ?a ?e]]",
    "[:find ?e ?a :where [?e :n/age ?a] [(> ?a 0)] :order-by [?a ?e] :limit 3 :offset 1]",
    "[:find ?n (count ?e) (avg ?a) :where [?e :n/name ?n] [?e :n/age ?a]]",
    '[:find (sum ?a) . :with ?e :where [?e :n/name "a"] [?e :n/age ?a]]',
    "[:find (max ?a) (min ?a) :where [?e :n/sex :male] [?e :n/age ?a]]",
    '[:find [(pull ?e [:n/name :n/age]) ...] :where [?e :n/name "b"]]',
    "[:find ?s ?e :keys s e :where [?e :n/score ?s]]",
    '[:find ?s . :where [?e :n/name "never there"] [?e :n/score ?s]]',
    "[:find ?n (count ?e) :where [?e :n/name ?n] :having [(> (count ?e) 2)]]",
)
WITH_INPUT = (
    (
        "[:find ?e ?a :in $ ?least :where [?e :n/age ?a] [(> ?a ?least)]]",
        (0, -9, 3, 1 << 70, 0.5),
    ),
    ("[:find ?e :in $ ?n :where [?e :n/name ?n]]", ("a", "z", ":a", 5)),
    ("[:find ?e ?n :in $ ?n :where [?e :n/name ?n] [?e :n/age 1]]", ("a", "z")),
    ("[:find ?e :in $ ?s :where [?e :n/sex ?s]]", (":male", "male", 7)),
    ("[:find ?e :in $ ?s :where [?e :n/score ?s] [?e :n/name _]]", (0.5, -0.0, 2, "a")),
    ("[:find ?e ?s :in $ ?s :where [?e :n/score ?x] [(<= ?x ?s)] [?e :n/score ?s]]", (0.5,)),
)
POINTS = (
    (
        "[:find ?n ?a :in $ ?i :where [?e :n/id ?i] [?e :n/name ?n] [?e :n/age ?a] [(< ?a 2)]]",
        3,
    ),
    ("[:find ?a . :in $ ?i :where [?e :n/id ?i] [?e :n/age ?a] [(>= ?a ?i)]]", 1),
    ("[:find ?a ?i :in $ ?i :where [?e :n/id ?i] [?e :n/age ?a] [(>= ?a ?i)]]", 0.5),
    ("[:find ?e ?x :in $ ?i :where [?e :n/id ?i] [?e :n/age ?x] [?e :n/score ?x]]", 2),
    ("[:find ?e ?f :in $ ?e :where [?e :n/friend ?f] [?f :n/age ?a] [(not= ?a 1)]]", 2),
    ("[:find ?f ?a :in $ ?e :where [?f :n/friend ?e] [?f :n/age ?a] [?g :n/friend ?f]]", 2),
)

fact = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.tuples(st.integers(1, 12), st.just(name), VALUES[name])
)
steps = st.lists(st.tuples(st.lists(fact, max_size=25), st.booleans()), min_size=1, max_size=5)


def build(made: list[Any]) -> tuple[World, list[Any]]:
    """Transact the steps, one value an entity but for tags, and return the world and its past values."""
    world = World(ATTRIBUTES)
    world.add([(e, ":n/id", e) for e in range(1, 9)], frozen=True)
    held: dict[Any, Any] = {}
    dbs = [world.db]
    for facts, is_frozen in made:
        now: dict[Any, Any] = {}
        for e, name, value in facts:
            now[(e, name, value) if name == ":n/tag" else (e, name)] = (e, name, value)
        datoms = []
        for key, new in now.items():
            if held.get(key) != new:
                datoms += [(*held[key], False)] if key in held else []
                datoms.append(new)
                held[key] = new
        if datoms:
            dbs.append(world.add(datoms))
        if is_frozen:
            world.index = freeze(world.index)
            dbs.append(world.db)
    return world, dbs


def same(text: str, db: Any, *inputs: Any) -> None:
    fast, slow = q(text, db, *inputs), q(text, db, *inputs, **ENGINE)
    if isinstance(slow, Result) and slow.is_ordered:
        assert list(fast) == list(slow), text
    elif isinstance(slow, list):
        assert sorted(fast, key=repr) == sorted(slow, key=repr), text
    else:
        assert fast == slow, text


EXAMPLES = settings().max_examples // 4
"""An example asks all views every query."""
common = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=EXAMPLES)
EVERYONE = [([(e, ":n/name", "a") for e in range(1, 13)], True)] * 2


@pytest.mark.parametrize("small_rows", [0, 65_536])
@common
@given(made=steps)
@example(made=EVERYONE)
@example(made=[([(e, ":n/name", "a"), (e, ":n/age", e)], True) for e in range(1, 6)])
@example(made=[([(e, ":n/tag", t) for e in (1, 2, 5) for t in "abx"], True)])
def test_short_ways_answer_as_the_engine_does(small_rows: int, made: list[Any]) -> None:
    """Model: the engine, over the present, all past values, and past views asked several times."""
    before = solid.SMALL_ROWS
    solid.SMALL_ROWS = small_rows  # type: ignore[misc]
    try:
        world, dbs = build(made)
        now = world.db
        views = [*dbs, *(now.as_of(t) for t in (*range(1, world.t + 1), world.t // 2))]
        for db in [*views, *views[-2:] * 2]:
            for text in (*STARS, *SCOPES):
                same(text, db)
            for text, inputs in WITH_INPUT:
                for value in inputs:
                    same(text, db, value)
            for text, value in POINTS:
                same(text, db, value)
    finally:
        solid.SMALL_ROWS = before  # type: ignore[misc]


def plan_of(text: str, db: Any) -> Any:
    prepared = prepare(text)
    inputs = (db, *(1 for _ in prepared.query.inputs[1:]))
    return prepared._plan(inputs)[2]


def test_the_queries_above_do_go_short_ways() -> None:
    db = World(ATTRIBUTES).db
    for text in (*STARS, *(WITH_INPUT[i][0] for i in (0, 1, 3, 4))):
        assert isinstance(plan_of(text, db), Star), text
    for text in SCOPES:
        assert isinstance(plan_of(text, db), StarScope), text
    for text, _ in POINTS[:3]:
        assert isinstance(plan_of(text, db), PointPlan), text


def test_many_references_to_one_entity_are_followed_by_the_engine() -> None:
    text = "[:find ?g ?a :in $ ?e :where [?f :n/friend ?e] [?g :n/friend ?f] [?g :n/age ?a]]"
    for count in (3, 300):
        world = World(ATTRIBUTES)
        facts = [(e, ":n/friend", 1) for e in range(2, count)]
        facts += [(e + 1000, ":n/friend", e) for e in range(2, count)]
        db = world.add([*facts, *((e + 1000, ":n/age", e) for e in range(2, count))])
        assert isinstance(plan_of(text, db), PointPlan)
        same(text, db, 1)
        assert len(q(text, db, 1)) == count - 2


@pytest.mark.parametrize(
    "text",
    [
        '[:find ?e :where [?e :n/name "a"] (not [?e :n/age 1])]',
        "[:find ?e :where [?e :n/age ?a] [(> ?a 0.5)]]",
        "[:find ?t :where [?e :n/tag ?t]]",
        "[:find ?e ?t :where [?e :n/tag ?t] [?e :n/age _]]",
        "[:find ?e :where [?e :n/age ?a] [?e :n/score ?a]]",
        "[:find ?e ?a :where [?e :n/age ?a] [?f :n/age ?a]]",
        '[:find ?e :where [?e :n/name ?n] [(< ?n "b")]]',
    ],
)
def test_what_only_the_engine_answers_is_left_to_it(text: str) -> None:
    assert plan_of(text, World(ATTRIBUTES).db) is None


def test_an_attribute_that_had_many_values_is_not_taken_for_one_of_one() -> None:
    """Rows from when the attribute had many values stay where they are when it has one."""
    many = World(ATTRIBUTES | {":n/age": LONG | MANY})
    many.add([(1, ":n/age", 1), (1, ":n/age", 2), (2, ":n/age", 2), (1, ":n/name", "a")])
    one = World(ATTRIBUTES)
    one.heap, one.t = many.heap, many.t
    for one.index in (many.index, freeze(many.index)):
        for text in STARS:
            same(text, one.db)


def test_a_constant_is_found_in_the_heap_that_is_asked() -> None:
    """Two databases may give one value two codes, and the text is prepared once for both."""
    text = '[:find ?e :where [?e :n/name "b"]]'
    first, second = World(ATTRIBUTES), World(ATTRIBUTES)
    second.schema = first.schema
    second.attributes = first.attributes
    first.add([(1, ":n/name", "a"), (2, ":n/name", "b")], frozen=True)
    second.add([(3, ":n/name", "b"), (4, ":n/name", "a")], frozen=True)
    for _ in range(2):
        assert q(text, first.db) == {(2,)}
        assert q(text, second.db) == {(3,)}


def test_columns_of_a_result_cannot_be_written_to() -> None:
    """They may be the index's own."""
    world = World(ATTRIBUTES)
    db = world.add([(e, ":n/name", "a") for e in range(1, 5)], frozen=True)
    column = q('[:find ?e :where [?e :n/name "a"]]', db).columns["?e"]
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 7


def test_a_present_in_several_places_is_put_together_when_it_is_asked_often() -> None:
    world = World(ATTRIBUTES)
    world.add([(e, ":n/age", e) for e in range(1, 5)], frozen=True)
    db = world.add([(1, ":n/age", 1, False), (9, ":n/age", 9)])
    age = world.attributes[":n/age"].id
    text, expected = "[:find ?e ?a :where [?e :n/age ?a]]", {(2, 2), (3, 3), (4, 4), (9, 9)}
    assert not db.solids(age)
    for _ in range(5):
        assert q(text, db) == expected
    assert [solid.row_count for solid in db.solids(age)] == [4]
    later = world.add([(2, ":n/age", 2, False)])
    assert q(text, later) == expected - {(2, 2)}
    assert q(text, db) == expected


@pytest.mark.parametrize("compacted", [False, True])
def test_stored_rows_are_answered_as_the_engine_does(
    tmp_path: Path, *, compacted: bool
) -> None:
    """Several segments a run, and levels above each other, read from files."""
    types = {":n/name": "string", ":n/age": "long", ":n/sex": "keyword", ":n/score": "double"}
    schema = {
        name: {":db/valueType": Keyword(f":db.type/{value_type}")}
        for name, value_type in types.items()
    }
    numbers = np.arange(70_000)
    with datamem.connect(tmp_path / "db", schema, fsync="off") as conn:
        conn.load({":n/age": numbers % 5, ":n/name": np.array(["a", "b", "c"])[numbers % 3]})
        conn.load({":n/age": numbers[:9000] % 4, ":n/score": (numbers[:9000] % 7) / 2})
        if compacted:
            conn.compact()
        for text in STARS[:11]:
            same(text, conn.db)
            assert len(q(text, conn.db)) == len(q(text, conn.db, **ENGINE))
