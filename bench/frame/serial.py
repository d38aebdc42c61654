"""Random transactions in threads, what each read and wrote, and whether that is a serial history.

Items have a key, a group and a number. Transactions read single items, whole groups, ranges of numbers and
what is not there, and write what follows from it. Committed ones are replayed in the order of their t
over a dict: each read must have the result it would have had there. A phantom, a lost update or a write skew
is a read that does not.
"""

from __future__ import annotations

import random  # noqa: TID251 - seeded: which transactions are made
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from datamem.conn import Connection
from datamem.conn.transaction import Transaction
from datamem.errors import ConflictError

SCHEMA = """
{:i/key {:db/valueType :db.type/string :db/unique :db.unique/identity}
 :i/group {:db/valueType :db.type/long :db/index true}
 :i/n {:db/valueType :db.type/long :db/index true}}
"""
ITEMS_A_GROUP = 12
T = TypeVar("T")
Items = dict[str, tuple[int, int]]
Read = tuple[str, Any, Any]


@dataclass(slots=True)
class Done:
    """A committed transaction: where it stands, what it read (kind, argument, result), what it wrote."""

    t: int
    reads: list[Read] = field(default_factory=list)
    writes: list[tuple[str, tuple[int, int] | None]] = field(default_factory=list)


class Work:
    """One transaction's reads and writes, recorded."""

    def __init__(self, tx: Transaction, rng: random.Random, keys: int) -> None:
        self.tx, self.rng, self.groups = tx, rng, groups_of(keys)
        self.done = Done(0)

    def _read(self, kind: str, argument: Any, result: T) -> T:
        self.done.reads.append((kind, argument, result))
        return result

    def item(self, key: str) -> tuple[int, int] | None:
        """Read one item, in one of three ways."""
        db, way = self.tx.db, self.rng.randrange(3)
        if way == 0:
            found = db.pull("[:i/group :i/n]", [":i/key", key]) or {}
            pair = found.get(":i/group"), found.get(":i/n")
        elif way == 1:
            eid = db.resolve([":i/key", key])
            entity = {} if eid is None else db.entity(eid)
            pair = entity.get(":i/group"), entity.get(":i/n")
        else:
            rows = db.q(
                "[:find ?g ?n :in $ ?k :where [?e :i/key ?k] [?e :i/group ?g] [?e :i/n ?n]]",
                key,
            ).rows()
            pair = tuple(rows[0]) if rows else (None, None)
        item: tuple[int, int] | None = None
        if pair[0] is not None and pair[1] is not None:
            item = pair[0], pair[1]
        return self._read("item", key, item)

    def group(self, group: int) -> list[tuple[str, int]]:
        """Read the items of a group."""
        query = "[:find ?k ?n :in $ ?g :where [?e :i/group ?g] [?e :i/key ?k] [?e :i/n ?n]]"
        rows = self.tx.q(query, group).rows()
        return self._read("group", group, [(key, n) for key, n in sorted(rows)])

    def between(self, low: int, high: int) -> list[str]:
        """Read which items have a number in a range, in one of two ways."""
        db = self.tx.db
        if self.rng.randrange(2):
            query = """[:find [?k ...] :in $ ?low ?high
                        :where [?e :i/n ?n] [(<= ?low ?n)] [(<= ?n ?high)] [?e :i/key ?k]]"""
            keys = db.q(query, low, high)
        else:
            keys = [db.entity(d.e)[":i/key"] for d in db.index_range(":i/n", low, high)]
        return self._read("between", (low, high), sorted(keys))

    def put(self, key: str, group: int, n: int) -> None:
        """Write an item."""
        self.done.writes.append((key, (group, n)))
        self.tx.transact([{":i/key": key, ":i/group": group, ":i/n": n}])

    def drop(self, key: str) -> None:
        """Take an item away."""
        self.done.writes.append((key, None))
        self.tx.transact(
            lambda db: (
                []
                if db.resolve([":i/key", key]) is None
                else [[":db/retractEntity", [":i/key", key]]]
            )
        )


def move(work: Work, key: str, other: str) -> None:
    """Move one from an item to another: a lost update would change the sum."""
    a, b = work.item(key), work.item(other)
    if a and b and key != other:
        work.put(key, a[0], a[1] - 1)
        work.put(other, b[0], b[1] + 1)


