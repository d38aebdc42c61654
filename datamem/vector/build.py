"""Building graphs, off the commit path: in the background when a search misses one, or on request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from datamem.vector.files import Damaged
from datamem.vector.graph import Graph, has_graph, new_graph
from datamem.vector.search_input import vector_attribute
from datamem.vector.store import VectorStore, store_of

if TYPE_CHECKING:
    from datamem.db.database import Db

FIRST_ROWS: Final = 20_000
"""Below this an exact search is as quick as a graph, so there is none."""

MORE_ROWS: Final = 8_192
"""Rows since the last graph that get one of their own; until then they are all scored."""

_RATIO: Final = 4
_BATCH_ROWS: Final = 256
_logger = logging.getLogger("datamem")

Progress = Callable[[int, int], None]
"""Called with (rows done, rows to do)."""


def build_index(
    db: Db, attribute: str, progress: Progress | None = None, *, threads: int = 1
) -> int:
    """Build what is missing of an attribute's graphs, now, however few rows there are.

    A search never waits for this: it scores what is in no graph. Commits go on meanwhile.

    Args:
        db: a database value, usually the newest.
        attribute: a vector attribute.
        progress: called after each batch with (rows done, rows to do).
        threads: how many add rows; with more than one, two builds differ in their last hits.

    Returns:
        how many rows were added.

    Raises:
        QueryError: `vector/not-a-vector-attribute`.
    """
    known = vector_attribute(db, attribute)
    store = store_of(db, known)
    try:
        return Builder(store, progress, threads).run()
    except Damaged as error:
        store.recover(error)
        return Builder(store_of(db, known), progress, threads).run()


def build_later(store: VectorStore) -> None:
    """Start building in the background, if enough rows wait and nobody is at it."""
    if not _is_due(store):
        return
    with store.lock:
        if not _is_due(store):
            return
        builder = Builder(store, None)
        thread = threading.Thread(target=builder.run_quietly, name="vectors", daemon=False)

        def stop() -> None:
            builder.is_stopped = True
            thread.join()

        store.on_close = stop
        thread.start()


def _is_due(store: VectorStore) -> bool:
    least = MORE_ROWS if store.graphs else FIRST_ROWS
    is_free = store.on_close is None and not store.building.locked()
    return is_free and store.tail_rows >= least and has_graph(store.spec)


class Builder:
    """Adds a store's waiting rows to a graph of their own, or to a copy of a small one.

    It ends with the program, too: a thread that Python drops inside of usearch would take the process with it.

    Attributes:
        is_stopped: set by another thread; what was added by then is a graph all the same.
    """

    def __init__(self, store: VectorStore, progress: Progress | None, threads: int = 1) -> None:
        self._store = store
        self._progress = progress
        self._threads = threads
        self.is_stopped = False

    def run_quietly(self) -> None:
        """Build and save; a failure is logged, and searches stay exact."""
        try:
            if self.run():
                self._store.save()
        except Exception:
            _logger.exception("no graph of vectors was built")
        finally:
            self._store.on_close = None

    def run(self) -> int:
        """Build, after whoever builds now, and return how many rows were added."""
        if not has_graph(self._store.spec):
            return 0
        with self._store.building:
            return self._run()

    def _run(self) -> int:
        store = self._store
        with store.lock:
            before, stop = store.graphs, store.codes.count
        start = before[-1].stop if before else 0
        if start == stop:
            return 0
        kept, graph = self._begin(before, start, stop)
        start = graph.stop
        added = 0
        while start + added < stop and not self._is_to_end():
            upto = min(start + added + _BATCH_ROWS, stop)
            graph.add(store.matrix.slice(start + added, upto), self._threads)
            added = upto - start
            if self._progress is not None:
                self._progress(added, stop - start)
        return added if added and store.replace_graphs(before, (*kept, graph)) else 0

    def _is_to_end(self) -> bool:
        return self.is_stopped or not threading.main_thread().is_alive()

    def _begin(
        self, before: tuple[Graph, ...], start: int, stop: int
    ) -> tuple[tuple[Graph, ...], Graph]:
        """Return the graphs to keep, and one to add to: the last ones that are not much larger join it."""
        kept = list(before)
        size = stop - start
        merged: Graph | None = None
        while kept and len(kept[-1]) < _RATIO * size:
            merged = kept.pop()
            size += len(merged)
        if merged is None:
            sample = self._store.matrix.slice(start, min(start + 4096, stop))
            return tuple(kept), new_graph(self._store.spec, start, sample)
        graph = merged.grown()
        return tuple(kept), graph
