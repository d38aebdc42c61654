"""When transactions happen: the clock only goes on, whatever it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.conn import Connection
from datamem.errors import TransactError
from tests.conn.worlds import SCHEMA, START_US, Clock, open_db

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
US = timedelta(microseconds=1)


def instants(conn: Connection) -> list[datetime]:
    return [entry.instant for entry in conn.log()]


def at(us: int) -> datetime:
    return EPOCH + us * US


def test_a_new_database_is_as_old_as_can_be() -> None:
    """So that a history can be imported with its own dates."""
    conn = open_db(schema=SCHEMA)
    assert instants(conn) == [EPOCH, EPOCH + US]
    report = conn.transact([{":p/name": "ann", ":p/born": datetime(1815, 12, 10, tzinfo=UTC)}])
    assert instants(conn)[2] == at(START_US + 1000)
    assert conn.db.as_of(datetime(1969, 1, 1, tzinfo=UTC)).t == 0
    assert conn.db.as_of(EPOCH).t == 1
    assert conn.db.as_of(datetime(2000, 1, 1, tzinfo=UTC)).t == 2
    assert conn.db.as_of(datetime(2100, 1, 1, tzinfo=UTC)).t == report.t
    conn.transact([{":db/ident": ":late/attribute", ":db/valueType": ":db.type/long"}])
    assert instants(conn)[3] > instants(conn)[2] > datetime(2020, 1, 1, tzinfo=UTC)


@given(steps=st.lists(st.integers(-(10**9), 10**9) | st.just(0), min_size=1, max_size=12))
def test_instants_increase_whatever_the_clock_does(steps: list[int]) -> None:
    """Model: the later of the clock and a microsecond after the last transaction."""
    clock = Clock(step_us=0)
    conn = open_db(schema=SCHEMA, clock=clock)
    expected = instants(conn)
    for n, step in enumerate(steps):
        clock.us += step
        if n % 3 == 2:
            conn.load({":p/age": [n]})
        else:
            conn.transact([{":p/age": n}])
        expected.append(max(at(clock.us), expected[-1] + US))
    assert instants(conn) == expected
    for t, instant in enumerate(expected, 1):
        for db in (conn.db, conn.fork().db, conn.db.as_of(len(expected))):
            assert db.as_of(instant).t == t
            assert db.as_of(instant - US).t == t - 1
            assert db.as_of(instant.replace(tzinfo=None)).t == t


def test_a_clock_that_goes_back_while_the_database_is_closed(tmp_path: Path) -> None:
    with open_db(tmp_path / "db", SCHEMA) as conn:
        conn.transact([{":p/age": 1}])
    for us in (START_US - 10**15, 0, -5):
        with open_db(tmp_path / "db", clock=Clock(us, 0)) as conn:
            conn.transact([{":p/age": 2}])
    assert us < 0
    with open_db(tmp_path / "db", read_only=True) as conn:
        assert instants(conn)[2:] == [at(START_US + 1000 + n) for n in range(4)]


def stamped(conn: Connection, instant: Any, **entity: Any) -> datetime:
    tx_data = [{":db/id": "datomic.tx", ":db/txInstant": instant}, {":p/age": 1, **entity}]
    report = conn.transact(tx_data)
    (entry,) = conn.log(report.t)
    return entry.instant


def test_a_transaction_may_say_when_it_was(tmp_path: Path) -> None:
    with open_db(tmp_path / "db", SCHEMA) as conn:
        day = datetime(2023, 5, 20, tzinfo=UTC)
        assert stamped(conn, day) == day
        assert stamped(conn, day.replace(tzinfo=None) + SECOND) == day + SECOND
        assert stamped(conn, day + SECOND) == day + SECOND + US  # the same second again
        report = conn.transact([{":p/age": 2}], meta={":db/txInstant": day + 2 * SECOND})
        assert report.db_after.as_of(day + 2 * SECOND).t == report.t
        before = conn.db
        with pytest.raises(TransactError, match="transact/instant-before"):
            stamped(conn, day)
        with pytest.raises(TransactError, match="transact/instant-elsewhere"):
            conn.transact([[":db/add", report.tx, ":db/txInstant", day]])
        assert conn.db is before
        conn.transact([{":p/age": 3}])
    with open_db(tmp_path / "db") as conn:
        found = instants(conn)
        assert found[2:5] == [day, day + SECOND, day + SECOND + US]
        assert found[-1] > at(START_US)
        assert found == sorted(set(found))


def test_dates_of_the_future_push_the_clock(tmp_path: Path) -> None:
    conn = open_db(schema=SCHEMA)
    far = datetime(2090, 1, 1, tzinfo=UTC)
    assert stamped(conn, far) == far
    conn.transact([{":p/age": 1}])
    assert instants(conn)[-1] == far + US
    branch = conn.fork(as_of=2)
    branch.transact([{":p/age": 1}])
    assert instants(branch)[-1] == at(START_US + 3000)


def test_an_instant_alone_makes_a_transaction() -> None:
    conn = open_db(schema=SCHEMA)
    day = datetime(2023, 5, 20, tzinfo=UTC)
    report = conn.transact([[":db/add", "datomic.tx", ":db/txInstant", day]])
    assert [datom.v for datom in report.tx_data] == [day]
    assert conn.transact([]).t == report.t
    assert len(list(conn.log())) == 3
