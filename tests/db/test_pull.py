"""Pull by feature: a tiny database, a pattern, the data that comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamem.datalog import register_function
from datamem.db import Db
from datamem.edn import Keyword
from tests.db.worlds import SCHEMA, connect

FAMILY = """
[{:db/id 1 :u/name "ann" :u/age 40 :u/tags ["tea" "art"] :u/boss {:db/id 2 :u/name "bob"}
  :u/friend [{:db/id 3 :u/name "cy"} {:db/id 4 :u/name "dee"}]
  :u/home {:db/id 5 :u/any ["street"] :u/part [{:db/id 6 :u/any ["door"]}]}
  :u/kind {:db/id 7 :db/ident :kind/human}}
 [:db/add 3 :u/boss 2] [:db/add 3 :u/friend 1] [:db/add 4 :u/friend 3]]
"""


@pytest.fixture(scope="module")
def db() -> Db:
    return connect(SCHEMA, FAMILY).db


@pytest.mark.parametrize(
    ("pattern", "pulled"),
    [
        ("[:u/name]", {":u/name": "ann"}),
        ("[:u/name :u/email]", {":u/name": "ann"}),
        ("[:u/email]", None),
        ("[:db/id :u/email]", {":db/id": 1}),
        ("[[:db/id :as :id]]", {":id": 1}),
        (":u/name", {":u/name": "ann"}),
        (["u/name", ":u/age"], {":u/name": "ann", ":u/age": 40}),
        ('["u/name"]', {":u/name": "ann"}),
        ("[:u/tags]", {":u/tags": ["art", "tea"]}),
        ("[:u/boss]", {":u/boss": {":db/id": 2}}),
        ("[:u/kind]", {":u/kind": {":db/id": 7}}),
        ("[{:u/kind [:db/ident]}]", {":u/kind": {":db/ident": ":kind/human"}}),
        ("[:u/friend]", {":u/friend": [{":db/id": 3}, {":db/id": 4}]}),
        ("[{:u/boss [:u/name]}]", {":u/boss": {":u/name": "bob"}}),
        ({"u/boss": "u/name"}, {":u/boss": {":u/name": "bob"}}),
        ("[{:u/boss [:u/age]}]", None),
        ("[{:u/friend [:u/boss]}]", {":u/friend": [{":u/boss": {":db/id": 2}}]}),
        (
            ["u/name", {"u/friend": ["u/name", {"u/boss": ["u/name"]}]}],
            {
                ":u/name": "ann",
                ":u/friend": [
                    {":u/name": "cy", ":u/boss": {":u/name": "bob"}},
                    {":u/name": "dee"},
                ],
            },
        ),
    ],
)
def test_attributes_and_nested_maps(db: Db, pattern: Any, pulled: Any) -> None:
    assert db.pull(pattern, 1) == pulled


HOME = {":db/id": 5, ":u/any": ["street"], ":u/part": [{":db/id": 6, ":u/any": ["door"]}]}
ANN = {
    ":db/id": 1,
    ":u/name": "ann",
    ":u/age": 40,
    ":u/tags": ["art", "tea"],
    ":u/kind": {":db/id": 7},
    ":u/boss": {":db/id": 2},
    ":u/friend": [{":db/id": 3}, {":db/id": 4}],
    ":u/home": HOME,
}


@pytest.mark.parametrize("pattern", ["[*]", "*", ["*"], [Keyword("*")], "[:*]", "[* *]"])
def test_a_wildcard_gives_everything_and_expands_components(db: Db, pattern: Any) -> None:
    assert db.pull(pattern, 1) == ANN


def test_a_component_is_expanded_without_a_wildcard(db: Db) -> None:
    assert db.pull("[:u/home]", 1) == {":u/home": HOME}
    assert db.pull("[{:u/home [:u/any]}]", 1) == {":u/home": {":u/any": ["street"]}}


def test_what_a_pattern_names_no_wildcard_adds(db: Db) -> None:
    assert db.pull("[* {:u/boss [:u/name]}]", 1) == {**ANN, ":u/boss": {":u/name": "bob"}}
    assert db.pull("[:u/any *]", 6) == {":db/id": 6, ":u/any": ["door"]}
    renamed = db.pull("[* [:u/tags :as :tags] [:db/id :as :id]]", 1)
    assert renamed is not None
    assert renamed[":tags"] == ["art", "tea"]
    assert ":u/tags" not in renamed
    assert ":db/id" not in renamed
    taken = db.pull("[* [:u/age :as :u/name]]", 1)
    assert taken is not None
    assert taken[":u/name"] == 40


@pytest.mark.parametrize(
    ("pattern", "e", "pulled"),
    [
        ("[:u/_boss]", 2, {":u/_boss": [{":db/id": 1}, {":db/id": 3}]}),
        ("[{:u/_boss [:u/name]}]", 2, {":u/_boss": [{":u/name": "ann"}, {":u/name": "cy"}]}),
        (["u/_friend"], 1, {":u/_friend": [{":db/id": 3}]}),
        ("[[:u/_boss :limit 1]]", 2, {":u/_boss": [{":db/id": 1}]}),
        ("[:u/_boss]", 1, None),
        ("[:u/_home]", 5, {":u/_home": {":db/id": 1}}),
        ("[{:u/_part [:u/any {:u/_home [:u/name]}]}]", 6,
         {":u/_part": {":u/any": ["street"], ":u/_home": {":u/name": "ann"}}}),
        ("[{:u/friend [{:u/_friend [:u/name]}]}]", 4,
         {":u/friend": [{":u/_friend": [{":u/name": "ann"}, {":u/name": "dee"}]}]}),
    ],
)  # fmt: skip
def test_reverse_attributes(db: Db, pattern: Any, e: int, pulled: Any) -> None:
    assert db.pull(pattern, e) == pulled


@pytest.mark.parametrize(
    ("pattern", "pulled"),
    [
        ('[[:u/name :as "n"]]', {"n": "ann"}),
        ("[(:u/name :as :n)]", {":n": "ann"}),
        ([("u/name", "as", 7)], {7: "ann"}),
        ("[[:u/tags :limit 1]]", {":u/tags": ["art"]}),
        ("[[:u/tags :limit nil]]", {":u/tags": ["art", "tea"]}),
        ("[(limit :u/tags 1)]", {":u/tags": ["art"]}),
        ([["limit", "u/tags", 1]], {":u/tags": ["art"]}),
        ("[{(limit :u/friend 1) [:u/name]}]", {":u/friend": [{":u/name": "cy"}]}),
        ({("u/friend", ":limit", 1): ["u/name"]}, {":u/friend": [{":u/name": "cy"}]}),
        ("[[:u/tags :as :one :limit 1] [:u/tags :as :all]]",
         {":one": ["art"], ":all": ["art", "tea"]}),
        ("[(default :u/email \"none\")]", {":u/email": "none"}),
        ("[(default :u/name \"none\")]", {":u/name": "ann"}),
        ("[[:u/admin :default false]]", {":u/admin": False}),
        ("[[:u/nums :default []]]", {":u/nums": []}),
        ("[:u/name [:u/admin :default nil]]", {":u/name": "ann"}),
        ("[{[:u/boss :default 0] [:u/age]}]", {":u/boss": 0}),
        ("[[:nobody/used :default 1] :u/age]", {":nobody/used": 1, ":u/age": 40}),
        ("[{:nobody/used [:x]} [:u/age :as :a] :nobody/_used]", {":a": 40}),
        ("[:u/friend {:u/friend [:u/name]}]",
         {":u/friend": [{":u/name": "cy"}, {":u/name": "dee"}]}),
        ("[{:u/friend [:u/name]} :u/friend]", {":u/friend": [{":db/id": 3}, {":db/id": 4}]}),
        ("[#_ :u/name ^{:a 1} [:u/age :as :a]]", {":a": 40}),
    ],
)  # fmt: skip
def test_options(db: Db, pattern: Any, pulled: Any) -> None:
    assert db.pull(pattern, 1) == pulled


def test_xform_is_called_with_what_would_be_given(db: Db) -> None:
    assert db.pull([["u/name", ":xform", str.upper]], 1) == {":u/name": "ANN"}
    assert db.pull([["u/tags", ":xform", len]], 1) == {":u/tags": 2}
    assert db.pull([["u/boss", "xform", list]], 1) == {":u/boss": [":db/id"]}
    assert db.pull([{("u/friend", ":xform", len): ["u/name"]}], 1) == {":u/friend": 2}
    assert db.pull([["db/id", ":xform", str]], 1) == {":db/id": "1"}
    assert db.pull([["u/email", ":xform", str], "u/age"], 1) == {":u/age": 40}
    assert db.pull([["u/email", ":default", 1, ":xform", str]], 1) == {":u/email": "1"}


def test_xform_may_name_a_registered_function(db: Db) -> None:
    register_function("tests/shout", lambda text: f"{text}!")
    register_function("tests/older", lambda db, age: age + db.basis_t, needs_database=True)
    assert db.pull("[[:u/name :xform str/upper-case]]", 1) == {":u/name": "ANN"}
    assert db.pull("[[:u/name :xform tests/shout]]", 1) == {":u/name": "ann!"}
    assert db.pull("[[:u/age :xform :tests/older]]", 1) == {":u/age": 40 + db.basis_t}


@pytest.mark.parametrize("missing", [99, [":u/name", "zoe"], ":kind/unheard", 2**40 + 99])
@pytest.mark.parametrize("pattern", ["[*]", "[:db/id]", "[(default :u/age 1)]", "[:u/name]"])
def test_what_is_not_there_is_none(db: Db, pattern: str, missing: Any) -> None:
    assert db.pull(pattern, missing) is None
    assert db.pull_many(pattern, [missing, missing]) == [None, None]


def test_entities_are_named_by_id_ident_lookup_ref_or_entity(db: Db) -> None:
    for ref in (1, [":u/name", "ann"], ("u/name", "ann"), db.entity(1)):
        assert db.pull("[:u/age]", ref) == {":u/age": 40}
    assert db.pull("[:db/id]", ":kind/human") == {":db/id": 7}
    assert db.pull("[:db/ident]", ":u/name") == {":db/ident": ":u/name"}
    transaction = db.pull("[*]", db.newest_tx)
    assert transaction is not None
    assert list(transaction) == [":db/id", ":db/txInstant"]


def test_keys_are_keywords_in_the_order_of_the_pattern(db: Db) -> None:
    pulled = db.pull("[:u/age {:u/boss [:u/name]} :u/name]", 1)
    assert pulled is not None
    assert list(pulled) == [":u/age", ":u/boss", ":u/name"]
    assert all(type(key) is Keyword for key in pulled)
    assert next(iter(db.pull("[*]", 1) or {})) == ":db/id"


def test_pull_many_keeps_order_duplicates_and_what_is_missing(db: Db) -> None:
    pulled = db.pull_many("[:u/name]", [3, 99, [":u/name", "ann"], 3])
    assert pulled == [{":u/name": "cy"}, None, {":u/name": "ann"}, {":u/name": "cy"}]
    assert pulled[0] is not pulled[3]
    assert db.pull_many("[:u/name]", np.array([4, 2])) == [
        {":u/name": "dee"},
        {":u/name": "bob"},
    ]
    assert db.pull_many("[:u/name]", []) == []


def test_lists_are_in_the_order_of_their_values() -> None:
    conn = connect()
    conn.transact([{":u/name": "x", ":u/tags": ["é", "b", "a", "Z"], ":u/nums": [3, -1, 2]}])
    conn.transact([{":u/name": "x", ":u/tags": ["aa"], ":u/any": ["z", 2, True, 1.5]}])
    assert conn.db.pull("[:u/tags :u/nums :u/any]", [":u/name", "x"]) == {
        ":u/tags": ["Z", "a", "aa", "b", "é"],
        ":u/nums": [-1, 2, 3],
        ":u/any": [True, 1.5, 2, "z"],
    }


def test_many_values_are_all_there_however_many() -> None:
    conn = connect()
    ids = conn.transact(
        [{":u/name": "hub", ":u/nums": range(3000)}]
        + [{":u/name": f"n{i}", ":u/boss": [":u/name", "hub"], ":u/age": i % 100} for i in range(1500)]
    )  # fmt: skip
    hub = [":u/name", "hub"]
    pulled = conn.db.pull("[:u/nums {:u/_boss [:u/name :u/boss]}]", hub)
    assert ids.datom_count > 4500
    assert pulled is not None
    assert pulled[":u/nums"] == list(range(3000))
    assert len(pulled[":u/_boss"]) == 1500
    assert pulled[":u/_boss"][7] == {
        ":u/name": "n7",
        ":u/boss": {":db/id": conn.db.resolve(hub)},
    }
    assert conn.db.pull("[[:u/nums :limit 2]]", hub) == {":u/nums": [0, 1]}
    assert conn.db.pull("[*]", hub) == {
        ":db/id": conn.db.resolve(hub), ":u/name": "hub", ":u/nums": list(range(3000))
    }  # fmt: skip


def test_what_is_pulled_may_be_changed_without_harm() -> None:
    conn = connect()
    conn.transact([{":u/name": "x", ":u/doc": {"a": [1]}, ":u/any": [[1, {"b": 2}]]}])
    pattern = "[:u/doc :u/any [:u/nums :default [1]]]"
    first = conn.db.pull(pattern, 1)
    assert first is not None
    first[":u/doc"]["a"].append(2)
    first[":u/any"][0][1]["b"] = 3
    first[":u/nums"].append(4)
    again = {":u/doc": {"a": [1]}, ":u/any": [[1, {"b": 2}]], ":u/nums": [1]}
    assert conn.db.pull(pattern, 1) == again
    assert conn.db.pull_many(pattern, [1, 1]) == [again, again]


def test_defaults_that_python_calls_equal_are_told_apart(db: Db) -> None:
    for default in (1, True, 1.0):
        pulled = db.pull([["u/email", ":default", default]], 1)
        assert pulled is not None
        assert type(pulled[":u/email"]) is type(default)


def test_attributes_without_a_namespace_have_a_reverse() -> None:
    conn = connect("{:name {} :likes {:db/valueType :db.type/ref}}")
    conn.transact([{":db/id": 1, "name": "a"}, {":db/id": 2, "name": "b", "likes": 1}])
    assert conn.db.pull("[{:_likes [:name]}]", 1) == {":_likes": [{":name": "b"}]}


def test_a_former_name_still_pulls() -> None:
    conn = connect()
    conn.transact([{":u/name": "x", ":u/age": 7}])
    conn.transact([[":db/add", ":u/age", ":db/ident", ":u/years"]])
    assert conn.db.pull("[:u/age]", 1) == {":u/age": 7}
    assert conn.db.pull("[*]", 1) == {":db/id": 1, ":u/name": "x", ":u/years": 7}
