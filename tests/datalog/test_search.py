"""Searches in queries: the k best among the entities that the other clauses allow, however it is run."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.datalog.execute import search_steps
from datamem.errors import DatamemError
from datamem.vector import build_index

WIDTH = 4
SCHEMA = f"""
{{:memory/id {{:db/valueType :db.type/long :db/unique :db.unique/identity}}
 :memory/topic {{:db/valueType :db.type/long}}
 :memory/agent {{:db/valueType :db.type/ref}}
 :memory/archived {{:db/valueType :db.type/boolean}}
 :agent/name {{:db/valueType :db.type/string :db/unique :db.unique/identity}}
 :agent/likes {{:db/valueType :db.type/vector :db/dimension {WIDTH} :db/metric-type :db.metric/cosine}}
 :memory/embedding {{:db/index-type :db.index/vector :db/valueType :db.type/f64
                    :db/dimension {WIDTH} :db/metric-type :db.metric/cosine}}}}
"""
COUNT = 60
VECTORS = np.random.default_rng(1).standard_normal((COUNT, WIDTH)).astype(np.float32)
QUERY = [1.0, 0.5, -0.25, 0.1]
AGENTS = ("ada", "bob", "cy")


def topic(i: int) -> int:
    return i * 7 % 5


def is_archived(i: int) -> bool:
    return i % 4 == 0


def agent(i: int) -> str:
    return AGENTS[i % 3]


@pytest.fixture(scope="module")
def db() -> datamem.Db:
    with datamem.connect(":memory:", SCHEMA) as conn:
        conn.transact(
            [{"agent/name": n, "agent/likes": VECTORS[i] + 0.1} for i, n in enumerate(AGENTS)]
        )
        for i in range(COUNT):
            data = {
                "memory/id": i,
                "memory/topic": topic(i),
                "memory/agent": [":agent/name", agent(i)],
                "memory/embedding": VECTORS[i].tolist(),
            }
            conn.transact([data | ({"memory/archived": True} if is_archived(i) else {})])
        build_index(conn.db, ":memory/embedding")
        yield conn.db


@pytest.fixture(params=[0, 512], ids=["over-fetched", "clauses first"])
def few(request, monkeypatch) -> None:
    """Both ways of narrowing a search give one answer."""
    monkeypatch.setattr(search_steps, "_FEW", request.param)


def ranked(query, ids=range(COUNT)) -> list[int]:
    wanted = np.asarray(query, np.float64)
    lengths = np.sqrt((VECTORS.astype(np.float64) ** 2).sum(axis=1))
    scores = VECTORS.astype(np.float64) @ wanted / lengths
    return sorted(ids, key=lambda i: -scores[i])


def test_the_seeds_query_as_it_stands(db) -> None:
    found = db.q(
        """[:find (pull ?m [:memory/id])
            :in $ ?query-vec ?k
            :where [(vector/search :memory/embedding ?query-vec ?k) [[?m]]]]""",
        QUERY,
        3,
    )
    ids = {row[0][":memory/id"] for row in found}
    assert ids == set(ranked(QUERY)[:3])


@pytest.mark.parametrize("query", [QUERY, tuple(QUERY), np.array(QUERY), np.array(QUERY, "f4")])
def test_a_list_or_an_array_is_one_vector(db, query) -> None:
    text = (
        "[:find [?i ...] :in $ ?q :where [(vec-neighbors $ :memory/embedding ?q {:k 4}) [[?m]]]"
    )
    assert set(db.q(f"{text} [?m :memory/id ?i]]", query)) == set(ranked(QUERY)[:4])


CLAUSES = {
    "topic": ("[?m :memory/topic 2]", lambda i: topic(i) == 2),
    "small": ("[?m :memory/topic ?t] [(< ?t 2)]", lambda i: topic(i) < 2),
    "agent": ('[?m :memory/agent ?a] [?a :agent/name "ada"]', lambda i: agent(i) == "ada"),
    "either": (
        "(or [?m :memory/topic 1] [?m :memory/archived true])",
        lambda i: topic(i) == 1 or is_archived(i),
    ),
    "kept": ("(not [?m :memory/archived true])", lambda i: not is_archived(i)),
    "odd": ("[?m :memory/id ?o] [(odd? ?o)]", lambda i: i % 2),
    "given": ("[?m :memory/topic ?w]", lambda i: topic(i) in (1, 3)),
}


@settings(max_examples=30)
@given(
    names=st.lists(st.sampled_from(sorted(CLAUSES)), unique=True, max_size=3),
    k=st.integers(1, 6),
    order=st.randoms(use_true_random=False),
    fetch=st.sampled_from([0, 512]),
    t=st.integers(0, COUNT),
)
def test_the_best_among_those_that_other_clauses_allow(db, names, k, order, fetch, t) -> None:
    """Model: filter, sort by score, cut; whatever the order of clauses, at any instant."""
    before, search_steps._FEW = search_steps._FEW, fetch
    try:
        clauses = [
            f"[(vec-neighbors $ :memory/embedding ?q {{:k {k} :ef 256}}) [[?m _ ?s]]]",
            "[?m :memory/id ?i]",
            *(CLAUSES[name][0] for name in names),
        ]
        order.shuffle(clauses)
        view = db.as_of(db.basis_t - t)
        text = f"[:find ?i :in $ ?q [?w ...] :where {' '.join(clauses)}]"
        found = {row[0] for row in view.q(text, QUERY, [1, 3])}
        allowed = [i for i in range(COUNT - t) if all(CLAUSES[name][1](i) for name in names)]
        assert found == set(ranked(QUERY, allowed)[:k])
        if "given" not in names:  # a search and what narrows it, and nothing else
            clauses.remove("[?m :memory/id ?i]")
            text = f"[:find ?m ?s :in $ ?q :where {' '.join(clauses)}]"
            hits = view.q(text, QUERY).rows()
            assert {view.entity(m)[":memory/id"] for m, _ in hits} == found
    finally:
        search_steps._FEW = before


def test_what_is_said_of_scores_comes_after_the_search(db, few) -> None:
    text = """[:find ?i ?s :in $ ?q :where
               [(vec-neighbors $ :memory/embedding ?q {:k 5}) [[?m _ ?s]]]
               [?m :memory/topic 2] [?m :memory/id ?i] [(> ?s 0.5)]]"""
    of_topic = ranked(QUERY, [i for i in range(COUNT) if topic(i) == 2])[:5]
    found = dict(db.q(text, QUERY).rows())
    assert set(found) <= set(of_topic)
    assert all(score > 0.5 for score in found.values())
    every = dict(db.q(text.replace("[(> ?s 0.5)]", ""), QUERY).rows())
    assert found == {i: score for i, score in every.items() if score > 0.5}


def test_each_query_vector_is_a_search_of_its_own(db, few) -> None:
    text = """[:find ?n ?i :where
               [?a :agent/name ?n] [?a :agent/likes ?v] [?m :memory/agent ?a] [?m :memory/id ?i]
               [(vec-neighbors $ :memory/embedding ?v {:k 2}) [[?m]]]]"""
    wanted = {
        (name, i)
        for at, name in enumerate(AGENTS)
        for i in ranked(VECTORS[at] + 0.1, [i for i in range(COUNT) if agent(i) == name])[:2]
    }
    assert set(db.q(text).rows()) == wanted


def test_each_count_and_vector_of_an_input_is_a_search_of_its_own(db, few) -> None:
    text = """[:find ?k ?i :in $ [[?q ?k]] :where
               [(vec-neighbors $ :memory/embedding ?q {:k ?k}) [[?m]]] [?m :memory/id ?i]]"""
    other = [-1.0, 0.0, 0.0, 0.5]
    wanted = {(2, i) for i in ranked(QUERY)[:2]} | {(3, i) for i in ranked(other)[:3]}
    assert set(db.q(text, [[QUERY, 2], [other, 3]]).rows()) == wanted


def test_entities_given_are_the_only_ones(db, few) -> None:
    text = """[:find [?i ...] :in $ ?q [?m ...] :where
               [(vec-neighbors $ :memory/embedding ?q {:k 3}) [[?m]]] [?m :memory/id ?i]]"""
    some = [3, 8, 20, 21, 40]
    given = [[":memory/id", i] for i in some]
    assert set(db.q(text, QUERY, given)) == set(ranked(QUERY, some)[:3])


def test_not_takes_away_the_nearest_of_all(db) -> None:
    text = """[:find [?i ...] :in $ ?q :where [?m :memory/id ?i] [?m :memory/topic 2]
               (not [(vec-neighbors $ :memory/embedding ?q {:k 20}) [[?m]]])]"""
    nearest = set(ranked(QUERY)[:20])
    wanted = {i for i in range(COUNT) if topic(i) == 2 and i not in nearest}
    assert set(db.q(text, QUERY)) == wanted


def test_branches_of_or_search_by_themselves(db) -> None:
    text = """[:find [?i ...] :in $ ?q ?p :where [?m :memory/id ?i]
               (or-join [?m ?q ?p]
                 (and [(vec-neighbors $ :memory/embedding ?q {:k 3}) [[?m]]] [?m :memory/topic 2])
                 [(vec-neighbors $ :memory/embedding ?p {:k 2}) [[?m]]])]"""
    other = [-1.0, 0.0, 0.0, 0.5]
    of_topic = [i for i in range(COUNT) if topic(i) == 2]
    wanted = set(ranked(QUERY, of_topic)[:3]) | set(ranked(other)[:2])
    assert set(db.q(text, QUERY, other)) == wanted


RULES = """[[(near ?q ?m) [(vec-neighbors $ :memory/embedding ?q {:k 4}) [[?m]]]]
            [(mine [?n] ?q ?m) [?a :agent/name ?n] [?m :memory/agent ?a]
                               [(vec-neighbors $ :memory/embedding ?q {:k 2}) [[?m]]]]
            [(of-agent ?m ?n) [?m :memory/agent ?a] [?a :agent/name ?n]]
            [(walk ?m ?o) [?m :memory/embedding ?v]
                          [(vec-neighbors $ :memory/embedding ?v {:k 2}) [[?o]]]]
            [(walk ?m ?o) (walk ?m ?x) [?x :memory/embedding ?v]
                          [(vec-neighbors $ :memory/embedding ?v {:k 2}) [[?o]]]]]"""


def test_a_rule_searches_by_itself_whatever_its_caller_binds(db) -> None:
    text = """[:find [?i ...] :in $ % ?q :where (near ?q ?m) [?m :memory/topic 2] [?m :memory/id ?i]]"""
    assert set(db.q(text, RULES, QUERY)) == {i for i in ranked(QUERY)[:4] if topic(i) == 2}


def test_what_a_rule_requires_is_a_search_for_each(db) -> None:
    text = """[:find ?n ?i :in $ % ?q [?n ...] :where (mine ?n ?q ?m) [?m :memory/id ?i]]"""
    wanted = {
        (name, i)
        for name in ("ada", "cy")
        for i in ranked(QUERY, [i for i in range(COUNT) if agent(i) == name])[:2]
    }
    assert set(db.q(text, RULES, QUERY, ["ada", "cy"]).rows()) == wanted


def test_a_rule_narrows_a_search_as_its_clauses_would(db, few) -> None:
    text = """[:find [?i ...] :in $ % ?q :where (of-agent ?m "bob") [?m :memory/id ?i]
               [(vec-neighbors $ :memory/embedding ?q {:k 3}) [[?m]]]]"""
    mine = [i for i in range(COUNT) if agent(i) == "bob"]
    assert set(db.q(text, RULES, QUERY)) == set(ranked(QUERY, mine)[:3])


def test_a_recursive_rule_walks_from_neighbour_to_neighbour(db) -> None:
    text = (
        """[:find [?i ...] :in $ % :where [?m :memory/id 7] (walk ?m ?o) [?o :memory/id ?i]]"""
    )
    reached, frontier = set(), {7}
    while frontier:
        found = {o for i in frontier for o in ranked(VECTORS[i])[:2]}
        frontier, reached = found - reached, reached | found
    assert set(db.q(text, RULES)) == reached


def test_a_search_that_narrows_itself_through_a_rule_is_refused(db) -> None:
    rules = """[[(loop ?m ?q) [?m :memory/id ?q]]
                [(loop ?m ?q) (loop ?m ?o) [?m :memory/topic ?o]
                              [(vec-neighbors $ :memory/embedding ?q {:k 2}) [[?m]]]]]"""
    text = "[:find ?m :in $ % ?q :where (loop ?m ?q)]"
    with pytest.raises(DatamemError) as refusal:
        db.q(text, rules, QUERY)
    assert refusal.value.code == "query/unstratifiable"


def test_two_searches_of_one_entity_do_not_narrow_each_other(db, few) -> None:
    clauses = [
        "[(vec-neighbors $ :memory/embedding ?q {:k 8}) [[?m]]]",
        "[(vec-neighbors $ :memory/embedding ?p {:k 8}) [[?m]]]",
        "[?m :memory/topic ?t] [(< ?t 4)]",
        "[?m :memory/id ?i]",
    ]
    other = [0.9, 0.1, 0.0, 0.5]
    some = [i for i in range(COUNT) if topic(i) < 4]
    wanted = set(ranked(QUERY, some)[:8]) & set(ranked(other, some)[:8])
    for order in itertools.permutations(clauses):
        text = f"[:find [?i ...] :in $ ?q ?p :where {' '.join(order)}]"
        assert set(db.q(text, QUERY, other)) == wanted


def test_one_search_may_ask_about_what_another_found(db, few) -> None:
    text = """[:find ?i ?j :in $ ?q :where
               [(vec-neighbors $ :memory/embedding ?q {:k 2}) [[?m ?v]]] [?m :memory/id ?i]
               [(vec-neighbors $ :memory/embedding ?v {:k 3}) [[?n]]] [?n :memory/id ?j]
               [?n :memory/topic 1]]"""
    some = [i for i in range(COUNT) if topic(i) == 1]
    wanted = {(i, j) for i in ranked(QUERY)[:2] for j in ranked(VECTORS[i], some)[:3]}
    assert set(db.q(text, QUERY).rows()) == wanted


def test_sources_are_searched_apart(db) -> None:
    now, then = db, db.as_of(db.basis_t - 30)
    text = """[:find ?i ?j :in $ $then ?q :where
               [(vec-neighbors $ :memory/embedding ?q {:k 1}) [[?m]]] [?m :memory/id ?i]
               [(vec-neighbors $then :memory/embedding ?q {:k 1}) [[?o]]] [$then ?o :memory/id ?j]]"""
    wanted = {(ranked(QUERY)[0], ranked(QUERY, range(COUNT - 30))[0])}
    assert set(datamem.q(text, now, then, QUERY).rows()) == wanted


def test_hits_join_with_aggregates_and_pull(db) -> None:
    text = """[:find ?n (count ?m) (max ?s) :in $ ?q :where
               [(vec-neighbors $ :memory/embedding ?q {:k 30}) [[?m ?v ?s ?tx]]]
               [?m :memory/agent ?a] [?a :agent/name ?n]]"""
    nearest = ranked(QUERY)[:30]
    counts = {row[0]: row[1] for row in db.q(text, QUERY)}
    assert counts == {n: sum(agent(i) == n for i in nearest) for n in counts}


def test_explain_names_the_way_that_was_taken(db) -> None:
    text = """[:find ?m :in $ ?q :where [?m :memory/topic 2]
               [(vec-neighbors $ :memory/embedding ?q {:k 3}) [[?m]]]]"""
    shown = str(db.explain(text, QUERY, analyze=True))
    assert "clauses, then search" in shown
    assert "among [?m :memory/topic 2]" in shown


@pytest.mark.parametrize(
    ("clause", "code"),
    [
        ("[(vec-neighbors $ :memory/embedding ?q) ?m]", "query/search-binding"),
        ("[(vec-neighbors $ :memory/embedding ?q) [?m ...]]", "query/search-binding"),
        ("[(vec-neighbors $ :memory/embedding ?q) [[?m ?a ?b ?c ?d]]]", "query/search-binding"),
        ("[(vec-neighbors $ :memory/embedding ?q)] [?m :memory/id]", "query/search-binding"),
        ("[(vec-neighbors $ :memory/embedding ?q {:k 0}) [[?m]]]", "vector/bad-k"),
        ("[(vec-neighbors $ :memory/embedding ?q {:k -1}) [[?m]]]", "vector/bad-k"),
        ('[(vec-neighbors $ :memory/embedding ?q {:k "3"}) [[?m]]]', "vector/bad-k"),
        ("[(vec-neighbors $ :memory/embedding ?q {:nearness 3}) [[?m]]]", "query/arity"),
        ("[(vec-neighbors $ :memory/embedding) [[?m]]] [(= ?q ?q)]", "query/arity"),
        ("[(vec-neighbors $ :memory/topic ?q) [[?m]]]", "vector/not-a-vector-attribute"),
        ("[(vec-neighbors $ :memory/nothing ?q) [[?m]]]", "vector/not-a-vector-attribute"),
        ("[(vec-neighbors $ :memory/embedding [1 2]) [[?m]]]", "schema/wrong-dimension"),
        ("[(vec-neighbors $ :memory/embedding ?z) [[?m]]]", "query/unbound-variable"),
        ("[(vec-neighbors $x :memory/embedding ?q) [[?m]]]", "query/unknown-source"),
    ],
)
def test_what_makes_no_sense_is_refused(db, clause, code) -> None:
    with pytest.raises(DatamemError) as refusal:
        db.q(f"[:find ?m :in $ ?q :where {clause}]", QUERY)
    assert refusal.value.code == code


def test_a_collection_of_tuples_cannot_be_searched() -> None:
    text = "[:find ?m :in $ ?q :where [(vec-neighbors $ :a ?q) [[?m]]]]"
    with pytest.raises(DatamemError) as refusal:
        datamem.q(text, [(1, ":a", 2)], QUERY)
    assert refusal.value.code == "query/not-a-source"
