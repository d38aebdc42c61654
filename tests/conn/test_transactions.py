"""Optimistic transactions: whatever threads do at once, it is as if they had done it one by one."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bench.frame.serial import SCHEMA, Done, fill, find_anomaly, run_threads
from datamem.conn import Connection, recent
from datamem.errors import ConflictError, DatamemError
from tests.conn.worlds import open_db, tiny_sizes

PEOPLE = """
{:p/name {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :p/age {:db/valueType :db.type/long :db/index true}
 :p/score {:db/valueType :db.type/double}
 :p/note {:db/valueType :db.type/string}
 :p/friends {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}}
"""


@pytest.mark.parametrize("seed", range(4))
def test_random_transactions_of_eight_threads_are_serial(seed: int) -> None:
    conn = open_db(schema=SCHEMA)
    items = fill(conn, 12)
    history, _ = run_threads(conn, 8, 25, seed=seed, keys=12)
    assert len(history) == 200
    assert find_anomaly(items, history) is None


def test_it_is_so_while_the_index_is_rebuilt_and_memory_of_changes_is_short() -> None:
    with tiny_sizes(4), pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "KEPT_DATOMS", 5)
        conn = open_db(schema=SCHEMA)
        items = fill(conn, 8)
        history, _ = run_threads(conn, 8, 20, seed=9, keys=8)
    assert find_anomaly(items, history) is None


def test_the_checker_finds_what_is_not_serial() -> None:
    """A lost update, a phantom and a write skew, written down by hand."""
    start = {"a": (0, 1), "b": (0, 1)}
    lost = [
        Done(3, [("item", "a", (0, 1))], [("a", (0, 2))]),
        Done(5, [("item", "a", (0, 1))], [("a", (0, 2))]),
    ]
    phantom = [
        Done(3, [("group", 0, [("a", 1), ("b", 1)])], [("c", (0, 2))]),
        Done(5, [("group", 0, [("a", 1), ("b", 1)])], [("d", (0, 2))]),
    ]
    skew = [
        Done(3, [("item", "b", (0, 1))], [("a", (0, 0))]),
        Done(5, [("item", "a", (0, 1))], [("b", (0, 0))]),
    ]
    for history in (lost, phantom, skew):
        assert find_anomaly(dict(start), history) is not None
        assert find_anomaly(dict(start), history[:1]) is None


@pytest.fixture
def conn() -> Connection:
    conn = open_db(schema=PEOPLE)
    conn.transact([{":p/name": name, ":p/age": age} for age, name in enumerate(["ann", "bob"])])
    return conn


ANN, BOB = [":p/name", "ann"], [":p/name", "bob"]
OLDER = [{":p/name": "ann", ":p/age": 50}]
READS_THAT_CONFLICT: list[tuple[Any, Any]] = [
    (lambda db: db.pull("[:p/age]", ANN), OLDER),
    (lambda db: db.pull("[*]", ANN), OLDER),
    (
        lambda db: db.pull("[{:p/_friends [:p/name]}]", ANN),
        [{":p/name": "cy", ":p/friends": ANN}],
    ),
    (lambda db: db.entity(ANN)[":p/age"], OLDER),
    (lambda db: db.entity(ANN).get(":p/note"), [{":p/name": "ann", ":p/note": "new"}]),
    (lambda db: db.resolve([":p/name", "cy"]), [{":p/name": "cy"}]),
    (lambda db: db.pull("[*]", [":p/name", "cy"]), [{":p/name": "cy"}]),
    (lambda db: db.datoms("eavt", ANN), OLDER),
    (lambda db: db.datoms("aevt", ":p/age"), OLDER),
    (lambda db: db.datoms("avet", ":p/age", 50), OLDER),
    (lambda db: db.datoms("vaet", ANN), [{":p/name": "bob", ":p/friends": ANN}]),
    (lambda db: list(db.seek_datoms("eavt")), OLDER),
    (lambda db: db.index_range(":p/age", 40, 60), OLDER),
    (lambda db: db.index_range(":p/name", "c", "d"), [{":p/name": "cy"}]),
    (lambda db: list(db.q("[:find ?e :where [?e :p/age 50]]")), OLDER),
    (lambda db: list(db.q("[:find ?e :where [?e :p/age ?a] [(> ?a 40)]]")), OLDER),
    (lambda db: db.q("[:find (count ?e) . :where [?e :p/name]]"), [{":p/name": "cy"}]),
    (
        lambda db: list(db.q('[:find ?e :where [?e :p/note "x"]]')),
        [{":p/name": "ann", ":p/note": "x"}],
    ),
    (
        lambda db: list(db.q("[:find ?n :where [?e :p/name ?n] (not [?e :p/note])]")),
        [{":p/name": "ann", ":p/note": "x"}],
    ),
    (
        lambda db: list(
            db.q(
                "[:find ?b :in $ % ?a :where (reach ?a ?b)]",
                "[[(reach ?a ?b) [?a :p/friends ?b]]"
                " [(reach ?a ?b) [?a :p/friends ?c] (reach ?c ?b)]]",
                db.resolve(ANN),
            )
        ),
        [{":p/name": "ann", ":p/friends": BOB}],
    ),
    (lambda db: list(db.q("[:find ?e ?a ?v :where [?e ?a ?v]]")), [{":x/new": 1}]),
    (lambda db: list(db.history().q("[:find ?v ?op :where [_ :p/age ?v _ ?op]]")), OLDER),
    (lambda db: list(db.since(1).q("[:find ?v :where [_ :p/age ?v]]")), OLDER),
    (lambda db: db.filter(lambda _, datom: True).pull("[*]", ANN), OLDER),
    (lambda db: db.with_tx([{":p/name": "dee"}]).db_after.pull("[*]", ANN), OLDER),
    (
        lambda db: db.prepare("[:find ?a . :in $ ?n :where [?e :p/name ?n] [?e :p/age ?a]]")(
            "ann"
        ),
        OLDER,
    ),
]


@pytest.mark.parametrize("case", range(len(READS_THAT_CONFLICT)))
def test_a_change_of_what_was_read_is_a_conflict(conn: Connection, case: int) -> None:
    read, change = READS_THAT_CONFLICT[case]
    with pytest.raises(ConflictError) as refusal, conn.transaction() as tx:
        read(tx.db)
        tx.transact([{":x/mine": "written"}])
        theirs = conn.transact(change)
    assert refusal.value.code == "transact/conflict"
    assert refusal.value.data["t"] == theirs.t
    assert conn.db.basis_t == theirs.t


READS_THAT_DO_NOT: list[tuple[Any, Any]] = [
    (lambda db: db.pull("[:p/age]", BOB), OLDER),
    (lambda db: db.pull("[*]", BOB), OLDER),
    (lambda db: db.index_range(":p/age", 60, 70), OLDER),
    (lambda db: list(db.q("[:find ?e :where [?e :p/age 51]]")), OLDER),
    (lambda db: db.resolve([":p/name", "dee"]), [{":p/name": "cy"}]),
    (lambda db: db.as_of(1).datoms("eavt"), []),
]


@pytest.mark.parametrize("case", range(len(READS_THAT_DO_NOT)))
def test_other_changes_are_not(conn: Connection, case: int) -> None:
    read, change = READS_THAT_DO_NOT[case]
    with conn.transaction() as tx:
        read(tx.db)
        tx.transact([{":p/name": "mine"}])
        conn.transact(change)
    assert tx.report is not None
    assert tx.report.t == conn.db.basis_t


def test_reads_through_a_transaction_answer_as_the_value_does(conn: Connection) -> None:
    for read, _ in (*READS_THAT_CONFLICT, *READS_THAT_DO_NOT):
        assert read(conn.transaction().db) == read(conn.db) or callable(read(conn.db))


def test_a_conflict_says_who_and_what(conn: Connection) -> None:
    conn.transact([], meta={":tx/author": "somebody"})
    with pytest.raises(ConflictError) as refusal, conn.transaction() as tx:
        tx.db.pull("[:p/age]", ANN)
        conn.transact(OLDER, meta={":tx/author": "cy"})
        tx.transact([{":x/mine": 1}])
    data = refusal.value.data
    assert data["who"][":tx/author"] == "cy"
    assert data["attribute"] == ":p/age"
    assert data["entity"] == conn.db.resolve(ANN)
    assert data["value"] in {0, 50}
    assert ":p/age" in refusal.value.message


def test_a_schema_that_changed_is_a_conflict(conn: Connection) -> None:
    with pytest.raises(ConflictError), conn.transaction() as tx:
        conn.transact([{":db/ident": ":p/new", ":db/valueType": ":db.type/long"}])
        tx.transact([{":p/name": "x"}])


def test_an_exception_in_the_block_writes_nothing(conn: Connection) -> None:
    t = conn.db.basis_t
    with pytest.raises(ZeroDivisionError), conn.transaction() as tx:
        tx.transact(OLDER)
        raise ZeroDivisionError
    assert conn.db.basis_t == t
    with pytest.raises(DatamemError, match="transact/over"):
        tx.transact(OLDER)


def test_a_precondition_is_checked_against_the_newest_value(conn: Connection) -> None:
    with (
        pytest.raises(DatamemError, match="transact/precondition-failed"),
        conn.transaction() as tx,
    ):
        tx.require(lambda db: db.pull("[:p/age]", ANN)[":p/age"] == 0)
        tx.transact([{":x/mine": 1}])
        conn.transact(OLDER)


def test_a_transaction_is_tried_again_after_a_conflict(conn: Connection) -> None:
    waits: list[float] = []
    interruptions = iter([True, True, False])

    def work(tx: Any) -> int:
        age: int = tx.db.pull("[:p/age]", ANN)[":p/age"]
        if next(interruptions):
            conn.transact([{":p/name": "ann", ":p/age": age + 10}])
        tx.transact([{":p/name": "ann", ":p/age": age + 1}])
        return age

    assert conn.in_transaction(work, wait=waits.append, jitter=lambda: 1.0) == 20
    assert conn.db.pull("[:p/age]", ANN) == {":p/age": 21}
    assert waits == [0.001, 0.002]


def test_it_gives_up_after_so_many_attempts(conn: Connection) -> None:
    def work(tx: Any) -> None:
        age = tx.db.pull("[:p/age]", ANN)[":p/age"]
        conn.transact([{":p/name": "ann", ":p/age": age + 1}])
        tx.transact([{":x/mine": 1}])

    with pytest.raises(ConflictError) as refusal:
        conn.in_transaction(work, attempts=3, wait=lambda _: None)
    assert refusal.value.data["attempts"] == 3
    assert conn.db.pull("[:p/age]", ANN) == {":p/age": 3}


def test_what_overtook_it_long_ago_is_found_in_the_log(tmp_path: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "KEPT_DATOMS", 1)
        for conn in (open_db(schema=PEOPLE), open_db(tmp_path / "db", PEOPLE)):
            conn.transact([{":p/name": "ann", ":p/age": 0}])
            with pytest.raises(ConflictError) as refusal, conn.transaction() as tx:
                tx.db.pull("[:p/age]", ANN)
                theirs = conn.transact(OLDER)
                for n in range(5):
                    conn.transact([{":p/name": f"n{n}"}])
                tx.transact([{":x/mine": 1}])
            assert refusal.value.data["t"] == theirs.t
            conn.close()


def test_a_commit_that_fails_is_no_conflict(conn: Connection) -> None:
    """The log refuses a group; what it would have changed never was."""
    with conn.transaction() as tx:
        tx.db.pull("[:p/age]", ANN)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conn._store, "append", failing)
            with pytest.raises(OSError, match="no"):
                conn.transact(OLDER)
        tx.transact([{":x/mine": 1}])
    assert tx.report is not None


def failing(*_: Any) -> None:
    raise OSError("no")


def test_blind_increments_of_threads_add_up(conn: Connection) -> None:
    def work(tx: Any) -> None:
        age = tx.q("[:find ?a . :in $ ?n :where [?e :p/name ?n] [?e :p/age ?a]]", "ann")
        tx.transact([{":p/name": "ann", ":p/age": age + 1}])

    def thread() -> None:
        for _ in range(10):
            conn.in_transaction(work, attempts=10_000, wait=lambda _: None)

    threads = [threading.Thread(target=thread) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert conn.db.pull("[:p/age]", ANN) == {":p/age": 80}


def test_a_branch_has_transactions_of_its_own(conn: Connection) -> None:
    branch = conn.fork()
    with branch.transaction() as tx:
        tx.db.pull("[:p/age]", ANN)
        conn.transact(OLDER)
        tx.transact([{":p/name": "ann", ":p/age": 7}])
    assert branch.db.pull("[:p/age]", ANN) == {":p/age": 7}
    assert conn.db.pull("[:p/age]", ANN) == {":p/age": 50}
