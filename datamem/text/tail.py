"""The tail: texts that the engine does not hold yet, in a small inverted index of Python dicts.

Committing to the engine costs some 10 to 80 ms, so new texts wait here until there are enough of them, and a
search asks both. Only the owner appends, under its lock; a reader holds a count and looks at no text beyond it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from datamem.index.kernels import BoolArray, Int64Array
from datamem.text.analysis import MAX_TOKEN_BYTES
from datamem.text.bm25 import Float64Array, rounded_length, score
from datamem.text.fuzzy import within_distance
from datamem.text.phrases import count_phrases
from datamem.text.syntax import Bool, Boost, Fuzzy, Node, Phrase, Prefix, Term

EXPANSION_SCORE: Final = 1.0
"""What a text scores for a token that a prefix or a fuzzy word stands for, as in the engine."""


class Weights(Protocol):
    """Statistics of all texts, of the tail and of the engine."""

    @property
    def average_length(self) -> float:
        """Tokens of a text, on average."""

    def weight(self, tokens: Sequence[str]) -> float:
        """Return `bm25.weight_of` tokens."""


class _Postings:
    """Where a token occurs: texts by number, ascending, and its positions in each."""

    __slots__ = ("positions", "texts")

    def __init__(self) -> None:
        self.texts: list[int] = []
        self.positions: list[list[int]] = []


class Tail:
    """Texts by number, with their codes."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.lengths: list[int] = []
        self.token_count = 0
        self._postings: dict[str, _Postings] = {}

    def __len__(self) -> int:
        return len(self.codes)

    def add(self, code: int, tokens: Sequence[str]) -> None:
        """Append a text. Cost: some 0.3 µs a token."""
        number = len(self.codes)
        postings = self._postings
        count = 0
        for position, token in enumerate(tokens):
            if len(token) * 4 > MAX_TOKEN_BYTES and len(token.encode()) > MAX_TOKEN_BYTES:
                continue
            count += 1
            found = postings.get(token)
            if found is None:
                found = postings[token] = _Postings()
            if found.texts and found.texts[-1] == number:
                found.positions[-1].append(position)
            else:
                found.texts.append(number)
                found.positions.append([position])
        self.lengths.append(rounded_length(count))
        self.token_count += count
        self.codes.append(code)

    def doc_freq(self, token: str) -> int:
        """Return how many texts have a token."""
        found = self._postings.get(token)
        return 0 if found is None else len(found.texts)

    def search(
        self, node: Node, count: int, weights: Weights
    ) -> tuple[Int64Array, Float64Array]:
        """Return the codes and scores of the first `count` texts that satisfy a query."""
        if not count:
            return np.empty(0, np.int64), np.empty(0, np.float64)
        reader = _Reader(self._postings, self.lengths[:count], weights)
        matches, scores = reader.read(node)
        numbers = np.flatnonzero(matches)
        codes = np.array(self.codes[:count], np.int64)
        return codes[numbers], scores[numbers]


Found = tuple[BoolArray, Float64Array]
"""For each text whether it matches, and its score, 0 where it does not."""


class _Reader:
    """One query on the first texts of a tail."""

    def __init__(
        self, postings: dict[str, _Postings], lengths: list[int], weights: Weights
    ) -> None:
        self._postings = postings
        self._lengths = np.array(lengths, np.float64)
        self._weights = weights

    def read(self, node: Node) -> Found:
        match node:
            case Term(token):
                return self._term(token)
            case Phrase(tokens):
                return self._phrase(tokens)
            case Prefix(start, stem):
                same = (token for token in self._tokens() if token.startswith(start))
                return self._expanded(same, stem)
            case Fuzzy(token, distance, near):
                found = (
                    t
                    for t in self._tokens()
                    if t in near or within_distance(t, token, distance)
                )
                return self._expanded(found, token)
            case Boost(part, factor):
                matches, scores = self.read(part)
                return matches, scores * factor
            case Bool():
                return self._bool(node)

    def _tokens(self) -> list[str]:
        return list(self._postings)

    def _nothing(self) -> Found:
        size = len(self._lengths)
        return np.zeros(size, np.bool_), np.zeros(size, np.float64)

    def _texts(self, token: str) -> npt.NDArray[np.int64]:
        found = self._postings.get(token)
        if found is None:
            return np.empty(0, np.int64)
        texts = np.array(found.texts, np.int64)
        return texts[: int(np.searchsorted(texts, len(self._lengths)))]

    def _term(self, token: str) -> Found:
        texts = self._texts(token)
        if not len(texts):
            return self._nothing()
        positions = self._postings[token].positions
        tf = np.array([len(positions[i]) for i in range(len(texts))], np.float64)
        return self._scored(texts, tf, self._weights.weight([token]))

    def _scored(self, texts: Int64Array, tf: Float64Array, weight: float) -> Found:
        matches, scores = self._nothing()
        matches[texts] = True
        average = self._weights.average_length
        scores[texts] = score(tf, self._lengths[texts], average, weight)
        return matches, scores

    def _phrase(self, tokens: tuple[str, ...]) -> Found:
        common: set[int] | None = None
        for token in set(tokens):
            having = set(self._texts(token).tolist())
            common = having if common is None else common & having
        counted = {n: self._phrase_count(tokens, n) for n in sorted(common or ())}
        texts = np.array([n for n, count in counted.items() if count], np.int64)
        tf = np.array([count for count in counted.values() if count], np.float64)
        return self._scored(texts, tf, self._weights.weight(tokens))

    def _phrase_count(self, tokens: tuple[str, ...], number: int) -> int:
        positions = []
        for token in tokens:
            found = self._postings[token]
            positions.append(found.positions[bisect_left(found.texts, number)])
        return count_phrases(positions)

    def _expanded(self, tokens: Iterator[str], exact: str) -> Found:
        """Return the texts with any of the tokens; those with the exact one score for it as well."""
        matches, scores = self._term(exact)
        expanded = np.zeros(len(matches), np.bool_)
        for token in tokens:
            expanded[self._texts(token)] = True
        return matches | expanded, scores + expanded * EXPANSION_SCORE

    def _bool(self, node: Bool) -> Found:
        matches, scores = self._nothing()
        for part in node.should:
            found, part_scores = self.read(part)
            matches |= found
            scores = scores + part_scores
        for i, part in enumerate(node.must):
            found, part_scores = self.read(part)
            matches = found if i == 0 else matches & found
            scores = scores + part_scores
        for part in node.must_not:
            matches = matches & ~self.read(part)[0]
        return matches, np.where(matches, scores, 0.0)
