"""The model that text search is held to: every text looked at, BM25 by its formula."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from datamem.text.fuzzy import within_distance
from datamem.text.syntax import Bool, Boost, Fuzzy, Node, Phrase, Prefix, Term

K1, B = 1.2, 0.75


class ExactModel:
    """BM25 over a list of token lists, a text at a time.

    Lengths are exact: texts of tests have at most 40 tokens, where the engine does not round.
    """

    def __init__(self, texts: Mapping[int, Sequence[str]]) -> None:
        self.texts = {key: list(tokens) for key, tokens in texts.items()}
        total = sum(map(len, self.texts.values()))
        self.average = total / max(len(self.texts), 1)

    def search(self, node: Node) -> dict[int, float]:
        """Return the score of each text that satisfies a query."""
        found = {}
        for key, tokens in self.texts.items():
            score = self._score(node, tokens)
            if score is not None:
                found[key] = score
        return found

    def _score(self, node: Node, tokens: list[str]) -> float | None:
        match node:
            case Term(token):
                return self._bm25([token], tokens.count(token), len(tokens))
            case Phrase(words):
                return self._bm25(words, phrase_count(words, tokens), len(tokens))
            case Prefix(start, stem):
                return self._expanded(any(t.startswith(start) for t in tokens), stem, tokens)
            case Fuzzy(word, distance, near):
                is_near = any(t in near or within_distance(t, word, distance) for t in tokens)
                return self._expanded(is_near, word, tokens)
            case Boost(part, factor):
                score = self._score(part, tokens)
                return None if score is None else score * factor
            case Bool():
                return self._bool(node, tokens)

    def _expanded(self, near: bool, exact: str, tokens: list[str]) -> float | None:
        score = self._bm25([exact], tokens.count(exact), len(tokens))
        if near:
            return 1.0 + (score or 0.0)
        return score

    def _bool(self, node: Bool, tokens: list[str]) -> float | None:
        must = [self._score(part, tokens) for part in node.must]
        should = [self._score(part, tokens) for part in node.should]
        scores = [score for score in (*must, *should) if score is not None]
        if any(self._score(part, tokens) is not None for part in node.must_not):
            return None
        if None in must or not scores:
            return None
        return sum(scores)

    def _bm25(self, words: Sequence[str], tf: int, length: int) -> float | None:
        if not tf:
            return None
        n = len(self.texts)
        weight = 0.0
        for word in words:
            df = sum(word in tokens for tokens in self.texts.values())
            weight += math.log(1 + (n - df + 0.5) / (df + 0.5))
        return weight * (K1 + 1) * tf / (tf + K1 * (1 - B + B * length / self.average))


def phrase_count(words: Sequence[str], tokens: list[str]) -> int:
    """Count the places where words stand one after another."""
    size = len(words)
    return sum(tokens[i : i + size] == list(words) for i in range(len(tokens)))


def words_of(text: str) -> list[str]:
    """Return the tokens of plain lower-case texts, without the engine's tokenizer."""
    return re.findall(r"[a-z0-9]+", text)
