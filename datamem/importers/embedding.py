"""Vectors for texts that have none: after an import, or with a new model; a batch a transaction.

What has a vector is passed over, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.importers.batch import Progress
from datamem.memory.memories.embeddings import vectors_of
from datamem.schema.embedding import embedded_attributes
from datamem.schema.types import ValueType
from datamem.search.embedders import embed, model_name

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.index.kernels import Int64Array

BATCH_TEXTS: Final = 256
USUAL: Final = (":message/content", ":memory/content")
"""Attributes whose texts are embedded where nobody names any and the schema says nothing."""


@dataclass(slots=True)
class EmbedReport:
    """What became of the texts without vectors.

    Attributes:
        model: what the embedder calls itself.
        text_count: how many got one.
        targets: the vector attributes that they went to.
    """

    model: str
    text_count: int = 0
    targets: tuple[str, ...] = ()


def embed_missing(
    conn: Connection,
    embedder: Any,
    attributes: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
) -> EmbedReport:
    """Give a vector to every text that has none.

    Args:
        conn: to a database whose schema has the text attributes.
        embedder: from n texts to float32[n, d].
        attributes: of the texts; None: those with `:db/embed`, else those of messages and memories.
            The vectors go where `:db/embed` says, or to an attribute of the model.
        progress: told after each batch.

    Raises:
        DatamemError: `embed/…`, `schema/unknown-attribute`, `memory/wrong-dimensions`; the batches
            before are committed.
    """
    report = EmbedReport(model_name(embedder))
    pairs = _targets(conn, embedder, attributes)
    report.targets = tuple(dict.fromkeys(target for _, target in pairs))
    todo = [(source, target, _without(conn, source, target)) for source, target in pairs]
    total = sum(len(es) for _, _, es in todo)
    for source, target, es in todo:
        for start in range(0, len(es), BATCH_TEXTS):
            part = es[start : start + BATCH_TEXTS]
            _embed(conn, embedder, source, target, part)
            report.text_count += len(part)
            if progress is not None:
                progress(report.text_count, total)
    return report


def _targets(
    conn: Connection, embedder: Any, attributes: Sequence[str] | None
) -> list[tuple[str, str]]:
    """Return (text attribute, vector attribute) of everything to embed."""
    schema = conn.db.schema
    declared = {a.ident: spec.target for a, spec in embedded_attributes(schema).values()}
    if attributes is None:
        names = [str(name) for name in declared] or [name for name in USUAL if name in schema]
    else:
        names = [str(schema.require(name).ident) for name in attributes]
    model = model_name(embedder)
    pairs = []
    for name in names:
        target = declared.get(schema.require(name).ident)
        if target is None:
            size = getattr(embedder, "dimensions", None) or embed(embedder, ["size"]).shape[1]
            target = vectors_of(conn, model, size).attribute
        pairs.append((name, target))
    return pairs


def _without(conn: Connection, source: str, target: str) -> Int64Array:
    """Return the entities that have a text and no vector, ascending."""
    db = conn.db
    texts = db.rows(a=db.schema.require(source).id).e
    vectors = db.rows(a=db.schema.require(target).id).e
    return np.setdiff1d(texts, vectors)


def _embed(
    conn: Connection, embedder: Any, source: str, target: str, entities: Int64Array
) -> None:
    db = conn.db
    vector = db.schema.require(target).vector
    rows = db.lookup_many(db.schema.require(source).id, entities)
    texts = db.decode(ValueType.STRING, rows.v)
    vectors = embed(embedder, texts, None if vector is None else vector.dimensions)
    conn.transact(
        [{":db/id": e, target: one} for e, one in zip(rows.e.tolist(), vectors, strict=True)]
    )
