"""Searching an attribute's vectors as a database value shows them: the k nearest, as columns.

Exact by scoring every visible vector; where there are many, by graph: rows that the graphs find near
are looked up in the database value, which says whose they are and whether it sees them, and if fewer than k are
seen, more are fetched, and in the end everything visible is scored. So an answer never has fewer rows
than it should, whatever the view hides.
"""

from __future__ import annotations

from operator import gt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from datamem.db.hits import Hits, no_hits
from datamem.index.kernels import Int64Array
from datamem.index.rows import Rows
from datamem.index.select import in_sorted
from datamem.vector.build import build_later
from datamem.vector.files import Damaged
from datamem.vector.metrics import Matrix, Scores
from datamem.vector.near import FEW, NO_BOUND, Found
from datamem.vector.search_input import check_count, check_ef, query_row, vector_attribute
from datamem.vector.store import FETCH_MOST, MARGIN, VectorStore, store_of

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute

EXACT_ROWS: Final = 20_000
"""So many visible vectors are scored one and all; more are searched by graph, where there is one."""

_PAST_ROWS: Final = 16_000
"""So many of a past that has far fewer than the present are scored: a graph must fetch most in vain."""

_FEW: Final = 16_384
"""So many entities are looked up among the owners of rows; more are asked of the database value."""

_FEW_AMONG: Final = 2_048
"""So few entities are scored whatever there is: `_is_by_graph` says the same."""

_SORTED: Final = 32
"""So few hits are put in order by Python's own sort."""

_FETCH_COST: Final = 40
"""Fetching a row from a graph takes as long as scoring so many that are gathered."""


def search(
    db: Db,
    attribute: str,
    query: Any,
    k: int = 10,
    *,
    among: Int64Array | None = None,
    ef: int | None = None,
    exact: bool | None = None,
) -> Hits:
    """Return the `k` nearest of an attribute's vectors that the view shows, nearest first.

    Args:
        db: any database value; a past one searches what it held then. In a history view every
            vector that ever was is found.
        attribute: a vector attribute, of cardinality one or many.
        query: the vector to compare with: a list, tuple or array of the attribute's dimensions.
        k: how many datoms, at least 1; fewer come back only where there are fewer.
        among: int64[n], ascending and distinct: only these entities.
        ef: candidates that a graph search keeps (64); more is slower and finds better.
        exact: True scores everything; False uses graphs wherever there are any; None decides.

    Returns:
        hits, larger scores nearer: cosine similarity, inner product, or minus the l2 or Hamming
        distance. Scores are exact also where a graph found the rows; equal ones by entity.

    Raises:
        QueryError: `vector/not-a-vector-attribute`, `vector/bad-k`, `vector/bad-ef`.
        SchemaError: `schema/wrong-type`, `schema/wrong-dimension`, `schema/not-finite`,
            `schema/zero-vector` for a query that the attribute could not hold.
    """
    known = vector_attribute(db, attribute)
    check_count(k)
    check_ef(ef)
    wanted = query_row(known, query)
    asked = _Asked(db, known, store_of(db, known), wanted, k, among, ef)
    try:
        return _search(asked, exact)
    except Damaged as error:
        asked.store.recover(error)
        return _search(asked._replace(store=store_of(db, known)), exact)


class _Asked(NamedTuple):
    """What is searched for, checked, and where.

    Attributes:
        db, attribute, k, among, ef: as `search` takes them.
        store: the attribute's, which holds what `db` shows.
        query: as rows are kept.
    """

    db: Db
    attribute: Attribute
    store: VectorStore
    query: Matrix
    k: int
    among: Int64Array | None
    ef: int | None

    @property
    def is_told(self) -> bool:
        """Whether columns may tell what the view shows."""
        return self.db.view.is_plain and not self.attribute.no_history


def _search(asked: _Asked, exact: bool | None) -> Hits:
    db, attribute, store, query, k, among, _ = asked
    if exact is None:
        build_later(store)
        if among is not None and len(among) <= _FEW_AMONG:
            found = _told(asked)
            if found is not None:
                return _hits(store, found, k)
    size = store.visible_count(db.newest_tx) if among is None else len(among)
    if _is_by_graph(store, size, k, among, exact):
        found = _seen(asked)
        if found is None:
            hits = _by_graph(asked)
        else:
            hits = None if found is FEW else _hits(store, found, k)
        if hits is not None:
            return hits
    found = _told(asked)
    if found is not None:
        return _hits(store, found, k)
    rows = _visible(db, attribute, among)
    if not len(rows):
        return no_hits()
    return _best(rows, store.scores(rows.v, query), k)


