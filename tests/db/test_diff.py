"""Differences of database values: of two instants, of branches, of databases made apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.conn import Connection
from datamem.db import Db
from datamem.db.diff import diff
from datamem.edn import read
from datamem.errors import DatamemError
from datamem.ids import is_tx
from tests.db.worlds import connect, tiny_sizes

SCHEMA = """
{:p/name {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :p/age  {:db/valueType :db.type/long}
 :p/tags {:db/valueType :db.type/string :db/cardinality :db.cardinality/many}
 :p/knows {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
 :p/mood {:db/valueType :db.type/keyword :db/noHistory true}}
"""
NAMES = st.sampled_from(["ann", "bob", "cy", "dee"])
Facts = set[tuple[Any, str, Any]]

maps = st.fixed_dictionaries(
    {":p/name": NAMES},
    optional={
        ":p/age": st.integers(0, 3),
        ":p/tags": st.lists(st.sampled_from(["x", "y", "z"]), max_size=2),
        ":p/knows": NAMES.map(lambda name: [":p/name", name]),
        ":p/mood": st.sampled_from([":mood/good", ":mood/bad"]),
    },
)
retractions = st.tuples(
    st.just(":db/retractEntity"), NAMES.map(lambda name: [":p/name", name])
).map(list)
steps = st.lists(st.one_of(maps, maps, retractions), max_size=14)


def play(conn: Connection, items: list[Any]) -> list[Db]:
    """Transact one item at a time, those that can be; return every value on the way."""
    values = [conn.db]
    for item in items:
        try:
            conn.transact([item])
        except DatamemError:
            continue
        values.append(conn.db)
    return values


def facts(db: Db) -> Facts:
    """Model: what a value says, as a set; transactions apart."""
    return {(d.e, db.ident(d.a), d.v) for d in db.datoms("eavt") if not is_tx(d.e)}


def named(db: Db) -> Facts:
    """Model for databases made apart: every entity is its name."""
    names = {e: db.entity(e).get(":p/name", e) for e, _, _ in facts(db)}
    return {
        (names[e], a, names.get(v, v) if a == ":p/knows" else v)
        for e, a, v in facts(db)
        if a.startswith(":p/")
    }


def sides(found: Any) -> tuple[Facts, Facts]:
    removed = {(d.e, found.a.db.ident(d.a), d.v) for d in found.removed}
    added = {(d.e, found.b.db.ident(d.a), d.v) for d in found.added}
    return removed, added


@given(items=steps, data=st.data())
def test_two_instants_differ_by_their_sets_of_facts(items: list[Any], data: Any) -> None:
    """Model: sets. Values taken when they were new, and as-of values of the newest."""
    with tiny_sizes():
        conn = connect(SCHEMA)
        values = play(conn, items)
        a, b = (data.draw(st.sampled_from(values)) for _ in range(2))
        if data.draw(st.booleans()):
            a = conn.db.as_of(a.basis_t)
        if data.draw(st.booleans()):
            conn.compact()
        assert sides(diff(a, b)) == (facts(a) - facts(b), facts(b) - facts(a))
        assert len(diff(a, b)) == len(facts(a) ^ facts(b))
        conn.close()


@given(before=steps, here=steps, there=steps, data=st.data())
def test_branches_differ_by_what_each_did(
    before: list[Any], here: list[Any], there: list[Any], data: Any
) -> None:
    """Model: sets, with people known by name, since both branches give out the same ids."""
    with tiny_sizes():
        conn = connect(SCHEMA)
        t = data.draw(st.sampled_from(play(conn, before))).basis_t
        fork = conn.fork(as_of=t)
        a = data.draw(st.sampled_from(play(conn, here)))
        b = data.draw(st.sampled_from(play(fork, there)))
        found = diff(a, b)
        is_linear = t in {a.basis_t, b.basis_t}
        assert len(found) == len(facts(a) ^ facts(b) if is_linear else named(a) ^ named(b))
        assert {(d.e, b.ident(d.a), d.v) for d in found.added} <= facts(b)
        assert {(d.e, a.ident(d.a), d.v) for d in found.removed} <= facts(a)
        assert len(diff(b, a)) == len(found)
        fork.close()
        conn.close()


@settings(max_examples=settings.default.max_examples // 2)
@given(here=steps, there=steps)
def test_databases_made_apart_are_compared_by_identity(
    here: list[Any], there: list[Any]
) -> None:
    a, b = connect(SCHEMA), connect("{:p/other {:db/valueType :db.type/string}}")
    b.transact([{":db/id": "first", ":p/other": "so that ids differ"}])
    b.transact(SCHEMA_TX)
    play(a, here)
    play(b, there)
    found = diff(a.db, b.db)
    people = [
        datom
        for side, datoms in ((a, found.removed), (b, found.added))
        for datom in datoms
        if str(side.db.ident(datom.a)) in PEOPLE
    ]
    assert len(people) == len({fact for fact in named(a.db) ^ named(b.db) if fact[1] in PEOPLE})
    a.close()
    b.close()


PEOPLE = (":p/name", ":p/age", ":p/tags", ":p/knows", ":p/mood")
SCHEMA_TX = [{":db/ident": ident, **facts} for ident, facts in read(SCHEMA).items()]


@given(items=steps, data=st.data())
def test_transacting_a_difference_makes_one_value_the_other(
    items: list[Any], data: Any
) -> None:
    conn = connect(SCHEMA)
    values = play(conn, items)
    earlier = data.draw(st.sampled_from(values))
    back = conn.db.with_tx(diff(conn.db, earlier).tx_data()).db_after
    assert not diff(back, earlier)
    assert facts(back) == facts(earlier)
    conn.close()


def test_speculation_differs_from_its_base_by_its_own_facts() -> None:
    conn = connect(SCHEMA, [{":p/name": "ann", ":p/age": 1}])
    ghost = conn.db.with_tx([{":p/name": "ann", ":p/age": 2}, {":p/name": "zoe"}]).db_after
    found = diff(conn.db, ghost)
    assert [d.v for d in found.removed] == [1]
    assert sorted(str(d.v) for d in found.added) == ["2", "zoe"]
    assert [(one.name, one.kind) for one in found.by_entity()] == [
        ([":p/name", "ann"], "changed"),
        ([":p/name", "zoe"], "added"),
    ]
    conn.close()


def test_views_are_compared_as_they_look() -> None:
    conn = connect(SCHEMA, [{":p/name": "ann", ":p/age": 1}], [{":p/name": "bob", ":p/age": 7}])
    age = conn.db.schema.require(":p/age").id
    without_ages = conn.db.filter(lambda db, datom: datom.a != age)
    assert sorted(d.v for d in diff(conn.db, without_ages).removed) == [1, 7]
    since = conn.db.since(conn.db.basis_t - 1)
    assert {d.v for d in diff(since, conn.db).added} >= {"ann", 1}
    conn.close()


def test_transactions_are_left_out_unless_asked_for() -> None:
    conn = connect(SCHEMA)
    before = conn.db
    conn.transact([{":p/name": "ann"}], meta={":tx/why": "test"})
    assert {conn.db.ident(d.a) for d in diff(before, conn.db).added if d.e < 2**40} == {
        ":p/name"
    }
    with_them = diff(before, conn.db, transactions=True)
    assert ":tx/why" in {conn.db.ident(d.a) for d in with_them.added}
    conn.close()


def test_a_difference_reads_as_text_edn_and_json() -> None:
    conn = connect(SCHEMA, [{":p/name": "ann", ":p/age": 1, ":p/tags": ["x", "y"]}])
    before = conn.db
    conn.transact(
        [{":p/name": "ann", ":p/age": 2}, [":db/retract", [":p/name", "ann"], ":p/tags", "x"]]
    )
    found = diff(before, conn.db)
    assert str(found) == (
        "1 entity differs: 1 fact added, 2 removed\n"
        '1 [:p/name "ann"]\n'
        "  :p/age 1 -> 2\n"
        '  - :p/tags "x"'
    )
    assert read(found.to_edn()) == [
        [":-", 1, ":p/age", 1],
        [":-", 1, ":p/tags", "x"],
        [":+", 1, ":p/age", 2],
    ]
    assert json.loads(json.dumps(found.to_json()))["entities"][0]["changes"][0] == {
        "attribute": ":p/age",
        "removed": [1],
        "added": [2],
    }
    assert str(diff(before, before)) == "no difference"
    assert not diff(before, before)
    conn.close()


def test_a_history_has_no_facts_that_just_hold() -> None:
    conn = connect(SCHEMA)
    with pytest.raises(DatamemError) as caught:
        datamem.diff(conn.db.history(), conn.db)
    assert caught.value.code == "diff/history-view"
    conn.close()
