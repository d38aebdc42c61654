"""The query language: what texts mean, and what is refused where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import QueryError
from datamem.text.analysis import analyzer
from datamem.text.parse import MAX_DEPTH, MAX_TOKENS, Operator, parse_query
from datamem.text.syntax import NOTHING, Bool, Boost, Fuzzy, Node, Phrase, Prefix, Term

PLAIN, ENGLISH = analyzer("none"), analyzer("english")
A, B, C = Term("a1"), Term("b1"), Term("c1")


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        ("a1", A),
        ("A1 b1", Bool(should=(A, B))),
        ("+a1 b1 -c1", Bool(must=(A,), should=(B,), must_not=(C,))),
        ("a1 NOT c1", Bool(should=(A,), must_not=(C,))),
        ("a1 AND b1", Bool(must=(A, B))),
        ("a1 AND b1 OR c1", Bool(should=(Bool(must=(A, B)), C))),
        ("a1 AND NOT c1", Bool(must=(A,), must_not=(C,))),
        ("a1 (b1 OR c1)", Bool(should=(A, Bool(should=(B, C))))),
        ('"a1 b1"', Phrase(("a1", "b1"))),
        ('"a1"^2', Boost(A, 2.0)),
        ("(a1 b1)^0.5", Boost(Bool(should=(A, B)), 0.5)),
        ("a1-b1", Phrase(("a1", "b1"))),
        ("a1*", Prefix("a1", "a1")),
        ("a1~2", Fuzzy("a1", 2)),
        ("a1~", Fuzzy("a1", 1)),
        ("大学", Phrase(("大", "学"))),
        ("大学*", Phrase(("大", "学"))),
    ],
)
def test_a_query_means(query: str, meaning: Node) -> None:
    assert parse_query(query, PLAIN, strict=True) == meaning


def test_words_side_by_side_may_all_be_wanted() -> None:
    assert parse_query("a1 b1 -c1", PLAIN, operator="and") == Bool((A, B), (), (C,))


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        ("the dogs", Term("dog")),
        ("The THE", Bool(should=(Term("the"), Term("the")))),
        ("+the dog", Bool(must=(Term("the"),), should=(Term("dog"),))),
        ('"the dog"', Phrase(("the", "dog"))),
        ("it is -dogs", Bool(should=(Term("it"), Term("is")), must_not=(Term("dog"),))),
        ("Anna's dog", Bool(should=(Term("anna"), Term("dog")))),
    ],
)
def test_stop_words_count_only_among_themselves(query: str, meaning: Node) -> None:
    assert parse_query(query, ENGLISH) == meaning


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("a1 AND", 3),
        ("a1 OR )", 3),
        ("OR a1", 0),
        ('a1 "b1', 3),
        ("(a1", 0),
        ("a1 )", 3),
        ("-a1", 0),
        ("a1 OR NOT b1", 0),
        ("", 0),
        ("?!", 0),
        ("a1~7", 0),
        ("a1 NOT", 6),
        ("(" * (MAX_DEPTH + 1) + "a1" + ")" * (MAX_DEPTH + 1), MAX_DEPTH),
        ("a " * (MAX_TOKENS + 1), 2 * MAX_TOKENS - 1),
    ],
)
def test_a_strict_search_says_where_it_is_wrong(query: str, position: int) -> None:
    with pytest.raises(QueryError, match="text/bad-query") as refused:
        parse_query(query, PLAIN, strict=True)
    assert refused.value.data["position"] == position
    assert refused.value.hint


@given(st.text(alphabet='ab ()"+-~^*!1. ANDORT大', max_size=40) | st.text(max_size=30))
def test_any_text_is_a_query(query: str) -> None:
    """What a strict parse accepts means the same to a lenient one; no text fails."""
    lenient = parse_query(query, PLAIN)
    assert not isinstance(lenient, Bool) or lenient.must or lenient.should or lenient == NOTHING
    strict, position = lenient, 0
    try:
        strict = parse_query(query, PLAIN, strict=True)
    except QueryError as error:
        position = error.data["position"]
    assert strict == lenient
    assert 0 <= position <= len(query)


def test_a_long_nesting_or_text_is_no_error_when_lenient() -> None:
    assert parse_query("(" * 400 + "a1" + ")" * 400, PLAIN) is not None
    node = parse_query("a1 " * 5000, PLAIN)
    assert isinstance(node, Bool)
    assert len(node.should) == MAX_TOKENS


WORDS = st.one_of(
    st.from_regex(r"[A-Za-z0-9]{1,12}", fullmatch=True),
    st.sampled_from(["the", "The", "it", "dogs", "running", "AND", "OR", "NOT", "Ann's", "大"]),
)


@given(st.lists(WORDS, min_size=1, max_size=8), st.sampled_from(["or", "and"]))
def test_plain_words_mean_what_the_grammar_says(words: list[str], operator: Operator) -> None:
    by_grammar = " ".join([*words, ""])  # its last space is no part of plain words
    for words_of in (PLAIN, ENGLISH):
        quick = parse_query(" ".join(words), words_of, operator=operator)
        assert quick == parse_query(by_grammar, words_of, operator=operator)
