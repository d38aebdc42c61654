"""Scopes: their text names them, and they nest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datamem.kv import Scope

parts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["-", "/"]
)
scopes = st.builds(Scope, parts, parts, parts, parts)


@given(scope=scopes)
def test_a_scope_is_its_text(scope: Scope) -> None:
    assert Scope.parse(str(scope)) == scope
    assert ":" not in str(scope)


@given(a=scopes, b=scopes)
def test_scopes_with_one_text_are_one(a: Scope, b: Scope) -> None:
    assert (str(a) == str(b)) == (a == b)


@given(scope=scopes, part=parts)
def test_a_narrower_scope_lies_in_it(scope: Scope, part: str) -> None:
    narrow = scope if scope.run else scope.within(run=part)
    assert narrow in scope
    assert narrow in Scope()
    assert (scope in narrow) == (scope == narrow)
