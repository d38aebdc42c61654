"""The short way for questions about one kind of thing: patterns that all share their entity variable.

`[?e :name "Ivan"] [?e :age ?a] [(> ?a 30)]` is a star: each pattern says something of the same `?e`. Where the
attributes lie in one piece (`Solid`), the pattern that selects fewest rows is a slice of its column, and the
others are looked up by entity, those that drop rows first. Attributes in several levels (`Layered`) are read
the same way, more slowly; those with rows that are dead or new when they are asked for again. Everything else, and every view that is not plain, goes to the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias
from weakref import ref

import numpy as np

from datamem.datalog.columns import joining, kernels
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.short.probed import Probed
from datamem.datalog.short.simple import ENGINE, Start, start_word
from datamem.db.database import Db
from datamem.index.layered import Layered
from datamem.index.solid import Solid

ENTITY: Final = -1
"""Stands for the entity among the leaves."""

Piece: TypeAlias = Solid | Layered | Probed

_Bound = tuple[int | None, int | None]
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One pattern of a star.

    Attributes:
        attribute: its id.
        equals: which of the known words its value is; -1 for none.
        bounds: (operator, which known word) of each comparison of its value.
        is_many: an entity may have several values; then it is the only leaf, or has `equals`.
        is_asked: `:find` has its value.
    """

    attribute: int
    equals: int
    bounds: tuple[tuple[str, int], ...]
    is_many: bool
    is_asked: bool


class Selected(NamedTuple):
    """What each leaf of a star selects by itself in one database.

    Attributes:
        pieces: the rows of its attribute.
        words: those known before any row is read.
        spans: which rows it selects, in the order of values.
    """

    pieces: list[Piece]
    words: tuple[int, ...]
    spans: list[_Span]

    @property
    def fewest(self) -> int:
        """How many rows the leaf selects that selects fewest."""
        return min(stop - start for start, stop in self.spans)


@dataclass(slots=True)
class _Known:
    """The words of a query of constants, with the heap that they were found in; set at once."""

    found: tuple[Any, tuple[int, ...]] = (None, ())


@dataclass(frozen=True, slots=True)
class StarRows:
    """What a star selects.

    Attributes:
        starts: what is known before any row is read.
        leaves: the patterns.
        outputs: for each column its leaf, or -1 for the entity; at least one.
        has_inputs: words depend on the call.
    """

    starts: tuple[Start, ...]
    leaves: tuple[Leaf, ...]
    outputs: tuple[int, ...]
    has_inputs: bool
    known: _Known = field(default_factory=_Known, compare=False)

    def columns(self, db: Db, inputs: Sequence[Any]) -> list[Int64Array] | None:
        """Return the distinct rows as columns; None where that takes the engine.

        REQUIRES: a plain view of a database.
        """
        selected = self.selected(db, inputs)
        columns = None if selected is None else self.columns_of(selected)
        if columns is None or ENTITY in self.outputs:
            return columns
        return kernels.distinct_rows(columns)

    def reads(self, db: Db, inputs: Sequence[Any]) -> list[tuple[Leaf, int]] | None:
        """Return the leaves in the order they are read, each with the rows that it selects by itself.

        None where that takes the engine, as far as it can be told before a row is read.

        REQUIRES: a plain view of a database.
        """
        selected = self.selected(db, inputs)
        if selected is None:
            return None
        spans = selected.spans
        return [(self.leaves[i], spans[i][1] - spans[i][0]) for i in _order(spans)]

    def selected(self, db: Db, inputs: Sequence[Any]) -> Selected | None:
        """Return what each leaf selects by itself; None where that takes the engine.

        REQUIRES: a plain view of a database.
        """
        words = self._words(db, inputs)
        pieces = None if words is None else self._pieces(db)
        if words is None or pieces is None:
            return None
        return Selected(pieces, words, self._spans(pieces, words))

    def probed(self, db: Db, inputs: Sequence[Any]) -> Selected | None:
        """Return what `selected` does for attributes that lie in no piece: for few entities of them."""
        words = self._words(db, inputs)
        if words is None:
            return None
        pieces: list[Piece] = [Probed(db, leaf.attribute) for leaf in self.leaves]
        return Selected(pieces, words, self._spans(pieces, words))

    def of_entities(self, selected: Selected, es: Int64Array) -> list[Int64Array] | None:
        """Return the rows of some entities in their order; None where that takes the engine.

        Args:
            selected: from `selected`.
            es: int64[n], distinct; those that do not fit have no row.

        Cost: a lookup by entity for each leaf, some 10 µs a level.
        """
        rows = _Rows(es, {}, None)
        if not self._join(rows, range(len(self.leaves)), selected):
            return None
        return [rows.es if i == ENTITY else rows.columns[i] for i in self.outputs]

    def _pieces(self, db: Db) -> list[Piece] | None:
        pieces: list[Piece] = []
        for leaf in self.leaves:
            solids = db.solids(leaf.attribute)
            if not solids:
                return None
            pieces.append(solids[0] if len(solids) == 1 else Layered(solids))
        return pieces

    def _spans(self, pieces: Sequence[Piece], words: tuple[int, ...]) -> list[_Span]:
        pairs = zip(self.leaves, pieces, strict=True)
        return [_span(leaf, piece, words) for leaf, piece in pairs]

    def _words(self, db: Db, inputs: Sequence[Any]) -> tuple[int, ...] | None:
        """Return the words known before any row is read; None where only the engine can tell."""
        heap, known = self.known.found
        if heap is not None and heap() is db.heap:
            return known
        words = []
        for start in self.starts:
            word = start_word(db, start, inputs)
            if word is ENGINE or word is None:
                return None
            words.append(word)
        found = tuple(words)
        if not self.has_inputs:
            self.known.found = ref(db.heap), found
        return found

    def columns_of(self, selected: Selected) -> list[Int64Array] | None:
        """Return the columns that `:find` asks for, with a row for each entity that fits.

        None where an attribute of one value has entities with several, from when it had many.
        """
        leaves = self.leaves
        pieces, _, spans = selected
        at, *rest = _order(spans) if len(leaves) > 1 else (0,)
        (start, stop), piece = spans[at], pieces[at]
        rows = _Rows.of(leaves[at], at, piece, start, stop)
        may_repeat = leaves[at].equals < 0 and (len(leaves) > 1 or not leaves[at].is_asked)
        if may_repeat and not rows.are_distinct(piece):
            return None
        if rest and not self._join(rows, rest, selected):
            return None
        found = rows.columns
        return [rows.es if i == ENTITY else found[i] for i in self.outputs]

    def _join(self, rows: _Rows, rest: Sequence[int], selected: Selected) -> bool:
        """Look up all other leaves by entity.

        Returns:
            False where an entity has several values.
        """
        pieces, words, spans = selected
        for i in rest:
            leaf, piece = self.leaves[i], pieces[i]
            if leaf.is_many:
                others = piece.entities(*spans[i])
                rows.keep(joining.member_mask(rows.es, others))
                continue
            values = rows.values_of(piece)
            if values is None:
                return False
            if leaf.equals >= 0 or leaf.bounds:
                mask = _mask(leaf, values, words)
                rows.keep(mask)
                values = values[mask] if leaf.is_asked else values
            if leaf.is_asked:
                rows.columns[i] = values
        return True


