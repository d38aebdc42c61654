"""Many maps at once, in columns, give the plan of the general stages, or are left to them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem import check, connect
from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.transact import TxPlan, resolution
from datamem.transact.fast import bulk
from datamem.transact.fast.bulk import resolve_bulk
from tests.transact.test_plain import SCHEMA, VALUES
from tests.transact.worlds import World, datoms_of

ids = st.sampled_from([1, 2, 3, 4, 7, 30, 31, -1, -2, "t", "u", None, [":p/id", "old"]])
"""Of entities that there are, there will be, and that the transaction makes."""

KINDS = [name for name in VALUES if name not in {":x/open", ":p/doc"}]


def of_shape(names: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({name: VALUES.get(name, ids) for name in names}))


shapes = st.lists(st.sampled_from([*KINDS, ":db/id"]), min_size=1, max_size=4, unique=True)
people = st.lists(shapes.flatmap(of_shape), max_size=2).map(lambda parts: [*chain(*parts)])
usual = st.lists(
    st.fixed_dictionaries(
        {
            ":db/id": st.integers(1, 12),
            ":p/name": st.sampled_from(["a", "c", None]),
            ":p/n": st.integers(0, 3),
            ":p/tags": st.sets(st.sampled_from([Keyword(":a"), Keyword(":b")])),
            ":p/refs": st.lists(st.integers(1, 5), unique=True),
        }
    ),
    unique_by=lambda form: form[":db/id"],
)
upserts = st.lists(
    st.fixed_dictionaries(
        {":p/id": st.sampled_from("abcdef"), ":p/code": st.integers(0, 9)},
        optional={
            ":p/name": st.sampled_from(["a", "b"]),
            ":p/x": st.floats(allow_nan=False),
            ":p/ref": st.sampled_from([[":p/id", "a"], [":p/id", "b"]]),
        },
    ),
    unique_by=(lambda form: form[":p/id"], lambda form: form[":p/code"]),
)


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_MAPS_A_SHAPE", 0)


@pytest.fixture(scope="module", params=["real", "dict"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "_MAPS_A_SHAPE", 0)
        world = World(request.param, SCHEMA)
        world.transact([{":p/id": "old", ":p/code": 4, ":p/name": "c", ":p/n": 1}, {":p/n": 2}])
        world.transact(
            [{":q/id": 1, ":p/name": "x", ":p/tags": ["a", "c"]}, {":p/refs": [1, 2]}]
        )
        world.transact([{":p/id": name, ":p/code": 10 + n} for n, name in enumerate("abc")])
        world.transact([[":db/retract", 2, ":p/n"], [":db/add", 5, ":p/x", 0.5]])
        yield world


@given(items=people)
def test_columns_agree_with_the_general_way(world: World, items: list[Any]) -> None:
    """Model: the general stages. What they refuse, the fast way leaves to them."""
    agree(world, items, resolve_bulk(items, world.db, 9_000_000))


@given(items=usual)
def test_ids_as_numbers_agree_with_the_general_way(world: World, items: list[Any]) -> None:
    """Model: the general stages; entities come in the same order."""
    fast = resolve_bulk(items, world.db, 9_000_000)
    assert (fast is None) == (not items)
    agree(world, items, fast)
    if fast is not None:
        assert list(fast.e) == list(world.general(items).e)


@given(items=upserts)
def test_upserts_agree_with_the_general_way(world: World, items: list[Any]) -> None:
    """Model: the general stages."""
    agree(world, items, resolve_bulk(items, world.db, 9_000_000))


def agree(
    world: World, items: list[Any], fast: TxPlan | None, *, in_order: bool = False
) -> None:
    """Compare a plan with the general one, unless there is none."""
    world.now_us = 9_000_000
    try:
        general = world.general(items)
    except DatamemError:
        assert fast is None
        return
    if fast is None:
        return
    ours, theirs = (sorted(map(repr, datoms_of(plan, world.db))) for plan in (fast, general))
    assert ours == theirs
    for name in ("t", "tx", "instant_us", "next_entity", "next_attribute", "tempids", "schema"):
        assert getattr(fast, name) == getattr(general, name)
    assert fast.empty == general.empty
    assert not fast.changes_schema
    assert sorted(map(repr, fast.new_values)) == sorted(map(repr, general.new_values))


PLAIN: list[list[dict[str, Any]]] = [
    [{":p/id": f"n{n}", ":p/name": "x", ":p/n": n, ":p/x": 0.5} for n in range(9)],
    [{":db/id": str(n), ":p/ref": str((n + 1) % 9)} for n in range(9)],
    [{":db/id": n, ":p/name": "x", ":p/tags": ["a", "b"]} for n in range(1, 9)],
    [{":db/id": 40 + n, ":p/name": None if n % 2 else "x", ":p/n": 1} for n in range(9)],
    [{":p/id": name, ":p/n": 7, ":p/ref": [":p/id", "old"]} for name in ("old", "a", "b")],
    [{":db/id": [":p/id", name], ":p/n": 7} for name in ("old", "a")],
    [{":q/id": n, ":p/name": "x"} for n in range(9)],
    [{":db/id": 1, ":p/name": "c"}],
]


@pytest.mark.parametrize("items", PLAIN)
def test_what_is_plain_is_read_in_columns(world: World, items: list[Any]) -> None:
    fast = resolve_bulk(items, world.db, 9_000_000)
    assert fast is not None
    agree(world, items, fast)


NOT_PLAIN: list[list[Any]] = [
    [[":db/add", 1, ":p/n", 1]],
    [{":db/id": 1, ":p/n": 1}, {":db/id": 1, ":p/n": 2}],
    [{":p/id": "n"}, {":p/id": "n"}],
    [{":p/id": "old"}, {":db/id": 1, ":p/n": 1}],
    [{":db/id": 2, ":p/id": "old"}],
    [{":p/code": 4}],
    [{":p/id": "a", ":q/id": 1}],
    [{":db/id": 1, ":q/id": 9}],
    [{":db/id": 1 << 40, ":p/n": 1}],
    [{":p/ref": 1 << 41}],
    [{":p/ref": 1 << 70}],
    [{":p/ref": {":p/n": 1}}],
    [{":p/ref": "nobody"}],
    [{":p/ref": [":p/id", "nobody"]}],
    [{":p/n": 1 << 70}],
    [{":p/n": -6}],
    [{":p/x": float("nan")}],
    [{":p/tags": ["a", None]}],
    [{":p/tags": ["a", "a"]}],
    [{":db/id": 1, ":p/tags": []}],
    [{":db/id": 1}],
    [{":db/id": True, ":p/n": 1}],
    [{":p/name": "a", "p/name": "a"}],
    [{":x/open": 1}],
    [{":p/_ref": 1}],
    [{}],
    [],
]


@pytest.mark.parametrize("items", NOT_PLAIN)
def test_anything_else_is_left_to_the_general_way(world: World, items: list[Any]) -> None:
    assert resolve_bulk(items, world.db, 9_000_000) is None


def test_maps_that_are_all_different_are_not_read_in_columns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_MAPS_A_SHAPE", 8)
    assert resolve_bulk([{":p/n": 1}, {":p/x": 1.0}], world.db, 9_000_000) is None


def test_the_transaction_says_something_of_itself(world: World) -> None:
    items = [{":p/n": n} for n in range(9)]
    plan = resolve_bulk(items, world.db, 9_000_000, {":p/name": "me"})
    assert plan is not None
    assert plan.e[:3] == [plan.tx, plan.tx, plan.next_entity - 9]
    assert [value for _, value, _ in plan.new_values] == ["me"]


def test_many_people_twice_change_what_is_different_and_nothing_else(tmp_path: Path) -> None:
    """Through a connection: enough rows for columns to stay arrays, all the way to the log."""
    people = [{":p/id": str(n), ":p/n": n, ":p/tags": ["a", "b"]} for n in range(3_000)]
    with connect(tmp_path / "db", SCHEMA) as conn:
        assert conn.transact(people).datom_count == 1 + 4 * 3_000
        before = conn.db
        assert conn.transact(people).datom_count == 0
        assert conn.db.basis_t == before.basis_t
        report = conn.transact([{**person, ":p/n": 7} for person in people])
        assert report.datom_count == 1 + 2 * 2_999
        assert {(d.v, d.added) for d in report.tx_data if d.e == 1} == {(0, False), (7, True)}
        assert conn.db.q("[:find (count ?e) . :where [?e :p/n 7] [?e :p/tags :b]]") == 3_000
        assert before.q("[:find ?e . :where [?e :p/n 9]]") == 10
    assert check(tmp_path / "db").problems == []


@pytest.mark.parametrize("count", [8, 63, 64])
def test_a_few_known_entities_and_many_new_ones_need_no_general_stages(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    def general(*args: Any) -> TxPlan:
        raise AssertionError

    monkeypatch.setattr(resolution, "resolve_general", general)
    known = world.resolve([{":db/id": n, ":p/n": 7} for n in range(1, count + 1)])
    assert len(known.e) > count
    new = world.resolve([{":p/n": n, ":p/name": "x"} for n in range(count)])
    assert new.next_entity == world.db.next_entity + count
