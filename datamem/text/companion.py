"""`TextIndex`: the index of one attribute's texts, a cache beside the value heap.

It holds every text that the attribute was ever given, once, under the text's code. A search first brings it up
to date: what was asserted since the last search is added to the tail, or to the engine when it is
much. A branch has an index of its own for the codes that it gives out, and shares that of the heap below.

The log is the truth: an index that is damaged, of another version, or of a log that lost its end, is built anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Final

import numpy as np

from datamem.ids import ATTR_BASE, tx_of_t
from datamem.index.companions import Companions
from datamem.index.heap import Heap, LayerHeap, heap_texts
from datamem.index.kernels import BoolArray, Int64Array
from datamem.schema.bootstrap import TX_INSTANT
from datamem.text.analysis import Analyzer, analyzer
from datamem.text.engine import Engine, is_engine_fault
from datamem.text.files import (
    Stand,
    checksum,
    read_stand,
    remove_index,
    remove_others,
    write_stand,
)
from datamem.text.fresh import asserted_words
from datamem.text.statistics import Part
from datamem.text.tail import Tail

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute

TAIL_TEXTS: Final = 4_096
"""The tail never holds more: a search of it stays below a millisecond."""

BATCH_TEXTS: Final = 1_024
"""So many new texts at once go to the engine."""

WORTH_STORING: Final = 512
"""Fewer texts are indexed anew when a database is opened, sooner than their files are read."""


class TextIndex:
    """The texts of one attribute in one language, over one heap.

    Attributes:
        analyzer: what tells the tokens of texts and queries.
    """

    def __init__(
        self, attribute: Attribute, heap: Heap, parent: TextIndex | None, base: int
    ) -> None:
        companions = heap.companions
        self.analyzer: Analyzer = analyzer(attribute.language)
        self._attribute_id = attribute.id
        self._parent = parent
        self._upto = companions.upto
        self._base = base
        self._path = _path_of(attribute, companions)
        self._lock = RLock()
        self._heap = heap
        self._engine: Engine | None = None
        self._is_open = self._path is None
        self._is_broken = False
        self._is_frozen = False
        self._generation = 0
        self._seen_generation = 0
        self._forget()

    def _forget(self) -> None:
        self._generation += 1
        self._tail = Tail()
        self._known: BoolArray = np.zeros(0, np.bool_)
        self._engine_codes = 0
        self._synced_tx = self._base - 1
        self._instant_us = 0

    # What a search asks

    def parts(self, db: Db) -> list[Part]:
        """Return the texts as of `db` or later, the branch's own last."""
        with self._lock:
            self._sync(db, tx_of_t(db.basis_t))
            return self._parts()

    def _parts(self) -> list[Part]:
        shared: list[Part] = []
        if self._parent is not None:
            for part in self._parent.shared_parts():
                upto = self._upto if part.upto is None else min(part.upto, self._upto)
                shared.append(Part(part.searcher, part.tail, part.tail_count, upto))
        searcher = None if self._engine is None else self._engine.searcher
        return [*shared, Part(searcher, self._tail, len(self._tail))]

    def shared_parts(self) -> list[Part]:
        """Return the texts there are, for a branch above."""
        with self._lock:
            return self._parts()

    def reset(self) -> None:
        """Forget everything, so that the next search builds it anew."""
        with self._lock:
            self._is_broken = True
            if self._parent is not None:
                self._parent.reset()

    # Keeping up with the database

    def _sync(self, db: Db, upto: int) -> None:
        """Add the texts of transactions up to `upto`, which is at most `db`'s newest."""
        if self._is_broken:
            self._discard()
        if not self._is_open:
            self._open(db)
        if self._parent is not None and self._parent.generation() != self._seen_generation:
            self._synced_tx = self._base - 1  # what is shared was built anew
        if upto <= self._synced_tx:
            return
        if self._parent is not None:
            self._parent.sync_shared(db, self._base)
            self._seen_generation = self._parent.generation()
        words = asserted_words(db, self._attribute_id, self._synced_tx, upto)
        if self._parent is not None:
            self._parent.add_shared(words[words < self._upto])
        is_stored = self._add(words[words >= self._upto])
        self._synced_tx = upto
        self._instant_us = _instant_us(db, upto)
        if is_stored:
            self._store()

    def generation(self) -> int:
        """Return a number that grows whenever the index loses texts."""
        with self._lock:
            if self._is_broken:
                self._discard()
            above = 0 if self._parent is None else self._parent.generation()
            return self._generation + above

    def sync_shared(self, db: Db, upto: int) -> None:
        """Add what a branch shares with this heap: the texts of its transactions up to `upto`."""
        with self._lock:
            self._sync(db, upto)

    def add_shared(self, codes: Int64Array) -> None:
        """Add texts of this heap that only a branch gives to the attribute."""
        with self._lock:
            if self._parent is not None:
                self._parent.add_shared(codes[codes < self._upto])
            self._add(codes[codes >= self._upto])

    def _add(self, codes: Int64Array) -> bool:
        """Add texts that are not here yet; tell whether the engine took them."""
        codes = codes[~self._are_known(codes)]
        if not len(codes):
            return False
        is_much = len(codes) > BATCH_TEXTS or len(self._tail) + len(codes) > TAIL_TEXTS
        is_much = is_much and not self._is_frozen
        if is_much:
            self._add_to_engine(sorted([*self._tail.codes, *codes.tolist()]))
        else:
            self._add_to_tail(codes.tolist())
        return is_much

    def _add_to_tail(self, codes: Sequence[int]) -> None:
        """Add texts to the tail; an interrupt on the way leaves an index to be built anew."""
        self._is_broken = True
        for code, text in zip(codes, self._texts(codes), strict=True):
            self._tail.add(code, self.analyzer.tokens(text))
        self._note(codes)
        self._is_broken = False

    def _texts(self, codes: Sequence[int]) -> list[str]:
        return heap_texts(self._heap, np.array(codes, np.int64))

    def _add_to_engine(self, codes: Sequence[int]) -> None:
        """Add texts to the engine, as `_add_to_tail` does to the tail; these have the tail's in them."""
        texts = self._texts(codes)
        self._is_broken = True
        if self._engine is None:
            if self._path is not None:
                remove_others(self._path)
            self._engine = Engine(self._path, self.analyzer)
        self._engine.add(codes, texts)
        self._engine_codes = max(self._engine_codes, max(codes) + 1)
        self._tail = Tail()
        self._note(codes)
        self._is_broken = False

    def _are_known(self, codes: Int64Array) -> BoolArray:
        known = np.zeros(len(codes), np.bool_)
        inside = codes < len(self._known)
        known[inside] = self._known[codes[inside]]
        return known

    def _note(self, codes: Sequence[int]) -> None:
        size = max(codes, default=-1) + 1
        if size > len(self._known):
            grown = np.zeros(max(size, 2 * len(self._known)), np.bool_)
            grown[: len(self._known)] = self._known
            self._known = grown
        self._known[np.array(codes, np.int64)] = True

    # Of a companion

    def truncate(self, size: int) -> None:
        """Forget the texts from code `size` on, and look through the others again."""
        with self._lock:
            if self._engine_codes > size:
                self._is_broken = True
                return
            kept = [code for code in self._tail.codes if code < size]
            if len(kept) < len(self._tail):
                self._tail = Tail()
                self._add_to_tail(kept)
                self._known[size:] = False
            self._synced_tx = self._base - 1

    def close(self) -> None:
        """Keep the index in files where that is worth it, and write to them no more; searching goes on."""
        with self._lock:
            is_stored = self._path is not None and self._is_open and not self._is_broken
            least = 1 if self._engine is not None else WORTH_STORING
            if is_stored and len(self._tail) >= least:
                self._add_to_engine(sorted(self._tail.codes))
            if self._engine is not None:
                self._engine.close()
                self._store()
            self._is_frozen = self._path is not None and self._engine is not None
            self._path = None

    # Files

    def _discard(self) -> None:
        if self._engine is not None:
            self._engine.close()
        self._engine = None
        self._is_frozen = False
        if self._path is not None:
            remove_index(self._path)
        self._forget()
        self._is_broken = False

    def _open(self, db: Db) -> None:
        """Take over a stored index if it is of this log and whole."""
        assert self._path is not None
        self._is_open = True
        found = read_stand(self._path)
        if found is not None and self._fits(found[0], db):
            stand, self._known = found
            try:
                self._engine = Engine(self._path, self.analyzer)
                is_whole = self._engine.searcher.text_count == stand.text_count
            except BaseException as error:
                if not is_engine_fault(error):
                    raise
                is_whole = False
            if is_whole:
                self._synced_tx, self._instant_us = stand.synced_tx, stand.instant_us
                self._engine_codes = stand.last_code + 1
                return
        self._discard()

    def _fits(self, stand: Stand, db: Db) -> bool:
        """Tell whether the log still says what the index was made from."""
        if stand.synced_tx > tx_of_t(db.basis_t) or stand.last_code >= db.heap_size:
            return False
        value = db.heap.get(stand.last_code)[1]
        is_same = isinstance(value, str) and checksum(value) == stand.last_crc
        return is_same and _instant_us(db, stand.synced_tx) == stand.instant_us

    def _store(self) -> None:
        """Write what the index says of itself; the tail must be empty, since its texts are in no file."""
        if self._path is None or self._engine is None or self._is_broken or len(self._tail):
            return
        code = int(np.flatnonzero(self._known)[-1])
        count = self._engine.searcher.text_count
        digest = checksum(self._texts([code])[0])
        stand = Stand(self._synced_tx, self._instant_us, count, code, digest)
        write_stand(self._path, stand, self._known)


def text_index(db: Db, attribute: Attribute) -> TextIndex:
    """Return the index of an attribute's texts over the heap of `db`."""
    return _index_over(db.heap, attribute)


def _index_over(heap: Heap, attribute: Attribute) -> TextIndex:
    def make(_: Companions) -> TextIndex:
        if isinstance(heap, LayerHeap):
            below = _index_over(heap.parent, attribute)
            return TextIndex(attribute, heap, below, tx_of_t(heap.cut.t))
        return TextIndex(attribute, heap, None, 0)

    return heap.companions.get(("text", attribute.id, attribute.language), make)


def _path_of(attribute: Attribute, companions: Companions) -> Path | None:
    if companions.directory is None:
        return None
    name = f"{attribute.id - ATTR_BASE}-{attribute.language}"
    return companions.directory / "text" / name


def _instant_us(db: Db, tx: int) -> int:
    words: Sequence[int] = db.unbounded().words(tx, TX_INSTANT)
    return words[0] if words else 0
