"""BM25 as the engine computes it, so that texts it does not hold yet are scored alike.

Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009; lengths are rounded down to one of
256 steps as Lucene and tantivy do: exact to 40 tokens, to an eighth beyond.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from math import log1p
from typing import Final

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

K1: Final = 1.2
B: Final = 0.75


def _length_steps() -> list[int]:
    steps = list(range(24))
    for i in range(256 - 24):
        bits, shift = i & 7, (i >> 3) - 1
        steps.append(24 + (bits if shift < 0 else (bits | 8) << shift))
    return steps


_STEPS: Final = _length_steps()


def rounded_length(token_count: int) -> int:
    """Return the length that a text of so many tokens counts with.

    Example:
        >>> [rounded_length(n) for n in (7, 40, 41, 99)]
        [7, 40, 40, 96]
    """
    return _STEPS[bisect_right(_STEPS, token_count) - 1]


def idf(doc_freq: int, doc_count: int) -> float:
    """Return how much a token that `doc_freq` of `doc_count` texts have says."""
    return log1p((doc_count - doc_freq + 0.5) / (doc_freq + 0.5))


def weight_of(doc_freqs: Iterable[int], doc_count: int) -> float:
    """Return the summed idf of a phrase's tokens, or of one token."""
    return sum(idf(min(freq, doc_count), doc_count) for freq in doc_freqs)


def score(
    tf: Float64Array, lengths: Float64Array, average_length: float, weight: float
) -> Float64Array:
    """Return the scores of texts that have a token `tf` times, float64[n].

    Args:
        tf: occurrences in each text.
        lengths: rounded lengths of the texts.
        average_length: of all texts.
        weight: `weight_of` the token.
    """
    norm = K1 * (1 - B + B * lengths / max(average_length, 1e-9))
    return weight * (K1 + 1) * tf / (tf + norm)
