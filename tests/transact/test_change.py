"""The fast way for changing one entity gives the plan of the general stages, or leaves it to them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.transact.change import resolve_change
from tests.transact.test_plain import SCHEMA, VALUES
from tests.transact.worlds import World, datoms_of

forms = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), max_size=5).flatmap(
    lambda keys: st.fixed_dictionaries(
        {":db/id": st.sampled_from([1, 2, 3, 4, 9, -1, "t"])} | {k: VALUES[k] for k in keys}
    )
)


@pytest.fixture(scope="module")
def world() -> World:
    world = World("real", SCHEMA)
    world.transact([{":p/id": "old", ":p/code": 4, ":p/name": "c", ":p/n": 1}, {":p/n": 2}])
    world.transact([{":q/id": 1, ":p/name": "x"}, {":p/doc": {"a": [1]}, ":p/any": 1}])
    return world


@given(form=forms)
def test_the_fast_way_agrees_with_the_general_one(world: World, form: dict[str, Any]) -> None:
    """Model: the general stages. What they refuse, the fast way leaves to them."""
    fast = resolve_change([form], world.db, 9_000_000)
    world.now_us = 9_000_000
    try:
        general = world.general([form])
    except DatamemError:
        assert fast is None
        return
    if fast is None:
        return
    assert datoms_of(fast, world.db)[0] == datoms_of(general, world.db)[0]
    assert sorted(map(repr, datoms_of(fast, world.db))) == sorted(
        map(repr, datoms_of(general, world.db))
    )
    for name in ("t", "tx", "instant_us", "next_entity", "next_attribute", "tempids", "schema"):
        assert getattr(fast, name) == getattr(general, name)
    assert sorted(map(repr, fast.new_values)) == sorted(map(repr, general.new_values))


def test_what_changes_is_retracted_before_it_is_asserted(world: World) -> None:
    plan = resolve_change([{":db/id": 1, ":p/name": "new", ":p/n": 1}], world.db, 9_000_000)
    assert plan is not None
    assert list(plan.added) == [True, False, True]
    assert [value for _, value, _ in plan.new_values] == ["new"]


@pytest.mark.parametrize(
    "items",
    [
        [{":db/id": 3, ":p/n": 5}],
        [{":db/id": 1, ":p/id": "other"}],
        [{":db/id": 1, ":p/tags": "a"}],
        [{":db/id": 1, ":p/ref": 2}],
        [{":db/id": 1, ":p/n": -6}],
        [{":db/id": 1, ":p/n": 1}],
        [{":db/id": 99, ":p/n": 5}],
        [{":p/n": 5}],
        [{":db/id": 1, ":p/n": 5}, {":db/id": 2, ":p/n": 5}],
        [[":db/add", 1, ":p/n", 5]],
    ],
)
def test_anything_else_is_left_to_the_general_way(world: World, items: list[Any]) -> None:
    assert resolve_change(items, world.db, 9_000_000) is None
