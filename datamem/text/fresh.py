"""Which texts are new: values that an attribute was ever given since some transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datamem.index.kernels import Int64Array
from datamem.index.orders import COLUMN_OF, Order
from datamem.index.sets import ascending

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.index.run import Run

_V = COLUMN_OF[Order.AEVT]["v"]
_TX = COLUMN_OF[Order.AEVT]["tx"]


def asserted_words(db: Db, a: int, after: int, upto: int) -> Int64Array:
    """Return the words asserted of an attribute by transactions after < tx <= upto, ascending.

    Those that ended since are among them, whatever the view.

    Cost: two lookups a level without such rows; the attribute's rows in the others.
    """
    found: list[Int64Array] = []
    for level in db.index.levels:
        runs = (level.live[Order.AEVT], level.ended[Order.AEVT])
        found += [_words_of_run(run, a, after, upto) for run in runs if run.max_tx > after]
    for layer in db.index.layers:
        novelty = layer.novelty
        rows = novelty.rows(layer.row_count, None, a, None)
        tx = novelty.tx[rows]
        found.append(novelty.v[rows[(tx > after) & (tx <= upto)]])
    return ascending(np.concatenate(found)) if found else np.empty(0, np.int64)


def _words_of_run(run: Run, a: int, after: int, upto: int) -> Int64Array:
    start, stop = run.range((a,))
    tx = run.column(_TX, start, stop)
    keep = (tx > after) & (tx <= upto)
    return run.column(_V, start, stop)[keep]
