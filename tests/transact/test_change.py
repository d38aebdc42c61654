"""The fast way for changing one entity gives the plan of the general stages, or leaves it to them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.transact import TxPlan
from datamem.transact.fast.change import resolve_change, resolve_upsert
from tests.transact.test_plain import SCHEMA, VALUES
from tests.transact.worlds import World, datoms_of

plain_values = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), max_size=5)
forms = plain_values.flatmap(
    lambda keys: st.fixed_dictionaries(
        {":db/id": st.sampled_from([1, 2, 3, 4, 9, -1, "t"])} | {k: VALUES[k] for k in keys}
    )
)
named = plain_values.flatmap(
    lambda keys: st.fixed_dictionaries(
        {k: VALUES[k] for k in keys}
        | {":p/id": st.sampled_from(["old", "second", "none", None])},
        optional={":db/id": st.sampled_from([1, None])},
    )
)


@pytest.fixture(scope="module")
def world() -> World:
    world = World("real", SCHEMA)
    world.transact([{":p/id": "old", ":p/code": 4, ":p/name": "c", ":p/n": 1}, {":p/n": 2}])
    world.transact([{":q/id": 1, ":p/name": "x"}, {":p/doc": {"a": [1]}, ":p/any": 1}])
    world.transact([{":p/id": "second", ":p/x": 0.5}])
    return world


@given(form=forms)
def test_the_fast_way_agrees_with_the_general_one(world: World, form: dict[str, Any]) -> None:
    """Model: the general stages. What they refuse, the fast way leaves to them."""
    agree(world, form, resolve_change([form], world.db, 9_000_000))


@given(form=named)
def test_an_upsert_agrees_with_the_general_one(world: World, form: dict[str, Any]) -> None:
    """Model: the general stages."""
    agree(world, form, resolve_upsert([form], world.db, 9_000_000))


def agree(world: World, form: dict[str, Any], fast: TxPlan | None) -> None:
    """Compare a plan with the general one, unless there is none."""
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


def test_an_identity_names_the_entity_that_changes(world: World) -> None:
    plan = resolve_upsert([{":p/id": "old", ":p/n": 4, ":p/name": "c"}], world.db, 9_000_000)
    assert plan is not None
    assert list(plan.added) == [True, False, True]
    assert (plan.e[1], plan.v[1], plan.v[2]) == (1, 1, 4)


@pytest.mark.parametrize(
    "form",
    [
        {":p/id": "nobody's", ":p/n": 4},
        {":p/id": "old", ":p/code": 4, ":p/n": 4},
        {":p/id": "old", ":p/tags": "a"},
        {":p/id": "old", ":p/n": 1},
        {":p/id": "old", ":p/n": -6},
        {":p/id": "old", ":p/n": 4, ":db/id": "t"},
        {":p/code": 4, ":p/n": 4},
        {":q/id": 1, ":p/n": 4},
        {":p/n": 4},
        {},
    ],
)
def test_what_is_no_plain_upsert_is_left_to_the_general_way(
    world: World, form: dict[str, Any]
) -> None:
    assert resolve_upsert([form], world.db, 9_000_000) is None


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
