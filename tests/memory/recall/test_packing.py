"""Token budgets: what fits is whole, best first into the budget, in the order of time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.errors import DatamemError
from datamem.memory import Memory
from datamem.memory.recall import about_tokens
from tests.memory.talks import talk


def words(text: str) -> int:
    return len(text.split())


@settings(max_examples=20)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(1, 60), st.booleans())
def test_a_context_never_exceeds_its_budget_and_leaves_out_only_what_does_not_fit(
    lengths, budget, by_words
) -> None:
    mem = Memory(datamem.connect())
    for number, length in enumerate(lengths):
        mem.add(f"tea {number} " + "leaf " * length)
    count = words if by_words else about_tokens
    packed = mem.context("tea", budget_tokens=budget, count_tokens=count)
    assert packed.tokens == count(packed.text) <= budget
    assert len(packed.items) + len(packed.left_out) == len(packed.recall)
    assert [item.at for item in packed.items] == sorted(item.at for item in packed.items)
    if packed.recall and not packed.items:
        assert all(count(item.text) + 1 > budget - 4 for item in packed.recall)


def test_a_context_reads_as_a_talk(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    talk(mem, 1, [("Ann", "I adopted a dog."), ("Bob", "What is the dog called?")])
    mem.add("Ann keeps\n a dog")
    packed = mem.context("dog", budget_tokens=100)
    assert str(packed).splitlines() == [
        "[2026-03-02 09:00] Ann keeps a dog",
        "[2026-03-02 09:01] Ann: I adopted a dog.",
        "[2026-03-02 09:02] Bob: What is the dog called?",
    ]
    shouted = mem.context("dog", budget_tokens=100, line=lambda item: item.text.upper())
    assert "I ADOPTED A DOG." in shouted.text


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(DatamemError) as error:
        Memory(datamem.connect()).context("tea", budget_tokens=0)
    assert error.value.code == "recall/bad-budget"
