"""What each signal counts in a recall: defaults, tuned once, and how to change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from datamem.errors import QueryError


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the signals; each signal is between 0 and 1 before it is weighed.

    An item's own score is the weighted sum of the first group. Its neighbours in the conversation then
    share theirs with it, and its session gives it `session` times the session's score. Where there is
    no vector to compare, `vectors` is added to `words`, so that the other weights keep their meaning.

    Attributes:
        words: BM25 of the question's content words, divided by the best.
        vectors: similarity of the embeddings, min-max over the nearest.
        who: said by, or about, somebody whom the question names.
        when: how near it is in time to a date that the question names.
        entities: mentions an entity that the question names, or half of that: one that is related to it.
        strength: beside others of the same kind, at the instant of the recall.
        recency: how late it is among the candidates.
        importance: as it is stored; 0.5 for what has none.
        previous, next, second_previous, second_next: of the scores of the turns before and after.
        kept: of a memory's own score. It was kept because it matters, and has no turns beside it that could say so.
        session: of the score of its session.
        session_words: of the session's BM25, beside the best item's score, in the session's score.
    """

    words: float = 0.6
    vectors: float = 0.4
    who: float = 0.25
    when: float = 0.5
    entities: float = 0.1
    strength: float = 0.02
    recency: float = 0.0
    importance: float = 0.05
    previous: float = 0.25
    next: float = 0.3
    second_previous: float = 0.15
    second_next: float = 0.1
    kept: float = 0.3
    session: float = 0.5
    session_words: float = 0.5

    def changed(self, changes: Mapping[str, float] | Weights | None) -> Weights:
        """Return the weights with some changed by name.

        Raises:
            QueryError: `recall/bad-weight` for a name that is none, or a number below 0.
        """
        if changes is None:
            return self
        if isinstance(changes, Weights):
            return changes
        known = [field.name for field in fields(self)]
        for name, value in changes.items():
            if name not in known or not 0 <= value < float("inf"):
                raise QueryError(
                    f"{name} = {value!r} is no weight",
                    code="recall/bad-weight",
                    hint=f"a number from 0, for one of {', '.join(known)}",
                    name=name,
                    value=value,
                )
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Return the weights by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


DEFAULT: Final = Weights()

OWN: Final = (
    "words",
    "vectors",
    "who",
    "when",
    "entities",
    "strength",
    "recency",
    "importance",
)
"""The signals of an item by itself, in the order of the columns that hold them."""
