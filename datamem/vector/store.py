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
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from datamem.ids import tx_of_t
from datamem.index.changes import changed_facts
from datamem.index.companions import Companions
from datamem.index.heap import Heap, LayerHeap, heap_vectors
from datamem.index.index import Index
from datamem.index.kernels import Int64Array
from datamem.schema.attribute import Attribute
from datamem.schema.types import VectorSpec
from datamem.vector.files import Damaged, VectorFiles
from datamem.vector.graph import Graph
from datamem.vector.matrix import CodeColumn, RowMatrix
from datamem.vector.metrics import Matrix, Scores, as_rows, best_rows

if TYPE_CHECKING:
    from datamem.db.database import Db

_logger = logging.getLogger("datamem")
_APPEND_ROWS: Final = 8_192
_NO_BOUND: Final = -np.inf
_TRUSTED: Final = 16


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
    if companions.directory is not None:
        name = f"vectors-{attribute.id}-{attribute.vector.dimensions}"
        files = VectorFiles(companions.directory / name, attribute.vector)
    return VectorStore(attribute.id, attribute.vector, parent, companions.upto, files)


class VectorStore:
    """Rows, codes and graphs; every method may be called from any thread.

    Attributes:
        spec: of the attribute.
        graphs: over ascending stretches of rows; replaced as a whole, never changed.
        lock: who holds it may append rows, drop them or replace the graphs.
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
        self.matrix = RowMatrix(spec)
        self.codes = CodeColumn()
        self.graphs: tuple[Graph, ...] = ()
        self.on_close: Callable[[], None] | None = None
        """Stops whoever builds graphs."""
        self._attribute = attribute
        self._parent = parent
        self._upto = upto
        self._files = files
        self._is_loaded = files is None
        self._synced_tx = 0

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
            self._load(heap)
            after = self._synced_tx
            if self._parent is not None and isinstance(heap, LayerHeap):
                cut = tx_of_t(heap.cut.t)
                self._parent.sync(index, heap.parent, min(cut, upto))
                after = max(after, min(cut, upto))
            self._absorb(self._asserted(index, after, upto), heap)
            self._synced_tx = max(upto, self._synced_tx)

    def _asserted(self, index: Index, after: int, upto: int) -> Int64Array:
        """Return the codes of the attribute that a stretch of transactions touched, ascending."""
        if after == 0:
            codes = index.history(upto, a=self._attribute)[2]
        else:
            _, attributes, words = changed_facts(index, after, upto)
            codes = words[attributes == self._attribute]
        return np.unique(codes)

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
            self.codes.append(part)

    def _load(self, heap: Heap) -> None:
        """Begin with what the files hold, if it is of this heap."""
        if self._is_loaded:
            return
        self._is_loaded = True
        assert self._files is not None
        saved = self._files.load()
        if saved is None:
            return
        self.matrix.adopt(saved.rows, saved.checks.need)
        self.codes.append(saved.codes)
        self.graphs = saved.graphs
        if not self._is_of(heap):
            _logger.warning("the saved vectors are not of this log; they are built anew")
            self._reset()

    def _is_of(self, heap: Heap) -> bool:
        """Tell whether the newest saved rows are what the heap holds: a log may have lost its end."""
        codes = self.codes.values()
        newest = np.argsort(codes)[-_TRUSTED:]
        try:
            if int(codes[newest[-1]]) >= heap.size:
                return False
            values = [heap.peek(code) for code in codes[newest].tolist()]
            if any(np.shape(value) != (self.spec.dimensions,) for value in values):
                return False
            rows = as_rows(np.array(values, np.float32), self.spec)
            return bool(np.array_equal(rows, self.matrix.gather(newest)))
        except Damaged:
            return False

    def recover(self, error: Damaged) -> None:
        """Throw away files that turned out damaged; everything is read again from the heap."""
        _logger.warning("saved vectors are damaged (%s); they are built anew", error)
        self._reset()

    def _reset(self) -> None:
        with self.lock:
            if self._files is not None:
                self._files.clear()
            self.matrix, self.codes = RowMatrix(self.spec), CodeColumn()
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
            if self._files is None or not self.codes.count:
                return
            try:
                self._files.save(self.matrix, self.codes.values(), self.graphs)
            except (OSError, Damaged) as error:
                _logger.warning("vectors are not saved: %s", error)

    def close(self) -> None:
        """Stop building, and save."""
        if self.on_close is not None:
            self.on_close()
        self.save()
        self._files = None

    # Searching

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
        found = [self._near_graph(graph, query, k, ef) for graph in self.graphs]
        start = self.graphs[-1].stop if self.graphs else 0
        if start < self.codes.count:
            found.append(self._near_tail(query, k, start))
        if self._parent is not None:
            near = self._parent.near(query, k, ef)
            ours = near.codes < self._upto
            found.append(Near(near.codes[ours], near.scores[ours], near.bound))
        if len(found) == 1:
            return found[0]
        if not found:
            return Near(np.empty(0, np.int64), np.empty(0, np.float32), _NO_BOUND)
        return Near(
            np.concatenate([near.codes for near in found]),
            np.concatenate([near.scores for near in found]),
            max(near.bound for near in found),
        )

    def _near_graph(self, graph: Graph, query: Matrix, k: int, ef: int | None) -> Near:
        rows = graph.search(query, k, ef)
        scores = self.matrix.scores(query, rows)
        bound = _NO_BOUND if len(rows) >= len(graph) else float(scores.min(initial=np.inf))
        return Near(self.codes.values()[rows], scores, bound)

    def _near_tail(self, query: Matrix, k: int, start: int) -> Near:
        count = self.codes.count
        scores = self.matrix.all_scores(query, start, count)
        best = best_rows(scores, k)
        bound = _NO_BOUND if k >= count - start else float(scores[best[-1]])
        return Near(self.codes.values()[best + start], scores[best], bound)
