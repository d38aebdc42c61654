"""Several keys at once: all or none, and only over what was read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem import runs
from datamem.errors import ConflictError, DatamemError
from datamem.kv import DELETED, Store, TxStore, search_vector, txn
from tests.kv.worlds import refused, world

VECTORS = """{:d/vec {:db/valueType :db.type/vector :db/dimension 2}
              :d/lang {:db/valueType :db.type/string}
              :d/pages {:db/valueType :db.type/long}}"""

operations = st.lists(
    st.tuples(
        st.sampled_from(["put", "delete", "get"]), st.sampled_from("abc"), st.integers(0, 3)
    ),
    max_size=8,
)


@given(before=operations, inside=operations)
def test_a_transaction_sees_its_own_writes_and_leaves_the_last(
    before: Any, inside: Any
) -> None:
    """Model: a dict."""
    conn, _ = world()
    store, model = Store(conn), {}
    for kind, key, value in before:
        if kind == "put":
            store.put(key, value)
            model[key] = value
        elif kind == "delete":
            store.delete(key)
            model.pop(key, None)
    t = conn.db.basis_t
    with conn.transaction() as tx:
        keys = TxStore(tx, store)
        for kind, key, value in inside:
            if kind == "put":
                keys.put(key, value)
                model[key] = value
            elif kind == "delete":
                keys.delete(key)
                model.pop(key, None)
            assert keys.get(key, "none") == model.get(key, "none")
    assert {entry.name: entry.value for entry in store.list()} == model
    assert conn.db.basis_t <= t + 1


def test_a_key_that_was_read_and_written_meanwhile_is_a_conflict() -> None:
    conn, _ = world()
    store = Store(conn)
    store.put("a", 1)
    for key, change in (("a", lambda: store.put("a", 2)), ("new", lambda: store.put("new", 1))):
        with pytest.raises(ConflictError), conn.transaction() as tx:
            keys = TxStore(tx, store)
            keys.put("b", keys.get(key, 0))
            change()
    with conn.transaction() as tx:
        keys = TxStore(tx, store)
        keys.put("b", keys.get("a"))
        store.put("other", 1)
    assert store.get("b") == 2


def test_txn_writes_all_or_nothing() -> None:
    conn, _ = world()
    store = Store(conn, "s")
    store.put("a", 1)
    store.put("gone", 1)
    report = txn(
        conn, {"a": 1, "new": 0}, {"a": 2, "new": [1], "gone": DELETED}, scope="s",
        tx_data=[{":x/also": 1}],
    )  # fmt: skip
    assert report.versions == {"a": 2, "new": 1, "gone": 0}
    assert report.t == conn.db.basis_t
    assert {entry.name: entry.value for entry in store.list()} == {"a": 2, "new": [1]}
    t = conn.db.basis_t
    with pytest.raises(ConflictError) as refusal:
        txn(conn, {"a": 1, "new": 1, "gone": 1}, {"a": 3, "b": 1}, scope="s")
    assert refusal.value.data["actual"] == {"a": 2, "new": 1, "gone": 0}
    assert "gone is at 0, read at 1" in refusal.value.message
    with refused("json/not-json"):
        txn(conn, write_set={"a": 3, "b": {1}}, scope="s")
    store.rule("b", schema={"type": "integer"})
    with refused("kv/schema-mismatch"):
        txn(conn, write_set={"a": 3, "b": "x"}, scope="s")
    with refused("transact/precondition-failed"):
        txn(conn, write_set={"a": 3}, scope="s", preconditions=[lambda _: False])
    assert store.get("a") == 2
    assert conn.db.basis_t == t + 1


def test_several_new_keys_in_one_transaction_and_run() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "r") as run:
        txn(conn, write_set={f"k{i}": i for i in range(5)})
    store = Store(conn)
    assert [entry.value for entry in store.list()] == [0, 1, 2, 3, 4]
    assert {change.run for i in range(5) for change in store.history(f"k{i}")} == {run.eid}


def test_vectors_with_their_metadata() -> None:
    conn, _ = world(VECTORS)
    rows = [([1.0, 0.0], "en", 1), ([0.9, 0.1], "no", 2), ([0.0, 1.0], "en", 3)]
    conn.transact([{":d/vec": v, ":d/lang": lang, ":d/pages": n} for v, lang, n in rows])
    conn.transact([{":d/lang": "en", ":d/pages": 9}])
    pages = lambda *a: [found.metadata[":d/pages"] for found in search_vector(conn.db, *a)]  # noqa: E731
    assert pages(":d/vec", [1.0, 0.0]) == [1, 2, 3]
    assert pages(":d/vec", [1.0, 0.0], {"d/lang": "en"}, 5) == [1, 3]
    assert pages(":d/vec", [1.0, 0.0], {":d/lang": "en", ":d/pages": 3}) == [3]
    assert pages(":d/vec", [1.0, 0.0], {":d/lang": "sv"}) == []
    assert pages(":d/vec", [1.0, 0.0], None, 1) == [1]
    for collection in (":d/lang", ":d/nothing"):
        with refused("vector/no-collection"):
            search_vector(conn.db, collection, [1.0, 0.0])


def test_a_guard_sees_every_transaction_and_may_refuse() -> None:
    conn, _ = world()
    seen: list[int] = []

    def check(_: Any, plan: Any) -> Any:
        seen.append(len(plan.e))
        if len(plan.e) > 3:
            raise DatamemError("too many", code="test/too-many")
        return plan

    stop = conn.guard(lambda: check)
    conn.transact([{":kv/key": "k"}])
    with refused("test/too-many"):
        conn.transact([{":kv/key": f"k{i}"} for i in range(3)])
    stop()
    conn.transact([{":kv/key": f"k{i}"} for i in range(3)])
    assert seen == [2, 4]