class _Rows:
    """The rows of a star so far.

    Attributes:
        es: their entities.
        columns: the values of leaves that are asked for, by leaf.
        whole: the attribute of one value whose rows these are, all of them in the order of entities.
    """

    __slots__ = ("columns", "es", "whole")

    def __init__(
        self, es: Int64Array, columns: dict[int, Int64Array], whole: Solid | None
    ) -> None:
        self.es = es
        self.columns = columns
        self.whole = whole

    @classmethod
    def of(cls, leaf: Leaf, number: int, piece: Piece, start: int, stop: int) -> _Rows:
        """Return the rows that a leaf selects by itself."""
        if stop - start == piece.row_count:
            es, values = piece.all_entities(), piece.all_values() if leaf.is_asked else None
            whole = piece if isinstance(piece, Solid) and piece.is_single else None
        else:
            es = piece.entities(start, stop)
            values = piece.values(start, stop) if leaf.is_asked else None
            whole = None
        return cls(es, {} if values is None else {number: values}, whole)

    def are_distinct(self, piece: Piece) -> bool:
        """Tell whether no entity is there twice."""
        return self.whole is piece or len(kernels.distinct(self.es)) == len(self.es)

    def keep(self, mask: BoolArray) -> None:
        """Drop the rows where the mask is false."""
        at = np.flatnonzero(mask)
        if len(at) < len(mask):
            self.es = self.es[at]
            self.columns = {number: column[at] for number, column in self.columns.items()}
            self.whole = None

    def values_of(self, piece: Piece) -> Int64Array | None:
        """Return a value for each entity and drop those that have none; None where one has several."""
        if isinstance(piece, Solid) and piece.has_entities_of(self.whole):
            return piece.all_values()
        places = piece.places(self.es)
        if places is None:
            return None
        at, is_there = places
        if is_there is not None:
            self.keep(is_there)
            at = at[is_there]
        return piece.values_at(at)


def _order(spans: Sequence[_Span]) -> list[int]:
    """Return the leaf of the fewest rows first; the others drop the more rows the fewer they have."""
    return sorted(range(len(spans)), key=lambda i: spans[i][1] - spans[i][0])


def _span(leaf: Leaf, piece: Piece, words: tuple[int, ...]) -> _Span:
    """Return the rows that a leaf selects by itself, in the order of values."""
    if leaf.equals >= 0:
        start, stop = piece.equal(words[leaf.equals])
    elif leaf.bounds:
        start, stop = piece.between(*_limits(leaf, words))
    else:
        start, stop = 0, piece.row_count
    return start, stop


def _limits(leaf: Leaf, words: tuple[int, ...]) -> _Bound:
    """Return the least and the greatest word that all comparisons of a leaf let pass."""
    low: int | None = None
    high: int | None = None
    for operator, which in leaf.bounds:
        word = words[which]
        if operator in (">", ">=", "=", "=="):
            least = word + 1 if operator == ">" else word
            low = least if low is None or least > low else low
        if operator in ("<", "<=", "=", "=="):
            most = word - 1 if operator == "<" else word
            high = most if high is None or most < high else high
    return low, high


def _mask(leaf: Leaf, values: Int64Array, words: tuple[int, ...]) -> BoolArray:
    mask: BoolArray
    if leaf.equals >= 0:
        mask = values == words[leaf.equals]
        return mask
    low, high = _limits(leaf, words)
    mask = np.ones(len(values), np.bool_) if low is None else values >= low
    if high is not None:
        mask &= values <= high
    return mask
