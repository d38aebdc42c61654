"""Entities that change often: their readers skip what ended long ago, and read what they always would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datamem.ids import MAX_T
from datamem.index.novelty import DIGEST_ROWS, Novelty

steps = st.lists(st.tuples(st.integers(1, 2), st.integers(10, 12)), min_size=1, max_size=300)


def holding(novelty: Novelty, rows: object, upto: int) -> list[int]:
    return [
        row
        for row in rows  # type: ignore[attr-defined]
        if novelty.tx[row] <= upto < novelty.ended[row]
    ]


@given(steps=steps, undo=st.integers(0, 300))
def test_skipping_changes_no_answer(steps: list[tuple[int, int]], undo: int) -> None:
    """Model: every row of the entity, looked at one by one."""
    novelty = Novelty()
    last: dict[tuple[int, int], int] = {}
    marks = []
    for tx, (e, a) in enumerate(steps, start=1):
        old = last.get((e, a))
        marks.append((novelty.row_count, tx - 1))
        if old is not None:
            novelty.append([e, e], [a, a], [old, tx], [False, True], tx)
        else:
            novelty.append([e], [a], [tx], [True], tx)
        last[e, a] = tx
    branch = novelty.snapshot(len(steps) // 2)
    for e in (1, 2):
        every = list(range(novelty.row_count))
        mine = [row for row in every if novelty.e[row] == e]
        for upto in (0, len(steps) // 2, len(steps)):
            assert holding(novelty, novelty.rows_of(e, upto), upto) == holding(
                novelty, mine, upto
            )
        late = len(steps) + 5
        assert holding(branch, branch.rows_of(e, late), late) == holding(branch, mine, late)
    if undo < len(marks):
        count, tx = marks[undo]
        novelty.undo(count, 0, tx)
        for e in (1, 2):
            mine = [row for row in range(count) if novelty.e[row] == e]
            assert holding(novelty, novelty.rows_of(e, tx), tx) == holding(novelty, mine, tx)


def test_an_entity_that_changes_often_has_few_rows_to_read() -> None:
    novelty = Novelty()
    novelty.append([1], [10], [0], [True], 1)
    for n in range(1, 2000):
        novelty.append([1, 1], [10, 10], [n - 1, n], [False, True], n + 1)
    assert len(novelty.by_e[1]) == 2000
    assert len(novelty.rows_of(1, 2000)) <= DIGEST_ROWS + 1
    assert holding(novelty, novelty.rows_of(1, 2000), 2000) == [1999]
    assert novelty.ended[1999] == MAX_T
