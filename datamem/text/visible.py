"""Which of the texts found a view shows, and for which entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datamem.db.hits import Hits, no_hits
from datamem.index.kernels import Int64Array
from datamem.index.select import in_sorted
from datamem.index.sets import ascending
from datamem.text.bm25 import Float64Array

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.index.rows import Rows


class Visible:
    """What one search may find of one attribute."""

    def __init__(self, db: Db, attribute_id: int, among: Int64Array | None) -> None:
        self._db = db
        self._a = attribute_id
        self._among = None if among is None else ascending(np.asarray(among, np.int64))

    def hits(self, codes: Int64Array, scores: Float64Array) -> Hits:
        """Return the visible datoms with texts of these codes, distinct, best first."""
        if not len(codes):
            return no_hits()
        order = np.argsort(codes)
        codes, scores = codes[order], scores[order]
        rows = self.rows(codes)
        e, v, tx = rows.e, rows.v, rows.tx
        score = scores if v is codes else scores[np.searchsorted(codes, v)]
        by = np.argsort(-score, kind="stable") if ascend(e) else np.lexsort((tx, v, e, -score))
        return Hits(e[by], v[by], tx[by], score[by])

    def rows(self, codes: Int64Array) -> Rows:
        """Return the visible datoms with texts of these codes, which are ascending and distinct."""
        return self._allowed(self._db.lookup_values(self._a, codes))

    def _allowed(self, rows: Rows) -> Rows:
        if rows.added is not None:
            rows = rows.where(rows.added)
        if self._among is not None:
            rows = rows.where(in_sorted(rows.e, self._among))
        return rows

    @property
    def _is_present(self) -> bool:
        return self._db.t == self._db.basis_t and self._db.view.is_plain

    def expected_limit(self, k: int, text_count: int) -> int:
        """Return about how many texts must be fetched until `k` are visible, if chance has it."""
        db = self._db
        if self._among is not None:
            shown = len(self._among)
        elif not self._is_present and db.view.keep is None:
            shown = len(db.rows(a=self._a))
        else:
            shown = db.count(a=self._a)
        return k * text_count // max(shown, 1)

    def few(self, most: int) -> Int64Array | None:
        """Return the codes of all visible texts, ascending; None if there are more than `most`."""
        db = self._db
        if self._among is not None:
            if len(self._among) > most:
                return None
            rows = self._allowed(db.lookup_many(self._a, self._among))
        elif db.view.keep is not None or (self._is_present and db.count(a=self._a) > most):
            return None
        else:
            rows = self._allowed(db.rows(a=self._a))
        codes = ascending(rows.v)
        return codes if len(codes) <= most else None


def ascend(entities: Int64Array) -> bool:
    """Tell whether entities ascend and are distinct: then each has one row, in the order of equal scores."""
    return bool((entities[1:] > entities[:-1]).all())
