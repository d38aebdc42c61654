"""Rules: recursion, mutual recursion, required variables, negation, magic sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamem.datalog import explain, q
from datamem.db.database import Db
from datamem.errors import QueryError

from .worlds import LONG, MANY, REF, World

ANCESTOR = "[[(anc ?a ?b) [?a :n/up ?b]] [(anc ?a ?b) [?a :n/up ?x] (anc ?x ?b)]]"


def chain(length: int, cycle: bool = False) -> Db:
    world = World({":n/up": REF | MANY, ":n/x": LONG})
    facts: list[tuple[int, str, int]] = [(i, "n/up", i + 1) for i in range(1, length)]
    if cycle:
        facts.append((length, "n/up", 1))
    facts += [(i, "n/x", i * 10) for i in range(1, length + 1)]
    return world.add(facts)


def test_recursion_over_a_chain_and_a_cycle() -> None:
    text = "[:find ?a ?b :in $ % :where (anc ?a ?b)]"
    assert len(q(text, chain(20), ANCESTOR)) == 190
    assert len(q(text, chain(20, cycle=True), ANCESTOR)) == 400


@pytest.mark.parametrize(
    "rules",
    [
        ANCESTOR,
        "[[(anc ?a ?b) [?a :n/up ?b]] [(anc ?a ?b) (anc ?a ?x) [?x :n/up ?b]]]",
        "[[(anc ?a ?b) [?a :n/up ?b]] [(anc ?a ?b) (anc ?a ?x) (anc ?x ?b)]]",
        "[[(anc ?a ?b) (or [?a :n/up ?b] (and [?a :n/up ?x] (anc ?x ?b)))]]".replace(
            "(or ", "(or-join [?a ?b] "
        ),
    ],
)
def test_constants_on_either_side(rules: str) -> None:
    db = chain(8)
    assert q("[:find ?b :in $ % :where (anc 5 ?b)]", db, rules) == {(6,), (7,), (8,)}
    assert q("[:find ?a :in $ % :where (anc ?a 3)]", db, rules) == {(1,), (2,)}
    assert q("[:find ?x :in $ % ?x :where (anc 2 7)]", db, rules, 1) == {(1,)}
    assert q("[:find ?x :in $ % ?x :where (anc 7 2)]", db, rules, 1) == set()
    assert q("[:find ?b :in $ % [?a ...] :where (anc ?a ?b)]", db, rules, [6, 7]) == {
        (7,),
        (8,),
    }
    assert q("[:find ?a :in $ % :where (anc ?a _)]", db, rules) == {(i,) for i in range(1, 8)}
    assert q("[:find ?a :in $ % :where (anc ?a ?a)]", db, rules) == set()
    assert q("[:find ?a :in $ % :where (anc ?a ?a)]", chain(3, cycle=True), rules) == {
        (1,),
        (2,),
        (3,),
    }


def test_repeated_arguments_unify_in_rules_without_recursion() -> None:
    db = World({":n/up": REF}).add([(1, "n/up", 1), (2, "n/up", 1)])
    assert q("[:find ?a :in $ % :where (b ?a ?a)]", db, "[[(b ?x ?y) [?x :n/up ?y]]]") == {(1,)}


def test_names_of_caller_and_body_are_independent() -> None:
    rules = "[[(up ?y ?x) [?y :n/up ?x] [?x :n/x ?z]]]"
    assert q("[:find ?x ?z :in $ % ?z :where (up ?x _)]", chain(3), rules, 7) == {
        (1, 7),
        (2, 7),
    }


def test_mutual_recursion() -> None:
    rules = """[[(even ?a ?b) [?a :n/up ?x] (odd ?x ?b)]
                [(odd ?a ?b) [?a :n/up ?b]]
                [(odd ?a ?b) [?a :n/up ?x] (even ?x ?b)]]"""
    assert q("[:find ?b :in $ % :where (even 1 ?b)]", chain(8), rules) == {(3,), (5,), (7,)}
    assert q("[:find ?b :in $ % :where (odd 1 ?b)]", chain(8), rules) == {
        (2,),
        (4,),
        (6,),
        (8,),
    }


def test_rules_make_values_and_keep_every_level() -> None:
    rules = "[[(d ?e ?n) [?e :n/x 10] [(ground 0) ?n]] [(d ?e ?n) [?p :n/up ?e] (d ?p ?m) [(inc ?m) ?n]]]"
    assert q("[:find ?e ?n :in $ % :where (d ?e ?n)]", chain(4), rules) == {
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 3),
    }


def test_endless_rules_stop_at_the_budget() -> None:
    rules = "[[(n ?x) [(ground 0) ?x]] [(n ?x) (n ?y) [(inc ?y) ?x]]]"
    with pytest.raises(QueryError) as caught:
        q("[:find ?x :in $ % :where (n ?x)]", chain(2), rules, max_rows=100)
    assert caught.value.code == "query/too-many-rows"
    assert "(n ?x)" in str(caught.value)
    with pytest.raises(QueryError) as caught:
        q("[:find ?x :in $ % :where (n ?x)]", chain(2), rules, timeout=0.05)
    assert caught.value.code == "query/timeout"


def test_required_variables_must_be_bound() -> None:
    rules = "[[(old [?x]) [(> ?x 20)]]]"
    assert q("[:find ?e :in $ % :where [?e :n/x ?x] (old ?x)]", chain(4), rules) == {(3,), (4,)}
    with pytest.raises(QueryError, match=r"\?x is used here, but nothing binds it"):
        q("[:find ?x :in $ % :where (old ?x)]", chain(4), rules)
    assert q(
        "[:find ?e :in $ % :where (old ?x) [?e :n/x ?x]]", chain(4), "[[(old ?x) [(> ?x 20)]]]"
    ) == {(3,), (4,)}


def test_negation_in_lower_strata() -> None:
    rules = (
        ANCESTOR[:-1]
        + "[(root ?a) [?a :n/x] (not (anc ?a _))] [(far ?a ?b) [?a :n/x] [?b :n/x] (not (anc ?a ?b)) (root ?b)]]"
    )
    assert q("[:find ?a :in $ % :where (root ?a)]", chain(4), rules) == {(4,)}
    assert q("[:find ?a :in $ % :where (far ?a ?b)]", chain(4), rules) == {(4,)}


def test_negation_through_a_cycle_is_refused_with_the_cycle() -> None:
    rules = "[[(win ?a) [?a :n/up ?b] (not (lose ?b))] [(lose ?a) [?a :n/x] (win ?a)]]"
    with pytest.raises(QueryError) as caught:
        q("[:find ?a :in $ % :where (win ?a)]", chain(4), rules)
    assert caught.value.code == "query/unstratifiable"
    assert caught.value.data["cycle"] == ["win", "lose", "win"]


def test_rules_over_another_source() -> None:
    text = "[:find ?b :in $ $b % :where ($b anc 1 ?b) [?b :n/x]]"
    assert q(text, chain(2), chain(5), ANCESTOR) == {(2,)}


def test_rules_as_data() -> None:
    rules = [
        [("anc", "?a", "?b"), ["?a", ":n/up", "?b"]],
        [("anc", "?a", "?b"), ["?a", ":n/up", "?x"], ("anc", "?x", "?b")],
    ]
    assert q("[:find ?b :in $ % :where (anc 5 ?b)]", chain(7), rules) == {(6,), (7,)}


def test_only_what_is_asked_is_derived() -> None:
    db = chain(400)
    rows = q("[:find ?b :in $ % :where (anc 390 ?b)]", db, ANCESTOR, max_rows=500)
    assert len(rows) == 10
    rows = q("[:find ?a :in $ % :where (anc ?a 10)]", db, ANCESTOR, max_rows=500)
    assert len(rows) == 9
    plan = explain("[:find ?b :in $ % :where (anc 398 ?b)]", db, ANCESTOR, analyze=True)
    assert plan.rows == 2


@pytest.mark.parametrize(
    ("rules", "call", "code"),
    [
        ("[[(r ?a ?b) [?a :n/up ?b]]]", "(r ?a)", "query/rule-arity"),
        ("[[(r ?a ?b) [?a :n/up ?b]]]", "(r ?a ?b ?c)", "query/rule-arity"),
        ("[[(r ?a ?b) [?a :n/up ?b]] [(r ?a) [?a :n/x]]]", "(r ?a ?b)", "query/rule-arity"),
        ("[[(r ?a ?b) [?a :n/up _]]]", "(r ?a ?b)", "query/rule-head"),
        ("[[(r ?a ?a) [?a :n/up ?a]]]", "(r ?a ?b)", "query/rule-head"),
        ("[[(r ?a)]]", "(r ?a)", "query/empty-rule"),
        ("[[(r ?a) [?a :n/x]]]", "(s ?a)", "query/unknown-rule"),
        ("[[(r ?a) [?a :n/x] [(> ?y 1)]]]", "(r ?a)", "query/unbound-variable"),
    ],
)
def test_errors(rules: str, call: str, code: str) -> None:
    with pytest.raises(QueryError) as caught:
        q(f"[:find ?a :in $ % :where [?a :n/x] {call}]", chain(3), rules)
    assert caught.value.code == code


def test_a_rule_without_rules_says_so() -> None:
    with pytest.raises(QueryError, match="has no %"):
        q("[:find ?a :where (anc ?a 1)]", chain(3))


def test_transitive_attributes() -> None:
    db = chain(6)
    assert q("[:find ?b :where [4 :n/up+ ?b]]", db) == {(5,), (6,)}
    assert q("[:find ?b :where [4 :n/up* ?b]]", db) == {(4,), (5,), (6,)}
    assert q("[:find ?a :where [?a :n/up+ 3]]", db) == {(1,), (2,)}
    assert q("[:find ?x :where [?a :n/x 20] [?a :n/up+ ?b] [?b :n/x ?x]]", db) == {
        (30,),
        (40,),
        (50,),
        (60,),
    }
    assert q("[:find ?a :where [?a :n/x] (not [?a :n/up+ 5])]", db) == {(5,), (6,)}
    assert q("[:find ?a :in $ % :where (far ?a)]", db, "[[(far ?a) [?a :n/up+ 3]]]") == {
        (1,),
        (2,),
    }
    assert q("[:find ?a :where [?a :n/up+]]", db) == {(i,) for i in range(1, 6)}


def test_linear_rules_keep_only_what_their_seeds_reach() -> None:
    """A chain of 60, asked from two places: the general rewriting would make 60 * 59 / 2 pairs."""
    rules = "[[(on ?a ?k ?b) [?a :n/up ?b] [?b :n/x ?k]] [(on ?a ?k ?b) [?a :n/up ?x] (on ?x ?k ?b)]]"
    text = "[:find ?a ?k ?b :in $ % [?a ...] :where (on ?a ?k ?b)]"
    db = chain(60)
    expected = {(a, b * 10, b) for a in (3, 40) for b in range(a + 1, 61)}
    assert q(text, db, rules, [3, 40]) == expected
    assert q(text, db, rules, [3, 40], max_rows=3 * len(expected)) == expected
    assert q(text, db, rules, [3]) == {row for row in expected if row[0] == 3}
    text = "[:find ?a :in $ % [[?k ?b]] :where (on ?a ?k ?b)]"
    assert q(text, db, rules, [[50, 5], [70, 7], [70, 8]]) == {(a,) for a in range(1, 7)}


def test_a_walk_that_grows_wide_goes_on_as_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model: the same rules where no round is narrow, and where every round is."""
    rules = """[[(on ?a ?b) [?a :n/up ?b] [?b :n/x ?k] [?b :n/ok 1]]
                [(on ?a ?b) [?a :n/up ?x] [?x :n/ok 1] [?x :n/up] (on ?x ?b)]
                [(on ?a ?b) (on ?a ?x) [?b :n/down ?x] [?b :n/ok 1]]]"""
    rng = np.random.default_rng(7)
    world = World({":n/up": REF | MANY, ":n/down": REF | MANY, ":n/x": LONG, ":n/ok": LONG})
    nodes = range(1, 60)
    facts: list[tuple[Any, ...]] = [(e, "n/x", e % 5) for e in nodes]
    facts += [(e, "n/ok", int(e % 7 != 0)) for e in nodes]
    for name in ("n/up", "n/down"):
        facts += [
            (a, name, b) for a, b in set(map(tuple, rng.integers(1, 60, (80, 2)).tolist()))
        ]
    db = world.add(facts)
    text = "[:find ?a ?b :in $ % [?a ...] :where (on ?a ?b)]"
    found = []
    for limit in (0, 1, 10, 100_000):
        monkeypatch.setattr("datamem.datalog.rules.walk._WIDE", limit)
        found.append([set(q(text, db, rules, seeds)) for seeds in ([1], [1, 2, 3], [*nodes])])
    assert len(found[0][2]) > 500
    assert all(other == found[0] for other in found)


