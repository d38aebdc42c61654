"""Random programs answer the same in a view as in a database that holds just what the view shows."""

from __future__ import annotations

import random  # noqa: TID251  # seeded
from collections import Counter
from typing import Any

import pytest

import datamem
from datamem.datalog import q
from datamem.db.database import Db

from .programs import KINDS, ONE, RULES, VALUES, Author, Program, schema_edn, shuffled, world

Fact = tuple[int, str, Any]
PROGRAMS = 12


def transaction(rng: random.Random, held: dict[Any, Fact]) -> list[Any]:
    """Return assertions and retractions, and do them in `held` too."""
    forms: dict[Any, list[Any]] = {}
    for _ in range(rng.randint(1, 12)):
        name = rng.choice(sorted(KINDS))
        fact = (rng.choice(VALUES["entity"]), name, rng.choice(VALUES[KINDS[name]]))
        key = fact[:2] if name in ONE else fact
        if key in forms:
            continue
        if rng.random() < 0.7:
            forms[key] = [":db/add", *fact]
            held[key] = fact
        elif key in held:
            forms[key] = [":db/retract", *held.pop(key)]
    return list(forms.values())


def same_answers(view: Db, facts: list[Fact], queries: list[Program]) -> None:
    plain = world(facts, frozen=True).db
    for query in queries:
        found = q(query.text(), view, RULES, *query.values)
        expected = q(shuffled(query, 1), plain, RULES, *query.values)
        assert Counter(found) == Counter(expected), f"{query.text()} {query.values} of {facts}"


@pytest.mark.parametrize("seed", range(8))
def test_views_answer_as_databases_of_what_they_show(seed: int) -> None:
    """Model: a dict of what holds after each transaction, by entity, attribute and, of many, value."""
    rng = random.Random(seed)
    held: dict[Any, Fact] = {}
    states: list[tuple[int, list[Fact]]] = []
    with datamem.connect(":memory:", schema=schema_edn(typed=True)) as conn:
        for _ in range(5):
            report = conn.transact(transaction(rng, held))
            states.append((report.t, list(held.values())))
        queries = [Author(rng).write() for _ in range(PROGRAMS)]
        for t, facts in states:
            same_answers(conn.db.as_of(t), facts, queries)
        t, facts = states[2]
        hidden = conn.db.schema.get(rng.choice(sorted(KINDS)))
        view = conn.db.as_of(t).filter(lambda _, datom: datom.a != hidden.id)
        same_answers(view, [fact for fact in facts if fact[1] != hidden.ident], queries)
        extra = (1, ":n/rank", 77)
        fork = conn.fork(as_of=t)
        fork.transact([[":db/add", *extra]])
        same_answers(fork.db, [*facts, extra], queries)
        same_answers(
            conn.db.with_tx([[":db/add", *extra]]).db_after, [*states[-1][1], extra], queries
        )
