"""How frequent tokens are in all parts of an index together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from datamem.text.bm25 import weight_of
from datamem.text.engine import EngineSearcher
from datamem.text.tail import Tail


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the texts, as one search sees them.

    Attributes:
        searcher: those that the engine holds, if any.
        tail: the newer ones, of which the first `tail_count` count.
        upto: the part's codes from this one on are of another branch; None: all are ours.
    """

    searcher: EngineSearcher | None
    tail: Tail
    tail_count: int
    upto: int | None = None

    @property
    def text_count(self) -> int:
        """How many texts there are."""
        held = 0 if self.searcher is None else self.searcher.text_count
        return held + self.tail_count


class Statistics:
    """Token frequencies over parts; the same for every view, since texts that ended count as well.

    Attributes:
        text_count: of all parts.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._doc_freqs: dict[str, int] = {}
        self.text_count = sum(part.text_count for part in parts)

    def weight(self, tokens: Sequence[str]) -> float:
        """Return `bm25.weight_of` tokens among all texts."""
        return weight_of((self._doc_freq(token) for token in tokens), self.text_count)

    def _doc_freq(self, token: str) -> int:
        found = self._doc_freqs.get(token)
        if found is None:
            found = sum(part.tail.doc_freq(token) for part in self._parts)
            for part in self._parts:
                found += 0 if part.searcher is None else part.searcher.doc_freq(token)
            self._doc_freqs[token] = found
        return found

    @cached_property
    def average_length(self) -> float:
        """The engine's, where it holds anything; else that of the tails. Only tails ask: it takes a look at every term."""
        for part in self._parts:
            if part.searcher is not None and part.searcher.text_count:
                return part.searcher.average_length()
        tails = [part.tail for part in self._parts]
        return sum(t.token_count for t in tails) / max(sum(map(len, tails)), 1)
