"""What is not EDN is refused with a code, a place and a caret; nothing else is ever raised."""

from __future__ import annotations

import io
import pickle
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.edn import (
    Char,
    EdnMap,
    FormReader,
    Keyword,
    Symbol,
    Tagged,
    iter_forms,
    print_edn,
    read,
    read_all,
    tokenize,
)
from datamem.errors import EdnError
from tests.edn.typed import forms, same


def attempt(work, *args, **kwargs):
    """Return what the call returns, or the refusal that it raises; nothing else may be raised."""
    try:
        return work(*args, **kwargs)
    except EdnError as error:
        return error


def feed_all(pieces, **limits):
    reader = FormReader(**limits)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish().forms()


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "unexpected-end", 1, 1),
        ("; only this", "unexpected-end", 1, 12),
        ("[1 2", "unexpected-end", 1, 1),
        ("{:a\n (1 2", "unexpected-end", 2, 2),
        ('[1\n "abc', "unexpected-end", 2, 2),
        ('"ends in \\', "unexpected-end", 1, 1),
        ('"ends in \\"', "unexpected-end", 1, 1),
        ('"', "unexpected-end", 1, 1),
        ("[1 #_", "unexpected-end", 1, 4),
        ("#inst", "unexpected-end", 1, 1),
        ("^:a", "unexpected-end", 1, 1),
        ("]", "unbalanced", 1, 1),
        ("[1 2}", "unbalanced", 1, 5),
        ("{:a [1)}", "unbalanced", 1, 7),
        ("[1 #_]", "unbalanced", 1, 4),
        ("{:a #foo}", "unbalanced", 1, 5),
        ("[^:a]", "unbalanced", 1, 2),
        ("007", "bad-token", 1, 1),
        ("[1 2x]", "bad-token", 1, 4),
        ("1_000", "bad-token", 1, 1),
        ("0x1F", "bad-token", 1, 1),
        ("1/2", "bad-token", 1, 1),
        ("1.5N", "bad-token", 1, 1),
        ("-1a", "bad-token", 1, 1),
        ("\u0661\u0662", "bad-symbol", 1, 1),
        ("##Infinity", "bad-token", 1, 1),
        ("'[a]", "bad-token", 1, 1),
        ("[@a]", "bad-token", 1, 2),
        ("a@b", "bad-token", 1, 2),
        ("~a", "bad-token", 1, 1),
        ("`a", "bad-token", 1, 1),
        ('#"re"', "bad-token", 1, 1),
        ("#(inc %)", "bad-token", 1, 1),
        ("#1 2", "bad-token", 1, 1),
        ("#?(:clj 1)", "bad-token", 1, 1),
        ("# foo", "bad-token", 1, 1),
        ("\x00", "bad-symbol", 1, 1),
        (".5", "bad-symbol", 1, 1),
        ("a/b/c", "bad-symbol", 1, 1),
        ("/a", "bad-symbol", 1, 1),
        ("a/", "bad-symbol", 1, 1),
        (":", "bad-keyword", 1, 1),
        ("[ ::a]", "bad-keyword", 1, 3),
        (":a/", "bad-keyword", 1, 1),
        (":/a", "bad-keyword", 1, 1),
        (":a/b/c", "bad-keyword", 1, 1),
        ("#:a/b{}", "bad-token", 1, 1),
        ("\\ ", "bad-char", 1, 1),
        ("[\\", "bad-char", 1, 2),
        ("\\newlin", "bad-char", 1, 1),
        ("\\ud800", "bad-char", 1, 1),
        ("\\o477", "bad-char", 1, 1),
        ("\\(a", "bad-char", 1, 1),
        ('"a\n\\q"', "bad-escape", 2, 1),
        ('["ab\\u12g4"]', "bad-escape", 1, 5),
        ('"\\477"', "bad-escape", 1, 2),
        ('"\\ud83d"', "bad-escape", 1, 1),
        ("{:a 1\n :b 2\n :a 3}", "duplicate-key", 3, 2),
        ("{:a 1 #_ 5 :b #x 2 ^:m :a 3}", "duplicate-key", 1, 20),
        ("{[1] 1 [true] 2 [1] 3}", "duplicate-key", 1, 17),
        ("#{{:a 1 :a 2}}", "duplicate-key", 1, 9),
        ("{0.0 1 -0.0 2}", "duplicate-key", 1, 8),
        ("#:a{:b 1 :a/b 2}", "duplicate-key", 1, 10),
        ("#{1 2 1}", "duplicate-element", 1, 7),
        ("#{##NaN ##NaN}", "duplicate-element", 1, 9),
        ("#{[1 2] (1 2) [1 2]}", "duplicate-element", 1, 15),
        ("{:a}", "odd-map", 1, 2),
        ("{:a 1 :b #_ 2}", "odd-map", 1, 7),
        ("1e999", "number-out-of-range", 1, 1),
        ("1e99999999999999999999M", "number-out-of-range", 1, 1),
        ("[#inst 5]", "bad-tag-value", 1, 8),
        ('#inst "2023-02-29"', "bad-tag-value", 1, 7),
        ('#inst "2023-13"', "bad-tag-value", 1, 7),
        ('#inst "2023-01-01T24"', "bad-tag-value", 1, 7),
        ('#inst "2023-01-01T10:10:60"', "bad-tag-value", 1, 7),
        ('#inst "0000"', "bad-tag-value", 1, 7),
        ('#inst "0001-01-01T00:00+01:00"', "bad-tag-value", 1, 7),
        ('#inst "9999-12-31T23:59:60"', "bad-tag-value", 1, 7),
        ('#inst "2023-01-01T00:00+24:00"', "bad-tag-value", 1, 7),
        ('#inst "23-1-1"', "bad-tag-value", 1, 7),
        ('#uuid "not one"', "bad-tag-value", 1, 7),
        ('#uuid "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}"', "bad-tag-value", 1, 7),
        ('#bytes "xyz!"', "bad-tag-value", 1, 8),
        ('#bytes "é"', "bad-tag-value", 1, 8),
        ("#:a [1]", "bad-tag-value", 1, 7),
        ("^5 x", "bad-meta", 1, 4),
        ("1 2", "extra-form", 1, 3),
        ("[1]\n #_ 3 #a [2]", "extra-form", 2, 7),
        ("[\ud800]", "bad-encoding", 1, 2),
    ],
)
def test_each_fault_has_its_code_and_place(text, code, line, column):
    with pytest.raises(EdnError) as caught:
        read(text)
    error = caught.value
    assert (error.code, error.data["line"], error.data["column"]) == (
        f"edn/{code}",
        line,
        column,
    )
    before = text.split("\n")[: line - 1]
    assert error.data["offset"] == sum(len(row) + 1 for row in before) + column - 1


