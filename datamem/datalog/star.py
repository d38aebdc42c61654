"""The short way for questions about one kind of thing: patterns that all share their entity variable.

`[?e :name "Ivan"] [?e :age ?a] [(> ?a 30)]` is a star: each pattern says something of the same `?e`. Where the
attributes lie in one piece (`Solid`), the pattern that selects fewest rows is a slice of its column, and the
others are looked up by entity, those that drop rows first. Attributes in several levels (`Layered`), or with
rows that are dead or new (`Loose`), are read the same way, more slowly. Everything else, and every view that is not plain, goes to the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from weakref import ref

import numpy as np

from datamem.datalog import kernels
from datamem.datalog.describe import describe_find
from datamem.datalog.domains import Domain, Domains, HeapCodes
from datamem.datalog.kernels import BoolArray, Int64Array
from datamem.datalog.result import Column, ObjectColumn, Result, WordColumn
from datamem.datalog.simple import ENGINE, Simple, Start, single_use, start_word
from datamem.datalog.syntax import Aggregate, Constant, Variable
from datamem.db.database import Db
from datamem.db.loose import Loose
from datamem.index.layered import Layered
from datamem.index.solid import Solid
from datamem.schema.types import ValueType

_DOMAINS: Final = Domains()
"""Domains of types whose values are their own words: these hold nothing of any one query."""

_ENTITY: Final = -1

Piece: TypeAlias = Solid | Layered | Loose

_Bound = tuple[int | None, int | None]
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One pattern of a star.

    Attributes:
        attribute: its id.
        equals: which of the known words its value is; -1 for none.
        bounds: (operator, which known word) of each comparison of its value.
        is_many: an entity may have several values; then only `equals` is answered.
        is_asked: `:find` has its value.
    """

    attribute: int
    equals: int
    bounds: tuple[tuple[str, int], ...]
    is_many: bool
    is_asked: bool


@dataclass(slots=True)
class _Known:
    """The words of a query of constants, with the heap that they were found in; set at once."""

    found: tuple[Any, tuple[int, ...]] = (None, ())


@dataclass(frozen=True, slots=True)
class Star:
    """A query as a star.

    Attributes:
        starts: what is known before any row is read.
        leaves: the patterns.
        outputs: for each find element its leaf, or -1 for the entity.
        names: of the columns.
        domains: of the columns; None for codes of the database's heap.
        shape: "relation" or "collection".
        is_counted: `:find` is a count of the only output.
        is_distinct: rows differ as they are found.
        has_inputs: words depend on the call.
    """

    starts: tuple[Start, ...]
    leaves: tuple[Leaf, ...]
    outputs: tuple[int, ...]
    names: tuple[str, ...]
    domains: tuple[Domain | None, ...]
    shape: str
    is_counted: bool
    is_distinct: bool
    has_inputs: bool
    known: _Known = field(default_factory=_Known, compare=False)

    def run(self, db: Db, inputs: Sequence[Any]) -> Any:
        """Answer the query on a plain view of a database; `ENGINE` where that takes the engine."""
        words = self._words(db, inputs)
        if words is None:
            return ENGINE
        pieces = [_piece(db, leaf.attribute) for leaf in self.leaves]
        columns = self._columns(pieces, words)
        if columns is None:
            return ENGINE
        if not self.is_distinct:
            columns = kernels.distinct_rows(columns)
        return self._shaped(db, columns)

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

    def _columns(
        self, pieces: Sequence[Piece], words: tuple[int, ...]
    ) -> list[Int64Array] | None:
        """Return the columns that `:find` asks for, with a row for each entity that fits.

        None where an attribute of one value has entities with several, from when it had many.
        """
        leaves = self.leaves
        spans = [_span(leaf, piece, words) for leaf, piece in zip(leaves, pieces, strict=True)]
        if len(leaves) == 1:
            at, (start, stop), piece = 0, spans[0], pieces[0]
        else:
            at = min(range(len(leaves)), key=lambda i: spans[i][1] - spans[i][0])
            (start, stop), piece = spans[at], pieces[at]
        leaf = leaves[at]
        found: dict[int, Int64Array] | None
        if stop - start == piece.row_count:
            found = {_ENTITY: piece.all_entities()}
            if leaf.is_asked:
                found[at] = piece.all_values()
        else:
            found = {_ENTITY: piece.entities(start, stop)}
            if leaf.is_asked:
                found[at] = piece.values(start, stop)
        may_repeat = leaf.equals < 0 and (len(leaves) > 1 or not leaf.is_asked)
        if may_repeat and len(kernels.distinct(found[_ENTITY])) < stop - start:
            return None
        if len(leaves) > 1:
            found = self._joined(found, at, pieces, spans, words)
        return None if found is None else [found[output] for output in self.outputs]

    def _joined(
        self,
        found: dict[int, Int64Array],
        driver: int,
        pieces: Sequence[Piece],
        spans: Sequence[_Span],
        words: tuple[int, ...],
    ) -> dict[int, Int64Array] | None:
        """Look up all other leaves by entity, those that drop rows before those that add a column."""
        rest = [i for i in range(len(pieces)) if i != driver]
        rest.sort(key=lambda i: (spans[i][1] - spans[i][0]) / (pieces[i].row_count or 1))
        for i in rest:
            leaf, piece = self.leaves[i], pieces[i]
            if leaf.is_many:
                others = piece.entities(*spans[i])
                found = _kept(found, kernels.member_mask(found[_ENTITY], others))
                continue
            places = piece.places(found[_ENTITY])
            if places is None:
                return None
            at, is_there = places
            if is_there is not None:
                found, at = _kept(found, is_there), at[is_there]
            is_bounded = leaf.equals >= 0 or leaf.bounds
            if not leaf.is_asked and not is_bounded:
                continue
            values = piece.values_at(at)
            if is_bounded:
                mask = _mask(leaf, values, words)
                found = _kept(found, mask)
                values = values[mask] if leaf.is_asked else values
            if leaf.is_asked:
                found[i] = values
        return found

    def _shaped(self, db: Db, columns: Sequence[Int64Array]) -> Any:
        size = len(columns[0])
        if self.is_counted:
            return self._count(size)
        made: list[Column] = []
        for name, words, domain in zip(self.names, columns, self.domains, strict=True):
            made.append(WordColumn(name, words, domain or HeapCodes(db)))
        if self.shape == "collection":
            return list(made[0].values())
        return Result(made, size)

    def _count(self, size: int) -> Any:
        match self.shape:
            case "scalar":
                return size or None
            case "tuple":
                return (size,) if size else None
            case "collection":
                return [size] if size else []
            case _:
                pass
        counts = [size] if size else []
        return Result([ObjectColumn(self.names[0], counts)], len(counts))


