"""Walking: a linear rule program with few rows a round, one row at a time.

The rounds of `rules.py` join columns, which pays for many rows and costs some tenths of a millisecond for
one. Most recursions that somebody asks about one thing have a handful of rows a round. Where all that
the bodies do is follow refs, compare and count whole numbers, each row is extended by index lookups and
calls on Python ints. A round that grows wide is left to the columns, and so is every error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from datamem.datalog.context import Context, StepTrace
from datamem.datalog.describe import describe
from datamem.datalog.functions.comparison import truthy
from datamem.datalog.functions.registry import find_function
from datamem.datalog.magic import Body, Program
from datamem.datalog.patterns import probe_of
from datamem.datalog.relation import Relation, empty
from datamem.datalog.sources import Database, DatabaseSource
from datamem.datalog.steps import (
    FunctionStep,
    PatternStep,
    PredicateStep,
    Step,
    TableKey,
    TableStep,
)
from datamem.datalog.syntax import BindScalar, Blank, Constant, Term, Variable
from datamem.datalog.values import is_long
from datamem.schema.types import ValueType

Row = tuple[int, ...]

_WIDE: Final = 200
"""A round that begins with more rows than this is joined as columns."""

_MANY_ROUNDS: Final = 10_000
"""A program that is not done by then may make values for ever, which the columns find out."""

_WHOLE: Final = frozenset({ValueType.REF, ValueType.LONG})


@dataclass(slots=True)
class Walked:
    """What a walk derived.

    Attributes:
        rows: by relation.
        is_done: nothing more follows; else a round grew wide, and all rows so far are here.
    """

    rows: dict[TableKey, set[Row]]
    is_done: bool


class _NotWalked(Exception):  # noqa: N818  # control flow inside this module
    """A call made something else than a whole number, or failed: the columns do it right."""


@dataclass(frozen=True, slots=True)
class _Lookup:
    """One pattern, as a lookup from slots of a row.

    Attributes:
        kind: "values" of an entity, "holders" of a ref, "holds" a value, "has" any value.
    """

    step: PatternStep
    kind: str
    attribute: int
    known: int
    other: int = -1

    @property
    def adds(self) -> bool:
        """Tell whether rows get one more slot."""
        return self.kind in ("values", "holders")

    def extend(self, db: Database, rows: list[Row]) -> list[Row]:
        """Return the rows that match, with what they match."""
        a, known = self.attribute, self.known
        match self.kind:
            case "values":
                return [(*row, word) for row in rows for word in db.words(row[known], a)]
            case "holders":
                return [(*row, e) for row in rows for e in db.referrers(row[known], a)]
            case "has":
                return [row for row in rows if db.words(row[known], a)]
            case _:
                other = self.other
                return [row for row in rows if row[other] in db.words(row[known], a)]


@dataclass(frozen=True, slots=True)
class _Call:
    """A predicate, or a function of one result, on slots of a row and constants.

    Attributes:
        args: (slot, constant); the slot is -1 for a constant.
        result: where the result is compared with what is known; None where it is new.
    """

    step: PredicateStep | FunctionStep
    function: Callable[..., Any]
    args: tuple[tuple[int, Any], ...]
    result: int | None = None

    @property
    def adds(self) -> bool:
        """Tell whether rows get one more slot."""
        return isinstance(self.step, FunctionStep) and self.result is None

    def extend(self, _db: Database, rows: list[Row]) -> list[Row]:
        """Return the rows that the call keeps, with its result."""
        try:
            answers = [
                self.function(*[row[slot] if slot >= 0 else value for slot, value in self.args])
                for row in rows
            ]
        except Exception:  # noqa: BLE001 - the columns fail again, and tell where
            raise _NotWalked from None
        if isinstance(self.step, PredicateStep):
            return [row for row, answer in zip(rows, answers, strict=True) if truthy(answer)]
        if not all(map(is_long, answers)):
            raise _NotWalked
        if self.result is None:
            return [(*row, answer) for row, answer in zip(rows, answers, strict=True)]
        return [
            row for row, answer in zip(rows, answers, strict=True) if row[self.result] == answer
        ]


@dataclass(slots=True)
class _Way:
    """A body: how the rows of its relation become rows of its target.

    Attributes:
        read: the relation that it extends.
        slots: where each variable is in a row.
        constants: words that follow the relation's columns in every row.
        notes: for `explain`, one for each link; empty where nobody asked.
    """

    read: TableKey
    target: TableKey
    db: Database
    slots: dict[str, int]
    constants: list[int] = field(default_factory=list)
    links: list[_Lookup | _Call] = field(default_factory=list)
    head: tuple[int, ...] = ()
    notes: list[StepTrace] = field(default_factory=list)

    def run(self, rows: Sequence[Row]) -> set[Row]:
        """Return what rows of the relation derive."""
        made = [(*row, *self.constants) for row in rows]
        for i, link in enumerate(self.links):
            extended = link.extend(self.db, made)
            if self.notes:
                self.notes[i].rows_in += len(made)
                self.notes[i].rows_out += len(extended)
            made = extended
        return {tuple([row[slot] for slot in self.head]) for row in made}


def walk(
    program: Program, seed: Relation, context: Context, check: Callable[[int], None]
) -> Walked | None:
    """Derive the rows of a linear program; None where its bodies do what walking does not.

    Args:
        program: linear; its magic relation begins with `seed`.
        seed: rows of whole numbers.
        context: the execution.
        check: is told after each round how many rows there are.
    """
    integer = context.domains.integer
    if program.magic is None or any(domain is not integer for domain in seed.domains):
        return None
    if seed.size > _WIDE:
        return None
    ways = [_way(body, context) for body in program.bodies]
    known = [way for way in ways if way is not None]
    if len(known) < len(ways):
        return None
    start = set(zip(*(column.tolist() for column in seed.columns), strict=True))
    try:
        walked = _rounds(known, program, start, check)
    except _NotWalked:
        return None
    if context.trace is not None:
        context.trace += [note for way in known for note in way.notes]
    return walked


def _rounds(
    ways: Sequence[_Way], program: Program, start: set[Row], check: Callable[[int], None]
) -> Walked:
    assert program.magic is not None
    rows: dict[TableKey, set[Row]] = {key: set() for key in program.widths}
    recent = {program.magic: start}
    rows[program.magic] |= start
    rounds = 0
    while recent:
        rounds += 1
        if rounds > _MANY_ROUNDS or any(len(part) > _WIDE for part in recent.values()):
            return Walked(rows, is_done=False)
        derived: dict[TableKey, set[Row]] = {}
        for way in ways:
            if way.read in recent:
                made = way.run(list(recent[way.read]))
                derived.setdefault(way.target, set()).update(made)
        recent = {key: part - rows[key] for key, part in derived.items()}
        recent = {key: part for key, part in recent.items() if part}
        for key, part in recent.items():
            rows[key] |= part
        check(sum(map(len, rows.values())))
    return Walked(rows, is_done=True)


def _way(body: Body, context: Context) -> _Way | None:
    """Return how a body is walked, its patterns in an order that always knows one end."""
    table, *steps = body.steps
    if not isinstance(table, TableStep) or body.recursive != (0,):
        return None
    names = [name for name in table.names if name is not None]
    sources = {step.source for step in steps if isinstance(step, PatternStep)}
    if len(set(names)) < len(table.names) or len(sources) != 1:
        return None
    source = context.sources[sources.pop()]
    if not isinstance(source, DatabaseSource):
        return None
    way = _Way(table.table, body.target, source.db, {name: i for i, name in enumerate(names)})
    waiting: list[_Ends | _Asked] = []
    for step in steps:
        part = _part(step, way, context)
        if part is None:
            return None
        waiting.append(part)
    if not _link(way, waiting) or not way.slots.keys() >= set(body.head):
        return None
    way.head = tuple(way.slots[name] for name in body.head)
    if context.trace is not None:
        way.notes = [_note(link.step, context) for link in way.links]
    return way


def _note(step: Step, context: Context) -> StepTrace:
    return StepTrace(describe(step), "walk", 0, 0, 0, 0.0, context.depth)


def _link(way: _Way, waiting: list[_Ends | _Asked]) -> bool:
    """Put a body's parts in an order that always knows one end; False where there is none."""
    width = len(way.slots)
    while waiting:
        found = next((part for part in waiting if _is_known(part, way.slots)), None)
        if found is None:
            return False
        waiting.remove(found)
        link: _Lookup | _Call
        if isinstance(found, _Asked):
            link = _call(found, way.slots, width)
        else:
            link = _lookup(found, way.slots, width)
        way.links.append(link)
        width += link.adds
    return True