def spend(work: Work, key: str, _other: str) -> None:
    """Take from an item what its group has together: a write skew would spend it twice."""
    found = work.item(key)
    if found and sum(n for _, n in work.group(found[0])) > 0:
        work.put(key, found[0], found[1] - 3)


def number(work: Work, key: str, _other: str) -> None:
    """Add an item that says how many its group has: a phantom would give a number twice."""
    group = work.rng.randrange(work.groups)
    count = len(work.group(group))
    work.put(f"{key}+", group, count)


def sweep(work: Work, _key: str, other: str) -> None:
    """Drop an item of a range, and make its neighbour say how many there were."""
    low = work.rng.randrange(-5, 15)
    keys = work.between(low, low + 2)
    if keys and work.item(other):
        work.drop(keys[0])
        if other != keys[0]:
            work.put(other, 0, len(keys))


def create(work: Work, key: str, _other: str) -> None:
    """Write an item only if it is not there."""
    if work.item(key) is None:
        work.put(key, 1, 7)


def look(work: Work, key: str, _other: str) -> None:
    """Only read."""
    work.item(key)
    work.group(work.rng.randrange(work.groups))


KINDS: tuple[Callable[[Work, str, str], None], ...] = (move, spend, number, sweep, create, look)


def run_threads(
    conn: Connection, thread_count: int, each: int, *, seed: int, keys: int
) -> tuple[list[Done], int]:
    """Run transactions in threads; return those that committed, and how often one had to retry."""
    histories: list[list[Done]] = [[] for _ in range(thread_count)]
    retries = [0] * thread_count
    failures: list[BaseException] = []

    def thread(n: int) -> None:
        rng = random.Random(seed * 1000 + n)
        try:
            for _ in range(each):
                kind, key, other = rng.choice(KINDS), _key(rng, keys), _key(rng, keys)
                while True:
                    try:
                        histories[n].append(_one(conn, rng, keys, (kind, key, other)))
                        break
                    except ConflictError:
                        retries[n] += 1
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=thread, args=(n,)) for n in range(thread_count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failures:
        raise failures[0]
    return [done for history in histories for done in history], sum(retries)


def groups_of(keys: int) -> int:
    """Return in how many groups so many items are."""
    return max(4, keys // ITEMS_A_GROUP)


def _key(rng: random.Random, keys: int) -> str:
    return f"k{rng.randrange(keys)}"


def _one(
    conn: Connection,
    rng: random.Random,
    keys: int,
    what: tuple[Callable[[Work, str, str], None], str, str],
) -> Done:
    kind, key, other = what
    with conn.transaction() as tx:
        work = Work(tx, rng, keys)
        kind(work, key, other)
    has_written = tx.report is not None and tx.report.db_before is not tx.report.db_after
    work.done.t = (
        2 * (tx.report.t if has_written and tx.report else tx.db.basis_t) - has_written
    )
    return work.done


def find_anomaly(items: Items, history: list[Done]) -> str | None:
    """Return the first read that a serial execution would have answered otherwise, None if none.

    Writers stand just before what they made visible, readers just after what they saw.
    """
    for done in sorted(history, key=lambda done: done.t):
        for kind, argument, result in done.reads:
            expected = answer(items, kind, argument)
            if result != expected:
                return f"at {done.t / 2}: {kind} {argument} read {result}, serially {expected}"
        for key, item in done.writes:
            if item is None:
                items.pop(key, None)
            else:
                items[key] = item
    return None


def answer(items: Items, kind: str, argument: Any) -> Any:
    """Answer a read from a dict of items."""
    if kind == "item":
        return items.get(argument)
    if kind == "group":
        return sorted((key, n) for key, (group, n) in items.items() if group == argument)
    low, high = argument
    return sorted(key for key, (_, n) in items.items() if low <= n <= high)


def fill(conn: Connection, keys: int) -> Items:
    """Write the items that a history begins with, and return them."""
    items = {f"k{i}": (i % groups_of(keys), i % 10) for i in range(0, keys, 2)}
    conn.transact([{":i/key": k, ":i/group": g, ":i/n": n} for k, (g, n) in items.items()])
    return items
