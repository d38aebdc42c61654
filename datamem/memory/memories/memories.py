"""The verbs of memories: add, read, revise, tag, relate, contradict, supersede, forget and restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from datamem.memory.memories import links, lives, revising, truth
from datamem.memory.memories.adding import Item, add_items, item_of, items_of
from datamem.memory.memories.backlog import add_vector
from datamem.memory.memories.embeddings import Vectors, embed, model_name, vectors_of
from datamem.memory.memories.listing import list_memories
from datamem.memory.records.context import Context, keyword, keywords
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    import builtins

    from datamem.db import Db
    from datamem.memory.memories.revising import Version

When = datetime | timedelta | None


class Memories:
    """What may be done with memories; a part of `Memory`.

    Attributes:
        ctx: connection and scope, for the modules of `datamem.memory`.
    """

    ctx: Context

    # Adding

    def add(
        self,
        content: str | None = None,
        *,
        why: str | None = None,
        dedupe: bool = True,
        similar: float | None = None,
        model: str | None = None,
        **options: Any,
    ) -> Record:
        """Add a memory, unless it is known already; return it (`is_new` tells).

        Args:
            content: what to remember.
            why: the reason, kept on the transaction.
            dedupe: return the memory that says the same, if the same user, agent and type have one.
            similar: return also one whose embedding has at least this cosine with the new one's.
            model: name of the model that `embedding` is of; None: one of 1536 dimensions.
            **options: `type` (default "fact"), `user`, `agent`, `session`, `project`, `tags`, `contexts`,
                `importance` (0.0 to 1.0), `priority` (1 to 10), `level` (0 to 3), `summary`, `metadata`
                and `data` (JSON), `valid_from`, `valid_to`, `expires_at` (instants, or a timedelta from
                now), `source_messages`, `source_memories`, `parent`, `embedding` (a vector), `id`,
                `scope`, `tier`, `app`, `score`, `created_at`, `decay_rate`, `initial_strength`.

        Raises:
            DatamemError: `memory/bad-option`, `memory/no-content`, `memory/unknown` for an owner that does
                not exist, `memory/exists` for an id that does; TransactError for values out of range.
        """
        item = item_of({"content": content, **options})
        return self._add([item], why=why, dedupe=dedupe, similar=similar, model=model)[0]

    def add_many(
        self,
        items: Iterable[str | Mapping[str, Any]],
        *,
        why: str | None = None,
        dedupe: bool = True,
        similar: float | None = None,
        model: str | None = None,
        **shared: Any,
    ) -> list[Record]:
        """Add memories in one transaction: texts, or mappings of `add`'s options.

        Args:
            **shared: options that every item has unless it says otherwise.
        """
        several = items_of(items, shared)
        if not several:
            return []
        return self._add(several, why=why, dedupe=dedupe, similar=similar, model=model)

    def _add(
        self,
        items: Sequence[Item],
        *,
        why: str | None,
        dedupe: bool,
        similar: float | None,
        model: str | None,
    ) -> list[Record]:
        vectors = self._vectors(items, model)
        return add_items(
            self.ctx, items, why=why, dedupe=dedupe, similar=similar, vectors=vectors
        )

    def _vectors(self, items: Sequence[Item], model: str | None) -> Vectors | None:
        """Give the items their vectors: those that they bring, else the embedder's."""
        for item in items:
            item.vector = item.options.get("embedding")
        embedder = self.ctx.embedder
        if all(item.vector is None for item in items):
            if embedder is None:
                return None
            for item, vector in zip(
                items, embed(embedder, [item.content for item in items]), strict=True
            ):
                item.vector = vector if vector.any() else None
            model = model_name(embedder)
        length = next((len(item.vector) for item in items if item.vector is not None), None)
        return None if length is None else vectors_of(self.ctx.conn, model, length)

    # Reading

    def get(self, ref: Any, *, db: Db | None = None) -> Record | None:
        """Return a memory, or None if it does not exist or is not remembered any more.

        Args:
            db: a view to read it from, such as `view(include_forgotten=True)`.
        """
        return lives.get_memory(self.ctx, ref, db)

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as the attribute is called
        user: Any = None,
        agent: Any = None,
        session: Any = None,
        project: Any = None,
        tags: Iterable[str] | str = (),
        level: int | None = None,
        since: datetime | timedelta | None = None,
        limit: int | None = None,
        db: Db | None = None,
    ) -> builtins.list[Record]:
        """Return memories that have all of these, newest first.

        Args:
            tags: every one of them.
            since: created at or after this instant; a timedelta counts back from now.
            limit: at most so many.
            db: a view to read from; None: what is remembered now.
        """
        wanted = {
            ":memory/type": None if type is None else keyword(type),
            ":memory/user": ("user", user),
            ":memory/agent": ("agent", agent),
            ":memory/session": ("session", session),
            ":memory/project": ("project", project),
            ":memory/level": level,
        }
        return list_memories(
            self.ctx, wanted, tags=keywords(tags), since=since, limit=limit, db=db
        )

    def history(self, ref: Any) -> builtins.list[Version]:
        """Return the versions of a memory, oldest first: what changed, when, by whom and why."""
        return revising.versions(self.ctx, ref)

    # Changing

    def revise(
        self, ref: Any, content: str | None = None, *, why: str | None = None, **options: Any
    ) -> Record:
        """Change what a memory says; what it said stays in its history, with the reason.

        Args:
            content: the new text; None keeps the old one.
            **options: as `add`; None takes a value away.
        """
        return revising.revise(self.ctx, ref, content, options, why=why)

    def tag(self, ref: Any, *tags: str) -> Record:
        """Add tags to a memory; one that it has is no change."""
        return revising.tag(self.ctx, ref, keywords(tags))

    def untag(self, ref: Any, *tags: str) -> Record:
        """Take tags from a memory; one that it lacks is no change."""
        return revising.untag(self.ctx, ref, keywords(tags))

    def add_embedding(
        self,
        ref: Any,
        vector: Any,
        *,
        model: str | None = None,
        replace: bool = False,
        why: str | None = None,
    ) -> Record:
        """Give a memory its embedding by a model, of which it has one at most.

        Args:
            vector: as many numbers as the model's embeddings have.
            model: its name; None: one of 1536 dimensions.
            replace: put it in the place of another one by the same model, which stays in the history.

        Raises:
            DatamemError: `memory/embedded` where there is another one already and `replace` is False,
                `memory/wrong-dimensions`, `memory/unknown`.
        """
        return add_vector(self.ctx, ref, vector, model, replace=replace, why=why)

    # Relations

    def relate(
        self,
        source: Any,
        target: Any,
        type: str = "references",  # noqa: A002 - as the attribute is called
        *,
        metadata: Mapping[str, Any] | None = None,
        why: str | None = None,
    ) -> Record:
        """Say what one memory is to another; return the relationship.

        Raises:
            DatamemError: `memory/related` if it is said already.
        """
        return links.relate(self.ctx, source, target, keyword(type), metadata, why=why)

    def unrelate(self, source: Any, target: Any, type: str = "references") -> bool:  # noqa: A002
        """Take a relationship back; return whether there was one."""
        return links.unrelate(self.ctx, source, target, keyword(type))

    def related(
        self,
        ref: Any,
        type: str | None = None,  # noqa: A002 - as the attribute is called
        *,
        direction: str = "both",
        db: Db | None = None,
    ) -> builtins.list[Record]:
        """Return the relationships of a memory: records with `source`, `target`, `type`, `metadata`.

        Args:
            direction: "out" where it is the source, "in" where it is the target, or "both".
            db: a view to read from; None: all there is, also with what is no longer true.
        """
        return links.related(self.ctx, ref, type and keyword(type), direction, db)

    # Truth

    def supersede(
        self,
        old: Any,
        new: Any,
        *,
        at: datetime | timedelta | None = None,
        why: str | None = None,
        **options: Any,
    ) -> Record:
        """Say that something took the place of a memory: the old one was true until then, the new one since.

        Args:
            new: another memory (not by name), or the text of one to add, with `add`'s options; what they
                do not say, owners, type, tags, contexts and importance, is as it was.
            at: when the change came to be; None: now.

        Returns:
            the new memory, which has a relationship `:supersedes` to the old one.
        """
        return truth.supersede(self.ctx, old, new, options, at=at, why=why)

    def contradict(
        self, ref: Any, other: Any, *, metadata: Any = None, why: str | None = None
    ) -> Record:
        """Note that two memories cannot both be true; neither is changed. `supersede` decides."""
        return links.relate(self.ctx, ref, other, ":contradicts", metadata, why=why)

    def contradictions(self) -> builtins.list[Record]:
        """Return the contradictions between memories that are both still held to be true."""
        return truth.contradictions(self.ctx)

    # Life

    def forget(self, ref: Any, *, why: str | None = None) -> None:
        """Forget a memory softly: it is not shown any more, and `restore` brings it back."""
        lives.forget(self.ctx, ref, why=why)

    def restore(self, ref: Any, *, why: str | None = None) -> Record:
        """Bring back what was forgotten, has expired, or was deleted softly."""
        return lives.restore(self.ctx, ref, why=why)

    def expire(self, ref: Any, at: When = None, *, why: str | None = None) -> Record:
        """Set when a memory expires: an instant, or a timedelta from now; None: now."""
        return lives.expire(self.ctx, ref, at, why=why)

    def delete(self, ref: Any, *, why: str | None = None) -> None:
        """Retract a memory with its relationships; only the history of the database still has it."""
        lives.delete(self.ctx, "memory", ref, why=why)
