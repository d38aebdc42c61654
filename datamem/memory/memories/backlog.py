"""Embedding what was written without a vector, later and in batches: writing need not wait for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.errors import DatamemError
from datamem.index.kernels import Int64Array
from datamem.memory.memories.embeddings import embed, find_vectors, model_name, vectors_of
from datamem.memory.records.columns import words_by_entity
from datamem.memory.records.kinds import get

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.memory.records.context import Context, Forms
    from datamem.memory.records.record import Record

_BATCH = 256


def add_vector(
    context: Context,
    ref: Any,
    vector: Any,
    model: str | None,
    *,
    replace: bool,
    why: str | None,
) -> Record:
    """Give a memory its vector by a model; the same one again is no change.

    Raises:
        DatamemError: `memory/embedded` where it has another by that model and `replace` is False,
            `memory/wrong-dimensions`, `memory/unknown`.
    """
    wanted = np.asarray(vector, np.float32)
    attribute = vectors_of(context.conn, model, len(wanted)).attribute

    def build(db: Db) -> Forms:
        eid = get(db, "memory", ref)
        found = db.schema.require(attribute)
        known = db.decode(found.value_type, db.words(eid, found.id))
        if known and not replace and not np.array_equal(np.asarray(known[0]), wanted):
            raise DatamemError(
                f"the memory has an embedding by {model or 'a model without name'} already",
                code="memory/embedded",
                hint="replace=True puts the new one in its place; the old one stays in the history",
                memory=eid,
                model=model,
            )
        return [[":db/add", eid, attribute, wanted]]

    report = context.update(build, why=why)
    db = context.within(report.db_after)
    return context.record(db, get(db, "memory", ref), "memory")


def to_embed(db: Db, model: str) -> Int64Array:
    """Return the messages and memories with content and no vector of a model, ascending."""
    every = [words_by_entity(db, n).e for n in (":message/content", ":memory/content")]
    vectors = find_vectors(db, model)
    done = (
        np.empty(0, np.int64) if vectors is None else words_by_entity(db, vectors.attribute).e
    )
    return np.setdiff1d(np.concatenate(every), done)


def texts_to_embed(db: Db, es: Int64Array) -> list[str]:
    """Return what is embedded of each: its content, and the captions of what it shows."""
    parts: dict[int, list[str]] = {e: [] for e in es.tolist()}
    for name in (":message/content", ":memory/content", ":message/caption"):
        words = words_by_entity(db, name, es)
        for e, text in zip(words.e.tolist(), words.values(db), strict=True):
            parts[e].append(text)
    return [" ".join(of) for of in parts.values()]


def embed_waiting(
    context: Context, embedder: Any = None, *, limit: int | None = None, batch: int = _BATCH
) -> int:
    """Give vectors to what has none, a transaction a batch; return how many.

    Args:
        embedder: None for the one that the memory was opened with.
        limit: no more than this many.

    Raises:
        DatamemError: `memory/no-embedder`, `memory/bad-embedder`. Batches before are done.
    """
    by = context.embedder if embedder is None else embedder
    if by is None:
        raise DatamemError(
            "nothing was said to embed with",
            code="memory/no-embedder",
            hint="give an embedder here, or to Memory(conn, embedder=…)",
        )
    queue = to_embed(context.view(), model_name(by))[:limit]
    for start in range(0, len(queue), batch):
        es = queue[start : start + batch]
        vectors = embed(by, texts_to_embed(context.view(), es))
        attribute = vectors_of(context.conn, model_name(by), vectors.shape[1]).attribute
        context.transact(
            [
                [":db/add", e, attribute, vector]
                for e, vector in zip(es.tolist(), vectors, strict=True)
                if vector.any()
            ],
            why="embed",
        )
    return len(queue)