def test_the_message_shows_the_line_with_a_caret():
    with pytest.raises(EdnError) as caught:
        read("{:a 1\n :b\t[1 2)}")
    assert str(caught.value).splitlines() == [
        "edn/unbalanced: ) cannot close [, at line 2, column 9",
        "  2 |  :b [1 2)}",
        "              ^",
        "  hint: [ is closed by ], and was opened at line 2, column 5",
    ]


def test_a_long_line_is_cut_around_the_caret():
    with pytest.raises(EdnError) as caught:
        read("[" + "abc " * 5_000 + "1x" + " abc" * 5_000 + "]")
    head, line, caret, *_ = str(caught.value).splitlines()
    assert "column 20002" in head
    assert len(line) < 100
    assert line[caret.index("^") :].startswith("1x")


def test_an_error_survives_pickle():
    with pytest.raises(EdnError) as caught:
        read("[1")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.data == caught.value.data


@pytest.mark.parametrize("opener", ["[", "(", "{", "#{", "{:a ", "#_", "#a ", "^", "#{[", "{{"])
def test_nesting_ends_in_an_error_at_any_limit(opener):
    for max_depth in (0, 5, 256, 5_000):
        with pytest.raises(EdnError) as caught:
            read(opener * 20_000, max_depth=max_depth)
        assert caught.value.code == "edn/too-deep"
        assert caught.value.data["max_depth"] == max_depth


def test_the_depth_limit_is_exact():
    assert read("[[[]]]", max_depth=3) == [[[]]]
    with pytest.raises(EdnError) as caught:
        read("[[[]]]", max_depth=2)
    assert caught.value.data["offset"] == 2


@pytest.mark.parametrize("text", ["#{" * 900 + "}" * 900, "{{" * 900 + "1 2} 3}" * 900])
def test_hashing_what_is_deeply_nested_never_overflows(text):
    """Model: the value, or a refusal; Python's own stack may be used up by hashing."""
    found = attempt(read, text, max_depth=10_000)
    assert not isinstance(found, EdnError) or found.code in {"edn/too-deep", "edn/odd-map"}


