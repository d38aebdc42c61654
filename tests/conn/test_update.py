"""`update`: a transaction made of the newest value, while nobody else writes."""

from __future__ import annotations

import threading

import pytest

import datamem
from datamem.errors import DatamemError, TransactError

COUNT = "[:find ?n . :where [1 :n ?n]]"


@pytest.fixture
def conn():
    with datamem.connect() as conn:
        conn.transact([{":n": 0}])
        yield conn


def test_no_update_is_lost(conn) -> None:
    def work() -> None:
        for _ in range(25):
            conn.update(lambda db: [[":db/add", 1, ":n", db.q(COUNT) + 1]])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert conn.db.q(COUNT) == 200


def test_metadata_is_on_the_transaction(conn) -> None:
    report = conn.update(lambda db: [{":n": 5}], {":why": "because"})
    assert report.db_after.q("[:find ?w . :where [?tx :why ?w]]") == "because"
    declared = conn.update(lambda db: [{":n": 6}], {":why": "again"})
    assert declared.datom_count == 3, "instant, reason, and the fact"


def test_nothing_to_do_is_no_transaction(conn) -> None:
    t = conn.db.basis_t
    report = conn.update(lambda db: [], {":why": "nothing"})
    assert (report.t, conn.db.basis_t) == (t, t)


def test_what_build_or_check_raise_refuses(conn) -> None:
    t = conn.db.basis_t

    def refuse(db, plan) -> None:
        assert plan.tempids == {"x": db.next_entity}
        raise DatamemError("not this", code="test/refused")

    with pytest.raises(ZeroDivisionError):
        conn.update(lambda db: 1 / 0)
    with pytest.raises(DatamemError, match="not this"):
        conn.update(lambda db: [{":db/id": "x", ":n": 1}], check=refuse)
    with pytest.raises(TransactError) as nested:
        conn.update(lambda db: conn.transact([{":n": 1}]))
    assert nested.value.code == "transact/nested"
    assert conn.db.basis_t == t
    assert conn.update(lambda db: [{":n": 1}]).t == t + 1


@pytest.mark.parametrize("meta", [{":why": "plain"}, {":who": 1}, {":tags": ["a", "b"]}])
def test_metadata_on_the_fast_way_is_what_it_is_on_the_general(meta) -> None:
    """The same forms with an operation among them take the general way."""
    schema = """{:why {:db/valueType :db.type/string}
                 :who {:db/valueType :db.type/ref}
                 :tags {:db/valueType :db.type/string :db/cardinality :db.cardinality/many}
                 :n {:db/valueType :db.type/long} :m {:db/valueType :db.type/long}}"""
    facts = []
    for forms in ([{":n": 1}, {":m": 2}], [{":n": 1}, [":db/add", "x", ":m", 2]]):
        conn = datamem.connect(schema=schema, clock=lambda: 5_000_000)
        conn.transact([{":n": 7}])
        report = conn.transact(forms, meta=meta)
        facts.append({(d.e, d.a, d.v) for d in report.tx_data})
    assert facts[0] == facts[1]
