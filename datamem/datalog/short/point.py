"""The short way for small answers: a chain of index lookups on Python ints, no array at all.

A query whose patterns can each be answered from a unique attribute, an entity or a ref that is known
by then is a chain of scalar lookups. It is found when the query is resolved; everything that the
chain cannot do exactly as the engine does goes to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from typing import Any, Final

from datamem.datalog.columns.column import ObjectColumn
from datamem.datalog.result import Result
from datamem.datalog.short.simple import ENGINE, Simple, Start, single_use, start_word
from datamem.datalog.syntax import Constant, Variable
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

_FEW: Final = 64

_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "=": eq,
    "==": eq,
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """One step of the chain; slots are places in the row of words.

    Attributes:
        kind: "unique" (value to entity), "value" (entity to values), "referrers" (target to
            entities), "check" (entity and value are both known), or the operator of a comparison.
        source_slot: what is known: the entity, or the value for "unique" and "referrers".
        other_slot: for "check", the value's slot; for a comparison, what is compared with.
    """

    kind: str
    attribute: int
    source_slot: int
    other_slot: int = -1


@dataclass(frozen=True, slots=True)
class PointPlan:
    """A query as a chain of lookups."""

    starts: tuple[Start, ...]
    lookups: tuple[Lookup, ...]
    outputs: tuple[tuple[int, ValueType], ...]
    shape: str
    names: tuple[str, ...]

    @property
    def is_bounded(self) -> bool:
        """Whether no lookup goes from an entity to those that refer to it, which may be many."""
        return all(lookup.kind != "referrers" for lookup in self.lookups)

    def run(self, db: Any, inputs: Sequence[Any]) -> Any:
        """Answer the query on a plain view of a database; `ENGINE` where an input needs more."""
        row: list[int] = []
        for start in self.starts:
            word = start_word(db, start, inputs)
            if word is None:
                return ENGINE if start.is_compared else self._shaped([])
            if word is ENGINE:
                return ENGINE
            row.append(word)
        rows = [row]
        for lookup in self.lookups:
            if lookup.kind == "referrers" and _are_many(db, rows, lookup):
                return ENGINE
            rows = _extended(db, rows, lookup)
            if not rows:
                return self._shaped([])
        return self._shaped(self._decoded(db, rows))

    def _decoded(self, db: Any, rows: list[list[int]]) -> list[tuple[Any, ...]]:
        if self.shape in ("scalar", "tuple"):
            rows = rows[:1]
        elif len(rows) > 1:
            kept = dict.fromkeys(tuple(row[slot] for slot, _ in self.outputs) for row in rows)
            columns: Any = zip(*kept, strict=True)
            decoded = [
                _decode(db, value_type, list(words))
                for words, (_, value_type) in zip(columns, self.outputs, strict=True)
            ]
            return list(zip(*decoded, strict=True))
        row = rows[0]
        return [
            tuple(_decode_one(db, value_type, row[slot]) for slot, value_type in self.outputs)
        ]

    def _shaped(self, rows: list[tuple[Any, ...]]) -> Any:
        match self.shape:
            case "scalar":
                return rows[0][0] if rows else None
            case "tuple":
                return rows[0] if rows else None
            case "collection":
                return [row[0] for row in rows]
            case _:
                pass
        lists = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in self.names]
        columns = [
            ObjectColumn(name, values) for name, values in zip(self.names, lists, strict=True)
        ]
        return Result(columns, len(rows))


def _are_many(db: Any, rows: list[list[int]], lookup: Lookup) -> bool:
    """Tell whether following references backwards would make more rows than are quick one by one."""
    a, slot = lookup.attribute, lookup.source_slot
    return len(rows) > _FEW or sum(db.count(a=a, v=row[slot]) for row in rows) > _FEW


def _decode(db: Any, value_type: ValueType, words: list[int]) -> list[Any]:
    if value_type is ValueType.LONG or value_type is ValueType.REF:
        return words
    decoded: list[Any] = db.decode(value_type, words)
    return decoded


def _decode_one(db: Any, value_type: ValueType, word: int) -> Any:
    if value_type is ValueType.LONG or value_type is ValueType.REF:
        return word
    if value_type in _HEAP:
        return db.heap.get(word)[1]
    return db.decode(value_type, [word])[0]


_HEAP: Final = frozenset({ValueType.STRING, ValueType.KEYWORD, ValueType.UUID})


def _extended(db: Any, rows: list[list[int]], lookup: Lookup) -> list[list[int]]:
    a, slot = lookup.attribute, lookup.source_slot
    result: list[list[int]] = []
    match lookup.kind:
        case "unique":
            for row in rows:
                entity = db.entity_with(a, row[slot])
                if entity is not None:
                    result.append([*row, entity])
        case "value":
            for row in rows:
                result.extend([*row, word] for word in db.words(row[slot], a))
        case "referrers":
            for row in rows:
                result.extend([*row, entity] for entity in db.referrers(row[slot], a))
        case "check":
            other = lookup.other_slot
            result = [row for row in rows if row[other] in db.words(row[slot], a)]
        case operator:
            compare, other = _COMPARE[operator], lookup.other_slot
            result = [row for row in rows if compare(row[slot], row[other])]
    return result


def point_plan(simple: Simple) -> PointPlan | None:
    """Return the chain of lookups that answers a query, or None where there is none."""
    elements = simple.resolved.query.find.elements
    if not simple.is_bare or not all(isinstance(element, Variable) for element in elements):
        return None
    return _Chain(simple).plan()


class _Chain:
    """Builds a chain; gives up by returning None."""

    def __init__(self, simple: Simple) -> None:
        self._simple = simple
        self._query = simple.resolved.query
        self._slots: dict[str, int] = {}
        self._types: dict[str, ValueType] = {}
        self._starts: list[Start] = []
        self._lookups: list[Lookup] = []
        self._size = 0

    def plan(self) -> PointPlan | None:
        if not self._take_inputs():
            return None
        self._take_constants()
        waiting = list(self._simple.patterns)
        while waiting:
            step = next((step for step in waiting if self._take(step)), None)
            if step is None:
                return None
            waiting.remove(step)
            self._compare()
        outputs = []
        for element in self._query.find.elements:
            assert isinstance(element, Variable)
            outputs.append((self._slots[element.name], self._types[element.name]))
        names = tuple(e.name for e in self._query.find.elements if isinstance(e, Variable))
        return PointPlan(
            tuple(self._starts),
            tuple(self._lookups),
            tuple(outputs),
            self._query.find.shape,
            names,
        )

    def _take_inputs(self) -> bool:
        """Give each input a slot; it must be used in one way only."""
        for name, index in self._simple.inputs.items():
            is_single, attribute = single_use(name, self._simple.patterns)
            if not is_single:
                return False
            self._start(name, Start(attribute, index, None))
        return True

    def _take_constants(self) -> None:
        for number, step in enumerate(self._simple.patterns):
            assert step.attribute is not None
            for position in (0, 2):
                term = step.terms[position] if len(step.terms) > position else None
                if isinstance(term, Constant):
                    is_ref = step.attribute.value_type is ValueType.REF
                    attribute = None if position == 0 or is_ref else step.attribute
                    self._start(f"{number}.{position}", Start(attribute, -1, term.value))
        for number, comparison in enumerate(self._simple.comparisons):
            self._start(f"?{number}", comparison.start)

    def _start(self, name: str, start: Start) -> None:
        attribute = start.attribute
        self._slots[name] = self._size
        self._types[name] = ValueType.LONG if attribute is None else attribute.value_type
        self._size += 1
        self._starts.append(start)

    def _compare(self) -> None:
        """Add the comparisons of the variable that the last lookup bound."""
        for number, comparison in enumerate(self._simple.comparisons):
            if self._slots.get(comparison.variable) == self._size - 1:
                slot, other = self._size - 1, self._slots[f"?{number}"]
                self._lookups.append(Lookup(comparison.operator, 0, slot, other))

    def _take(self, step: Any) -> bool:
        """Add the lookup of a pattern if what is known allows for one."""
        attribute = step.attribute
        number = self._simple.patterns.index(step)
        e = _slot_name(step.terms[0], f"{number}.0")
        v = _slot_name(step.terms[2], f"{number}.2") if len(step.terms) > 2 else None
        e_known, v_known = e in self._slots, v in self._slots
        is_ref = attribute.value_type is ValueType.REF
        if v_known and not self._is_comparable(str(v), attribute):
            return False
        if e_known and v_known:
            self._lookups.append(
                Lookup("check", attribute.id, self._slots[e or ""], self._slots[v or ""])
            )
        elif e_known:
            if v is None:
                return False
            self._add("value", attribute, e, v, attribute.value_type)
        elif v_known and e is not None and attribute.unique is not None:
            self._add("unique", attribute, v, e, ValueType.REF)
        elif v_known and e is not None and is_ref:
            self._add("referrers", attribute, v, e, ValueType.REF)
        else:
            return False
        return True

    def _is_comparable(self, name: str, attribute: Attribute) -> bool:
        """Tell whether a slot's words and the attribute's mean the same values."""
        return _words_of(self._types[name]) == _words_of(attribute.value_type)

    def _add(
        self, kind: str, attribute: Attribute, known: str | None, new: str, made: ValueType
    ) -> None:
        assert known is not None
        self._lookups.append(Lookup(kind, attribute.id, self._slots[known]))
        self._slots[new] = self._size
        self._types[new] = made
        self._size += 1


def _words_of(value_type: ValueType) -> str:
    """Return which words a type has: its own, those of whole numbers, or codes of the heap."""
    if value_type in (ValueType.LONG, ValueType.REF):
        return "int"
    return "code" if value_type in _HEAP else value_type.name


def _slot_name(term: Any, constant: str) -> str | None:
    match term:
        case Variable(name):
            return name
        case Constant():
            return constant
        case _:
            pass
    return None
