"""Several threads ask while one writes: each answer is that of the value that was asked."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

import datamem
from datamem.datalog import q
from datamem.db.database import Db

SCHEMA = """
{:n/id {:db/valueType :db.type/long :db/unique :db.unique/identity}
 :n/name {:db/valueType :db.type/string} :n/age {:db/valueType :db.type/long}}"""
STEPS, READERS, PEOPLE = 60, 3, 40

State = dict[int, tuple[str, int]]


@pytest.fixture(autouse=True)
def quick_switches() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def wrong(db: Db, state: State) -> list[str]:
    """Return the questions that a database value answers otherwise than its state."""
    ages = Counter(age for _, age in state.values())
    expected = {
        "[:find ?i ?n ?a :where [?e :n/id ?i] [?e :n/name ?n] [?e :n/age ?a]]": {
            (i, *person) for i, person in state.items()
        },
        "[:find ?i :where [?e :n/age 3] [?e :n/id ?i]]": {
            (i,) for i, (_, age) in state.items() if age == 3
        },
        "[:find ?a (count ?e) :where [?e :n/age ?a]]": set(ages.items()),
        '[:find ?n :where [_ :n/name ?n] [(starts-with? ?n "n1")]]': {
            (name,) for name, _ in state.values() if name.startswith("n1")
        },
        "[:find ?i ?j :where [?e :n/age ?a] [?f :n/age ?a] [?e :n/id ?i] [?f :n/id ?j]]": {
            (i, j) for i, one in state.items() for j, two in state.items() if one[1] == two[1]
        },
    }
    return [text for text, rows in expected.items() if set(q(text, db)) != rows]


def test_readers_and_a_writer_do_not_disturb_each_other() -> None:
    """Model: a dict of what every transaction left; readers ask the newest value and older ones."""
    with datamem.connect(":memory:", schema=SCHEMA) as conn:
        people = {i: (f"n{i}", i % 9) for i in range(PEOPLE)}
        seen: list[tuple[Db, State]] = []
        failures: list[str] = []
        is_done = threading.Event()

        def write(changes: State) -> None:
            people.update(changes)
            forms = [{":n/id": i, ":n/name": n, ":n/age": a} for i, (n, a) in changes.items()]
            seen.append((conn.transact(forms).db_after, dict(people)))

        def read(number: int) -> None:
            turn = number
            while not is_done.is_set() and not failures:
                known = len(seen)
                for db, state in (seen[-1], seen[turn % known]):
                    failures.extend(wrong(db, state))
                db, state = seen[turn * 7 % known]
                failures.extend(wrong(conn.db.as_of(db.basis_t), state))
                turn += 1

        write(dict(people))
        readers = [threading.Thread(target=read, args=(i,)) for i in range(READERS)]
        for reader in readers:
            reader.start()
        for step in range(STEPS):
            write({i * step % PEOPLE: (f"n{step * i}", step % 9) for i in range(1, 9)})
            if step % 20 == 19:
                conn.compact()
        is_done.set()
        for reader in readers:
            reader.join()
        assert not failures
        assert not wrong(conn.db, people)
