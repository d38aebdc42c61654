"""Plain tables: widths, alignment, cutting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem_cli.show.table import cell_width, fit_widths, table_text


@given(st.lists(st.integers(1, 200), min_size=1, max_size=8), st.integers(20, 200))
def test_columns_fit_where_they_can_and_never_grow(widths, room) -> None:
    """Model: no column grows; the sum fits unless every column is at its least width."""
    fitted = fit_widths(widths, room)
    assert all(new <= old for new, old in zip(fitted, widths, strict=True))
    assert all(new >= min(old, 8) for new, old in zip(fitted, widths, strict=True))
    assert sum(fitted) <= room or max(fitted) <= 8


def test_narrow_columns_are_left_alone() -> None:
    assert fit_widths([4, 90, 10], 50) == [4, 36, 10]


@pytest.mark.parametrize(("text", "width"), [("", 0), ("日本", 4), ("e\u0301", 1), ("…", 1)])
def test_width_is_that_of_a_terminal(text, width) -> None:
    assert cell_width(text) == width


def test_a_cut_line_is_as_wide_as_the_terminal() -> None:
    text = table_text(["a", "b"], [["x" * 50, "y" * 50]], max_width=60)
    assert {cell_width(line) for line in text.splitlines()[1:]} == {60}
    assert "…" in text


def test_wide_characters_are_cut_whole() -> None:
    text = table_text(["a"], [["日" * 40]], max_width=21)
    assert cell_width(text.splitlines()[2]) <= 21
