"""Tokens for grammars that are built on EDN's: kinds, values and exact places."""

from __future__ import annotations

import pytest

from datamem.edn import Char, Keyword, Position, Symbol, TokenKind, locate, placed, tokenize
from datamem.errors import EdnError, QueryError

QUERY = """[:find ?name (count ?m) . ; how many
 :in $ % :where [?m :at #inst "2024"] (not [(< ?x -1.5)]) #_ {1 #{nil}} \\a]"""


def test_tokens_lie_where_they_say():
    tokens = tokenize(QUERY)
    spelled = [QUERY[t.start : t.end] for t in tokens]
    assert spelled[:8] == ["[", ":find", "?name", "(", "count", "?m", ")", "."]
    assert "".join(spelled) == "".join(QUERY.replace("; how many", "").split())


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("(", "(", None),
        ("]", "]", None),
        ("#{", "#{", None),
        ("#_", "#_", None),
        ("^", "^", None),
        ("#^", "^", None),
        ("'", "'", None),
        ("#inst", "tag", "inst"),
        ("#:ns", "namespace", "ns"),
        (":a/b", "keyword", Keyword(":a/b")),
        ("?e", "symbol", Symbol("?e")),
        ("...", "symbol", Symbol("...")),
        ('"a\\n"', "string", "a\n"),
        ("-1.5", "number", -1.5),
        ("##Inf", "number", float("inf")),
        ("\\(", "char", Char("(")),
        ("nil", "constant", None),
        ("true", "constant", True),
    ],
)
def test_each_kind_of_token(text, kind, value):
    (token,) = tokenize(f" {text} ")
    assert token == (TokenKind(kind), 1, 1 + len(text), value)


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("[?a\n 1x]", "edn/bad-token", 5),
        ('["\\q"]', "edn/bad-escape", 2),
        ('[:a "open', "edn/unexpected-end", 4),
        ("@", "edn/bad-token", 0),
    ],
)
def test_a_bad_token_is_refused_with_its_place(text, code, offset):
    with pytest.raises(EdnError) as caught:
        tokenize(text)
    assert (caught.value.code, caught.value.data["offset"]) == (code, offset)


def test_other_errors_can_be_given_a_place():
    error = placed(QueryError("no such clause", code="query/bad-clause"), "[:find\n ?e]", 8)
    assert isinstance(error, QueryError)
    assert error.data == {"offset": 8, "line": 2, "column": 2}
    assert error.message == "no such clause, at line 2, column 2\n  2 |  ?e]\n       ^"


def test_a_place_inside_a_longer_text():
    start = Position(100, 10, 5)
    assert locate("ab\ncd", 1, start) == Position(101, 10, 6)
    assert locate("ab\ncd", 4, start) == Position(104, 11, 2)
