"""What a recall returns: items with the reasons for each, sessions, and all that was considered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.db.entity import Entity
from datamem.index.kernels import Int64Array
from datamem.index.words import instant_of_us
from datamem.memory.columns import words_by_entity
from datamem.memory.recall.paths import paths_of
from datamem.memory.recall.pool import Found
from datamem.memory.recall.question import Question
from datamem.memory.recall.ranking import Ranking, kernel, neighbour
from datamem.memory.recall.weights import OWN
from datamem.memory.record import Record

if TYPE_CHECKING:
    from datamem.db.database import Db


@dataclass(frozen=True, slots=True)
class Item:
    """A message or memory that was recalled.

    Attributes:
        eid: its entity id.
        kind: "message" or "memory".
        rank: 1 is the best.
        score: what it was ranked by.
        text: its content.
        at: when it was said or made; None where that is unknown.
        why: what each signal added to the score; `neighbours` and `session` are two of them.
        paths: the same in words: what led from the question to the item.
        record: the entity itself.
    """

    eid: int
    kind: str
    rank: int
    score: float
    text: str
    at: datetime | None
    why: dict[str, float]
    paths: tuple[str, ...]
    record: Record


class SessionScore:
    """A session among those that a recall considered.

    Attributes:
        eid: its entity id.
        score: larger is better.
    """

    __slots__ = ("eid", "score")

    def __init__(self, eid: int, score: float) -> None:
        self.eid = eid
        self.score = score

    def __repr__(self) -> str:
        return f"<session {self.eid}, {self.score:.3f}>"


class Recall(Sequence[Item]):
    """Items, best first; made when they are looked at.

    Attributes:
        question: the question as it was understood.
        db: the database value that was asked.
        now_us: the instant that strengths and "yesterday" are of.
        ranking: every candidate with its scores.
        eids: int64[k], the entities that are returned, best first.
    """

    def __init__(
        self,
        db: Db,
        question: Question,
        found: Found,
        ranking: Ranking,
        chosen: Int64Array,
        now_us: int,
    ) -> None:
        self.db = db
        self.question = question
        self.found = found
        self.ranking = ranking
        self.now_us = now_us
        self._chosen = chosen
        self.eids = ranking.pool.e[chosen]

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __repr__(self) -> str:
        lines = [f"<Recall {self.question.text!r}: {len(self)} of {len(self.ranking.pool)}>"]
        lines += [f"{item.rank:3} {item.score:6.3f}  {item.text[:80]}" for item in self]
        return "\n".join(lines)

    @property
    def considered(self) -> int:
        """How many candidates there were."""
        return len(self.ranking.pool)

    @cached_property
    def items(self) -> list[Item]:
        """What was recalled, best first."""
        return self.describe(self._chosen)

    @cached_property
    def sessions(self) -> list[SessionScore]:
        """The sessions of all candidates, best first; what is in no session is left out."""
        ranking = self.ranking
        eids = ranking.pool.session[ranking.starts]
        own = ranking.pool.e[ranking.starts]
        order = np.argsort(-ranking.sessions, kind="stable")
        return [
            SessionScore(int(eids[i]), float(ranking.sessions[i]))
            for i in order.tolist()
            if eids[i] != own[i]
        ]

    @cached_property
    def order(self) -> Int64Array:
        """All candidates by place in the pool, best first."""
        return np.argsort(-self.ranking.score, kind="stable")

    def describe(self, places: Int64Array) -> list[Item]:
        """Return candidates as items, in their order; ranks count from 1."""
        pool = self.ranking.pool
        texts = self._texts(pool.e[places])
        items = []
        for rank, (at, text) in enumerate(zip(places.tolist(), texts, strict=True), start=1):
            e = int(pool.e[at])
            kind = "message" if pool.is_message[at] else "memory"
            us = int(pool.us[at])
            items.append(
                Item(
                    e,
                    kind,
                    rank,
                    float(self.ranking.score[at]),
                    text,
                    instant_of_us(us) if us else None,
                    self.why(at),
                    tuple(paths_of(self, at)),
                    Record(Entity(self.db, e), kind),
                )
            )
        return items

    def why(self, at: int) -> dict[str, float]:
        """Return what each signal added to the score of a candidate, by its place in the pool.

        The parts sum to the score.
        """
        ranking = self.ranking
        parts = ranking.signals[at] * ranking.own_weights
        found = {name: float(x) for name, x in zip(OWN, parts.tolist(), strict=True) if x}
        found["neighbours"] = float(ranking.shared[at] - ranking.own[at])
        found["session"] = float(ranking.score[at] - ranking.shared[at])
        return {name: value for name, value in found.items() if value}

    def neighbours(self, at: int) -> list[tuple[int, float]]:
        """Return the turns that gave a candidate most, by place in the pool, and what they gave."""
        pool, own = self.ranking.pool, self.ranking.own
        given = []
        for distance, weight in kernel(self.ranking.weights):
            place = int(neighbour(pool, distance)[at])
            if place >= 0 and weight * own[place] > 0:
                given.append((place, float(weight * own[place])))
        return sorted(given, key=lambda pair: -pair[1])

    def _texts(self, es: Int64Array) -> list[str]:
        keys = np.unique(es)
        texts: dict[int, str] = {}
        for name in (":message/content", ":memory/content"):
            words = words_by_entity(self.db, name, keys)
            texts.update(zip(words.e.tolist(), words.values(self.db), strict=True))
        return [texts.get(e, "") for e in es.tolist()]