def _told(asked: _Asked) -> Found | None:
    """Score everything visible where columns tell what that is; None where they do not."""
    db, _, store, query, _, among, _ = asked
    if not asked.is_told:
        return None
    if among is None:
        return store.all_seen(query, upto=db.newest_tx)
    if len(among) > _FEW:
        return None
    return store.among_seen(query, upto=db.newest_tx, among=among)


def _seen(asked: _Asked) -> Found | None:
    """Search by graph where columns tell what the view sees; None where they do not."""
    db, _, store, query, k, among, ef = asked
    if not asked.is_told:
        return None
    return store.near_seen(query, k, upto=db.newest_tx, among=among, ef=ef)


def _hits(store: VectorStore, found: Found, k: int) -> Hits:
    rows, e, scores = found
    at = _best_at(e, scores, k)
    if at is not None:
        rows, e, scores = rows[at], e[at], scores[at]
    v, tx = store.codes.values()[rows], store.owners.txs(rows)
    return Hits(e, v, tx, scores.astype(np.float64))


def _best_at(e: Int64Array, scores: Scores, k: int) -> Int64Array | None:
    """Return the positions of the `k` best, of equals by entity; None where that is all as it is."""
    if len(scores) > max(4 * k, _SORTED):
        best = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
        order = _best_at(e[best], scores[best], k)
        return best if order is None else best[order]
    if len(scores) > _SORTED:
        return np.lexsort((e, -scores))[:k]
    listed = scores.tolist()
    if len(listed) <= k and all(map(gt, listed, listed[1:])):
        return None
    pairs = sorted(
        (-score, entity, at)
        for at, (score, entity) in enumerate(zip(listed, e.tolist(), strict=True))
    )
    return np.array([at for _, _, at in pairs[:k]])


def _is_by_graph(
    store: VectorStore, size: int, k: int, among: Int64Array | None, exact: bool | None
) -> bool:
    if exact or not store.graph_rows:
        return False
    if exact is False:
        return True
    if among is None:
        return size > (EXACT_ROWS if size == store.row_count else _PAST_ROWS)
    fetch = max(64, 2 * k * store.row_count // max(size, 1))
    return size > fetch * _FETCH_COST and fetch <= FETCH_MOST


def _visible(db: Db, attribute: Attribute, among: Int64Array | None) -> Rows:
    if among is None:
        return _asserted(db.rows(a=attribute.id))
    return _asserted(db.lookup_many(attribute.id, among))


def _asserted(rows: Rows) -> Rows:
    return rows if rows.added is None else rows.where(rows.added)


def _by_graph(asked: _Asked) -> Hits | None:
    """Fetch near rows until the view shows `k` of them; None where scoring everything is quicker."""
    db, attribute, store, query, k, among, ef = asked
    wanted = k if among is None else 2 * k * store.row_count // max(len(among), 1)
    fetch = max(wanted, k) * MARGIN[store.spec.dtype]
    while True:
        near = store.near(query, fetch, ef)
        order = np.argsort(near.codes)
        codes = near.codes[order]
        rows = _asserted(db.lookup_values(attribute.id, codes))
        scores = near.scores[order][np.searchsorted(codes, rows.v)]
        keep = scores >= near.bound
        if among is not None:
            keep &= in_sorted(rows.e, among)
        if not keep.all():
            rows, scores = rows.where(keep), scores[keep]
        if len(rows) >= k or near.bound == NO_BOUND:
            return _best(rows, scores, k)
        more = max(2 * fetch, fetch * k * 3 // (2 * max(len(rows), 1)))
        if more > FETCH_MOST:
            return None
        fetch = more


def _best(rows: Rows, scores: Scores, k: int) -> Hits:
    """Return the best `k` of scored rows; of equals, by entity."""
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        chosen = np.flatnonzero(scores >= least)
        picked = scores[chosen]
        e, v, tx = (column[chosen] for column in (rows.e, rows.v, rows.tx))
    else:
        picked, e, v, tx = scores, rows.e, rows.v, rows.tx
    order = np.lexsort((tx, e, -picked))[:k]
    return Hits(e[order], v[order], tx[order], picked[order].astype(np.float64))
