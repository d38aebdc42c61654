"""Readers without locks while one thread commits, freezes, merges and publishes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from datamem.conn import Connection, check
from datamem.db import Db
from tests.conn.worlds import open_db, tiny_sizes

ACCOUNTS, EACH, READERS = 40, 100, 3
SCHEMA = """{:acc/number {:db/valueType :db.type/long :db/unique :db.unique/identity}
             :acc/balance {:db/valueType :db.type/long}
             :acc/note {:db/valueType :db.type/string}
             :acc/last {:db/valueType :db.type/ref}}"""


@pytest.fixture
def often() -> Iterator[None]:
    """Switch threads a hundred times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(interval)


def total(db: Db) -> int:
    """Return the sum of all balances, from columns."""
    return int(db.rows(a=db.schema.require(":acc/balance").id).v.sum())


def by_query(db: Db) -> int:
    found: int = db.q("[:find (sum ?b) . :with ?a :where [?a :acc/balance ?b]]")
    return found


def by_pull(db: Db) -> int:
    """Return the sum by entities, each found by its number; the notes say what the balance is."""
    balance = 0
    for number in range(ACCOUNTS):
        e = db.resolve([":acc/number", number])
        assert e is not None
        account = db.pull("[:acc/balance :acc/note]", e)
        assert account[":acc/note"] == f"balance {account[':acc/balance']}"
        balance += account[":acc/balance"]
    return balance


def by_index(db: Db) -> int:
    datoms = db.index_range(":acc/balance")
    assert [d.v for d in datoms] == sorted(d.v for d in datoms)
    assert len({d.e for d in datoms}) == len(datoms) == ACCOUNTS
    return sum(d.v for d in datoms)


def of_the_past(db: Db) -> int:
    """A past instant, and what has changed since: together the present."""
    then = db.as_of(max(db.basis_t - 97, 3))
    a = db.schema.require(":acc/balance").id
    rows = db.history().rows(a=a)
    later = rows.tx > then.newest_tx
    signs = (rows.added.astype(int) * 2 - 1) if rows.added is not None else 1
    assert total(then) + int((rows.v * signs)[later].sum()) == ACCOUNTS * EACH
    return total(then)


def of_a_guess(db: Db) -> int:
    """A speculation and a fork see neither each other nor what is committed meanwhile."""
    guess = db.with_tx([[":db/add", 1, ":acc/balance", 10**6], {":acc/number": 10**6}]).db_after
    assert (
        total(guess) == ACCOUNTS * EACH - db.pull([":acc/balance"], 1)[":acc/balance"] + 10**6
    )
    return total(db)


READS: tuple[Callable[[Db], int], ...] = (
    total,
    by_query,
    by_pull,
    by_index,
    of_the_past,
    of_a_guess,
)


def transfer(conn: Connection, n: int) -> None:
    """Move one coin; the balance before is compared, so that none is lost."""
    source, target = 1 + n * 7 % ACCOUNTS, 1 + (n * 11 + 3) % ACCOUNTS
    if source == target:
        target = 1 + target % ACCOUNTS
    db = conn.db
    forms = []
    for e, change in ((source, -1), (target, 1)):
        before = db.pull([":acc/balance"], e)[":acc/balance"]
        forms.append([":db/cas", e, ":acc/balance", before, before + change])
        forms.append(
            {":db/id": e, ":acc/note": f"balance {before + change}", ":acc/last": target}
        )
    conn.transact(forms)


class Reader(threading.Thread):
    """Reads once for each ticket; holds values for a while and looks at them again."""

    def __init__(self, conn: Connection, number: int) -> None:
        super().__init__()
        self.conn = conn
        self.tickets = threading.Semaphore(0)
        self.count = number
        self.is_done = False
        self.error: BaseException | None = None

    def run(self) -> None:
        kept = [self.conn.db]
        try:
            while self.tickets.acquire(timeout=60) and not self.is_done:
                db = self.conn.db
                assert db.basis_t >= kept[-1].basis_t
                kept = [*kept[-5:], db]
                for seen in (db, kept[0]):
                    self.count += 1
                    read = READS[self.count % len(READS)]
                    assert read(seen) == ACCOUNTS * EACH, read
        except BaseException as error:  # noqa: BLE001  told to the test's thread
            self.error = error

    def stop(self) -> None:
        self.is_done = True
        self.tickets.release()
        self.join(60)


@pytest.mark.parametrize(("in_memory", "commits"), [(False, 5_000), (True, 1_000)])
def test_every_reader_sees_all_the_money_always(
    tmp_path: Path, in_memory: bool, commits: int, often: None
) -> None:
    with tiny_sizes(64):
        conn = open_db(":memory:" if in_memory else tmp_path / "db", SCHEMA)
        conn.transact(
            [
                {":acc/number": n, ":acc/balance": EACH, ":acc/note": f"balance {EACH}"}
                for n in range(ACCOUNTS)
            ]
        )
        readers = [Reader(conn, k) for k in range(READERS)]
        for reader in readers:
            reader.start()
        for n in range(commits):
            transfer(conn, n)
            if n % 11 == 0:
                readers[n % READERS].tickets.release()
        for reader in readers:
            reader.stop()
            assert reader.error is None, reader.error
            assert reader.count > commits // 100
        assert total(conn.db) == ACCOUNTS * EACH
        assert conn.stats()["maintenance_error"] is None
        conn.close()
    if not in_memory:
        assert check(tmp_path / "db").problems == []
