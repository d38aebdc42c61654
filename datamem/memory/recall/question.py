"""A question, read once: its words, whom and what it names, the times it means, its vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datamem.memory.memories.embeddings import embed, find_vectors, model_name
from datamem.memory.recall.dates import Span, date_spans
from datamem.memory.recall.names import Named, named_in
from datamem.memory.reflection.terms import content_words, words_of

if TYPE_CHECKING:
    from datamem.db.database import Db


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for.

    Attributes:
        text: as it was asked.
        terms: its content words, distinct, without names of people; all words if that leaves none.
        named: the people and things whose names stand in it.
        spans: the times that it names.
        attribute: the attribute whose vectors are compared; None without vectors.
        vector: float32[d], or None.
    """

    text: str
    terms: tuple[str, ...]
    named: Named
    spans: tuple[Span, ...]
    attribute: str | None = None
    vector: Any = None


def read_question(
    db: Db, text: str, *, now_us: int, embedder: Any = None, vector: Any = None
) -> Question:
    """Return a question read against a database value.

    Args:
        now_us: the instant that "yesterday" is seen from.
        embedder: embeds the text, if its vectors are in the database.
        vector: the text's embedding where the caller has it: the embedder is not called.
    """
    named = named_in(db, text)
    terms = [word for word in content_words(text) if word not in named.words]
    found = None if embedder is None else find_vectors(db, model_name(embedder))
    if found is None and vector is not None:
        found = find_vectors(db, None)
    if found is not None and vector is None:
        vector = embed(embedder, [text])[0]
    return Question(
        text,
        tuple(dict.fromkeys(terms or words_of(text))),
        named,
        tuple(date_spans(text, now_us)),
        None if found is None or vector is None else found.attribute,
        vector,
    )