def test_counting_and_comparing_rules_walk_as_columns_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Model: the same where every round is joined as columns."""
    far = """[[(far ?a ?b ?d) [?a :n/up ?b] [(ground 1) ?d]]
              [(far ?a ?b ?d) (far ?a ?x ?c) [?x :n/up ?b] [(inc ?c) ?d] [(<= ?d 4)]]]"""
    small = """[[(far ?a ?b ?d) [?a :n/up ?b] [?b :n/x ?d] [(< ?d 70)]]
                [(far ?a ?b ?d) [?a :n/up ?x] [?x :n/x ?n] [(< ?n 60)] (far ?x ?b ?d)]]"""
    text = "[:find ?b ?d :in $ % ?a :where (far ?a ?b ?d)]"
    for db in (chain(9), chain(9, cycle=True)):
        for rules in (far, small):
            walked = q(text, db, rules, 2)
            with monkeypatch.context() as patched:
                patched.setattr("datamem.datalog.rules.walk._WIDE", 0)
                assert walked == q(text, db, rules, 2) != set()
    assert q(text, chain(9), far, 2) == {(3, 1), (4, 2), (5, 3), (6, 4)}


@pytest.mark.parametrize(
    ("call", "code"),
    [("(/ ?c 0)", "query/division-by-zero"), ("(* ?c 4611686018427387904)", None)],
)
def test_a_call_that_fails_or_leaves_whole_numbers_is_left_to_columns(
    call: str, code: str | None
) -> None:
    rules = f"""[[(far ?a ?b ?d) [?a :n/up ?b] [(ground 3) ?d]]
                 [(far ?a ?b ?d) (far ?a ?x ?c) [?x :n/up ?b] [{call} ?d]]]"""
    text = "[:find ?b ?d :in $ % ?a :where (far ?a ?b ?d)]"
    if code is None:
        assert (5, 3 << 62 << 62) in q(text, chain(5), rules, 2)
        return
    with pytest.raises(QueryError) as caught:
        q(text, chain(5), rules, 2)
    assert caught.value.code == code


def test_a_walk_that_counts_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datamem.datalog.rules.walk._MANY_ROUNDS", 5)
    monkeypatch.setattr("datamem.datalog.rules.seminaive.MAX_ROUNDS", 5)
    rules = """[[(far ?a ?b ?d) [?a :n/up ?b] [(ground 1) ?d]]
                [(far ?a ?b ?d) (far ?a ?x ?c) [?x :n/up ?b] [(inc ?c) ?d]]]"""
    with pytest.raises(QueryError) as caught:
        q("[:find ?d :in $ % ?a :where (far ?a _ ?d)]", chain(3, cycle=True), rules, 2)
    assert caught.value.code == "query/endless-rule"
