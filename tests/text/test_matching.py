"""Which texts match, against SQLite's FTS5 on the same queries."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from datamem.text.analysis import analyzer
from datamem.text.bm25 import rounded_length
from datamem.text.parse import parse_query
from datamem.text.statistics import Part, Statistics
from datamem.text.tail import Tail

WORDS = ["ant", "antler", "bee", "beetle", "cow", "Çow", "dog9"]
words = st.sampled_from(WORDS)
texts = st.lists(st.lists(words, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=8)
Pair = tuple[str, str]
"""A query as we write it, and as FTS5 does."""


def leaf(word: str, kind: int) -> Pair:
    match kind:
        case 0:
            return word, f'"{word}"'
        case 1:
            return f"{word[:3]}*", f'"{word[:3]}" *'
        case _:
            return f'"{word} bee"', f'"{word} bee"'


def joined(parts: tuple[Pair, Pair], kind: int) -> Pair:
    (a, fts_a), (b, fts_b) = parts
    match kind:
        case 0:
            return f"({a} AND {b})", f"({fts_a} AND {fts_b})"
        case 1:
            return f"({a} OR {b})", f"({fts_a} OR {fts_b})"
        case 2:
            return f"({a} -{b})", f"({fts_a} NOT {fts_b})"
        case _:
            return f"(+{a} {b})", f"({fts_a} OR ({fts_a} AND {fts_b}))"


queries = st.recursive(
    st.builds(leaf, words, st.integers(0, 2)),
    lambda inner: st.builds(joined, st.tuples(inner, inner), st.integers(0, 3)),
    max_leaves=5,
)


@given(texts=texts, query=queries)
def test_the_texts_that_match_are_those_of_fts5(texts: list[str], query: Pair) -> None:
    ours, theirs = query
    words = analyzer("none")
    tail = Tail()
    for code, text in enumerate(texts):
        tail.add(code, words.tokens(text))
    node = parse_query(ours, words, strict=True)
    codes, _ = tail.search(node, len(tail), Statistics([Part(None, tail, len(tail))]))
    with sqlite3.connect(":memory:") as oracle:
        oracle.execute("create virtual table t using fts5(x, tokenize = 'unicode61')")
        oracle.executemany("insert into t(rowid, x) values (?, ?)", list(enumerate(texts)))
        rows = oracle.execute("select rowid from t where t match ?", (theirs,)).fetchall()
    oracle.close()
    assert set(codes.tolist()) == {row for (row,) in rows}


@given(st.integers(0, 100_000))
def test_a_length_is_rounded_down_by_less_than_an_eighth(count: int) -> None:
    found = rounded_length(count)
    assert found <= count
    assert count - found <= max(count - 24, 0) / 8
    assert count > 40 or found == count