def test_little_stack_left_is_no_crash():
    def deep(count: int) -> object:
        if count:
            return deep(count - 1)
        with pytest.raises(EdnError):
            read("[" * 300)
        return print_edn(read("[" * 200 + "]" * 200))

    assert deep(sys.getrecursionlimit() // 2) == "[" * 200 + "]" * 200


def test_size_limits_count_bytes():
    assert read('"éé"', max_bytes=6) == "éé"
    for read_it in (read, read_all, tokenize, lambda t, **k: list(iter_forms(t, **k))):
        with pytest.raises(EdnError) as caught:
            read_it('"éé"', max_bytes=5)
        assert caught.value.code == "edn/too-large"


def test_a_stream_limits_each_form_and_not_the_whole():
    text = "[1 2 3]\n" * 10_000
    assert len(list(iter_forms(io.StringIO(text), max_bytes=200_000))) == 10_000
    with pytest.raises(EdnError) as caught:
        feed_all(["[\n", *["1 2 3\n"] * 1_000], max_bytes=1_000)
    assert caught.value.code == "edn/too-large"


def test_a_number_of_too_many_digits_is_refused():
    with pytest.raises(EdnError) as caught:
        read("1" * 1_000_001)
    assert caught.value.code == "edn/too-large"


def test_places_in_a_stream_count_from_its_start():
    lines = "{:a 1}\n" * 50_000 + "{:a 1\n :a 2}"
    with pytest.raises(EdnError) as caught:
        list(iter_forms(io.StringIO(lines)))
    data = caught.value.data
    assert (data["line"], data["column"], data["offset"]) == (50_002, 2, 350_007)
    assert "  50002 |  :a 2}" in str(caught.value)


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xc3'])
def test_a_file_that_is_not_utf8_is_refused(data):
    with pytest.raises(EdnError) as caught:
        list(iter_forms(io.BytesIO(data)))
    assert caught.value.code == "edn/bad-encoding"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Keyword("a b"), "edn/bad-keyword"),
        (lambda: Keyword(""), "edn/bad-keyword"),
        (lambda: Symbol("1a"), "edn/bad-symbol"),
        (lambda: Symbol("nil"), "edn/bad-symbol"),
        (lambda: Char("ab"), "edn/bad-char"),
        (lambda: Tagged("_a", 1), "edn/bad-tag"),
        (lambda: EdnMap([(1, 2), (1, 3)]), "edn/duplicate-key"),
    ],
)
def test_values_that_no_text_could_give_are_refused(make, code):
    with pytest.raises(EdnError) as caught:
        make()
    assert caught.value.code == code


PIECES = [
    *"[](){}\"\\;^#'@`~,:/ \n",
    *(
        "#{",
        "#_",
        "#inst",
        "#uuid",
        "#bytes",
        "#a",
        "#:n",
        "##Inf",
        "##NaN",
        "\\u",
        "\\newline",
    ),
    *("nil", "true", ":a", ":a/b", "x", "?e", "...", "0", "-1", "42N", "1.5", "2e9", "3M", "é"),
    *('"s"', '"\\n"', '"2024"', "\ud800", "\x00", "\u2028", "\ufeff", "1", "1.0"),
]
soups = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@given(soups, st.booleans())
def test_any_text_reads_or_is_refused(text, keep_meta):
    found = attempt(read_all, text, keep_meta=keep_meta)
    if isinstance(found, EdnError):
        assert 0 <= found.data["offset"] <= len(text)
        assert found.data["line"] <= text.count("\n") + 1
    else:
        assert same(read(print_edn(found), keep_meta=keep_meta), found)


@given(soups)
def test_any_text_is_cut_into_tokens_or_refused(text):
    tokens = attempt(tokenize, text)
    if isinstance(tokens, EdnError):
        assert 0 <= tokens.data["offset"] <= len(text)
    else:
        assert all(a.end <= b.start for a, b in pairwise(tokens))


@given(soups, st.data())
def test_a_stream_finds_the_fault_that_the_whole_text_has(text, data):
    """Model: read_all, which has the whole text in hand."""
    text = text.replace("\ud800", "")  # the whole text is looked through for these at once
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=4).map(sorted))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    expected, found = attempt(read_all, text), attempt(feed_all, pieces)
    if isinstance(expected, EdnError):
        assert (found.code, found.data) == (expected.code, expected.data)
    else:
        assert same(found, expected)


@given(forms, st.data())
def test_a_printed_form_cut_short_is_refused_or_complete(form, data):
    text = print_edn([form])
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(EdnError):
        read(text[:cut])
