"""Recursive pull: depths, cycles, several recursions at once, chains longer than Python's stack."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.db import Db
from datamem.db.pull import walk as pull_walk
from datamem.errors import QueryError
from tests.db.worlds import connect, only_columns


def chain(length: int) -> Db:
    conn = connect()
    conn.transact([{":db/id": e, ":u/boss": e + 1} for e in range(1, length)])
    return conn.db


def links(attribute: str, *pairs: tuple[int, int]) -> list[Any]:
    return [[":db/add", e, attribute, target] for e, target in pairs]


@pytest.mark.parametrize(
    ("depth", "pulled"),
    [
        (1, {":db/id": 1, ":u/boss": {":db/id": 2}}),
        (2, {":db/id": 1, ":u/boss": {":db/id": 2, ":u/boss": {":db/id": 3}}}),
        ("...", {":db/id": 1, ":u/boss": {":db/id": 2, ":u/boss": {":db/id": 3}}}),
        (..., {":db/id": 1, ":u/boss": {":db/id": 2, ":u/boss": {":db/id": 3}}}),
    ],
)
def test_a_depth_counts_hops(depth: Any, pulled: Any) -> None:
    assert chain(3).pull(["db/id", {"u/boss": depth}], 1) == pulled


def test_recursion_repeats_the_pattern_it_stands_in() -> None:
    conn = connect()
    conn.transact([{":u/name": "a", ":u/boss": {":u/name": "b", ":u/boss": {":u/name": "c"}}}])
    pulled = conn.db.pull("[:db/id {:u/boss [:u/name {:u/boss ...}]}]", [":u/name", "a"])
    assert pulled is not None
    assert pulled[":u/boss"] == {":u/name": "b", ":u/boss": {":u/name": "c"}}


def test_what_is_on_the_path_already_is_only_named() -> None:
    conn = connect()
    conn.transact(links(":u/friend", (1, 2), (2, 1), (2, 2), (2, 3)))
    assert conn.db.pull("[:db/id {:u/friend ...}]", 1) == {
        ":db/id": 1,
        ":u/friend": [
            {":db/id": 2, ":u/friend": [{":db/id": 1}, {":db/id": 2}, {":db/id": 3}]},
        ],
    }
    assert conn.db.pull("[:u/name {:u/friend ...}]", 2) == {
        ":u/friend": [{":u/friend": [{":db/id": 2}]}, {":db/id": 2}]
    }


def test_two_paths_to_one_entity_both_show_it() -> None:
    conn = connect()
    conn.transact(links(":u/friend", (1, 2), (1, 3), (2, 4), (3, 4)))
    conn.transact([{":db/id": 4, ":u/name": "d"}])
    four = [{":u/name": "d"}]
    assert conn.db.pull("[:u/name {:u/friend ...}]", 1) == {
        ":u/friend": [{":u/friend": four}, {":u/friend": four}]
    }


def test_two_recursions_count_their_own_hops() -> None:
    conn = connect()
    conn.transact(
        [*links(":u/boss", (1, 2), (2, 3), (3, 4)), *links(":u/home", (1, 5), (2, 6))]
    )
    assert conn.db.pull("[:db/id {:u/boss 2 :u/home 1}]", 1) == {
        ":db/id": 1,
        ":u/boss": {
            ":db/id": 2,
            ":u/boss": {":db/id": 3},
            ":u/home": {":db/id": 6},
        },
        ":u/home": {":db/id": 5},
    }


def test_recursion_with_wildcard_limit_and_key() -> None:
    conn = connect()
    conn.transact([*links(":u/friend", (1, 2), (1, 3), (2, 3)), {":db/id": 3, ":u/age": 1}])
    assert conn.db.pull("[* {[:u/friend :limit 1 :as :f] 2}]", 1) == {
        ":db/id": 1,
        ":f": [{":db/id": 2, ":f": [{":db/id": 3, ":u/age": 1}]}],
    }


def test_reverse_recursion_climbs() -> None:
    assert chain(3).pull("[:db/id {:u/_boss ...}]", 3) == {
        ":db/id": 3,
        ":u/_boss": [{":db/id": 2, ":u/_boss": [{":db/id": 1}]}],
    }


def test_components_that_contain_each_other_end() -> None:
    conn = connect()
    conn.transact(links(":u/part", (1, 2), (2, 3), (3, 1)))
    part = {":db/id": 2, ":u/part": [{":db/id": 3, ":u/part": [{":db/id": 1}]}]}
    assert conn.db.pull("[*]", 1) == {":db/id": 1, ":u/part": [part]}
    assert conn.db.pull("[:u/part]", 1) == {":u/part": [part]}


@pytest.mark.parametrize("pattern", ["[:db/id {:u/boss ...}]", "[:u/age {:u/boss 100000}]"])
def test_a_long_chain_needs_no_stack(pattern: str) -> None:
    conn = connect()
    conn.transact([{":db/id": e, ":u/boss": e + 1} for e in range(1, 5000)])
    conn.transact([{":db/id": 5000, ":u/age": 1}])
    pulled = conn.db.pull(pattern, 1)
    depth = 0
    while pulled is not None and ":u/boss" in pulled:
        pulled = pulled[":u/boss"]
        depth += 1
    assert depth == 4999


def test_columns_recur_as_scalars_do() -> None:
    conn = connect()
    conn.transact(
        [{":db/id": e, ":u/boss": e // 3 + 1, ":u/age": e % 150} for e in range(1, 200)]
    )
    pattern = "[:u/age {:u/_boss 3}]"
    expected = [conn.db.pull(pattern, e) for e in range(1, 200)]
    assert conn.db.pull_many(pattern, range(1, 200)) == expected
    with only_columns():
        assert conn.db.pull_many(pattern, range(1, 200)) == expected


def test_recursion_over_too_many_paths_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    conn = connect()
    conn.transact([pair for e in range(1, 20) for pair in links(
        ":u/friend", (2 * e, 2 * e + 2), (2 * e, 2 * e + 3), (2 * e + 1, 2 * e + 2), (2 * e + 1, 2 * e + 3)
    )])  # fmt: skip
    monkeypatch.setattr(pull_walk, "MAX_EXPANDED", 10_000)
    with pytest.raises(QueryError, match="makes more than 10,000 maps") as refused:
        conn.db.pull("[:db/id {:u/friend ...}]", 2)
    assert refused.value.code == "pull/too-large"
    assert conn.db.pull("[:db/id {:u/friend 3}]", 2) is not None
