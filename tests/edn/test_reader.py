"""Every form of EDN, read: a text as data, a value as the answer."""

from __future__ import annotations

import io
import math
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from datamem.edn import (
    BigInt,
    Char,
    EdnList,
    EdnMap,
    EdnSet,
    Keyword,
    Symbol,
    Tagged,
    Uri,
    WithMeta,
    edn_map,
    edn_set,
    iter_forms,
    read,
    read_all,
)
from datamem.errors import EdnError
from tests.edn.typed import same

K = Keyword
S = Symbol


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nil", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("-12345678901234567890", -12345678901234567890),
        ("42N", BigInt(42)),
        ("1.5", 1.5),
        ("5.", 5.0),
        ("-0.0", -0.0),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        ("1.50M", Decimal("1.50")),
        ("7M", Decimal(7)),
        ("1e400M", Decimal("1e400")),
        ("##Inf", math.inf),
        ("##-Inf", -math.inf),
        ("##NaN", math.nan),
        ('""', ""),
        (r'"a\n\t\r\b\f\\\"z"', 'a\n\t\r\b\f\\"z'),
        (r'"\u00e9\101\7\377"', "éA\x07ÿ"),
        (r'"\ud83d\ude00"', "😀"),
        ('"two\nlines; [not] #_ tokens"', "two\nlines; [not] #_ tokens"),
        ("\\a", Char("a")),
        ("\\newline", Char("\n")),
        ("\\space", Char(" ")),
        ("\\tab", Char("\t")),
        ("\\return", Char("\r")),
        ("\\backspace", Char("\b")),
        ("\\formfeed", Char("\f")),
        ("\\u00e9", Char("é")),
        ("\\o101", Char("A")),
        ("\\\\", Char("\\")),
        ("\\;", Char(";")),
        ("\\,", Char(",")),
        ('\\"', Char('"')),
        ("\\u", Char("u")),
        ("\\😀", Char("😀")),
        (":a", K(":a")),
        (":a.b/c-d*", K(":a.b/c-d*")),
        (":1", K(":1")),
        (":+1", K(":+1")),
        (":città/日本", K(":città/日本")),
        ("?e", S("?e")),
        ("$", S("$")),
        ("%", S("%")),
        ("_", S("_")),
        ("...", S("...")),
        ("/", S("/")),
        ("<=", S("<=")),
        ("-", S("-")),
        ("clojure.string/join", S("clojure.string/join")),
        ("nilly", S("nilly")),
        ("it's", S("it's")),
        ("(1 2)", EdnList([1, 2])),
        ("()", EdnList()),
        ("[1 [2]]", [1, [2]]),
        ("{:a {:b [1]}, :c 2}", {K(":a"): {K(":b"): [1]}, K(":c"): 2}),
        ("#{1 2}", frozenset({1, 2})),
        ("#{}", frozenset()),
        ("[1,2,,3]", [1, 2, 3]),
        ("[1;2\n3]; end", [1, 3]),
        ("\ufeff[1]", [1]),
        ("[1\u00a02\u20283]", [1, 2, 3]),
        ('[1"a"[2]:k]', [1, "a", [2], K(":k")]),
        ("[1 #_ 2 3]", [1, 3]),
        ("[1 #_2 #_#_3 4 5]", [1, 5]),
        ("[#_ [#_ 1 {2 3}] 4]", [4]),
        ("{:a #_ :b 1}", {K(":a"): 1}),
        ("#_ 1 2 #_ 3", 2),
        ("#my/tag {:a 1}", Tagged("my/tag", {K(":a"): 1})),
        ("#a #b 1", Tagged("a", Tagged("b", 1))),
        ("#a #_ 1 2", Tagged("a", 2)),
        ("#_ #a 1 2", 2),
        ("#db/id[:db.part/user -1]", Tagged("db/id", [K(":db.part/user"), -1])),
        ('#uri "https://example.org"', Uri("https://example.org")),
        ('#bytes "00FFab"', b"\x00\xff\xab"),
        ('#bytes "aGk="', b"hi"),
        ('#bytes ""', b""),
        (
            '#uuid "F81D4FAE-7dec-11d0-a765-00a0c91e6bf6"',
            UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ),
        ("^:x ^{:y 2} [1]", [1]),
        ("^String s", S("s")),
        ("#^{:a 1} s", S("s")),
        ("[^:x 1 2]", [1, 2]),
        ("#:p{:a 1 :_/b 2 :q/c 3 d 4 \"e\" 5}",
         {K(":p/a"): 1, K(":b"): 2, K(":q/c"): 3, S("p/d"): 4, "e": 5}),
    ],
)  # fmt: skip
def test_each_form_reads_as_its_value(text, value):
    assert same(read(text), value)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("2024-05", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-20", datetime(2024, 5, 20, tzinfo=UTC)),
        ("2024-05-20T10", datetime(2024, 5, 20, 10, tzinfo=UTC)),
        ("2024-05-20T10:30", datetime(2024, 5, 20, 10, 30, tzinfo=UTC)),
        ("2024-05-20T10:30:15Z", datetime(2024, 5, 20, 10, 30, 15, tzinfo=UTC)),
        ("2024-05-20T10:30:15.5Z", datetime(2024, 5, 20, 10, 30, 15, 500_000, tzinfo=UTC)),
        (
            "2024-05-20T10:30:15.123456789",
            datetime(2024, 5, 20, 10, 30, 15, 123456, tzinfo=UTC),
        ),
        ("2024-05-20T10:30:15.000-00:00", datetime(2024, 5, 20, 10, 30, 15, tzinfo=UTC)),
        ("2024-05-20T10:30+02:00", datetime(2024, 5, 20, 8, 30, tzinfo=UTC)),
        ("2024-05-20T22:30-05:30", datetime(2024, 5, 21, 4, 0, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_instants_may_be_partial_and_are_utc(text, moment):
    found = read(f'#inst "{text}"')
    assert found == moment
    assert found.tzinfo is UTC


def test_members_that_only_python_calls_equal_are_kept_apart():
    found = read('{1 :int true :bool 1.0 :float 1N :big :a :keyword ":a" :string}')
    assert isinstance(found, EdnMap)
    assert [found[k] for k in (1, True, 1.0, BigInt(1))] == [":int", ":bool", ":float", ":big"]
    assert (found[K(":a")], found[":a"]) == (":keyword", ":string")
    elements = read("#{0 false 0.0 [0] [false] (0)}")
    assert isinstance(elements, EdnSet)
    assert len(elements) == 6
    assert True not in elements


def test_a_map_or_set_without_such_members_is_a_plain_one():
    assert type(read("{1 2 :a 3}")) is dict
    assert type(read("#{1 2 :a}")) is frozenset


def test_what_is_inside_a_key_or_a_set_is_hashable():
    found = read("{[1 {:a [2]}] [1] (3 [4]) 5 #t [6] 7}")
    keys = list(found)
    assert keys == [(1, EdnMap([(K(":a"), (2,))])), EdnList([3, (4,)]), Tagged("t", (6,))]
    assert found[keys[0]] == [1]
    assert read("#{{:a [1]} [2 [3]]}") == {EdnMap([(K(":a"), (1,))]), (2, (3,))}
    assert read("{{:a 1} 2}")[EdnMap([(K(":a"), 1)])] == 2


def test_the_two_immutable_collections_compare_like_the_plain_ones():
    assert EdnMap([(1, 2)]) == {1: 2}
    assert EdnMap([(1, 2)]) != {True: 2}
    assert EdnMap([(1, 2)]) != EdnMap([(1, 3)])
    assert EdnMap([(1, 2)]) != {1: 2, 3: 4}
    assert EdnMap() != 1
    assert EdnSet([1, 2]) == frozenset({2, 1})
    assert EdnSet([1, True]) != frozenset({1, 2})
    assert hash(EdnSet([1, 2])) == hash(frozenset({1, 2}))
    assert EdnSet([1, True]) | {1, 3} == EdnSet([1, True, 3])
    assert "x" not in EdnMap([(1, 2)])
    assert [] not in EdnSet([1])
    with pytest.raises(KeyError):
        EdnMap([(1, 2)])[True]


def test_maps_and_sets_can_be_made_from_python_data():
    assert type(edn_map([("a", 1), (True, 2)])) is dict
    assert type(edn_map([(1, 1), (True, 2)])) is EdnMap
    assert edn_map([([1], {"b": []})]) == {(1,): {"b": []}}
    assert type(edn_set([1, 2])) is frozenset
    assert type(edn_set([1, True])) is EdnSet
    found = edn_set([{"a": [1, {2}]}, EdnList([[3]]), Tagged("t", [4])])
    assert found == {EdnMap([("a", (1, frozenset({2})))]), EdnList([(3,)]), Tagged("t", (4,))}
    with pytest.raises(EdnError):
        edn_map([("a", 1), ("a", 2)])


def test_keywords_are_strings_and_one_object_each():
    keyword = read(":message/role")
    assert isinstance(keyword, str)
    assert keyword is K("message/role") is K(":message/role")
    assert {":message/role": 1}[keyword] == 1
    assert (keyword.namespace, keyword.name) == ("message", "role")
    assert (K(":role").namespace, K(":role").name) == (None, "role")


def test_symbols_are_not_strings_and_one_object_each():
    symbol = read("a/b")
    assert symbol is S("a/b")
    assert symbol != "a/b"
    assert (symbol.namespace, symbol.name) == ("a", "b")
    assert (S("/").namespace, S("/").name) == (None, "/")
    assert sorted([S("b"), S("a")]) == [S("a"), S("b")]


def test_metadata_of_several_kinds_is_merged():
    found = read('^:a ^{:b 2, :a 3} ^"T" [1]', keep_meta=True)
    assert found == WithMeta({K(":a"): True, K(":b"): 2, K(":tag"): "T"}, [1])


def test_read_all_gives_every_form():
    assert read_all("1 [2] ; three\n :four #_ five") == [1, [2], ":four"]
    assert read_all(" ; nothing") == []


class Trickle(io.StringIO):
    """A file that gives seven characters at a time, whatever is asked for."""

    def read(self, _size=None):
        return super().read(7)


@pytest.mark.parametrize("wrap", [Trickle, io.StringIO, lambda t: io.BytesIO(t.encode())])
def test_a_stream_gives_the_forms_of_its_text(wrap):
    text = '{:a "twö\nlines" :b [1 2 ; x ]\n 3]}\n\n#_ 4 sym 5 "tail'
    text = text * 1 + '"'
    assert list(iter_forms(wrap(text))) == read_all(text)


def test_a_long_stream_is_never_held_at_once():
    class Endless:
        """Counts what was asked of it."""

        given = 0

        def read(self, size):
            self.given += size
            return "[1 2 3]\n" * (size // 8)

    endless = Endless()
    found = iter_forms(endless, max_bytes=1_000_000)
    for _ in range(100_000):
        assert next(found) == [1, 2, 3]
    assert endless.given < 1_500_000


def test_a_stream_without_newlines_gives_its_forms_early():
    class OneLine:
        given = 0

        def read(self, size):
            self.given += size
            return "[1 2 3] " * (size // 8)

    line = OneLine()
    found = iter_forms(line, max_bytes=1_000_000)
    for _ in range(100_000):
        assert next(found) == [1, 2, 3]
    assert line.given < 1_500_000


def test_a_string_longer_than_many_pieces_is_one_string():
    text = '["' + "line\n" * 200_000 + '"]'
    assert list(iter_forms(io.StringIO(text))) == [["line\n" * 200_000]]


def test_forms_before_a_fault_in_a_stream_are_given_first():
    found = iter_forms(io.StringIO("1 2 [3} 4"))
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(EdnError):
        next(found)