def _piece(db: Db, a: int) -> Piece:
    """Return an attribute as what answers quickest where its rows lie."""
    solids = db.solids(a)
    if len(solids) == 1:
        return solids[0]
    return Layered(solids) if solids else Loose(db, a)


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


def _kept(found: dict[int, Int64Array], mask: BoolArray) -> dict[int, Int64Array]:
    rows = np.flatnonzero(mask)
    return {key: column[rows] for key, column in found.items()}


def star_plan(simple: Simple) -> Star | None:
    """Return a query as a star, or None where it is none."""
    return _Builder(simple).star()


class _Builder:
    """Builds a star; gives up by returning None."""

    def __init__(self, simple: Simple) -> None:
        self._simple = simple
        self._starts: list[Start] = []
        self._value_leaf: dict[str, int] = {}
        self._types: list[ValueType] = []

    def star(self) -> Star | None:
        find = self._simple.resolved.query.find
        entity = self._simple.patterns[0].terms[0]
        asked = _asked(find.elements)
        is_counted = isinstance(find.elements[0], Aggregate)
        if asked is None or not isinstance(entity, Variable):
            return None
        if entity.name in self._simple.inputs:
            return None
        if not is_counted and find.shape not in ("relation", "collection"):
            return None
        leaves = [self._leaf(i, entity.name, asked) for i in range(len(self._simple.patterns))]
        places = {entity.name: _ENTITY, **self._value_leaf}
        if None in leaves or any(name not in places for name in asked):
            return None
        outputs = tuple(places[name] for name in asked)
        return Star(
            tuple(self._starts),
            tuple(leaf for leaf in leaves if leaf is not None),
            outputs,
            tuple(describe_find(element) for element in find.elements),
            tuple(self._domain(output) for output in outputs),
            find.shape,
            is_counted,
            _ENTITY in outputs,
            any(start.input_index >= 0 for start in self._starts),
        )

    def _domain(self, output: int) -> Domain | None:
        return _DOMAINS.integer if output == _ENTITY else _DOMAINS.inline(self._types[output])

    def _leaf(self, number: int, entity: str, asked: Sequence[str]) -> Leaf | None:
        step = self._simple.patterns[number]
        attribute = step.attribute
        assert attribute is not None
        self._types.append(attribute.value_type)
        first, value = step.terms[0], step.terms[2] if len(step.terms) > 2 else None
        if not isinstance(first, Variable) or first.name != entity:
            return None
        is_ref = attribute.value_type is ValueType.REF
        compared = None if is_ref else attribute
        match value:
            case Constant(constant):
                equals = self._start(Start(compared, -1, constant))
                return Leaf(attribute.id, equals, (), attribute.many, is_asked=False)
            case Variable(name) if name in self._simple.inputs:
                if not single_use(name, self._simple.patterns)[0]:
                    return None
                equals = self._start(Start(compared, self._simple.inputs[name], None))
                return Leaf(attribute.id, equals, (), attribute.many, is_asked=False)
            case Variable(name) if name in self._value_leaf or name == entity:
                return None
            case Variable(name):
                self._value_leaf[name] = number
            case _:
                name = ""
        if attribute.many:
            return None
        bounds = tuple(
            (comparison.operator, self._start(comparison.start))
            for comparison in self._simple.comparisons
            if comparison.variable == name
        )
        return Leaf(attribute.id, -1, bounds, is_many=False, is_asked=name in asked)

    def _start(self, start: Start) -> int:
        self._starts.append(start)
        return len(self._starts) - 1


def _asked(elements: Sequence[Any]) -> list[str] | None:
    """Return the variables that `:find` asks for; None where it asks for more than those or one count."""
    match elements:
        case [Aggregate("count", [Variable(name)])]:
            return [name]
        case _:
            pass
    names = [element.name for element in elements if isinstance(element, Variable)]
    return names if len(names) == len(elements) else None
