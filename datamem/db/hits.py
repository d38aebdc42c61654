"""`Hits`: what a search found, as columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from datamem.index.kernels import Int64Array


class Hits(NamedTuple):
    """Datoms that a search found, best first.

    Attributes:
        e: int64[n], the entities.
        v: int64[n], the words of the values that matched.
        tx: int64[n], the transactions that asserted them.
        score: float64[n], larger is better; never NaN.
    """

    e: Int64Array
    v: Int64Array
    tx: Int64Array
    score: npt.NDArray[np.float64]

    def top(self, k: int) -> Hits:
        """Return the first `k`."""
        return Hits(self.e[:k], self.v[:k], self.tx[:k], self.score[:k])


def no_hits() -> Hits:
    """Return the answer of a search that found nothing."""
    nothing = np.empty(0, np.int64)
    return Hits(nothing, nothing, nothing, np.empty(0, np.float64))
