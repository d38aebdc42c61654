"""read(print(x)) is x again, with every type."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.edn import (
    BigInt,
    Char,
    EdnList,
    FormReader,
    Keyword,
    Symbol,
    Tagged,
    Uri,
    WithMeta,
    iter_forms,
    print_edn,
    read,
    read_all,
)
from datamem.errors import EdnError
from tests.edn.typed import forms, same


@given(forms)
def test_what_is_printed_reads_as_the_same_value(form):
    assert same(read(print_edn(form)), form)


@given(forms, st.integers(1, 60))
def test_layout_changes_no_value(form, width):
    assert same(read(print_edn(form, pretty=True, width=width)), form)


@given(forms)
def test_printing_is_stable(form):
    assert print_edn(read(print_edn(form))) == print_edn(form)


@given(forms)
def test_values_survive_pickle(form):
    assert same(pickle.loads(pickle.dumps(form)), form)


@given(st.lists(forms, max_size=5), st.data())
def test_a_text_cut_anywhere_reads_the_same(values, data):
    """Model: read_all of the whole text."""
    text = " ; a comment [\n".join(map(print_edn, values)) + data.draw(
        st.sampled_from(["", "\n"])
    )
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6).map(sorted))
    reader = FormReader()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        reader.feed(text[start:end])
        found += reader.forms()
    found += reader.finish().forms()
    assert same(found, read_all(text))
    assert same(found, values)
    assert same(list(iter_forms(text)), values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nil"),
        (True, "true"),
        (10**20, "100000000000000000000"),
        (BigInt(7), "7N"),
        (Decimal("1.50"), "1.50M"),
        (1e300, "1e+300"),
        (float("inf"), "##Inf"),
        (float("-inf"), "##-Inf"),
        (float("nan"), "##NaN"),
        (-0.0, "-0.0"),
        ('say "hi"\\\n\x00', '"say \\"hi\\"\\\\\\n\\u0000"'),
        (Keyword(":a/b"), ":a/b"),
        (":a/b", '":a/b"'),
        (Symbol("?x"), "?x"),
        (Char("\n"), "\\newline"),
        (Char("\u200b"), "\\u200b"),
        (Char("("), "\\("),
        (Uri("https://example.org/"), '#uri "https://example.org/"'),
        (b"\x00\xff", '#bytes "00ff"'),
        (datetime(2024, 5, 20, 10, tzinfo=UTC), '#inst "2024-05-20T10:00:00.000-00:00"'),
        (
            datetime(2024, 5, 20, 10, 0, 0, 7, tzinfo=timezone(timedelta(hours=2))),
            '#inst "2024-05-20T08:00:00.000007-00:00"',
        ),
        ([1, (2, EdnList([3]))], "[1 [2 (3)]]"),
        ({"b": 1, "a": {}}, '{"b" 1 "a" {}}'),
        ({3, 1, 2}, "#{1 2 3}"),
        (Tagged("my/tag", [1]), "#my/tag [1]"),
        (WithMeta({Keyword(":a"): True}, [1]), "^{:a true} [1]"),
        (np.array([[1.5, 2.0]], np.float32), "[[1.5 2.0]]"),
        (np.float32(0.5), "0.5"),
        (np.int64(4), "4"),
    ],
)
def test_each_type_has_its_text(value, text):
    assert print_edn(value) == text


def test_a_naive_datetime_is_utc():
    naive = datetime(2024, 1, 1)  # noqa: DTZ001
    assert print_edn(naive) == '#inst "2024-01-01T00:00:00.000-00:00"'


def test_metadata_is_kept_when_asked_for():
    form = WithMeta({Keyword(":doc"): "x"}, [1, 2])
    assert read(print_edn(form), keep_meta=True) == form


def test_pretty_text_breaks_lines_and_aligns_members():
    value = {Keyword(":name"): "Ann", Keyword(":tags"): [Keyword(":long-tag")] * 3}
    assert print_edn(value, pretty=True, width=30) == (
        '{:name "Ann"\n :tags [:long-tag\n        :long-tag\n        :long-tag]}'
    )


@pytest.mark.parametrize(
    "value",
    [object(), Decimal("NaN"), Decimal("Infinity"), "\ud800", Char("\udfff"), [1, {2: print}]],
)
def test_what_edn_cannot_write_is_refused(value):
    with pytest.raises(EdnError) as caught:
        print_edn(value)
    assert caught.value.code == "edn/unprintable"


def test_an_instant_outside_the_years_of_utc_is_refused():
    moment = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    with pytest.raises(EdnError, match="before year 1"):
        print_edn(moment)


def test_printing_stops_at_max_depth_and_at_cycles():
    assert print_edn([[]], max_depth=2) == "[[]]"
    cycle: list[object] = []
    cycle.append({"again": cycle})
    for max_depth in (1, 256, 100_000):
        with pytest.raises(EdnError) as caught:
            print_edn(cycle, max_depth=max_depth)
        assert caught.value.code == "edn/too-deep"


def test_integers_of_any_size():
    digits = "-" + "9876543210" * 2_000
    assert print_edn(read(digits)) == digits
    assert print_edn(read(digits + "N")) == digits + "N"
    assert print_edn(10**5_000) == "1" + "0" * 5_000
