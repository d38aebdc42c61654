"""`hash`: vectors of hashed words and letter trigrams; needs nothing, knows spelling but no meaning.

After the hashing trick (Weinberger et al., 2009) with the subwords of fastText (Bojanowski et al., 2017): texts
that share words, or words that share most letters, are near each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np

from datamem.search.embedders.protocol import Matrix, unit_rows

_WORD: Final = re.compile(r"\w+")
_SHORT: Final = 3
_SHORT_WEIGHT: Final = 0.3
"""What words of at most three letters count: most of them say little."""

_TRIGRAM_WEIGHT: Final = 0.7
_MOST_WORDS: Final = 100_000


class HashEmbedder:
    """Embeds texts by their words and their words' trigrams. Cost: some 1 µs a word.

    Attributes:
        name: "hash-<dimensions>".
        dimensions: of its vectors.
    """

    def __init__(self, dimensions: int = 256) -> None:
        self.dimensions = dimensions
        self.name = f"hash-{dimensions}"
        self._words: dict[str, Matrix] = {}

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of texts, float32[n, dimensions], of length 1."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for i, text in enumerate(texts):
            for word in _WORD.findall(text.lower()):
                vectors[i] += self._vector(word)
        return unit_rows(vectors)

    def _vector(self, word: str) -> Matrix:
        found = self._words.get(word)
        if found is None:
            if len(self._words) >= _MOST_WORDS:
                self._words = {}
            found = self._words[word] = self._made(word)
        return found

    def _made(self, word: str) -> Matrix:
        vector = np.zeros(self.dimensions, np.float32)
        marked = f"<{word}>"
        trigrams = [marked[i : i + 3] for i in range(len(marked) - 2)]
        features = [(marked, 1.0)]
        features += [(gram, _TRIGRAM_WEIGHT / len(trigrams) ** 0.5) for gram in trigrams]
        for feature, weight in features:
            code = crc32(feature.encode("utf-8", "surrogatepass"))
            vector[(code >> 1) % self.dimensions] += weight if code & 1 else -weight
        return vector * np.float32(_SHORT_WEIGHT if len(word) <= _SHORT else 1.0)
