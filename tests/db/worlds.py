"""What the tests of database values share: a schema with every kind of attribute, and small databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import datamem
from datamem.conn import Connection
from datamem.db.pull import walk as pull_walk
from datamem.errors import DatamemError
from datamem.index import freeze, run
from datamem.index.novelty import Novelty

SCHEMA = """
{:u/name   {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :u/email  {:db/valueType :db.type/string :db/unique :db.unique/value}
 :u/age    {:db/valueType :db.type/long :db/min 0 :db/max 150}
 :u/score  {:db/valueType :db.type/double}
 :u/admin  {:db/valueType :db.type/boolean}
 :u/born   {:db/valueType :db.type/instant}
 :u/role   {:db/valueType :db.type/keyword :db/enum [:role/reader :role/writer] :db/unique :db.unique/value}
 :u/tags   {:db/valueType :db.type/string :db/cardinality :db.cardinality/many}
 :u/nums   {:db/valueType :db.type/long :db/cardinality :db.cardinality/many}
 :u/big    {:db/valueType :db.type/bigint :db/cardinality :db.cardinality/many}
 :u/price  {:db/valueType :db.type/bigdec :db/cardinality :db.cardinality/many}
 :u/pair   {:db/valueType :db.type/tuple :db/tupleTypes [:db.type/string :db.type/long]}
 :u/doc    {:db/valueType :db.type/idoc}
 :u/any    {:db/cardinality :db.cardinality/many}
 :u/kind   {:db/valueType :db.type/ref}
 :u/boss   {:db/valueType :db.type/ref}
 :u/friend {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
 :u/home   {:db/valueType :db.type/ref :db/isComponent true}
 :u/part   {:db/valueType :db.type/ref :db/isComponent true :db/cardinality :db.cardinality/many}}
"""


class Clock:
    """A clock that moves one second at every look."""

    def __init__(self) -> None:
        self.us = 1_700_000_000_000_000

    def __call__(self) -> int:
        self.us += 1_000_000
        return self.us


def connect(schema: Any = SCHEMA, *tx_data: Any) -> Connection:
    """Return a connection in memory after some transactions."""
    conn = datamem.connect(":memory:", schema, clock=Clock())
    for items in tx_data:
        conn.transact(items)
    return conn


def attempt(conn: Connection, tx_data: Any) -> bool:
    """Transact; tell whether it was accepted."""
    try:
        conn.transact(tx_data)
    except DatamemError:
        return False
    return True


@contextmanager
def only_columns() -> Iterator[None]:
    """Make pull read every level through columns, however few entities it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pull_walk, "FEW_ENTITIES", 0)
        patch.setattr(pull_walk, "FEW_FOR_WILDCARD", 0)
        patch.setattr(pull_walk, "FEW_IN_VIEW", 0)
        yield


@contextmanager
def tiny_sizes() -> Iterator[None]:
    """Make novelty freeze every few transactions, so that small databases have several levels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Novelty.__init__, "__defaults__", (16,))
        patch.setattr(freeze, "FREEZE_ROWS", 16)
        patch.setattr(run, "SEGMENT_ROWS", 8)
        yield
