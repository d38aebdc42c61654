"""The verbs of recall: recall, context, reinforce, strength, hierarchy, consolidate, extract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from datamem.memory.records.context import Context, new_id
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record
from datamem.memory.records.scoping import narrowed
from datamem.memory.scope.view import ValidAt

if TYPE_CHECKING:
    from datamem.memory.recall import Item, Packed, Recall, Weights
    from datamem.memory.recall.kept import Reinforcement
    from datamem.memory.reflection.consolidate import Grouping
    from datamem.memory.reflection.hierarchy import RollUp
    from datamem.memory.reflection.passages import Extractor
    from datamem.memory.reflection.summarise import Summariser

When = datetime | int | None
"""An instant, µs since 1970, or None for now."""


class Recalls:
    """What may be done to remember; a part of `Memory`.

    Attributes:
        ctx: connection and scope.
    """

    ctx: Context

    # Recall

    def recall(
        self,
        query: str,
        *,
        k: int = 10,
        scope: Mapping[str, Any] | None = None,
        as_of: int | datetime | None = None,
        valid_at: ValidAt = None,
        include_forgotten: bool = False,
        vector: Any = None,
        weights: Mapping[str, float] | Weights | None = None,
        record: bool = False,
        reinforce: bool = False,
        **options: Any,
    ) -> Recall:
        """Return the messages and memories that answer a question, best first, each with why.

        Args:
            query: a question or some words; names of users and entities, and dates, count as such.
            k: how many at most.
            scope: owners to keep to, as `Memory.scope` takes them: `{"user": "ada"}`.
            as_of: ask what was known then; strengths are of then too.
            valid_at: only facts that were true then; see `Memory.view`.
            include_forgotten: also what is forgotten, deleted or expired.
            vector: the query's embedding, where it is known already.
            weights: changes to the weights of the signals, `{"recency": 0.2}`.
            record, reinforce: keep the recall as an entity; strengthen what it returns, with the next `flush`.
            **options: `candidates` (hits of each search, 200); `fallback` (True: what is worth knowing where
                nothing matches, with scores below 0); and filters: `kinds` ("message", "memory"),
                `types`, `tags`, `levels`, `since`, `until`, `among` (entity ids).

        Raises:
            QueryError: `recall/bad-query`, and `bad-option`, `bad-k`, `bad-weight`, `bad-kind` alike.

        Example:
            >>> from datamem import connect
            >>> from datamem.memory import Memory
            >>> mem = Memory(connect())
            >>> _ = mem.add_many(["Ada takes her tea black", "The cat sleeps all day"])
            >>> [item.text for item in mem.recall("How does Ada like her tea?", k=1)]
            ['Ada takes her tea black']
        """
        from datamem.memory.recall import recall

        ctx = self.ctx if scope is None else narrowed(self.ctx, **scope)
        found = recall(
            ctx.view(as_of=as_of, valid_at=valid_at, include_forgotten=include_forgotten),
            query,
            now_us=self._instant(as_of),
            k=k,
            embedder=ctx.embedder,
            vector=vector,
            weights=weights,
            **options,
        )
        if reinforce:
            self._waiting().add(found.eids.tolist(), ctx.now_us())
        if record:
            _record(ctx, found)
        return found

    def context(
        self,
        query: str,
        *,
        budget_tokens: int,
        count_tokens: Callable[[str], int] | None = None,
        line: Callable[[Item], str] | None = None,
        k: int = 50,
        **options: Any,
    ) -> Packed:
        """Return as much of what answers a question as fits a budget, in the order of time.

        Args:
            budget_tokens: at least 1.
            count_tokens: the tokens of a text for the model that will read it; None: about one for
                every four characters.
            line: how an item is written; None: time, speaker, text.
            k, **options: as `recall` takes them.

        Raises:
            QueryError: `recall/bad-budget`, and as `recall`.
        """
        from datamem.memory.recall.packing import about_tokens, line_of, pack

        found = self.recall(query, k=k, **options)
        return pack(
            found,
            budget_tokens,
            count_tokens=count_tokens or about_tokens,
            line=line or line_of,
        )

    def record_recall(self, found: Recall, *, keep: int = 50) -> Record:
        """Keep a recall as an entity with its best candidates, and return it.

        What was asked, chosen and ignored, and why, are then queries over `:recall/…` and
        `:candidate/…`.
        """
        return _record(self.ctx, found, keep)

    def reinforce(self, items: Iterable[Any]) -> None:
        """Strengthen what was used, with the next `flush`: items of a recall, or memories."""
        refs = [getattr(item, "eid", item) for item in items]
        db = self.ctx.db
        eids = [ref if isinstance(ref, int) else get(db, "memory", ref) for ref in refs]
        self._waiting().add(eids, self.ctx.now_us())

    def flush(self) -> int:
        """Write all reinforcements that wait, in one transaction; return of how many memories."""
        from datamem.memory.recall.kept import reinforce_tx

        eids, counts, us = self._waiting().take()
        if not len(eids):
            return 0
        written = 0

        def build(db: Any) -> list[Any]:
            nonlocal written
            forms = reinforce_tx(db, eids, counts, us)
            written = len(forms)
            return forms

        self.ctx.update(build, why="reinforce")
        return written

    def _waiting(self) -> Reinforcement:
        from datamem.memory.recall.kept import waiting_of

        return waiting_of(self.ctx)

    # Strength

    def strength(self, memory: Any, at: When = None) -> float:
        """Return how strong a memory is at an instant; 1.0 is as strong as it was made.

        Raises:
            DatamemError: `memory/unknown`.
        """
        from datamem.memory.reflection.strength import strengths

        db = self.ctx.db
        us = self.ctx.now_us() if at is None else at
        return float(strengths(db, [get(db, "memory", memory)], us)[0])

    def review(self, memory: Any) -> Record:
        """Say that a memory was looked at again: it is fresh, and from now on fades more slowly.

        Raises:
            DatamemError: `memory/unknown`.
        """
        eid = get(self.ctx.db, "memory", memory)
        at = self.ctx.now()

        def build(db: Any) -> list[Any]:
            count = db.entity(eid).get(":memory/review-count", 0)
            return [
                {
                    ":db/id": eid,
                    ":memory/last-reviewed": at,
                    ":memory/review-count": count + 1,
                }
            ]

        report = self.ctx.update(build, why="review")
        return self.ctx.record(report.db_after, eid, "memory")

    def store_strengths(self, at: When = None) -> int:
        """Write `:memory/current-strength` where it differs from the rule; return of how many.

        Nothing needs it: for programs that read the attribute.
        """
        from datamem.memory.reflection.strength import materialise_tx

        us = self.ctx.now_us() if at is None else at
        forms = list(materialise_tx(self.ctx.view(), us))
        if forms:
            self.ctx.transact(forms, why="store strengths")
        return len(forms)

    # Hierarchy

    def tree(self, memory: Any, depth: int | None = None) -> dict[Any, Any]:
        """Return a memory with those below it, as nested dicts; see `hierarchy.tree`."""
        from datamem.memory.reflection.hierarchy import tree

        return tree(self.ctx.view(), memory, depth)

    def ancestors(self, memory: Any) -> list[Record]:
        """Return what a memory was consolidated into, and that again, up to the root."""
        from datamem.memory.reflection.hierarchy import ancestors

        db = self.ctx.view()
        return [self.ctx.record(db, e, "memory") for e in ancestors(db, memory)]

    def roll_up(self, memory: Any, at: When = None) -> RollUp:
        """Return what lies below a memory in figures: how many, from when to when, how strong."""
        from datamem.memory.reflection.hierarchy import roll_up

        return roll_up(self.ctx.view(), memory, self.ctx.now_us() if at is None else at)

    # Consolidation and extraction

    def consolidate(
        self,
        sessions: Iterable[Any] | None = None,
        *,
        summarise: Summariser | None = None,
        themes: bool = True,
        archetypes: bool = False,
        group: Grouping | None = None,
        min_messages: int = 2,
        min_episodes: int = 2,
    ) -> list[Record]:
        """Make episodes of sessions, themes of these, archetypes of these; return those new or changed.

        Args:
            sessions: records, UUIDs or names; None for all that ended and changed since.
            summarise: from texts to a text, perhaps by a model; None takes the most telling sentences.
            themes: whether to look for themes among the episodes.
            archetypes: whether to look for archetypes among the themes: what lasts, so make them rarely.
            group: which episodes, and themes, belong together; None: those that share their telling words.
            min_messages, min_episodes: smaller sessions, and groups of episodes or themes, wait.

        Doing it again, or after a crash, adds nothing twice.
        """
        from datamem.memory.reflection.consolidate import (
            consolidate_memories,
            consolidate_sessions,
        )
        from datamem.memory.reflection.hierarchy import EPISODE, THEME
        from datamem.memory.reflection.summarise import extractive

        by = summarise or extractive
        found = consolidate_sessions(
            self.ctx, sessions, summarise=by, min_messages=min_messages
        )
        for level, is_wanted in ((EPISODE, themes), (THEME, archetypes)):
            if is_wanted:
                found += consolidate_memories(
                    self.ctx, level, summarise=by, group=group, min_members=min_episodes
                )
        db = self.ctx.view()
        return [self.ctx.record(db, e, "memory") for e in found]

    def extract(
        self, extractor: Extractor | None = None, *, by: str = "rules", limit: int | None = None
    ) -> int:
        """Read what was written and not yet read, for entities, relations and facts.

        Args:
            extractor: from passages to extractions, perhaps by a model; None reads by built-in rules.
            by: name of the extractor: each reads everything once.
            limit: passages at most; None for all that wait.

        Returns:
            how many passages were read. Stopped anywhere, the next call continues.
        """
        from datamem.memory.reflection.extract import extract

        return extract(self.ctx, extractor, by=by, limit=limit)

    def embed(self, embedder: Any = None, *, limit: int | None = None) -> int:
        """Give vectors to messages and memories that have none; return how many were looked at.

        Args:
            embedder: None for the one that the memory was opened with.
            limit: no more than this many now.

        Raises:
            DatamemError: `memory/no-embedder`, `memory/bad-embedder`.
        """
        from datamem.memory.memories.backlog import embed_waiting

        return embed_waiting(self.ctx, embedder, limit=limit)

    def to_extract(self, by: str = "rules") -> Sequence[int]:
        """Return the messages and memories that an extractor has not read, by entity id."""
        from datamem.memory.reflection.extract import waiting

        found: list[int] = waiting(self.ctx.view(), by).tolist()
        return found

    def _instant(self, as_of: int | datetime | None) -> int:
        from datamem.memory.reflection.strength import instant_us

        if as_of is None:
            return self.ctx.now_us()
        return instant_us(
            self.ctx.conn.db.as_of(as_of), None if isinstance(as_of, int) else as_of
        )


def _record(ctx: Context, found: Recall, keep: int | None = None) -> Record:
    from datamem.memory.recall.kept import KEPT, recall_tx

    forms = recall_tx(
        found, new_id(), ctx.owners("recall"), KEPT if keep is None else max(0, keep)
    )
    report = ctx.transact(forms, why="recall")
    return ctx.record(report.db_after, report.tempids["recall"], "recall", is_new=True)
