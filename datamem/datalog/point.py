"""The short way for small answers: a chain of index lookups on Python ints, no array at all.

A query whose patterns can each be answered from a unique attribute, an entity or a ref that is known
by then is a chain of scalar lookups. It is found when the query is resolved; everything that the
chain cannot do exactly as the engine does goes to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from datamem.datalog.result import ObjectColumn, Result
from datamem.datalog.sources import NO_VALUE, coerce
from datamem.datalog.steps import PatternStep, Resolved
from datamem.datalog.syntax import BindScalar, Blank, Constant, SourceName, Variable
from datamem.edn import BigInt, Keyword
from datamem.schema.attribute import Attribute
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType

_SIMPLE: Final = frozenset(
    {
        ValueType.REF,
        ValueType.LONG,
        ValueType.DOUBLE,
        ValueType.BOOLEAN,
        ValueType.INSTANT,
        ValueType.KEYWORD,
        ValueType.STRING,
        ValueType.UUID,
    }
)
_INPUTS: Final[dict[ValueType, tuple[type, ...]]] = {
    ValueType.LONG: (int,),
    ValueType.DOUBLE: (float,),
    ValueType.BOOLEAN: (bool,),
    ValueType.INSTANT: (datetime,),
    ValueType.KEYWORD: (Keyword, str),
    ValueType.STRING: (str,),
    ValueType.UUID: (UUID,),
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """One step of the chain; slots are places in the row of words.

    Attributes:
        kind: "unique" (value to entity), "value" (entity to values), "referrers" (target to
            entities), "check" (entity and value are both known).
        source_slot: what is known: the entity, or the value for "unique" and "referrers".
        other_slot: for "check", the value's slot.
    """

    kind: str
    attribute: int
    source_slot: int
    other_slot: int = -1


@dataclass(frozen=True, slots=True)
class Start:
    """A word known before the chain: from an input (by index) or a constant."""

    attribute: Attribute | None
    input_index: int
    value: Any


@dataclass(frozen=True, slots=True)
class PointPlan:
    """A query as a chain of lookups."""

    starts: tuple[Start, ...]
    lookups: tuple[Lookup, ...]
    outputs: tuple[tuple[int, ValueType], ...]
    shape: str
    names: tuple[str, ...]
    fallback: Resolved

    def run(self, inputs: Sequence[Any]) -> Any:
        """Answer the query on a plain view of a database."""
        db = inputs[0]
        row: list[int] = []
        for start in self.starts:
            word = _start_word(db, start, inputs)
            if word is None:
                return self._shaped([])
            if word is _ENGINE:
                return self._by_engine(inputs)
            row.append(word)
        rows = [row]
        for lookup in self.lookups:
            rows = _extended(db, rows, lookup)
            if not rows:
                return self._shaped([])
        return self._shaped(self._decoded(db, rows))

    def _by_engine(self, inputs: Sequence[Any]) -> Any:
        from datamem.datalog.engine import answer, make_context  # it imports this

        return answer(make_context(self.fallback, inputs), inputs)

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


_ENGINE: Final[Any] = object()
"""Says that an input needs what only the engine does."""


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


def _start_word(db: Any, start: Start, inputs: Sequence[Any]) -> Any:
    value = start.value if start.input_index < 0 else inputs[start.input_index]
    attribute = start.attribute
    if attribute is None:
        if type(value) is int:
            return value
        return _ENGINE
    kinds = _INPUTS.get(attribute.value_type)
    if kinds is None or type(value) not in kinds:
        return _ENGINE
    if attribute.value_type in (ValueType.INSTANT, ValueType.KEYWORD, ValueType.LONG):
        value = coerce(attribute.value_type, value)
        if value is NO_VALUE or type(value) is BigInt:
            return None
    return db.encode(attribute, value)


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
        case _:
            other = lookup.other_slot
            result = [row for row in rows if row[other] in db.words(row[slot], a)]
    return result


def point_plan(resolved: Resolved, schemas: Mapping[str, Schema | None]) -> PointPlan | None:
    """Return the chain of lookups that answers a query, or None where there is none."""
    query = resolved.query
    simple_find = all(isinstance(element, Variable) for element in query.find.elements)
    extras = (
        query.order_by
        or query.having
        or query.with_variables
        or query.keys
        or query.limit is not None
        or query.offset
        or query.timeout_ms is not None
    )
    if extras or not simple_find or not resolved.scope.steps or schemas.get("$") is None:
        return None
    if not isinstance(query.inputs[0], SourceName) or query.inputs[0].name != "$":
        return None
    if not all(isinstance(item, BindScalar) for item in query.inputs[1:]):
        return None
    return _Chain(resolved).plan()


class _Chain:
    """Builds a chain; gives up by returning None."""

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = resolved
        self._query = resolved.query
        self._slots: dict[str, int] = {}
        self._types: dict[str, ValueType] = {}
        self._starts: list[Start] = []
        self._lookups: list[Lookup] = []
        self._size = 0

    def plan(self) -> PointPlan | None:
        patterns = self._resolved.scope.steps
        if not all(_is_plain(step) for step in patterns):
            return None
        if not self._take_inputs(patterns):
            return None
        self._take_constants(patterns)
        waiting = list(patterns)
        while waiting:
            step = next((step for step in waiting if self._take(step)), None)
            if step is None:
                return None
            waiting.remove(step)
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
            self._resolved,
        )

    def _take_inputs(self, patterns: Sequence[Any]) -> bool:
        """Give each input a slot; it must be used in one way only."""
        for index, item in enumerate(self._query.inputs):
            if not isinstance(item, BindScalar):
                continue
            name = item.variable.name
            attribute, count = _single_use(name, patterns)
            if count == 0 or attribute is False:
                return False
            self._start(name, attribute, index, None)
        return True

    def _take_constants(self, patterns: Sequence[Any]) -> None:
        for number, step in enumerate(patterns):
            for position in (0, 2):
                term = step.terms[position] if len(step.terms) > position else None
                if isinstance(term, Constant):
                    is_ref = step.attribute.value_type is ValueType.REF
                    attribute = None if position == 0 or is_ref else step.attribute
                    self._start(f"{number}.{position}", attribute, -1, term.value)

    def _start(self, name: str, attribute: Any, index: int, value: Any) -> None:
        self._slots[name] = self._size
        self._types[name] = ValueType.LONG if attribute is None else attribute.value_type
        self._size += 1
        self._starts.append(Start(attribute, index, value))

    def _take(self, step: Any) -> bool:
        """Add the lookup of a pattern if what is known allows for one."""
        attribute = step.attribute
        number = self._resolved.scope.steps.index(step)
        e = _slot_name(step.terms[0], f"{number}.0")
        v = _slot_name(step.terms[2], f"{number}.2") if len(step.terms) > 2 else None
        e_known, v_known = e in self._slots, v in self._slots
        is_ref = attribute.value_type is ValueType.REF
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

    def _add(
        self, kind: str, attribute: Attribute, known: str | None, new: str, made: ValueType
    ) -> None:
        assert known is not None
        self._lookups.append(Lookup(kind, attribute.id, self._slots[known]))
        self._slots[new] = self._size
        self._types[new] = made
        self._size += 1


def _slot_name(term: Any, constant: str) -> str | None:
    match term:
        case Variable(name):
            return name
        case Constant():
            return constant
        case _:
            pass
    return None


def _is_plain(step: Any) -> bool:
    if not isinstance(step, PatternStep) or step.attribute is None or step.source != "$":
        return False
    terms = step.terms
    if len(terms) not in (2, 3) or isinstance(terms[0], Blank):
        return False
    if len(terms) == 3 and terms[0] == terms[2]:
        return False
    if step.attribute.value_type not in _SIMPLE:
        return False
    return not any(isinstance(term, Constant) and term.value is None for term in terms)


def _single_use(name: str, patterns: Sequence[Any]) -> tuple[Any, int]:
    """Return the attribute whose values an input is compared with (None: it is an entity)."""
    uses: list[Any] = []
    for step in patterns:
        if isinstance(step.terms[0], Variable) and step.terms[0].name == name:
            uses.append(None)
        value = step.terms[2] if len(step.terms) > 2 else None
        if isinstance(value, Variable) and value.name == name:
            is_ref = step.attribute.value_type is ValueType.REF
            uses.append(None if is_ref else step.attribute)
    if not uses:
        return False, 0
    types = {None if use is None else use.value_type for use in uses}
    return (uses[0] if len(types) == 1 else False), len(uses)
