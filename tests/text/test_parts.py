"""Parts of an index, engine and tail, against the exact model."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.text.analysis import analyzer
from datamem.text.engine import Engine
from datamem.text.fuzzy import within_distance, words_nearby
from datamem.text.phrases import count_phrases
from datamem.text.statistics import Part, Statistics
from datamem.text.syntax import Bool, Boost, Fuzzy, Node, Phrase, Prefix, Term, any_of
from datamem.text.tail import Tail
from tests.text.model import ExactModel, phrase_count

WORDS = ["ab", "abc", "abd", "bca", "cab", "dog", "dig", "god"]
words = st.sampled_from(WORDS)
texts = st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=12)
leaves = st.one_of(
    words.map(Term),
    st.builds(Phrase, st.lists(words, min_size=2, max_size=3).map(tuple)),
    words.map(lambda w: Prefix(w[:2], w)),
    st.builds(Fuzzy, words, st.integers(1, 2), st.frozensets(words, max_size=2)),
)


def bools(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(parts, max_size=2).map(tuple)
    return st.builds(Bool, some, some, some).filter(lambda b: bool(b.must or b.should)) | (
        st.builds(Boost, parts, st.sampled_from([0.5, 2.0]))
    )


queries = st.recursive(leaves, bools, max_leaves=5)


@given(texts=texts, query=queries, split=st.integers(0, 12))
def test_engine_and_tail_score_as_the_model_does(
    texts: list[list[str]], query: Node, split: int
) -> None:
    """Model: BM25 by its formula. Where both hold texts, only the average length is the engine's."""
    split = min(split, len(texts))
    tail, engine = Tail(), Engine(None, analyzer("none"))
    if split:
        engine.add(range(split), [" ".join(tokens) for tokens in texts[:split]])
    for code in range(split, len(texts)):
        tail.add(code, texts[code])
    part = Part(engine.searcher if split else None, tail, len(tail))
    statistics = Statistics([part])
    found: dict[int, float] = {}
    if part.searcher is not None:
        weights = None if split == len(texts) else statistics
        codes, scores = part.searcher.search(query, 100, weights)
        found |= dict(zip(codes.tolist(), scores.tolist(), strict=True))
        assert list(scores) == sorted(scores, reverse=True)
    codes, scores = tail.search(query, len(tail), statistics)
    found |= dict(zip(codes.tolist(), scores.tolist(), strict=True))
    model = ExactModel(dict(enumerate(texts)))
    if split:
        model.average = sum(map(len, texts[:split])) / split
    assert found == pytest.approx(model.search(query), rel=1e-4)


@given(texts=texts, query=queries, only=st.sets(st.integers(0, 11)))
def test_naming_the_only_texts_leaves_their_scores(
    texts: list[list[str]], query: Node, only: set[int]
) -> None:
    engine = Engine(None, analyzer("none"))
    engine.add(range(len(texts)), [" ".join(tokens) for tokens in texts])
    codes, scores = engine.searcher.search(query, 100, None, sorted(only))
    named = dict(zip(codes.tolist(), scores.tolist(), strict=True))
    codes, scores = engine.searcher.search(query, 100, None)
    every = dict(zip(codes.tolist(), scores.tolist(), strict=True))
    assert named == pytest.approx({c: s for c, s in every.items() if c in only})


def test_a_tail_read_to_a_count_does_not_see_beyond_it() -> None:
    tail = Tail()
    for code in range(4):
        tail.add(code, ["dog"])
    part = Part(None, tail, 2)
    codes, _ = tail.search(any_of([Term("dog"), Prefix("do", "do")]), 2, Statistics([part]))
    assert codes.tolist() == [0, 1]


@given(
    one=st.text(alphabet="abc", max_size=5),
    other=st.text(alphabet="abc", max_size=5),
    most=st.integers(1, 2),
)
def test_words_within_a_distance_are_those_that_so_many_edits_reach(
    one: str, other: str, most: int
) -> None:
    """Model: all edits of the one, all edits of these; a swapped pair is not touched again."""
    if most == 1:
        assert within_distance(one, other, 1) == (other == one or other in edits(one))
        assert not one or words_nearby(one) >= edits(one) - {one, ""}
    elif within_distance(one, other, 2):
        assert any(within_distance(w, other, 1) for w in {one, *edits(one)})


def edits(word: str) -> set[str]:
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    letters = string.ascii_lowercase[:3]
    return (
        {a + b[1:] for a, b in splits if b}
        | {a + c + b for a, b in splits for c in letters}
        | {a + c + b[1:] for a, b in splits if b for c in letters}
        | {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    )


@given(
    text=st.lists(st.sampled_from("abc"), max_size=8),
    phrase=st.lists(st.sampled_from("abc"), min_size=2, max_size=3),
)
def test_phrases_are_counted_where_their_words_stand(
    text: list[str], phrase: list[str]
) -> None:
    positions = [[i for i, t in enumerate(text) if t == word] for word in phrase]
    assert count_phrases(positions) == phrase_count(phrase, text)
