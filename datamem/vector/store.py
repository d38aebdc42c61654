"""The vectors of one attribute beside one value heap: rows by code, graphs over stretches of rows.

A store is a companion of a heap: it knows every vector that any value over the heap may show, as rows
that are never removed. Who sees which of them is asked of the database value after each search, so that
the past, forks and filters need no index of their own. A fork's store holds what the fork added and asks
its parent's for the rest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from datamem.ids import MAX_T, tx_of_t
from datamem.index.changes import changed_facts
from datamem.index.companions import Companions
from datamem.index.heap import Heap, LayerHeap, heap_vectors
from datamem.index.index import Bounds, Index
from datamem.index.kernels import Int64Array
from datamem.index.select import in_sorted
from datamem.schema.attribute import Attribute
from datamem.schema.bootstrap import TX_INSTANT
from datamem.schema.types import VectorSpec
from datamem.vector.files import Columns, Damaged, State, VectorFiles
from datamem.vector.graph import EXPANSION, Graph
from datamem.vector.matrix import CodeColumn, RowMatrix
from datamem.vector.metrics import Matrix, Scores, as_rows
from datamem.vector.near import FEW, NO_BOUND, Found, Near, NearRows, near_rows
from datamem.vector.owners import Owners

if TYPE_CHECKING:
    from datamem.db.database import Db

_logger = logging.getLogger("datamem")
MARGIN: Final = {"f32": 1, "f16": 2, "i8": 4, "b1": 1}
"""How many times more rows are fetched, to be scored exactly, where a graph keeps coarse components."""

FETCH_MOST: Final = 1_024
"""No graph is asked for more rows than this: scoring what is visible is quicker then."""

_APPEND_ROWS: Final = 8_192
_FEW_CODES: Final = 32
"""So many vectors are asked for one by one; more in one pass over the attribute."""


def store_of(db: Db, attribute: Attribute) -> VectorStore:
    """Return the store of an attribute's vectors, up to date with a database value."""
    store = _store(db.heap.companions, attribute)
    store.sync(db.index, db.heap, tx_of_t(db.basis_t))
    return store


def _store(companions: Companions, attribute: Attribute) -> VectorStore:
    key = ("vectors", attribute.id, attribute.vector)
    return companions.get(key, partial(_made, attribute=attribute))


def _made(companions: Companions, attribute: Attribute) -> VectorStore:
    parent = None if companions.parent is None else _store(companions.parent, attribute)
    assert attribute.vector is not None
    files = None
    directory = companions.directory or companions.saved
    if directory is not None:
        name = f"vectors-{attribute.id}-{attribute.vector.dimensions}"
        is_ours = companions.directory is not None
        files = VectorFiles(directory / name, attribute.vector, is_writable=is_ours)
    return VectorStore(attribute.id, attribute.vector, parent, companions.upto, files)


def _instant_of(index: Index, tx: int) -> int | None:
    """Return when a transaction was, which tells it from another that got its number."""
    found: list[int] = index.scan(Bounds(tx, past=False), e=tx, a=TX_INSTANT).v.tolist()
    return found[0] if found else None


