"""`wordllama`: a static embedding of tokens, averaged; meaning at 15,000 texts a second, offline.

Weights and tokenizer are read from the files of the wordllama package, whose own loader looks for them on the
network. 256 dimensions, MIT; the weights derive from token embeddings of Llama 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from datamem.search.embedders.packages import check_weights, import_package, package_path
from datamem.search.embedders.protocol import Matrix, unit_rows

_INSTALL: Final = 'pip install "datamem[wordllama]"'
_SHA256: Final = "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"
_BATCH: Final = 512


class WordLlama:
    """Embeds texts by the mean of their tokens' vectors.

    Attributes:
        name: "wordllama".
        dimensions: 256.
    """

    name = "wordllama"
    dimensions = 256

    def __init__(self) -> None:
        safetensors = import_package("safetensors.numpy", self.name, _INSTALL)
        tokenizers = import_package("tokenizers", self.name, _INSTALL)
        path = package_path("wordllama", self.name, _INSTALL)
        weights = path / "weights" / "l2_supercat_256.safetensors"
        check_weights(weights, _SHA256, self.name)
        self._table: Matrix = next(iter(safetensors.load_file(weights).values())).astype(
            np.float32
        )
        config = path / "tokenizers" / "l2_supercat_tokenizer_config.json"
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(config))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of texts, float32[n, 256], of length 1."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), _BATCH):
            self._fill(vectors[start : start + _BATCH], list(texts[start : start + _BATCH]))
        return unit_rows(vectors)

    def _fill(self, vectors: Matrix, texts: list[str]) -> None:
        """Write the sums of the tokens' vectors of each text."""
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ids = [one.ids for one in encoded]
        counts = np.array([len(one) for one in ids])
        filled = np.flatnonzero(counts)
        if not len(filled):
            return
        flat = np.fromiter((i for one in ids for i in one), np.int64, int(counts.sum()))
        starts = np.concatenate(([0], np.cumsum(counts[filled])[:-1]))
        table = self._table
        tokens = table[np.minimum(flat, len(table) - 1)]
        vectors[filled] = np.add.reduceat(tokens, starts, axis=0)
