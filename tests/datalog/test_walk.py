"""Walks: programs of many shapes, asked about some entities, give what the naive reference gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.datalog import explain, q
from datamem.datalog.parse.parse import parse_query, parse_rules

from .naive import Naive
from .worlds import LONG, MANY, REF, World

PROGRAMS = {
    "same generation": """
        [(r ?a ?b) [?a :up ?x] [?b :up ?x]]
        [(r ?a ?b) [?a :up ?x] (r ?x ?y) [?b :up ?y]]""",
    "mutual": """
        [(r ?a ?b) [?a :up ?x] (s ?x ?b)]
        [(r ?a ?b) [?a :up ?b] [?b :n 1]]
        [(s ?a ?b) [?a :side ?x] (r ?x ?b)]
        [(s ?a ?b) [?a :side ?b]]""",
    "twice": """
        [(r ?a ?b) [?a :up ?b] [?b :n]]
        [(r ?a ?b) (r ?a ?x) (r ?x ?b) [?x :n ?k] [(< ?k 2)]]""",
    "counted": """
        [(r ?a ?b) [?b :n ?k] (s ?a ?b ?k)]
        [(s ?a ?b ?d) [?a :up ?b] [(identity 0) ?d]]
        [(s ?a ?b ?d) (s ?a ?x ?c) [?x :up ?b] [(+ ?c 1) ?d] [(<= ?d 3)]]""",
    "crossing": """
        [(r ?a ?b) [?a :up ?x] (s ?x) [?x :side ?b]]
        [(r ?a ?b) (r ?a ?x) (s ?x) [?b :side ?x]]
        [(s ?a) [?a :n 1]]
        [(s ?a) [?a :up ?b] (s ?b)]""",
    "checked": """
        [(r ?a ?b) [?a :side ?b]]
        [(r ?a ?b) [?a :up ?x] [?a :n ?k] [?x :n ?k] (r ?x ?b) [?b :up ?a]]
        [(r ?a ?b) [?a :up ?b] [?b :side ?a]]""",
}
ASKED = {
    "[:find ?a ?b :where (r ?a ?b) [?a :n 0]]": "first",
    "[:find ?a ?b :where (r ?a ?b) [?b :n 2]]": "second",
    "[:find ?a ?b :where (r ?a ?b) [?a :side ?b]]": "both",
}


@given(
    program=st.sampled_from(sorted(PROGRAMS)),
    asked=st.sampled_from(sorted(ASKED)),
    wide=st.sampled_from((200, 3)),
    seed=st.integers(0, 1 << 20),
)
def test_programs_asked_about_some_give_what_the_naive_reference_gives(
    program: str, asked: str, wide: int, seed: int
) -> None:
    """Model: nested loops to the fixpoint. A narrow limit makes rounds go on as columns."""
    rng = np.random.default_rng(seed)
    nodes = range(1, 8)
    facts: set[tuple[Any, ...]] = {(e, ":n", int(rng.integers(0, 3))) for e in nodes}
    for name in (":up", ":side"):
        facts |= {(a, name, b) for a, b in rng.integers(1, 8, (6, 2)).tolist()}
    world = World({":up": REF | MANY, ":side": REF | MANY, ":n": LONG})
    db = world.add(sorted(facts))
    rules = f"[{PROGRAMS[program]}]"
    text = asked.replace(":where", ":in $ % :where")
    expected = Naive([(*fact, 1, True) for fact in facts], parse_rules(rules)).answer(
        parse_query(text)
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("datamem.datalog.rules.walk._WIDE", wide)
        assert set(q(text, db, rules)) == expected


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_such_programs_are_walked(program: str) -> None:
    world = World({":up": REF | MANY, ":side": REF | MANY, ":n": LONG})
    nodes = range(1, 9)
    facts: list[tuple[Any, ...]] = [(e, ":up", e % 8 + 1) for e in nodes]
    facts += [(e, ":side", (e + 3) % 8 + 1) for e in nodes] + [(e, ":n", e % 3) for e in nodes]
    text = "[:find ?b :in $ % ?a :where (r ?a ?b)]"
    steps = explain(text, world.add(facts), f"[{PROGRAMS[program]}]", 1, analyze=True).steps
    assert "walk" in {step["how"] for step in steps}


def test_a_body_with_many_rows_on_its_way_is_left_to_columns() -> None:
    """Everybody has the one group: through it each round would look at all of them again."""
    world = World({":in": REF | MANY, ":up": REF | MANY})
    facts = [(e, ":in", 1) for e in range(2, 8_000)] + [(e, ":up", e + 1) for e in range(2, 9)]
    rules = """[[(r ?a ?b) [?a :up ?b]]
                [(r ?a ?b) (r ?a ?x) [?x :in ?g] [?c :in ?g] [?c :up ?b]]]"""
    text = "[:find [?b ...] :in $ % ?a :where (r ?a ?b)]"
    assert sorted(q(text, world.add(facts), rules, 5)) == list(range(3, 10))
