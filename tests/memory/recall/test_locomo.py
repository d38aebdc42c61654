"""Recall on one public conversation, by words alone; the data is not part of the repository."""

from __future__ import annotations

import pytest

from bench.frame import locomo
from bench.locomo import Answer, answers_of, cross_validated, figures, means, reweighed
from datamem.memory.recall import DEFAULT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not locomo.is_there(), reason=f"{locomo.DATA} is not here"),
]


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    return answers_of(next(locomo.conversations()))


def test_words_and_structure_find_what_answers(answers) -> None:
    found = means([figures(answer) for answer in answers])
    assert found["session Hit@1"] > 0.66
    assert found["turn R@10"] > 0.66
    bare = {"session": 0.0, "session_words": 0.0, "who": 0.0, "when": 0.0}
    turns = dict.fromkeys(("previous", "next", "second_previous", "second_next"), 0.0)
    alone = DEFAULT.changed({**bare, **turns})
    without = means([figures(answer, reweighed(answer, alone)) for answer in answers])
    assert without["turn R@10"] < found["turn R@10"] - 0.05


def test_the_same_weights_give_the_same_ranking(answers) -> None:
    rows = [figures(answer) for answer in answers]
    assert [figures(answer, reweighed(answer, DEFAULT)) for answer in answers] == rows


def test_what_is_held_out_is_measured_once(answers) -> None:
    halves = [answers[:20], answers[20:40]]
    assert set(cross_validated(halves)) == set(means([figures(a) for a in answers[:40]]))
