"""Indexes against a sorted list: random histories, every view, both directions, any components."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.db import Datom, Db
from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.schema import ValueType
from datamem.schema.values import order_key
from tests.db.test_pull_model import ENTITIES, histories
from tests.db.worlds import connect, tiny_sizes

Key = tuple[Any, ...]


@pytest.fixture(autouse=True, scope="module")
def tiny() -> Any:
    with tiny_sizes():
        yield


class Model:
    """Every datom there ever was, and what a view shows of them."""

    def __init__(self, txs: list[Any]) -> None:
        conn = connect()
        self.log = [datom for datom in conn.db.datoms("eavt") if datom.added]
        self.log.sort(key=lambda datom: datom.tx)
        names = [{":db/id": e, ":u/name": f"n{e}"} for e in ENTITIES]
        for tx_data in [names, *txs]:
            try:
                self.log += conn.transact(tx_data).tx_data
            except DatamemError:
                continue
        self.db = conn.db
        schema = self.db.schema
        self.refs = {a.id for a in schema if a.value_type is ValueType.REF}

    def view(self, data: st.DataObject) -> tuple[Db, list[Datom]]:
        t = data.draw(st.integers(0, self.db.basis_t))
        log = [datom for datom in self.log if datom.tx <= TX_BASE + t]
        match data.draw(st.sampled_from(["as-of", "history", "since", "filter"])):
            case "history":
                return self.db.as_of(t).history(), log
            case "since":
                later = [d for d in standing(self.log) if d.tx > TX_BASE + t]
                return self.db.since(t), later
            case "filter":
                kept = [d for d in standing(log) if d.e % 2]
                return self.db.as_of(t).filter(lambda _, d: d.e % 2 == 1), kept
            case _:
                return self.db.as_of(t), standing(log)

    def key(self, order: str, datom: Datom) -> Key:
        value = datom.v if order == "vaet" else order_key(datom.v)
        parts = {"e": datom.e, "a": datom.a, "v": value, "t": datom.tx}
        return (*(parts[name] for name in order), datom.added)

    def ordered(self, order: str, datoms: list[Datom]) -> list[Datom]:
        kept = [d for d in datoms if order != "vaet" or d.a in self.refs]
        return sorted(kept, key=lambda datom: self.key(order, datom))


def standing(log: list[Datom]) -> list[Datom]:
    facts: dict[Any, Datom] = {}
    for datom in log:
        fact = (datom.e, datom.a, order_key(datom.v))
        if datom.added:
            facts[fact] = datom
        else:
            del facts[fact]
    return list(facts.values())


def components_of(order: str, datom: Datom) -> list[Any]:
    parts = {"e": datom.e, "a": datom.a, "v": datom.v, "t": datom.tx}
    return [parts[name] for name in order]


@given(txs=histories, data=st.data())
def test_indexes_read_as_a_sorted_list(txs: Any, data: st.DataObject) -> None:
    """Model: the datoms of the transaction reports, filtered by hand and sorted by key."""
    model = Model(txs)
    db, datoms = model.view(data)
    order = data.draw(st.sampled_from(["eavt", "aevt", "avet", "vaet"]))
    ordered = model.ordered(order, datoms)
    anywhere = model.ordered(order, model.log)
    components: list[Any] = []
    if anywhere:
        components = components_of(order, data.draw(st.sampled_from(anywhere)))
        components = components[: data.draw(st.integers(0, 4))]
    width = len(components)
    prefix = [order_key(c) if name == "v" and order != "vaet" else c
              for name, c in zip(order, components, strict=False)]  # fmt: skip
    keys = [list(model.key(order, datom)[:width]) for datom in ordered]
    same = [d for d, key in zip(ordered, keys, strict=True) if key == prefix]
    assert db.datoms(order, *components) == same
    assert db.datoms(order, *components, reverse=True) == same[::-1]
    after = [d for d, key in zip(ordered, keys, strict=True) if key >= prefix]
    assert list(db.seek_datoms(order, *components)) == after
    before = [d for d, key in zip(ordered, keys, strict=True) if key <= prefix]
    assert list(db.seek_datoms(order, *components, reverse=True)) == before[::-1]


BOUNDS: dict[str, list[Any]] = {
    ":u/age": [-1, 0, 1, 1.5, 2, 3, 2**70],
    ":u/score": [-1, -0.5, 0.5, 0, 10**400],
    ":u/nums": [-2, -1.5, 0, 2],
    ":u/tags": ["", "a", "blue", "gz", "red", "z"],
    ":u/big": [-(2**70), 0, 1, 1.5, 2**70],
    ":u/any": [None, True, 0.5, 1, "a", "x", "z"],
    ":u/pair": [("a", 0), ("a", 1), ("b", 5)],
    ":u/friend": [1, 3, 6],
}


@given(txs=histories, data=st.data())
def test_ranges_select_from_a_sorted_list(txs: Any, data: st.DataObject) -> None:
    """Model: the attribute's datoms by order key; equal numbers of all types are one place."""
    model = Model(txs)
    db, datoms = model.view(data)
    name = data.draw(st.sampled_from(sorted(BOUNDS)))
    low, high = (data.draw(st.sampled_from([None, *BOUNDS[name]])) for _ in range(2))
    attribute = db.schema.get(name)
    found: list[Datom] = []
    if attribute is not None:
        found = [d for d in model.ordered("avet", datoms) if d.a == attribute.id]
    found = [
        d
        for d in found
        if (low is None or order_key(d.v)[:2] >= order_key(low)[:2])
        and (high is None or order_key(d.v)[:2] <= order_key(high)[:2])
    ]
    assert db.index_range(name, low, high) == found
    assert db.index_range(name, low, high, reverse=True) == found[::-1]
