"""Progress bars: when they show, and that they go."""

from __future__ import annotations

import pytest

from datamem_cli.show.progress import progress_bar


class FakeBar:
    def __init__(self, what: str) -> None:
        self.drawn: list[tuple[int, int, str]] = []
        self.stopped = False

    def draw(self, done_count: int, total_count: int, what: str) -> None:
        self.drawn.append((done_count, total_count, what))

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def bars():
    return []


@pytest.fixture
def start(bars):
    def start(what: str) -> FakeBar:
        bars.append(FakeBar(what))
        return bars[-1]

    return start


def test_a_bar_shows_after_a_second_and_goes_in_the_end(bars, start) -> None:
    ticks = iter([0.0, 0.5, 1.5])
    with progress_bar("work", clock=lambda: next(ticks), is_terminal=True, start=start) as tell:
        tell(1, 10)
        assert bars == []
        tell(2, 10)
        tell(3, 10, "more")
    assert bars[0].drawn == [(2, 10, "work"), (3, 10, "more")]
    assert bars[0].stopped


def test_nothing_shows_where_nobody_looks(bars, start) -> None:
    ticks = iter([0.0, 9.0])
    with progress_bar(
        "work", clock=lambda: next(ticks), is_terminal=False, start=start
    ) as tell:
        tell(1, 10)
    assert bars == []


def test_the_bar_goes_when_the_work_fails(bars, start) -> None:
    ticks = iter([0.0, 9.0])
    with (
        pytest.raises(ValueError, match="broken"),
        progress_bar("work", clock=lambda: next(ticks), is_terminal=True, start=start) as tell,
    ):
        tell(1, 2)
        raise ValueError("broken")
    assert bars[0].stopped


def test_a_real_bar_can_be_drawn(capsys) -> None:
    ticks = iter([0.0, 9.0])
    with progress_bar("work", clock=lambda: next(ticks), is_terminal=True) as tell:
        tell(1, 2)
