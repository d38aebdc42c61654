"""Naming an entity: ids, idents, lookup refs; what misses, and what cannot name anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamem.db import Db
from datamem.errors import DatamemError
from tests.db.worlds import connect


@pytest.fixture(scope="module")
def db() -> Db:
    conn = connect(
        """{:u/name {:db/valueType :db.type/string :db/unique :db.unique/identity :db/maxLength 5}
            :u/no   {:db/valueType :db.type/long :db/unique :db.unique/value :db/min 1 :db/max 9}
            :u/role {:db/valueType :db.type/keyword :db/unique :db.unique/value :db/enum [:a :b]}
            :u/key  {:db/valueType :db.type/double :db/unique :db.unique/value}
            :u/twin {:db/valueType :db.type/ref :db/unique :db.unique/identity}
            :u/age  {:db/valueType :db.type/long}}""",
        [{":db/id": 1, ":u/name": "ann", ":u/no": 3, ":u/role": ":a", ":u/key": 1.5},
         {":db/id": 2, ":u/name": "bob", ":u/twin": 1, ":db/ident": ":person/bob"}],
        [[":db/retract", 1, ":u/no", 3], [":db/add", 2, ":u/name", "bert"]],
    )  # fmt: skip
    return conn.db


@pytest.mark.parametrize(
    ("ref", "e"),
    [
        (1, 1),
        (99, 99),
        (np.int64(2), 2),
        (":person/bob", 2),
        ("person/bob", 2),
        (":person/zoe", None),
        ([":u/name", "ann"], 1),
        (("u/name", "bert"), 2),
        ([":u/name", "bob"], None),
        ([":u/key", 1.5], 1),
        ([":u/key", 2], None),
        ([":u/role", "a"], 1),
        ([":u/twin", 1], 2),
        ([":u/twin", [":u/name", "ann"]], 2),
        ([":u/twin", [":u/name", "zoe"]], None),
        ([":u/name", None], None),
        ([":db/ident", ":person/bob"], 2),
    ],
)
def test_names_of_entities(db: Db, ref: Any, e: int | None) -> None:
    assert db.resolve(ref) == e


@pytest.mark.parametrize(
    "ref",
    [[":u/name", "too long for it"], [":u/no", 0], [":u/no", 2**80], [":u/role", ":c"],
     [":u/key", float("nan")]],
)  # fmt: skip
def test_a_value_that_nobody_can_have_is_nobodys(db: Db, ref: Any) -> None:
    assert db.resolve(ref) is None


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        ("user name", "entity/bad-reference"),
        ("", "entity/bad-reference"),
        ('[:u/name "ann"]', "entity/bad-reference"),
        (True, "entity/bad-reference"),
        (None, "entity/bad-reference"),
        ([":u/name", "ann", 1], "entity/bad-reference"),
        ([":u/age", 1], "lookup-ref/not-unique"),
        ([":u/nmae", "ann"], "lookup-ref/unknown-attribute"),
        ([":u/name", 5], "schema/wrong-type"),
        ([":u/no", "3"], "schema/wrong-type"),
        ([":u/twin", 1.5], "entity/bad-reference"),
    ],
)
def test_what_can_name_nothing_is_refused(db: Db, ref: Any, code: str) -> None:
    with pytest.raises(DatamemError) as refused:
        db.resolve(ref)
    assert refused.value.code == code


def test_names_mean_what_they_meant_then(db: Db) -> None:
    past = db.as_of(db.basis_t - 1)
    assert past.resolve([":u/name", "bob"]) == 2
    assert past.resolve([":u/name", "bert"]) is None
    assert past.resolve([":u/no", 3]) == 1
    assert db.resolve([":u/no", 3]) is None
    assert db.since(db.basis_t - 1).resolve([":u/name", "ann"]) is None
    assert db.as_of(2).resolve(":person/bob") is None


def test_in_a_history_the_last_holder_is_meant(db: Db) -> None:
    assert db.history().resolve([":u/no", 3]) == 1
    assert db.history().resolve([":u/name", "bob"]) == 2
    assert db.history().resolve([":u/name", "ann"]) == 1