def _part(step: Step, way: _Way, context: Context) -> _Ends | _Asked | None:
    match step:
        case PatternStep():
            return _ends(step, way, context)
        case PredicateStep() | FunctionStep():
            return _asked(step, context)
        case _:
            pass
    return None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call: its function and the variable of its result, if it has one."""

    step: PredicateStep | FunctionStep
    function: Callable[..., Any]
    result: str | None


def _asked(step: PredicateStep | FunctionStep, context: Context) -> _Asked | None:
    """Return a call of a plain function by name; None where it is another kind of call."""
    result = None
    if isinstance(step, FunctionStep):
        if not isinstance(step.binding, BindScalar):
            return None
        result = step.binding.variable.name
    if not isinstance(step.function, str) or step.function in context.functions:
        return None
    if not all(isinstance(arg, Variable | Constant) for arg in step.args):
        return None
    found = find_function(step.function, {})
    if found is None or found.needs_database or found.vectorised or not found.pure:
        return None
    if not found.accepts(len(step.args)):
        return None
    return _Asked(step, found.call, result)


@dataclass(frozen=True, slots=True)
class _Ends:
    """A pattern: the names of its entity and of its value, which may be nobody's."""

    step: PatternStep
    attribute: int
    is_ref: bool
    entity: str
    value: str | None


