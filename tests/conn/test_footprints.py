"""No query escapes a transaction's footprint: if a change alters its answer, the transaction conflicts."""

from __future__ import annotations

import random  # noqa: TID251 - seeded
from typing import Any

import pytest

from datamem.conn import Connection
from datamem.errors import ConflictError, DatamemError
from tests.conn.worlds import open_db
from tests.datalog.programs import KINDS, ONE, RULES, VALUES, programs, schema_edn

PATTERNS = [
    "[*]",
    "[:n/age {:n/ref [:n/name]}]",
    "[:n/name {:n/_next 2}]",
    "[(:n/tag :limit 1)]",
]


def answer(db: Any, ask: Any) -> Any:
    """Return an answer as plain data, or the code of its refusal."""
    try:
        found = ask(db)
    except DatamemError as error:
        return error.code
    rows = getattr(found, "rows", None)
    return sorted(map(repr, rows())) if callable(rows) else repr(found)


def change(rng: random.Random) -> list[Any]:
    name = rng.choice(sorted(KINDS))
    e, v = rng.choice(VALUES["entity"]), rng.choice(VALUES[KINDS[name]])
    operation = ":db/retract" if rng.random() < 0.4 else ":db/add"
    return [operation, e, name, v]


def filled(known: list[tuple[int, str, Any]], *, compact: bool) -> Connection:
    conn = open_db(schema=schema_edn(typed=True))
    conn.transact([{":db/id": f"e{e}", ":n/age": 0} for e in VALUES["entity"]])
    last = {(e, name) if name in ONE else (e, name, v): (e, name, v) for e, name, v in known}
    conn.transact([[":db/add", *fact] for fact in last.values()])
    if compact:
        conn.compact()
    return conn


def reads(rng: random.Random, queries: list[Any]) -> Any:
    """Return a way of reading: a query mostly, a pull, datoms or a range otherwise."""
    kind = rng.randrange(6)
    e, name = rng.choice(VALUES["entity"]), rng.choice(sorted(KINDS))
    if kind == 0:
        pattern = rng.choice(PATTERNS)
        return lambda db: db.pull(pattern, e)
    if kind == 1:
        parts = rng.choice([("eavt", e), ("aevt", name), ("aevt", name, e), ("eavt", e, name)])
        return lambda db: [tuple(d)[:3] for d in db.datoms(*parts)]
    if kind == 2:
        low, high = sorted(rng.choices(VALUES[KINDS[name]], k=2))
        return lambda db: [tuple(d)[:3] for d in db.index_range(name, low, high)]
    query = rng.choice(queries)
    return lambda db: db.q(query.text(), RULES, *query.values)


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_a_change_of_an_answer_is_a_conflict(first: int) -> None:
    assert (
        sum(altered_answers(seed) for seed in range(first, first + 10)) > 10
    )  # or nothing was tried


def altered_answers(seed: int) -> int:
    """Let changes meet transactions that have read; return how many changed an answer."""
    rng = random.Random(seed)
    known, queries = programs(seed, 12)
    conn = filled(known, compact=seed % 2 == 0)
    altered = 0
    for _ in range(25):
        ask = reads(rng, queries)
        before = conn.db
        expected = answer(before, ask)
        tx = conn.transaction()
        assert answer(tx.db, ask) == expected
        tx.transact([{":x/mine": seed}])
        for _ in range(3):
            conn.transact([change(rng)])
        is_altered = answer(conn.db, ask) != expected
        altered += is_altered
        try:
            tx.commit()
        except ConflictError:
            continue
        assert not is_altered, (seed, expected)
    return altered
