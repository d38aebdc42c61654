"""What a recall returns: items with the reasons for each, sessions, and all that was considered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.db.entity import Entity
from datamem.index.kernels import Int64Array
from datamem.index.sets import ascending
from datamem.index.words import instant_of_us
from datamem.memory.recall.paths import name_of, paths_of
from datamem.memory.recall.pool import Found, entities_by_term
from datamem.memory.recall.question import Question
from datamem.memory.recall.ranking import Ranking, kernel, neighbour
from datamem.memory.recall.weights import OWN
from datamem.memory.records.columns import words_by_entity
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db.database import Db


class Item:
    """A message or memory that was recalled.

    Attributes:
        eid: its entity id.
        kind: "message" or "memory".
        rank: 1 is the best.
        score: what it was ranked by.
        text: its content.
        at: when it was said or made; None where that is unknown.
    """

    __slots__ = ("_place", "_recall", "at", "eid", "kind", "rank", "score", "text")

    def __init__(self, recall: Recall, place: int, rank: int, text: str) -> None:
        ranking = recall.ranking
        us = int(ranking.pool.us[place])
        self._recall = recall
        self._place = place
        self.eid = int(ranking.pool.e[place])
        self.kind = "message" if ranking.pool.is_message[place] else "memory"
        self.rank = rank
        self.score = float(ranking.score[place])
        self.text = text
        self.at: datetime | None = instant_of_us(us) if us else None

    @property
    def why(self) -> dict[str, float]:
        """What each signal, `neighbours` or `kept`, and `session` added; the parts sum to the score.

        Where nothing matched the question, `unmatched` is among them and takes it below 0.
        """
        return self._recall.why(self._place)

    @property
    def paths(self) -> tuple[str, ...]:
        """The same in words: what led from the question to the item."""
        return tuple(paths_of(self._recall, self._place))

    @property
    def who(self) -> str:
        """Name of who said it, or whom it is about; "" where nobody is known."""
        return name_of(self._recall.db, int(self._recall.ranking.pool.who[self._place]))

    @property
    def record(self) -> Record:
        """The entity itself."""
        return Record(Entity(self._recall.db, self.eid), self.kind)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.eid}, {self.score:.3f}: {self.text[:60]!r}>"


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
    def is_fallback(self) -> bool:
        """Tell whether nothing matched, and the items are only what is worth knowing anyway."""
        return bool(self.ranking.unmatched) and bool(len(self))

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
        texts = self._texts(self.ranking.pool.e[places])
        pairs = zip(places.tolist(), texts, strict=True)
        return [Item(self, at, rank, text) for rank, (at, text) in enumerate(pairs, start=1)]

    def why(self, at: int) -> dict[str, float]:
        """Return what each signal added to the score of a candidate, by its place in the pool.

        The parts sum to the score.
        """
        ranking = self.ranking
        parts = ranking.signals[at] * ranking.own_weights
        found = {name: float(x) for name, x in zip(OWN, parts.tolist(), strict=True) if x}
        name = "neighbours" if ranking.pool.is_message[at] else "kept"
        found[name] = float(ranking.shared[at] - ranking.own[at])
        found["unmatched"] = ranking.unmatched
        found["session"] = float(ranking.score[at] - ranking.shared[at]) - ranking.unmatched
        return {name: value for name, value in found.items() if value}

    def neighbours(self, at: int) -> list[tuple[int, float]]:
        """Return the turns that gave a candidate most, by place in the pool, and what they gave."""
        own = self.ranking.own
        places = [(int(of[at]), weight) for weight, of in self._kernel]
        given = [(p, float(weight * own[p])) for p, weight in places if p >= 0]
        return sorted((pair for pair in given if pair[1] > 0), key=lambda pair: -pair[1])

    @cached_property
    def _kernel(self) -> list[tuple[float, Int64Array]]:
        """Weights of neighbours, and where in the pool each candidate's is."""
        ranking = self.ranking
        return [(w, neighbour(ranking.pool, by)) for by, w in kernel(ranking.weights)]

    @cached_property
    def by_term(self) -> dict[str, Int64Array]:
        """For each term of the question, the returned entities that have it."""
        return entities_by_term(self.db, self.question.terms, ascending(self.eids))

    def _texts(self, es: Int64Array) -> list[str]:
        keys = ascending(es)
        texts: dict[int, str] = {}
        for name in (":message/content", ":memory/content"):
            words = words_by_entity(self.db, name, keys)
            texts.update(zip(words.e.tolist(), words.values(self.db), strict=True))
        return [texts.get(e, "") for e in es.tolist()]