def _ends(step: PatternStep, way: _Way, context: Context) -> _Ends | None:
    """Return a pattern's ends, its constants in slots of their own; None where it is not walked."""
    attribute = step.attribute
    if attribute is None or len(step.terms) not in (2, 3):
        return None
    probe = probe_of(step, context)
    entity, value = step.terms[0], step.terms[2] if len(step.terms) > 2 else Blank()
    if not probe.possible or probe.repeats or isinstance(entity, Blank):
        return None
    if isinstance(value, Variable) and attribute.value_type not in _WHOLE:
        return None
    first, second = _named(entity, probe.e, way), _named(value, probe.v, way)
    assert first is not None
    is_ref = attribute.value_type is ValueType.REF
    return _Ends(step, attribute.id, is_ref, first, second)


def _named(term: Term, word: int | None, way: _Way) -> str | None:
    if isinstance(term, Variable):
        return term.name
    if word is None:
        return None
    name = f"={len(way.constants)}"
    way.slots[name] = len(way.slots)
    way.constants.append(word)
    return name


def _is_known(part: _Ends | _Asked, slots: Mapping[str, int]) -> bool:
    if isinstance(part, _Asked):
        return part.step.requires <= slots.keys()
    return part.entity in slots or (part.is_ref and part.value in slots)


def _call(part: _Asked, slots: dict[str, int], width: int) -> _Call:
    """Return a call on slots; a result that is not known gets one."""
    args = tuple(
        (slots[arg.name], None) if isinstance(arg, Variable) else (-1, arg.value)
        for arg in part.step.args
        if isinstance(arg, Variable | Constant)
    )
    known = None if part.result is None else slots.get(part.result)
    if part.result is not None and known is None:
        slots[part.result] = width
    return _Call(part.step, part.function, args, known)


def _lookup(ends: _Ends, slots: dict[str, int], width: int) -> _Lookup:
    """Return the lookup of a pattern of which an end is known; what it finds gets a slot."""
    a, entity, value = ends.attribute, ends.entity, ends.value
    if entity not in slots:
        assert value is not None
        slots[entity] = width
        return _Lookup(ends.step, "holders", a, slots[value])
    if value is None:
        return _Lookup(ends.step, "has", a, slots[entity])
    if value in slots:
        return _Lookup(ends.step, "holds", a, slots[entity], slots[value])
    slots[value] = width
    return _Lookup(ends.step, "values", a, slots[entity])


def relation_of(rows: set[Row], width: int, context: Context) -> Relation:
    """Return rows as a relation of whole numbers."""
    names = [f"#{i}" for i in range(width)]
    integer = context.domains.integer
    if not rows:
        return empty(names, integer)
    table = np.array(list(rows), np.int64)
    return Relation(names, [table[:, i] for i in range(width)], [integer] * width, len(rows))
