"""Searches under every view, against a model of texts by entity at each transaction."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.db.hits import Hits
from datamem.text import search
from datamem.text.syntax import Term, any_of
from tests.text.model import ExactModel, words_of

SCHEMA = """{:m/text {:db/valueType :db.type/string :db/fulltext true
                      :db.fulltext/language :none}
             :m/many {:db/valueType :db.type/string :db/cardinality :db.cardinality/many
                      :db/fulltext true :db.fulltext/language :none}
             :m/plain {:db/valueType :db.type/string}}"""
WORDS = ["ant", "bee", "cow", "dog"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
changes = st.lists(
    st.tuples(st.integers(1, 4), st.none() | texts, st.booleans()), min_size=1, max_size=8
)
sizes = st.sampled_from([(4096, 1024), (2, 1), (0, 0)])
"""How many texts the tail holds, and how many at once go to the engine."""

State = dict[int, str]


class SmallParts:
    """Texts go to the engine after so many."""

    def __init__(self, sizes: tuple[int, int]) -> None:
        self._patches = [
            patch("datamem.text.companion.TAIL_TEXTS", sizes[0]),
            patch("datamem.text.companion.BATCH_TEXTS", sizes[1]),
        ]

    def __enter__(self) -> None:
        for one in self._patches:
            one.start()

    def __exit__(self, *_: object) -> None:
        for one in self._patches:
            one.stop()


def change(conn: datamem.Connection, e: int, text: str | None) -> None:
    if text is None:
        conn.transact([[":db/retract", e, "m/text"]])
    else:
        conn.transact([[":db/add", e, "m/text", text]])


def matching(state: State, query: str) -> set[int]:
    return {e for e, text in state.items() if set(words_of(query)) & set(words_of(text))}


def found(db: datamem.Db, query: str, **options: object) -> set[int]:
    hits = search(db, "m/text", query, 100, **options)  # type: ignore[arg-type]
    assert hits.score.tolist() == sorted(hits.score.tolist(), reverse=True)
    shown = db.decode(db.value_type(db.schema.require("m/text").id), hits.v)
    assert all(set(words_of(query)) & set(words_of(text)) for text in shown)
    return set(hits.e.tolist())


def play(conn: datamem.Connection, made: list[tuple[int, str | None, bool]]) -> list[State]:
    """Transact the changes, searching after some; return the state after each t."""
    states: list[State] = []
    state: State = {}
    while len(states) <= conn.db.basis_t:
        states.append({})
    for e, text, is_searched in made:
        before = conn.db.basis_t
        change(conn, e, text)
        state = {k: v for k, v in state.items() if k != e} | ({} if text is None else {e: text})
        if conn.db.basis_t > before:
            states.append(state)
        else:
            states[-1] = state
        if is_searched:
            assert found(conn.db, "ant bee") == matching(state, "ant bee")
    return states


def seeded(path: str = ":memory:") -> datamem.Connection:
    conn = datamem.connect(path, schema=SCHEMA)
    conn.transact([{"m/plain": text} for text in ("x", "ant", "bee cow", "y")])
    return conn


@given(made=changes, query=texts, sizes=sizes)
def test_a_past_view_finds_what_held_then(
    made: list[tuple[int, str | None, bool]], query: str, sizes: tuple[int, int]
) -> None:
    with SmallParts(sizes), seeded() as conn:
        states = play(conn, made)
        for t, state in enumerate(states):
            assert found(conn.db.as_of(t), query) == matching(state, query)
            even = conn.db.as_of(t).filter(lambda _, datom: datom.e % 2 == 0)
            assert found(even, query) == {e for e in matching(state, query) if e % 2 == 0}
        assert found(conn.db, query, among=np.array([1, 2])) == matching(states[-1], query) & {
            1,
            2,
        }


@given(made=changes, later=changes, query=texts, sizes=sizes, data=st.data())
def test_branches_find_their_own_words_and_no_other_branches(
    made: list[tuple[int, str | None, bool]],
    later: list[tuple[int, str | None, bool]],
    query: str,
    sizes: tuple[int, int],
    data: st.DataObject,
) -> None:
    with SmallParts(sizes), seeded() as conn:
        states = play(conn, made)
        t = data.draw(st.integers(3, len(states) - 1)) if len(states) > 3 else 3
        if t >= len(states):
            return
        with conn.fork(as_of=t) as branch:
            state = dict(states[t])
            for e, text, _ in later:
                change(branch, e, text)
                state.pop(e, None)
                state |= {} if text is None else {e: text}
            for e, text, _ in reversed(later):
                change(conn, e, text)
            assert found(branch.db, query) == matching(state, query)
            plan = branch.db.with_tx([{"db/id": 4, "m/text": "cow cow"}])
            assert found(plan.db_after, query) == matching(state | {4: "cow cow"}, query)
            assert found(branch.db, query) == matching(state, query)
            assert found(conn.db.as_of(t), query) == matching(states[t], query)


@given(made=changes, query=texts)
def test_scores_are_those_of_all_texts_ever_given(
    made: list[tuple[int, str | None, bool]], query: str
) -> None:
    """Model: BM25 over the distinct texts of the history, whatever the view shows."""
    with seeded() as conn:
        states = play(conn, made)
        ever = {text: words_of(text) for state in states for text in state.values()}
        model = ExactModel(ever).search(any_of([Term(w) for w in query.split()]))
        for state in (states[-1], states[len(states) // 2]):
            db = conn.db.as_of(states.index(state))
            hits = search(db, "m/text", query, 100)
            expected = {e: model[text] for e, text in state.items() if text in model}
            assert dict(zip(hits.e.tolist(), hits.score.tolist(), strict=True)) == (
                pytest.approx(expected)
            )


def test_a_history_finds_every_assertion_and_since_the_later_ones() -> None:
    with seeded() as conn:
        play(conn, [(1, "ant", True), (1, "bee", False), (1, "ant", True), (2, None, True)])
        t = conn.db.basis_t
        hits = search(conn.db.history(), "m/text", "ant", 10)
        assert hits.e.tolist() == [1, 1]
        assert len(set(hits.tx.tolist())) == 2
        assert search(conn.db.since(t - 1), "m/text", "ant").e.tolist() == [1]
        assert search(conn.db.since(t), "m/text", "ant").e.tolist() == []


def test_several_values_and_entities_of_one_text_are_hits_of_their_own() -> None:
    with seeded() as conn:
        conn.transact(
            [
                {"db/id": 1, "m/many": ["ant one", "ant two", "bee"], "m/text": "ant one"},
                {"db/id": 2, "m/many": ["ant one"]},
            ]
        )
        assert search(conn.db, "m/many", "ant").e.tolist() == [1, 1, 2]
        both = search(conn.db, ["m/many", "m/text"], "ant", weights={"m/text": 10})
        assert both.e.tolist()[0] == 1
        assert len(both.e) == 4
        assert (
            search(conn.db, None, "ant").e.tolist()
            == search(conn.db, ["m/text", "m/many"], "ant").e.tolist()
        )


def test_k_is_filled_from_far_down_when_most_texts_are_not_shown() -> None:
    """The 30 texts that hold no longer score better than those that do."""
    with SmallParts((0, 0)), seeded() as conn:
        for i in range(200):
            conn.transact([[":db/add", 1, "m/text", f"ant ant ant {i}"]])
        conn.transact(
            [[":db/add", 2 + i, "m/text", f"ant bee bee bee bee {i}"] for i in range(3)]
        )
        hits = search(conn.db, "m/text", "ant", 3)
        assert min(hits.e.tolist()) == 1
        assert len(hits.e) == 3
        alone = search(conn.db, "m/text", "ant", 3, among=np.array([3, 4, 9]))
        assert sorted(alone.e.tolist()) == [3, 4]


def test_an_attribute_may_be_indexed_later_and_no_longer() -> None:
    with seeded() as conn:
        conn.transact([{"db/ident": ":m/plain", "db/fulltext": True}])
        assert len(search(conn.db, "m/plain", "bees cow").e) == 1
        conn.transact([{"db/ident": ":m/plain", "db.fulltext/language": ":german"}])
        assert len(search(conn.db, "m/plain", "kühe bee").e) == 1
        conn.transact([[":db/retract", ":m/plain", ":db/fulltext", True]])
        with pytest.raises(datamem.DatamemError, match="text/not-fulltext"):
            search(conn.db, "m/plain", "bee")


def test_hits_are_columns() -> None:
    with seeded() as conn:
        conn.transact([{"db/id": 7, "m/text": "cow"}])
        hits = search(conn.db, "m/text", "cow")
        assert isinstance(hits, Hits)
        assert hits.tx.tolist() == [conn.db.newest_tx]
        assert search(conn.db, "m/text", "cow", min_score=99.0).e.tolist() == []


@pytest.mark.parametrize("sizes", [(4096, 1024), (0, 0)])
def test_a_branch_notices_that_what_it_shares_was_built_anew(sizes: tuple[int, int]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with SmallParts(sizes), seeded() as conn:
        change(conn, 1, "ant")
        with conn.fork() as branch:
            change(branch, 2, "bee cow")  # a text of the shared heap that only the branch gives
            assert found(branch.db, "ant bee") == {1, 2}
            change(conn, 3, "ant dog")
            tail = patch("datamem.text.companion.Tail.add", interrupted)
            engine = patch("datamem.text.companion.Engine.add", interrupted)
            with tail, engine, pytest.raises(KeyboardInterrupt):
                found(conn.db, "ant")
            assert found(branch.db, "ant bee") == {1, 2}
            assert found(conn.db, "ant bee") == {1, 3}
            assert found(branch.db, "ant bee") == {1, 2}
