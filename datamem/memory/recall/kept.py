"""A recall as entities: what was asked, what came of it, and what was passed over.

"Why was this recalled" is then a query:

    [:find ?query ?score ?path :in $ ?item
     :where [?c :candidate/item ?item] [?c :candidate/recall ?r] [?r :recall/query ?query]
            [?c :candidate/score ?score] [?c :candidate/paths ?path]]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import numpy as np

from datamem.index.kernels import Int64Array
from datamem.index.words import instant_of_us
from datamem.memory.records.columns import first_words

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.memory.recall.result import Recall
    from datamem.memory.records.context import Context

KEPT: Final = 50
"""Candidates that are kept with a recall, unless it says otherwise; the chosen always are."""


def recall_tx(
    recall: Recall, uuid: UUID, owners: dict[str, Any], keep: int = KEPT
) -> list[Any]:
    """Return a recall and its best candidates as tx-data.

    Args:
        owners: `:recall/user` and the like.
        keep: candidates to keep, best first.
    """
    chosen = set(recall.eids.tolist())
    first = [at for at in recall.order.tolist() if int(recall.ranking.pool.e[at]) in chosen]
    rest = [at for at in recall.order.tolist() if int(recall.ranking.pool.e[at]) not in chosen]
    places = np.array(first + rest[: max(0, keep - len(first))], np.int64)
    items = recall.describe(places)
    entity: dict[str, Any] = {
        ":db/id": "recall",
        ":recall/id": uuid,
        ":recall/query": recall.question.text,
        ":recall/at": instant_of_us(recall.now_us),
        ":recall/basis-t": recall.db.t,
        ":recall/considered": recall.considered,
        ":recall/options": {"weights": recall.ranking.weights.as_dict()},
        ":recall/chosen": [item.eid for item in items if item.eid in chosen],
        ":recall/ignored": [item.eid for item in items if item.eid not in chosen],
    }
    entity = {name: value for name, value in entity.items() if value != []}
    candidates = [
        {
            ":candidate/recall": "recall",
            ":candidate/item": item.eid,
            ":candidate/rank": item.rank,
            ":candidate/score": item.score,
            ":candidate/chosen?": item.eid in chosen,
            ":candidate/signals": item.why,
            ":candidate/paths": list(item.paths),
        }
        for item in items
    ]
    return [entity | owners, *candidates]


def reinforce_tx(db: Db, memories: Int64Array, counts: Int64Array, us: int) -> list[Any]:
    """Return what recalling memories changes in them: when they were last, and how often.

    Args:
        memories: int64[n], ascending, distinct; messages among them are left as they are.
        counts: int64[n], how often each was recalled.
        us: when, µs.
    """
    before = first_words(db, ":memory/access-count", memories, 0)
    is_memory = first_words(db, ":memory/content", memories, -1) >= 0
    at = instant_of_us(us)
    return [
        {":db/id": e, ":memory/last-recall": at, ":memory/access-count": count}
        for e, count, known in zip(
            memories.tolist(), (before + counts).tolist(), is_memory.tolist(), strict=True
        )
        if known
    ]


class Reinforcement:
    """Recalls that are waiting to be written: many of them are one transaction."""

    def __init__(self) -> None:
        self._waiting: dict[int, int] = {}
        self._us = 0

    def add(self, eids: Iterable[int], us: int) -> None:
        """Remember that entities were recalled at an instant."""
        for e in eids:
            self._waiting[e] = self._waiting.get(e, 0) + 1
        self._us = max(self._us, us)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> tuple[Int64Array, Int64Array, int]:
        """Return the entities, how often each was recalled, and when last; and wait for others."""
        waiting, self._waiting = self._waiting, {}
        pairs = sorted(waiting.items())
        es = np.array([e for e, _ in pairs], np.int64)
        return es, np.array([n for _, n in pairs], np.int64), self._us


class _Waiting:
    """The reinforcements of one connection's memory, beside its heap."""

    def __init__(self) -> None:
        self.reinforcement = Reinforcement()

    def truncate(self, size: int) -> None:
        """Nothing here is about values."""

    def close(self) -> None:
        """What was not flushed is lost: it is a hint, not a fact."""


def waiting_of(context: Context) -> Reinforcement:
    """Return what waits for `flush` in a connection; all scopes of it share it."""
    heap = context.conn.db.heap
    return heap.companions.get("recalls to reinforce", lambda _: _Waiting()).reinforcement
