"""Limits: a query that grows or lasts says which step did, and leaves everything usable."""

from __future__ import annotations

import itertools
import signal
from typing import Any

import pytest

from datamem.datalog import prepare, q
from datamem.datalog.execute import context
from datamem.db.database import Db
from datamem.errors import QueryError

from .worlds import LONG, MANY, REF, World

RULES = "[[(r ?a ?b) [?a :to ?b]] [(r ?a ?b) [?a :to ?x] (r ?x ?b) [(!= ?a 0)]]]"


@pytest.fixture
def db() -> Db:
    world = World({":to": REF | MANY, ":x": LONG})
    world.add([(i, "to", i % 100 + 1) for i in range(1, 101)])
    return world.add([(i, "x", i % 3) for i in range(1, 101)])


GROWING = [
    ("[:find ?a ?b :where [?a :x ?v] [?b :x ?v]]", "[?b :x ?v]"),
    ("[:find ?a ?b :where [?a :x _] [?b :to _]]", "the product of unrelated clauses"),
    ("[:find ?a ?b :in $ % :where (r ?a ?b)]", "(r ?a ?b)"),
    (
        "[:find ?a ?n :where [?a :x _] [(range 50) [?n ...]]]",
        "the product of unrelated clauses",
    ),
    ("[:find ?a ?n :where [?a :x ?x] [(range 50 ?m) [?n ...]] [(+ ?x 90) ?m]]", "range"),
    ("[:find ?a ?b :where (or [?a :x ?b] [?a :to ?b])]", "(or "),
    ("[:find ?a ?b :where [?a :x ?v] (optional [?b :x ?v])]", "(optional "),
    ("[:find ?e ?w :where [?e :x ?v] [(= ?v ?w)] [_ :x ?w]]", "[(= ?v ?w)]"),
]


@pytest.mark.parametrize(("text", "step"), GROWING)
def test_too_many_rows_name_the_step(db: Db, text: str, step: str) -> None:
    inputs = [RULES] if "%" in text else []
    with pytest.raises(QueryError) as caught:
        q(text, db, *inputs, max_rows=150)
    assert caught.value.code == "query/too-many-rows"
    assert step in caught.value.data["step"]
    assert caught.value.data["rows"] > 150
    assert q(text, db, *inputs, max_rows=100_000)


@pytest.mark.parametrize(("text", "step"), GROWING)
def test_a_timeout_names_the_step(
    db: Db, text: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model: each look at the clock takes a second; whatever is looked at last is named."""
    inputs = [RULES] if "%" in text else []
    steps = set()
    for seconds in range(1, 40):
        ticks = itertools.count()
        monkeypatch.setattr(context, "clock", lambda ticks=ticks: float(next(ticks)))
        try:
            q(text, db, *inputs, timeout=seconds)
        except QueryError as error:
            steps.add((error.code, error.data["step"]))
        else:
            break
    assert {code for code, _ in steps} == {"query/timeout"}
    assert any(step in named or named == "the result" for _, named in steps)


def test_the_query_may_set_its_own_timeout(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(context, "clock", lambda: float(next(ticks)))
    with pytest.raises(QueryError, match=r"longer than 0\.5 s"):
        q("[:find ?e :where [?e :x ?x] [(> ?x 1)] :timeout 500]", db)


@pytest.mark.parametrize(
    "text",
    [
        "[:find ?a :where [?a :x ?x] [(stop ?x)]]",
        "[:find ?a ?y :where [?a :x ?x] [(stop ?x) ?y]]",
        "[:find ?a :where [?a :x ?x] (not [?a :to ?b] [(stop ?b)])]",
        "[:find ?a :where [?a :x ?x] (or [(stop ?x)] [?a :to 1])]",
        "[:find ?a :in $ % :where (s ?a)]",
        "[:find (stop ?a) . :where [?a :x ?x]]",
    ],
)
def test_an_interrupt_leaves_everything_usable(db: Db, text: str) -> None:
    rules = "[[(s ?a) [?a :x ?x] [(stop ?x)]] [(s ?a) (s ?b) [?b :to ?a]]]"
    inputs: list[Any] = [rules] if "%" in text else []
    prepared = prepare(text)

    def interrupted(_value: Any) -> Any:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        prepared(db, *inputs, functions={"stop": interrupted})
    found = prepared(db, *inputs, functions={"stop": lambda _value: True})
    assert "not" in text or found
    assert len(q("[:find ?a ?x :where [?a :x ?x]]", db)) == 100
