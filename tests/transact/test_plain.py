"""The fast way for plain maps gives the plan of the general stages, or leaves it to them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.transact.fast.plain import resolve_plain
from tests.transact.worlds import World, datoms_of

SCHEMA = """
{:p/id {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :p/code {:db/valueType :db.type/long :db/unique :db.unique/value}
 :p/name {:db/valueType :db.type/string}
 :p/n {:db/valueType :db.type/long :db/min -5}
 :p/x {:db/valueType :db.type/double}
 :p/any {}
 :p/doc {:db/valueType :db.type/doc}
 :p/role {:db/valueType :db.type/keyword :db/default :guest}
 :p/at {:db/valueType :db.type/instant :db/default :db/now}
 :p/tags {:db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}
 :p/codes {:db/valueType :db.type/long :db/cardinality :db.cardinality/many :db/unique :db.unique/value}
 :p/ref {:db/valueType :db.type/ref}
 :p/refs {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
 :q/id {:db/valueType :db.type/long :db/unique :db.unique/identity}
 :q/kind {:db.entity/kind :q/id :db.entity/attrs [:p/name :p/role :p/at]}}
"""

small = st.integers(-6, 4)
names = st.sampled_from(["a", "b", "c", "old", ":k"])
refs = st.one_of(
    st.sampled_from([1, 2, 3, 99, -1, -2, "t", ":p/name", None]),
    st.tuples(st.just(":p/id"), names).map(list),
    st.tuples(st.just("p/code"), small).map(list),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    ":p/id": names,
    ":p/code": small,
    ":p/name": st.one_of(names, st.none()),
    "p/name": names,
    ":p/n": st.one_of(small, st.booleans()),
    ":p/x": st.one_of(st.floats(allow_nan=True), small),
    ":p/any": st.one_of(small, st.booleans(), names, st.just(1.0), st.just([1])),
    ":p/doc": st.just({"a": [1]}),
    ":p/role": st.sampled_from([Keyword(":admin"), "admin"]),
    ":p/tags": st.one_of(names, st.lists(names), st.sets(names)),
    ":p/codes": st.lists(small),
    ":p/ref": refs,
    ":p/refs": st.one_of(refs, st.lists(refs)),
    ":q/id": small,
    ":x/open": small,
}
maps = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), max_size=5).flatmap(
    lambda keys: st.fixed_dictionaries(
        {name: VALUES[name] for name in keys},
        optional={":db/id": st.sampled_from([-1, -2, "t", 1, None])},
    )
)


@pytest.fixture(scope="module")
def world() -> World:
    world = World("real", SCHEMA)
    world.transact([{":p/id": "old", ":p/code": 4, ":p/name": "c"}, {":p/id": "second"}])
    world.transact([[":db/retract", 2, ":p/id"]])
    return world


@given(items=st.lists(maps, max_size=4))
def test_the_fast_way_agrees_with_the_general_one(world: World, items: list[Any]) -> None:
    """Model: the general stages. What they refuse, the fast way leaves to them."""
    fast = resolve_plain(items, world.db, 9_000_000)
    world.now_us = 9_000_000
    try:
        general = world.general(items)
    except DatamemError:
        assert fast is None
        return
    if fast is None:
        return
    assert not general.empty
    assert sorted(map(repr, datoms_of(fast, world.db))) == sorted(
        map(repr, datoms_of(general, world.db))
    )
    for name in ("t", "tx", "instant_us", "next_entity", "next_attribute", "tempids", "schema"):
        assert getattr(fast, name) == getattr(general, name)
    assert not fast.changes_schema
    assert not fast.empty
    assert sorted(map(repr, fast.new_values)) == sorted(map(repr, general.new_values))


PLAIN = [
    [
        {
            ":p/id": "n",
            ":p/name": "x",
            ":p/n": 1,
            ":p/x": 0.5,
            ":p/role": "admin",
            ":p/any": True,
        }
    ],
    [{":p/tags": ["a", "b"], ":p/ref": [":p/id", "old"], ":p/refs": [2, [":p/code", 4]]}],
    [{":db/id": -1, ":p/name": "x", ":p/ref": "y"}, {":db/id": "y", ":p/ref": -1}],
    [{":q/id": 1, ":p/name": "x"}, {":q/id": 2, ":p/name": "x", ":p/role": None}],
    [{":p/code": n, ":p/name": None, ":p/doc": {"a": n}} for n in range(20, 60)],
    [{}, {":p/n": 3}],
]


@pytest.mark.parametrize("items", PLAIN)
def test_the_usual_maps_take_the_fast_way(world: World, items: list[Any]) -> None:
    assert resolve_plain(items, world.db, 9_000_000) is not None


NOT_PLAIN = [
    [[":db/add", 1, ":p/n", 1]],
    [{":p/id": "old", ":p/n": 1}],
    [{":p/id": "n"}, {":p/id": "n"}],
    [{":db/id": 5, ":p/n": 1}],
    [{":p/ref": {":p/n": 1}}],
    [{":p/_ref": 1}],
    [{":q/id": 1}],
    [{":x/open": 1}],
    [{":p/ref": -9}],
    [{":db/id": -9}],
    [{":p/n": 3, "p/n": 4}],
    [{":db/id": -1, ":p/refs": [-1, -1]}],
    [{":p/code": n} for n in range(40)],
    [{}],
]


@pytest.mark.parametrize("items", NOT_PLAIN)
def test_anything_else_is_left_to_the_general_way(world: World, items: list[Any]) -> None:
    assert resolve_plain(items, world.db, 9_000_000) is None


def test_a_default_that_is_part_of_a_tuple_is_left_to_the_general_way() -> None:
    schema = """
    {:c/a {:db/valueType :db.type/string :db/default "x"} :c/b {:db/valueType :db.type/string}
     :c/key {:db/tupleAttrs [:c/a :c/n]} :c/n {:db/valueType :db.type/long}
     :c/kind {:db.entity/kind :c/b :db.entity/attrs [:c/a]}}"""
    world = World("real", schema)
    assert resolve_plain([{":c/b": "y"}], world.db, 9_000_000) is None
    world.transact([{":c/b": "y"}])
    assert world.of(1)[":c/key"] == ("x", None)
