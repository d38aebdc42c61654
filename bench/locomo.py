"""Recall on LoCoMo, retrieval only, through `Memory.recall` with its defaults; weights cross-validated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.frame import locomo
from bench.frame.locomo import Asked, Cached, Conversation
from bench.frame.options import Options
from bench.frame.report import Report
from datamem.memory import Memory
from datamem.memory.recall import DEFAULT, Recall, Weights
from datamem.memory.recall.ranking import fuse

BoolArray = npt.NDArray[np.bool_]

K = 50
CUTS = (5, 10, 25, 50)
TARGETS = {
    "words": {"session Hit@1": 0.66, "turn R@10": 0.66},
    "minilm": {
        "session Hit@1": 0.70,
        "session NDCG@5": 0.80,
        "turn R@10": 0.76,
        "turn R@50": 0.90,
    },
}
SHOWN = (
    "session Hit@1",
    "session R@5",
    "session R@10",
    "session NDCG@5",
    "turn Hit@1",
    "turn R@5",
    "turn R@10",
    "turn R@25",
    "turn R@50",
    "turn NDCG@10",
)
TUNED = {
    "vectors": (0.2, 0.3, 0.4, 0.6),
    "who": (0.0, 0.1, 0.25, 0.5),
    "when": (0.0, 0.25, 0.5, 1.0),
    "previous": (0.0, 0.15, 0.25, 0.5),
    "next": (0.0, 0.15, 0.3, 0.5),
    "second_previous": (0.0, 0.15, 0.3),
    "second_next": (0.0, 0.1, 0.2),
    "session": (0.0, 0.25, 0.5, 1.0),
    "session_words": (0.0, 0.25, 0.5, 1.0),
}
"""Values of each weight that the cross-validation chooses from, one weight after the other."""
START = DEFAULT.changed({name: 0.2 if name == "vectors" else 0.0 for name in TUNED})
"""Where it begins: nothing but words and a few vectors, so that no tuned default leaks into it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a recall found for a question, and what would have been right.

    Attributes:
        recall: as it was returned.
        turns, corrected: bool[n], which candidates answer the question.
        turn_count, corrected_count: how many turns do, candidates or not.
        sessions: entity ids of the sessions that do.
    """

    asked: Asked
    recall: Recall
    turns: BoolArray
    corrected: BoolArray
    turn_count: int
    corrected_count: int
    sessions: frozenset[int]


def answers_of(conversation: Conversation) -> list[Answer]:
    """Ask all questions of a conversation; the gold is looked at afterwards."""
    memory = conversation.memory
    db = memory.conn.db
    names = dict(db.q("[:find ?m ?n :where [?m :message/external-id ?n]]").rows())
    numbers = dict(db.q("[:find ?n ?s :where [?s :session/number ?n]]").rows())
    turns_there = set(names.values())
    found = []
    for asked in conversation.asked:
        recall = memory.recall(asked.text, k=K)
        ids = [names.get(e) for e in recall.ranking.pool.e.tolist()]
        found.append(
            Answer(
                asked,
                recall,
                np.array([name in asked.turns for name in ids], np.bool_),
                np.array([name in asked.corrected for name in ids], np.bool_),
                len(asked.turns & turns_there),
                len(asked.corrected & turns_there),
                frozenset(numbers[n] for n in asked.sessions if n in numbers),
            )
        )
    return found


def figures(
    answer: Answer, ranking: Any = None, *, corrected: bool = False
) -> dict[str, float]:
    """Return the figures of one question by a ranking of its candidates; None: as returned.

    Recall is the part of the evidence that is among the first k.
    """
    ranked = answer.recall.ranking if ranking is None else ranking
    gold, count = answer.turns, answer.turn_count
    if corrected:
        gold, count = answer.corrected, answer.corrected_count
    found: dict[str, float] = {}
    if count:
        order = np.argsort(-ranked.score, kind="stable")[:K]
        found |= {f"turn {name}": x for name, x in _figures(gold[order], count, CUTS, 10)}
    if answer.sessions and not corrected:
        order = np.argsort(-ranked.sessions, kind="stable")
        sessions = ranked.pool.session[ranked.starts][order].tolist()
        hit = np.array([s in answer.sessions for s in sessions], np.bool_)
        named = _figures(hit, len(answer.sessions), (5, 10), 5)
        found |= {f"session {name}": x for name, x in named}
    return found


def _figures(
    hit: BoolArray, count: int, cuts: Iterable[int], depth: int
) -> list[tuple[str, float]]:
    """Return Hit@1, recall at the cuts and NDCG at a depth of one ranking."""
    gains = 1 / np.log2(np.arange(depth) + 2)
    first = hit[:depth]
    ideal = gains[: min(depth, count)].sum()
    return [
        ("Hit@1", float(hit[:1].any())),
        *((f"R@{k}", float(hit[:k].sum()) / count) for k in cuts),
        (f"NDCG@{depth}", float((gains[: len(first)] * first).sum() / ideal)),
    ]


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over the questions that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def reweighed(answer: Answer, weights: Weights) -> Any:
    """Return the ranking that other weights give the same candidates."""
    old = answer.recall.ranking
    return fuse(old.pool, old.signals, old.starts, old.session_words, weights)


def cross_validated(answers: Sequence[Sequence[Answer]]) -> dict[str, float]:
    """Return the means where each conversation is ranked by weights tuned on the others.

    Args:
        answers: of each conversation.
    """
    known: dict[Weights, list[list[dict[str, float]]]] = {}

    def rows(weights: Weights) -> list[list[dict[str, float]]]:
        if weights not in known:
            known[weights] = [
                [figures(a, reweighed(a, weights)) for a in of_one] for of_one in answers
            ]
        return known[weights]

    found = []
    for held_out in range(len(answers)):
        weights = _tuned(rows, [i for i in range(len(answers)) if i != held_out])
        found += rows(weights)[held_out]
    return means(found)


def _tuned(rows: Callable[[Weights], Any], training: Sequence[int]) -> Weights:
    """Return the weights that are best on some conversations: one weight after the other."""

    def goodness(weights: Weights) -> float:
        chosen = rows(weights)
        found = means([row for i in training for row in chosen[i]])
        wanted = ("turn R@10", "turn R@50", "turn NDCG@10", "session Hit@1", "session NDCG@5")
        return sum(found[name] for name in wanted)

    best = START
    for name, values in TUNED.items():
        tried = [best, *(best.changed({name: value}) for value in values)]
        best = max(tried, key=goodness)
    return best


def embedder_named(name: str) -> Cached | None:
    """Return an embedder that keeps its vectors, or None where its package is not installed."""
    from datamem.errors import DatamemError
    from datamem.search.embedders import embedder

    try:
        return Cached(embedder(name), name)
    except (DatamemError, ImportError):
        return None


def run(_: Options) -> Report:
    """Measure words only, then with each embedder that is installed."""
    report = Report(
        "LoCoMo, retrieval only: 1,978 questions by session, 1,982 by turn",
        ("by defaults", "cross-validated", "audited"),
    )
    if not locomo.is_there():
        report.notes.append(
            f"{locomo.DATA} is not here: nothing measured (LOCOMO=path names it)"
        )
        return report
    for name in ("words", "wordllama", "minilm"):
        embed = None if name == "words" else embedder_named(name)
        if name != "words" and embed is None:
            report.notes.append(f"embedder {name} is not installed")
            continue
        _measure(report, name, embed)
    report.notes += [
        "recall is the part of the evidence that is among the first k; ten databases, one a conversation",
        "cross-validated: weights tuned on nine conversations, measured on the tenth, for each",
        "audited: turns by the evidence that the audit corrected, by defaults",
    ]
    return report


def _measure(report: Report, name: str, embed: Cached | None) -> None:
    answers = [answers_of(one) for one in locomo.conversations(embed)]
    if embed is not None:
        embed.keep()
    every = [answer for of_one in answers for answer in of_one]
    rows = [figures(answer) for answer in every]
    found, held_out = means(rows), cross_validated(answers)
    audited = means([figures(answer, corrected=True) for answer in every])
    for figure in SHOWN:
        target = TARGETS.get(name, {}).get(figure)
        report.add(
            f"{name}: {figure}",
            f"{found[figure]:.3f}",
            f"{held_out[figure]:.3f}",
            f"{audited[figure]:.3f}" if figure in audited else "",
            target=f"{target:.2f}" if target else "",
            is_met=held_out[figure] >= target if target else None,
        )
    for category, title in locomo.CATEGORIES.items():
        of_category = means(
            [
                row
                for row, answer in zip(rows, every, strict=True)
                if answer.asked.category == category
            ]
        )
        shown = ", ".join(
            f"{figure} {of_category[figure]:.3f}"
            for figure in ("session Hit@1", "session NDCG@5", "turn R@10", "turn R@50")
        )
        report.notes.append(f"{name}, {title}: {shown}")


def memories(embedder: Any = None) -> list[Memory]:
    """Return the conversations' memories, for looking at them by hand."""
    return [one.memory for one in locomo.conversations(embedder)]
