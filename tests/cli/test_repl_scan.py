"""Text as it is typed: tokens that lose nothing, and when a text is whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datamem_cli.repl.scan import State, pieces, split_forms, state_of

atoms = st.sampled_from(
    [":a/b", "?x", "17", '"a ] \\" b"', "nil", "\\]", "; ]\n1", '#inst "2024-01-01"']
)
forms = st.recursive(
    atoms,
    lambda inner: st.tuples(
        st.sampled_from(["[]", "()", "{}"]), st.lists(inner, max_size=3)
    ).map(lambda pair: pair[0][0] + " ".join(pair[1]) + " " + pair[0][1]),
)


@given(st.text(max_size=60))
def test_the_tokens_of_any_text_are_the_text(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text


@given(forms)
def test_a_form_is_whole_and_none_of_its_open_beginnings_is(form: str) -> None:
    assert state_of(form) is State.COMPLETE
    assert state_of("[" + form) is State.INCOMPLETE
    assert state_of(form + "]") is State.WRONG


@given(st.lists(forms, min_size=1, max_size=4))
def test_forms_are_split_as_they_were_joined(several: list[str]) -> None:
    found = split_forms("\n".join(several))
    assert [f.strip() for f in found] == [
        f.split("; ]\n")[-1] if f.startswith(";") else f for f in several
    ]
