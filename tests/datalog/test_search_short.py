"""A search joined with attributes goes a short way; it answers what the engine answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.datalog import prepare
from datamem.datalog.short import search as search_short
from datamem.datalog.short.search import SearchPlan
from datamem.datalog.short.simple import ENGINE
from datamem.vector import build_index

WIDTH, COUNT = 4, 24
SCHEMA = f"""
{{:m/id {{:db/valueType :db.type/long :db/unique :db.unique/identity}}
 :m/topic {{:db/valueType :db.type/long}}
 :m/label {{:db/valueType :db.type/string}}
 :m/score {{:db/valueType :db.type/double}}
 :m/tag {{:db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}}
 :m/text {{:db/valueType :db.type/string :db/fulltext true}}
 :m/e {{:db/valueType :db.type/vector :db/dimension {WIDTH} :db/metric-type :db.metric/cosine}}}}
"""
VECTORS = np.random.default_rng(6).standard_normal((COUNT, WIDTH)).astype(np.float32)
WORDS = ("tea", "train", "moon", "tea train", "moon tea")
QUERY = [1.0, 0.5, -0.25, 0.1]
SLOW: dict[str, Any] = {"max_rows": 1 << 40}
"""A budget of rows that nothing reaches sends a query to the engine."""

VALUES = {
    "topic": st.integers(0, 3),
    "label": st.sampled_from(["a", "b"]),
    "score": st.sampled_from([-0.5, 0.0, 2.0]),
    "tag": st.sampled_from([":x", ":y"]),
    "text": st.sampled_from(WORDS),
    "e": st.integers(0, COUNT - 1).map(lambda i: VECTORS[i].tolist()),
}
BINDS = {
    "?i": "[?m :m/id ?i]",
    "?t": "[?m :m/topic ?t]",
    "?l": "[?m :m/label ?l]",
    "?x": "[?m :m/score ?x]",
}
FILTERS = (
    "[?m :m/topic 2]",
    '[?m :m/label "a"]',
    "[?m :m/tag :x]",
    "[?m :m/score ?y] [(> ?y 0.0)]",
    "[?m :m/topic ?w]",
    "(not [?m :m/label])",
)
SEARCHES = (
    "[(vec-neighbors $ :m/e ?q {:k %d}) [[?m _ ?s]]]",
    "[(vector/search :m/e ?q %d) [[?m ?s]]]",
    '[(fulltext $ :m/text "tea" {:k %d}) [[?m _ _ ?s]]] [(= ?q ?q)]',
)
changes = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.tuples(
        st.integers(0, COUNT - 1), st.just(name), VALUES[name], st.booleans()
    )
)


def filled(steps: list[tuple[int, str, Any, bool]]) -> datamem.Connection:
    """Return a database of entities that have everything, and then change."""
    conn = datamem.connect(":memory:", SCHEMA)
    conn.transact(
        [
            {"m/id": i, "m/topic": i % 4, "m/label": "ab"[i % 2], "m/e": VECTORS[i]}
            | {"m/score": [-0.5, 0.0, 2.0][i % 3], "m/tag": ":x", "m/text": WORDS[i % 5]}
            for i in range(COUNT)
        ]
    )
    for i, name, value, is_new in steps:
        action = ":db/add" if is_new else ":db/retract"
        conn.transact([[action, [":m/id", i], f":m/{name}", value]])
    return conn


def asked_often(db: datamem.Db, text: str, *inputs: Any) -> Any:
    """Answer a query so often that attributes are put together for it; the answer is always one."""
    first, *others = [db.q(text, *inputs) for _ in range(4)]
    for other in others:
        assert other == first
    return first


@settings(max_examples=60)
@given(
    steps=st.lists(changes, max_size=12),
    asked=st.lists(st.sampled_from(["?m", "?s", *BINDS]), unique=True, min_size=1),
    filters=st.lists(st.sampled_from(FILTERS), unique=True, max_size=2),
    search=st.sampled_from(SEARCHES),
    k=st.integers(1, 6),
    few=st.sampled_from([0, 4, 512]),
    back=st.integers(0, 12),
    data=st.data(),
)
def test_a_search_with_lookups_is_what_the_engine_finds(
    steps, asked, filters, search, k, few, back, data
) -> None:
    """Model: the engine, whichever of search and clauses comes first, now and at any past instant."""
    shape = data.draw(st.sampled_from(["[%s ...]", "%s ."])) if len(asked) == 1 else "%s"
    clauses = [search % k, *(BINDS[name] for name in asked if name in BINDS), *filters]
    given_w = "?w" if "[?m :m/topic ?w]" in filters else ""
    text = f"[:find {shape % ' '.join(asked)} :in $ ?q {given_w} :where {' '.join(clauses)}]"
    before, search_short._FEW = search_short._FEW, few
    try:
        with filled(steps) as conn:
            for db in (conn.db, conn.db.as_of(max(conn.db.basis_t - back, 1))):
                inputs = (QUERY, 1) if given_w else (QUERY,)
                quick, slow = asked_often(db, text, *inputs), db.prepare(text)(*inputs, **SLOW)
                if shape == "%s":
                    assert set(quick.rows()) == set(slow.rows())
                    assert len(quick.rows()) == len(slow.rows())
                elif shape == "[%s ...]":
                    assert sorted(quick) == sorted(slow)
                else:
                    assert (quick is None) == (slow is None)
    finally:
        search_short._FEW = before


@pytest.fixture
def world(monkeypatch):
    """A graph over all of it, and few rows are many."""
    monkeypatch.setattr(search_short, "_FEW", 0)
    with filled([]) as conn:
        build_index(conn.db, ":m/e")
        yield conn


@pytest.mark.parametrize(
    ("text", "fetched"),
    [
        ("[:find ?i ?s :in $ ?q :where %s [?m :m/id ?i]]", [3]),
        ("[:find ?m ?l :in $ ?q :where %s [?m :m/label ?l] [?m :m/tag :x]]", [12]),
        ("[:find [?t ...] :in $ ?q :where %s [?m :m/topic ?t]]", [3]),
        ('[:find ?i :in $ ?q :where %s [?m :m/id ?i] [?m :m/label "a"]]', [12]),
        ("[:find ?i :in $ ?q :where %s [?m :m/id ?i] [?m :m/topic 2]]", [None]),
    ],
)
def test_what_most_entities_allow_is_asked_about_the_hits(world, text, fetched) -> None:
    search = "[(vec-neighbors $ :m/e ?q {:k 3}) [[?m _ ?s]]]"
    prepared = prepare(text % search)
    plan = prepared.short_way((world.db, QUERY))
    assert isinstance(plan, SearchPlan)
    slow = prepared(world.db, QUERY, **SLOW)
    wanted = sorted(slow if isinstance(slow, list) else slow.rows())
    asked = []
    engine = search_short.hook("search vector")

    def noted(*args: Any, **options: Any) -> Any:
        asked.append(options["k"] if options.get("among") is None else None)
        return engine(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_short, "hook", lambda _name: noted)
        for _ in range(5):  # from single lookups to attributes that were put together
            found = plan.run(world.db, (world.db, QUERY))
            assert found is not ENGINE
            assert sorted(found if isinstance(found, list) else found.rows()) == wanted
    assert asked == fetched * 5


def test_too_few_allowed_hits_are_searched_for_wider(world) -> None:
    """Model: the engine; the nearest entities lose what is asked of them, the search goes on."""
    text = """[:find ?i ?l :in $ ?q :where
               [(vec-neighbors $ :m/e ?q {:k 4}) [[?m]]] [?m :m/id ?i] [?m :m/label ?l]]"""
    nearest = world.db.q(text, QUERY).rows()
    world.transact([[":db/retract", [":m/id", i], ":m/label", label] for i, label in nearest])
    found = set(asked_often(world.db, text, QUERY).rows())
    assert len(found) == 4
    assert found.isdisjoint(nearest)
    assert found == set(world.db.prepare(text)(QUERY, **SLOW).rows())


def test_equal_rows_of_different_entities_are_one(world) -> None:
    text = (
        "[:find ?l :in $ ?q :where [(vec-neighbors $ :m/e ?q {:k 9}) [[?m]]] [?m :m/label ?l]]"
    )
    assert sorted(asked_often(world.db, text, QUERY).rows()) == [("a",), ("b",)]
