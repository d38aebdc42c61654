"""What searches of a store give: rows near a query, with how far that can be trusted."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from datamem.index.kernels import Int64Array
from datamem.vector.metrics import Scores

NO_BOUND: Final = -np.inf
"""The bound where every row is there."""


class Near(NamedTuple):
    """Rows near a query.

    Attributes:
        codes: int64[n], distinct.
        scores: float32[n].
        bound: every row that is not here scores no more, as far as the graphs find them.
    """

    codes: Int64Array
    scores: Scores
    bound: float


class NearRows(NamedTuple):
    """As `Near`, by row number."""

    rows: Int64Array
    scores: Scores
    bound: float


class Found(NamedTuple):
    """Rows that a view sees, in no order; int64[n], but for float32[n] scores."""

    rows: Int64Array
    e: Int64Array
    scores: Scores


FEW: Final = Found(*(np.empty(0, np.int64),) * 2, np.empty(0, np.float32))
"""Says that a view sees too few of the rows that graphs find near."""
