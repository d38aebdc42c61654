"""Pull against a naive one: random data, random patterns, every view, scalars and columns."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.db import Db
from tests.db.naive import NaivePull
from tests.db.worlds import attempt, connect, only_columns, tiny_sizes

ENTITIES = range(1, 8)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    ":u/age": st.integers(0, 3),
    ":u/score": st.sampled_from([0.5, -1.0]),
    ":u/tags": st.sampled_from(["red", "green", "blue", ""]),
    ":u/nums": st.integers(-2, 2),
    ":u/big": st.sampled_from([1, 2**70, -(2**70)]),
    ":u/pair": st.sampled_from([("a", 1), ("a", None), ("b", 0)]),
    ":u/doc": st.sampled_from([{"a": [1, {"b": 2}]}, [1, 2]]),
    ":u/any": st.sampled_from([1, True, 1.0, "x", [1, 2]]),
}
REFS = [":u/boss", ":u/friend", ":u/home", ":u/part"]
MANY_REFS = [":u/friend", ":u/part", ":u/_boss", ":u/_friend"]
REVERSE = [":u/_boss", ":u/_friend", ":u/_home", ":u/_part"]
MANY = [":u/tags", ":u/nums", ":u/big", ":u/any", *MANY_REFS]

refs = st.tuples(st.sampled_from(REFS), st.sampled_from(ENTITIES))
slots = (
    st.sampled_from(sorted(SCALARS)).flatmap(lambda a: st.tuples(st.just(a), SCALARS[a])) | refs
)
operations = st.builds(
    lambda op, e, slot: [op, e, *slot],
    st.sampled_from([":db/add", ":db/add", ":db/add", ":db/retract"]),
    st.sampled_from(ENTITIES),
    slots,
)
histories = st.lists(st.lists(operations, min_size=1, max_size=6), min_size=2, max_size=12)

names = st.sampled_from([*SCALARS, *REFS, *REVERSE, ":db/id", ":u/name"])
keys = st.sampled_from([":as/one", ":as/two", "three"])


def limited(name: str, limit: int) -> tuple[Any, ...]:
    return (name, ":limit", limit)


expressions = st.one_of(
    names,
    st.builds(limited, st.sampled_from(MANY), st.integers(1, 2)),
    st.builds(lambda name, key: (name, ":as", key), names, keys),
    st.builds(
        lambda name, default, key: (name, ":default", default, ":as", key),
        names,
        st.sampled_from([0, False, []]),
        keys,
    ),
    st.builds(lambda name: (name, ":xform", repr), names),
)
ref_expressions = st.one_of(
    st.sampled_from([*REFS, *REVERSE]),
    st.builds(limited, st.sampled_from(MANY_REFS), st.integers(1, 2)),
    st.builds(lambda name, key: (name, ":as", key), st.sampled_from([*REFS, *REVERSE]), keys),
)
recursions = st.sampled_from(["...", 1, 2, 3])


def patterns_over(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    maps = st.dictionaries(ref_expressions, recursions | inner, min_size=1, max_size=2)
    specs = (
        expressions.map(lambda x: list(x) if isinstance(x, tuple) else x) | st.just("*") | maps
    )
    return st.lists(specs, min_size=1, max_size=4)


patterns = st.recursive(st.just(["*"]) | st.just([":u/name"]), patterns_over, max_leaves=4)


def views(db: Db, data: st.DataObject) -> Db:
    t = data.draw(st.integers(0, db.basis_t))
    match data.draw(st.sampled_from(["now", "as-of", "since", "filter", "with", "both"])):
        case "as-of":
            return db.as_of(t)
        case "since":
            return db.since(t)
        case "filter":
            return db.filter(lambda _, datom: datom.v != 1 and datom.e != 3)
        case "with":
            return db.with_tx(
                [[":db/add", 1, ":u/friend", 2], [":db/add", 2, ":u/age", 9]]
            ).db_after
        case "both":
            return db.as_of(t).filter(lambda _, datom: datom.e % 2 == 1)
        case _:
            return db


@pytest.fixture(autouse=True, scope="module")
def tiny() -> Any:
    with tiny_sizes():
        yield


@given(txs=histories, pattern=patterns, data=st.data())
def test_pull_answers_as_a_naive_one(txs: Any, pattern: Any, data: st.DataObject) -> None:
    """Model: `NaivePull`, over the datoms that the view shows."""
    conn = connect()
    conn.transact([{":db/id": e, ":u/name": f"n{e}"} for e in ENTITIES if e != 7])
    for tx_data in txs:
        attempt(conn, tx_data)
    db = views(conn.db, data)
    model = NaivePull(db)
    asked = [*ENTITIES, 99, 1]
    expected = [model.pull(pattern, e) for e in asked]
    assert [db.pull(pattern, e) for e in asked] == expected
    assert db.pull_many(pattern, asked) == expected
    with only_columns():
        assert db.pull_many(pattern, asked) == expected
        assert [db.pull(pattern, e) for e in asked] == expected
