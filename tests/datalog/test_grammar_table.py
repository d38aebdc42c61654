"""The shipped table is the grammar's, and reads tokens as the grammar says."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest

from datamem.datalog.parse import grammar_table, tokens
from datamem.datalog.parse.lr import END, Token, UnexpectedToken, query_table
from datamem.datalog.parse.queries import Builder

QUERY = """[:find ?n (count ?e) :with ?x :in $ % [[?a _] ...] :where [?e :a/n ?n] ($ not [?e :b 1])
            [(inc (dec ?a)) ?x] (or-join [[?e] ?n] (rule ?e "x") (and [?e _ [1 2]])) :limit 3]"""


def test_the_table_is_made_of_the_grammar() -> None:
    pytest.importorskip("lark")
    grammar = grammar_table.GRAMMAR.read_text("utf-8")
    made = grammar_table.TABLE.read_text("utf-8")
    assert made == grammar_table.table_text(grammar), (
        "run python -m datamem.datalog.parse.grammar_table"
    )


def test_the_builder_has_a_method_for_every_rule() -> None:
    methods = {method for _, _, method in query_table().rules if method is not None}
    assert not [method for method in methods if not callable(getattr(Builder, method, None))]


def stream(text: str) -> list[Token]:
    return list(tokens.query_tokens(tokens.text_pieces(text), text))


@pytest.mark.parametrize("cut", range(1, len(stream(QUERY)) - 1, 4))
def test_what_an_error_says_could_stand_there_can(cut: int) -> None:
    """Model: every terminal tried in the place of the one that is missing."""
    table, found = query_table(), stream(QUERY)

    def error_at(last: Token) -> UnexpectedToken:
        with pytest.raises(UnexpectedToken) as caught:
            table.parse([*found[:cut], last, Token("NEVER", "x")], "query", _Anything())
        return caught.value

    accepted = error_at(Token("NEVER", "x")).accepts
    terminals = {name for state in table.states for name in state if name.isupper()} - {END}
    assert found[cut].type in accepted
    for name in terminals:
        reached = error_at(Token(name, "x")).token.type == "NEVER"
        assert reached == (name in accepted), name


class _Anything:
    """A builder that builds nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *parts: parts


def test_tokens_are_handed_on_in_their_order() -> None:
    found = stream(QUERY)

    def flat(tree: Any) -> list[Token]:
        return [t for part in tree for t in flat(part)] if isinstance(tree, tuple) else [tree]

    assert flat(query_table().parse(found, "query", _Anything())) == found
    assert all(a.start_pos <= b.start_pos for a, b in pairwise(found))  # type: ignore[operator]


def test_a_query_loads_no_grammar_tool() -> None:
    program = (
        "import sys, datamem; c = datamem.connect(':memory:');"
        "c.db.q('[:find ?e :where [?e :db/ident :x]]'); print('lark' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