class VectorStore:
    """Rows, codes and graphs; every method may be called from any thread.

    Attributes:
        spec: of the attribute.
        graphs: over ascending stretches of rows; replaced as a whole, never changed.
        lock: who holds it may append rows, drop them or replace the graphs.
        building: held by the one who builds graphs.
    """

    def __init__(
        self,
        attribute: int,
        spec: VectorSpec,
        parent: VectorStore | None = None,
        upto: int = 0,
        files: VectorFiles | None = None,
    ) -> None:
        self.spec = spec
        self.lock = threading.RLock()
        self.building = threading.Lock()
        self.matrix = RowMatrix(spec)
        self.codes = CodeColumn()
        self.owners = Owners()
        self.graphs: tuple[Graph, ...] = ()
        self.on_close: Callable[[], None] | None = None
        """Stops whoever builds graphs."""
        self._attribute = attribute
        self._parent = parent
        self._upto = upto
        self._files = files
        self._is_loaded = files is None
        self._synced_tx = 0
        self._instant: int | None = None

    # What there is

    @property
    def row_count(self) -> int:
        """How many rows there are, those of the parent included."""
        return self.codes.count + (0 if self._parent is None else self._parent.row_count)

    @property
    def graph_rows(self) -> int:
        """How many rows are in graphs, those of the parent included."""
        own = self.graphs[-1].stop if self.graphs else 0
        return own + (0 if self._parent is None else self._parent.graph_rows)

    @property
    def tail_rows(self) -> int:
        """How many rows of its own are in no graph yet."""
        return self.codes.count - (self.graphs[-1].stop if self.graphs else 0)

    # Keeping up

    def sync(self, index: Index, heap: Heap, upto: int) -> None:
        """Take in the vectors that transactions up to `upto` asserted.

        Cost: nothing where there are none since the last time; else one look at the segments that
        hold newer datoms, and a copy of each new vector.
        """
        if self._synced_tx >= upto:
            return
        with self.lock:
            self._load(index)
            if self._synced_tx >= upto:
                return
            after = self._synced_tx
            if self._parent is not None and isinstance(heap, LayerHeap):
                cut = tx_of_t(heap.cut.t)
                self._parent.sync(index, heap.parent, min(cut, upto))
                after = max(after, min(cut, upto))
            if after == 0:
                facts: tuple[Int64Array, ...] = index.history(upto, a=self._attribute)
            else:
                facts = self._touched(index, after, upto)
            self._absorb(np.unique(facts[2]), heap)
            if self._parent is None:
                e, _, codes, tx, ended = facts
                ended = np.where(ended > upto, MAX_T, ended)  # a later end may be a fork's own
                self.owners.note(self.codes.rows_of(codes), e, tx, ended)
            if self._files is not None:
                self._instant = _instant_of(index, upto)
            self._synced_tx = max(upto, self._synced_tx)

    def _touched(self, index: Index, after: int, upto: int) -> tuple[Int64Array, ...]:
        """Return all rows (e, a, v, tx, ended) of the vectors that a stretch of transactions touched."""
        _, attributes, words = changed_facts(index, after, upto)
        codes = np.unique(words[attributes == self._attribute])
        if len(codes) > _FEW_CODES:
            columns = index.history(upto, a=self._attribute)
            keep = in_sorted(columns[2], codes)
            return tuple(column[keep] for column in columns)
        parts = [index.history(upto, a=self._attribute, v=code) for code in codes.tolist()]
        if not parts:
            return (np.empty(0, np.int64),) * 5
        return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))

    def _absorb(self, codes: Int64Array, heap: Heap) -> None:
        if self._parent is not None and isinstance(heap, LayerHeap):
            older = codes < self._upto
            with self._parent.lock:
                self._parent._absorb(codes[older], heap.parent)  # noqa: SLF001 - its own kind
            codes = codes[~older]
        fresh = codes[self.codes.rows_of(codes) < 0]
        for at in range(0, len(fresh), _APPEND_ROWS):
            part = fresh[at : at + _APPEND_ROWS]
            vectors = heap_vectors(heap, part, self.spec.dimensions)
            self.matrix.append(as_rows(vectors, self.spec))
            self.owners.extend(self.codes.count + len(part))  # before a search finds them
            self.codes.append(part)

    def _load(self, index: Index) -> None:
        """Begin with what the files hold, if it is of this log: one that lost its end has others."""
        if self._is_loaded:
            return
        self._is_loaded = True
        assert self._files is not None
        saved = self._files.load()
        if saved is None:
            return
        if _instant_of(index, saved.state.synced_tx) != saved.state.instant:
            _logger.warning("the saved vectors are not of this log; they are built anew")
            self._files.clear()
            return
        columns = saved.columns
        self.matrix.adopt(saved.rows)
        self.codes.adopt(columns.codes, ascends=columns.ascends)
        self.owners.adopt(
            columns.owners,
            saved.state.synced_tx,
            is_shared=columns.is_shared,
            has_ended=columns.has_ended,
        )
        self.graphs = saved.graphs
        self._synced_tx, self._instant = saved.state

    def recover(self, error: Damaged) -> None:
        """Throw away files that turned out damaged; everything is read again from the heap."""
        _logger.warning("saved vectors are damaged (%s); they are built anew", error)
        self._reset()

    def _reset(self) -> None:
        with self.lock:
            if self._files is not None:
                self._files.clear()
            self.matrix, self.codes = RowMatrix(self.spec), CodeColumn()
            self.owners = Owners()
            self.graphs, self._synced_tx = (), 0

    def truncate(self, size: int) -> None:
        """Forget the codes from `size` on: their commit failed."""
        with self.lock:
            late = np.flatnonzero(self.codes.values() >= size)
            if len(late):
                first = int(late[0])
                self.graphs = tuple(graph for graph in self.graphs if graph.stop <= first)
                self.matrix.truncate(first)
                self.codes.truncate(first)
                self.owners.truncate(first)
                if self._files is not None:
                    self._files.truncate(first)
            self._synced_tx = 0

    def replace_graphs(self, old: tuple[Graph, ...], new: tuple[Graph, ...]) -> bool:
        """Publish graphs in place of others, unless those have changed meanwhile."""
        with self.lock:
            if self.graphs != old or (new and new[-1].stop > self.codes.count):
                return False
            self.graphs = new
            return True

    def save(self) -> None:
        """Write rows and graphs to the files, where there are any; a failure only costs time later."""
        with self.lock:
            if self._files is None or not self.codes.count or not self._synced_tx:
                return
            try:
                columns = Columns(
                    self.codes.values(),
                    self.owners.columns(),
                    self.codes.ascends,
                    self.owners.is_shared,
                    self.owners.has_ended,
                )
                state = State(self._synced_tx, self._instant)
                self._files.save(self.matrix, columns, self.graphs, state)
            except (OSError, Damaged) as error:
                _logger.warning("vectors are not saved: %s", error)

    def close(self) -> None:
        """Stop building, and save."""
        if self.on_close is not None:
            self.on_close()
        self.save()
        self._files = None

    # Searching

    def near_seen(
        self,
        query: Matrix,
        k: int,
        *,
        upto: int,
        among: Int64Array | None = None,
        ef: int | None = None,
    ) -> Found | None:
        """Return the `k` best rows that a plain view sees, and perhaps more.

        None where the columns do not tell (a fork, a row that several datoms have); `FEW` where so
        few are seen that scoring those is quicker.

        Args:
            query: as rows are kept.
            k: at least 1.
            upto: the newest transaction that the view sees.
            among: int64[n], ascending: the only entities that count.
            ef: see `Graph.search`.
        """
        if self._parent is not None:
            return None
        fetch, margin = self._first_fetch(k, upto, among), MARGIN[self.spec.dtype]
        while fetch <= FETCH_MOST or fetch <= k * margin:
            wide = ef or max(EXPANSION, 2 * fetch if fetch > k * margin else 0)
            rows, scores, bound = self._near_own(query, fetch, wide)
            is_several = len(rows) > fetch  # graphs, each as far as its own bound
            seen = self.owners.seen(rows, upto, among)
            if seen is None:
                return None
            if len(seen.e) < len(rows):
                rows, scores = rows[seen.at], scores[seen.at]
            found = Found(rows, seen.e, scores)
            good = len(found.rows)
            if is_several and bound != NO_BOUND:
                good = int(np.count_nonzero(found.scores >= bound))
            if good >= k or bound == NO_BOUND:
                return found
            fetch = max(2 * fetch, fetch * k * 3 // (2 * max(good, 1)))
        return FEW

    def among_seen(self, query: Matrix, *, upto: int, among: Int64Array) -> Found | None:
        """Return every row of some entities that a plain view sees; None where columns do not tell."""
        if self._parent is not None:
            return None
        owned = self.owners.rows_of(among)
        if owned is None:
            return None
        rows, e = owned
        if not self.owners.are_all_seen(upto):
            seen = self.owners.seen(rows, upto)
            if seen is None:
                return None
            rows, e = rows if len(seen.e) == len(rows) else rows[seen.at], seen.e
        return Found(rows, e, self.matrix.scores(query, rows))

    def all_seen(self, query: Matrix, *, upto: int) -> Found | None:
        """Return every row that a plain view sees; None where columns do not tell."""
        seen = None if self._parent is not None else self.owners.all_seen(upto)
        if seen is None:
            return None
        first, stop = (int(seen.at[0]), int(seen.at[-1]) + 1) if len(seen.at) else (0, 0)
        if 2 * len(seen.at) > stop - first:  # a past has the first rows, without a copy of them
            scores = self.matrix.all_scores(query, first, stop)[seen.at - first]
        else:
            scores = self.matrix.scores(query, seen.at)
        return Found(seen.at, seen.e, scores)

    def visible_count(self, upto: int) -> int:
        """Return about how many rows a view up to a transaction sees, those that ended before included."""
        is_past = self._parent is None and upto < self._synced_tx
        return self.owners.begun(upto) if is_past else self.row_count

    def _first_fetch(self, k: int, upto: int, among: Int64Array | None) -> int:
        """Return how many rows probably hold `k` that are seen: rows come in the order of time."""
        fetch, count = k * MARGIN[self.spec.dtype], self.codes.count
        if among is None and upto >= self._synced_tx:
            return fetch
        known = self.owners.begun(upto)
        if known < count:
            fetch = fetch * count * 5 // (max(known, 1) * 4)
        if among is not None:
            fetch = max(fetch, 2 * k * count // max(len(among), 1))
        return fetch

    def scores(self, codes: Int64Array, query: Matrix) -> Scores:
        """Return the score of each code's vector, float32[n]; REQUIRES: all were taken in."""
        if self._parent is None:
            return self._own_scores(codes, query)
        older = codes < self._upto
        out = np.empty(len(codes), np.float32)
        out[older] = self._parent.scores(codes[older], query)
        out[~older] = self._own_scores(codes[~older], query)
        return out

    def _own_scores(self, codes: Int64Array, query: Matrix) -> Scores:
        rows = self.codes.rows_of(codes)
        assert not len(rows) or int(rows.min()) >= 0, "a visible vector has no row"
        count = self.codes.count
        if len(rows) * 2 > count:
            return self.matrix.all_scores(query, 0, count)[rows]
        return self.matrix.scores(query, rows)

    def near(self, query: Matrix, k: int, ef: int | None = None) -> Near:
        """Return at least the `k` best rows, whoever sees them.

        Args:
            query: as rows are kept (`as_rows`).
            k: how many of each graph.
            ef: see `Graph.search`.
        """
        rows, scores, bound = self._near_own(query, k, ef)
        codes = self.codes.values()[rows]
        if self._parent is None:
            return Near(codes, scores, bound)
        near = self._parent.near(query, k, ef)
        ours = near.codes < self._upto
        return Near(
            np.concatenate((codes, near.codes[ours])),
            np.concatenate((scores, near.scores[ours])),
            max(bound, near.bound),
        )

    def _near_own(self, query: Matrix, k: int, ef: int | None) -> NearRows:
        return near_rows(self.graphs, self.matrix, self.codes.count, query, k, ef)
