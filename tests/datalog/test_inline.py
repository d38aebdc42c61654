"""Inlining: a plain rule means what it meant as a call, whatever stands around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamem.datalog import explain, q
from datamem.db.database import Db
from datamem.errors import QueryError

from .worlds import LONG, MANY, REF, World

BODIES = {
    "(step ?x ?y)": "[?x :to ?m] [?m :to ?y]",
    "(big ?x ?n)": "[?x :size ?n] [(< 20 ?n)]",
    "(next ?x ?n)": "[?x :size ?m] [(inc ?m) ?n]",
    "(far ?x ?y)": "(step ?x ?m) (step ?m ?y)",
    "(grown ?x ?y)": "(step ?x ?y) (big ?x ?n) (big ?y ?n2) [(<= ?n ?n2)]",
}
RECURSIVE = "[(way ?x ?y) (step ?x ?y)] [(way ?x ?y) (step ?x ?m) (way ?m ?y)]"
PLAIN = f"[{' '.join(f'[{head} {body}]' for head, body in BODIES.items())} {RECURSIVE}]"
CALLED = f"[{' '.join(f'[{head} {body}]' * 2 for head, body in BODIES.items())} {RECURSIVE}]"
"""The same rules, each with its body twice: those are not inlined."""

QUERIES = (
    "[:find ?x ?y :in $ % :where (step ?x ?y)]",
    "[:find ?x ?m :in $ % :where (step ?x ?y) (step ?y ?m) [?m :to ?x]]",
    "[:find ?x :in $ % :where (step ?x ?x)]",
    "[:find ?x :in $ % :where (step ?x _)]",
    "[:find ?y :in $ % :where (step 3 ?y)]",
    "[:find ?x ?n :in $ % :where (big ?x ?n) (not (step ?x ?x))]",
    "[:find ?x :in $ % :where [?x :size ?n] (not (step ?x ?m) (big ?m ?k))]",
    "[:find ?x ?y :in $ % :where (or-join [?x ?y] (step ?x ?y) (far ?x ?y))]",
    "[:find ?x ?n :in $ % :where (or (big ?x ?n) (next ?x ?n))]",
    "[:find ?x ?n :in $ % :where (next ?x ?n) [?x :size ?m] [(< ?m 20)]]",
    "[:find ?x (count ?y) :in $ % :where (far ?x ?y)]",
    "[:find (sum ?n) . :with ?x :in $ % :where (grown ?x ?y) [?y :size ?n]]",
    "[:find ?x ?y :in $ % :where (way ?x ?y)]",
    "[:find ?y :in $ % :where (way 2 ?y) (big ?y ?n)]",
    "[:find ?x :in $ % :where (way ?x ?x) (grown ?x ?y)]",
)


def world(seed: int) -> Db:
    rng = np.random.default_rng(seed)
    world = World({":to": REF | MANY, ":size": LONG})
    edges = {(a, b) for a, b in rng.integers(1, 20, (40, 2)).tolist()}
    sizes = zip(range(1, 20), rng.integers(0, 40, 19).tolist(), strict=True)
    return world.add([(a, "to", b) for a, b in edges] + [(e, "size", n) for e, n in sizes])


@pytest.mark.parametrize("text", QUERIES)
@pytest.mark.parametrize("seed", range(3))
def test_a_plain_rule_means_the_same_inlined_and_called(text: str, seed: int) -> None:
    """Model: the same rules with every body written twice, which are called."""
    db = world(seed)
    called = q(text, db, CALLED)
    assert q(text, db, PLAIN) == called


def test_some_answer_is_not_empty() -> None:
    assert sum(bool(q(text, world(1), PLAIN)) for text in QUERIES) > len(QUERIES) // 2


def steps(text: str, rules: str) -> list[Any]:
    return [step["clause"] for step in explain(text, world(0), rules, analyze=True).steps]


def test_only_what_is_plain_is_inlined() -> None:
    assert not any("(far" in clause for clause in steps("[:find ?x ?y :in $ % :where (far ?x ?y)]", PLAIN))  # fmt: skip
    assert "(step ?x ?y)" in steps(QUERIES[0], CALLED)
    assert any("(way" in clause for clause in steps(QUERIES[12], PLAIN))
    rules = "[[(lone ?x) [?x :size ?n] (not [?x :to ?y])]]"
    assert "(lone ?x)" in steps("[:find ?x :in $ % :where (lone ?x)]", rules)


def test_a_rule_that_leads_back_through_another_is_called() -> None:
    rules = "[[(a ?x ?y) [?x :to ?y] (b ?y)] [(b ?x) [?x :size ?n]] [(b ?x) (a ?x ?y)]]"
    assert any("(a " in clause for clause in steps("[:find ?x ?y :in $ % :where (a ?x ?y)]", rules))  # fmt: skip


def test_patterns_of_an_inlined_rule_look_where_its_call_does() -> None:
    text = "[:find ?x ?y :in $ $2 % :where ($2 step ?x ?y)]"
    found = q(text, world(0), world(1), PLAIN)
    assert found == q(QUERIES[0], world(1), PLAIN) != q(QUERIES[0], world(0), PLAIN)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("(step ?x)", "query/rule-arity"),
        ("(steps ?x ?y)", "query/unknown-rule"),
        ("(old ?x)", "query/unbound-variable"),
    ],
)
def test_calls_that_make_no_sense_are_refused_as_before(call: str, code: str) -> None:
    rules = f"{PLAIN[:-1]} [(old [?x]) [?x :size ?n] [(< 3 ?n)]]]"
    with pytest.raises(QueryError) as caught:
        q(f"[:find ?x :in $ % :where {call}]", world(0), rules)
    assert caught.value.code == code
