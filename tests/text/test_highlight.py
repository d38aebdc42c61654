"""Highlights and snippets."""

from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.text import highlight, highlights

TEXT = (
    "Caroline adopted two dogs. The dogs, and Caroline's sister, like Crème brûlée in 東京都."
)


def found(query: str, text: str = TEXT, **options: str) -> list[str]:
    return [text[m.start : m.stop] for m in highlights(text, query, **options)]


def test_words_phrases_prefixes_and_near_words_are_found_as_they_stand() -> None:
    assert found("dog") == ["dogs", "dogs"]
    assert found('"two dogs"') == ["two dogs"]
    assert found("adopt*") == ["adopted"]
    assert found("adoptt~") == ["adopted"]
    assert found("carolyne~2") == ["Caroline", "Caroline"]
    assert found("brulee -dogs") == ["brûlée"]
    assert found("京都") == ["京都"]
    assert found("+sister dog^2", language="none") == ["sister"]


def test_a_text_of_combined_letters_is_highlighted_where_they_are() -> None:
    text = "Cafe\u0301 ﬁne cafe"
    assert found("café", text) == ["Cafe\u0301", "cafe"]
    assert found("fine", text) == ["ﬁne"]


def test_a_snippet_shows_where_most_of_the_query_is() -> None:
    text = f"dogs {'x ' * 100}the sister has dogs and dogs {'y ' * 100}"
    shown = highlight(text, "sister dogs", max_chars=40)
    assert "<b>sister</b> has <b>dogs</b> and <b>dogs</b>" in shown
    assert shown.startswith("…x")
    assert shown.endswith("y…")


def test_marks_are_the_callers_and_everything_else_may_be_escaped() -> None:
    shown = highlight("a < dog & b", "dog", before="[", after="]", escape=html.escape)
    assert shown == "a &lt; [dog] &amp; b"


@given(text=st.text(max_size=60), query=st.text(max_size=10), size=st.integers(1, 80))
def test_a_snippet_is_a_part_of_the_text(text: str, query: str, size: int) -> None:
    shown = highlight(text, query, before="", after="", max_chars=size)
    inner = shown if shown == text else shown.removeprefix("…").removesuffix("…")
    assert inner in text
    assert len(shown) <= max(size, 0) + 2 or shown == text
    assert highlight(text, query, before="", after="", max_chars=None) == text


def test_a_query_shows_highlights() -> None:
    schema = "{:m/text {:db/valueType :db.type/string :db/fulltext true}}"
    with datamem.connect(schema=schema) as conn:
        conn.transact([{"m/text": "two dogs"}, {"m/text": "a cat"}])
        shown = conn.db.q(
            """[:find [?shown ...] :in $ ?q :where
                              [(fulltext $ :m/text ?q) [[?e ?text]]]
                              [(text/highlight $ :m/text ?text ?q) ?shown]]""",
            "dog",
        )
        assert shown == ["two <b>dogs</b>"]


def test_half_a_character_is_no_word_and_no_error() -> None:
    assert found("\ud83d dogs") == ["dogs", "dogs"]
    assert found("tea", "tea \ud83d\udc36 tea") == ["tea", "tea"]
