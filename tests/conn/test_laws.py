"""Laws of a connection, through its public methods: replay, views, speculation, recovery."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.conn import Connection, check
from tests.conn.transactions import attempt, transactions
from tests.conn.worlds import (
    SCHEMA,
    answers,
    facts,
    few,
    history,
    image,
    kill,
    open_db,
    people,
    tiny_sizes,
    tried,
)

histories = st.lists(transactions, min_size=1, max_size=12)
_numbers = itertools.count()


@pytest.fixture(autouse=True, scope="module")
def tiny() -> Any:
    with tiny_sizes():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


def fresh(root: Path) -> Path:
    return root / str(next(_numbers))


def grown(conn: Connection, txs: list[Any]) -> Connection:
    for tx_data in txs:
        attempt(conn, tx_data)
    return conn


@few
@given(txs=histories, data=st.data())
def test_as_of_equals_replaying_the_first_transactions(
    root: Path, txs: list[Any], data: st.DataObject
) -> None:
    """Model: the same transactions one by one into a new database; its log cut after t; a fork at t."""
    conn, replayed = open_db(schema=SCHEMA), open_db(schema=SCHEMA)
    at = {2: (facts(replayed.db), answers(replayed.db), history(replayed.db))}
    for tx_data in txs:
        attempt(conn, tx_data)
        if attempt(replayed, tx_data) is not None:
            now = replayed.db
            at[now.basis_t] = (facts(now), answers(now), history(now))
    t = data.draw(st.sampled_from(sorted(at)))
    cut = conn.fork(fresh(root), as_of=t)
    for db in (conn.db.as_of(t), conn.fork(as_of=t).db, cut.db):
        assert (facts(db), answers(db), history(db)) == at[t]
    cut.close()
    assert check(cut.path).problems == []


@few
@given(txs=histories, data=st.data())
def test_older_values_and_views_never_change(txs: list[Any], data: st.DataObject) -> None:
    conn = open_db(schema=SCHEMA)
    kept = [(conn.db, facts(conn.db), history(conn.db))]
    for tx_data in txs:
        report = attempt(conn, tx_data)
        if report is not None:
            kept.append((report.db_after, facts(report.db_after), history(report.db_after)))
            if data.draw(st.integers(0, 9)) == 0:
                conn.compact()
    for db, then, log in kept:
        assert facts(db) == then == facts(conn.db.as_of(db.basis_t))
        assert history(db) == log == history(conn.db.as_of(db.basis_t))


@given(txs=histories)
def test_history_is_what_the_log_says(txs: list[Any]) -> None:
    """Model: the log's datoms, one after the other, added to and taken from a set."""
    conn = grown(open_db(schema=SCHEMA), txs)
    holds: dict[tuple[int, str, Any], int] = {}
    seen = set()
    for entry in conn.log():
        for e, a, v, tx, added in entry.datoms:
            assert tx == entry.tx
            fact = (e, conn.db.ident(a) or str(a), v)
            assert (fact in holds) is not added
            if added:
                holds[fact] = entry.t
            else:
                del holds[fact]
            seen.add((*fact, entry.t, added))
    assert facts(conn.db) == {(*fact, t) for fact, t in holds.items()}
    assert history(conn.db) == seen


@given(txs=histories, t=st.integers(0, 14))
def test_since_is_what_still_holds_and_came_later(txs: list[Any], t: int) -> None:
    conn = grown(open_db(schema=SCHEMA), txs)
    assert facts(conn.db.since(t)) == {fact for fact in facts(conn.db) if fact[3] > t}


@few
@given(txs=histories, speculated=histories, later=transactions)
def test_with_tx_leaves_its_value_unchanged_and_equals_transact(
    txs: list[Any], speculated: list[Any], later: list[Any]
) -> None:
    """A chain of speculations; what is really transacted meanwhile is not seen by it."""
    conn = grown(open_db(schema=SCHEMA), txs)
    base, before = conn.db, facts(conn.db)
    chain, twin = base, conn.fork()
    for tx_data in speculated:
        report, refusal = tried(partial(chain.with_tx, tx_data))
        really, refused = tried(partial(twin.transact, tx_data))
        if report is None or really is None:
            assert refusal is not None
            assert refused is not None
            assert refusal.code == refused.code
            continue
        assert report.db_before is chain
        assert dict(report.tempids) == dict(really.tempids)
        assert facts(base) == before
        chain = report.db_after
        assert people(chain) == people(twin.db)
        assert chain.basis_t == twin.db.basis_t
    then, then_history = facts(chain), history(chain)
    attempt(conn, later)
    attempt(twin, later)
    assert facts(base) == before
    assert facts(chain) == then
    assert history(chain) == then_history


@few
@given(txs=histories, ends=st.sampled_from(["close", "kill", "copy", "compact"]))
def test_recovering_the_log_gives_what_was_in_memory(
    root: Path, txs: list[Any], ends: str
) -> None:
    """Closed with and without a root, killed, copied: the same facts, counters, digest and schema."""
    path = fresh(root)
    conn = grown(open_db(path, SCHEMA), txs)
    if ends == "compact":
        conn.compact()
    elif ends == "copy":
        path = conn.copy(fresh(root))
    memory = conn.db
    digest = conn.stats()["digest"]
    if ends == "kill":
        path = image(conn, fresh(root))
        kill(conn)
    else:
        conn.close()
    with open_db(path) as again:
        assert again.root_error is None
        assert (facts(again.db), answers(again.db)) == (facts(memory), answers(memory))
        assert history(again.db) == history(memory)
        assert again.stats()["digest"] == digest
        assert again.db.schema.to_data() == memory.schema.to_data()
        for name in (
            "basis_t",
            "next_entity",
            "next_attribute",
            "heap_size",
            "last_instant_us",
        ):
            assert getattr(again.db, name) == getattr(memory, name)
        before = people(again.db)
        again.transact([{":p/name": "someone else"}])
        assert len(people(again.db)) == len(before) + 1
    report = check(path)
    assert report.problems == []
    assert report.transactions == memory.basis_t + 1
