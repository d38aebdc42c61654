"""Links: the steps of a rule's body as lookups and calls on one row of Python ints at a time.

A row is a tuple of words, one for each variable that is known by then; each link keeps some rows or gives
some another word. Only whole numbers and refs are in rows, which are their own words. What has another
shape is not linked, and the body is left to the columns (`walk.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from datamem.datalog.columns.values import is_long
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.probe import probe_of
from datamem.datalog.execute.sources import Database, DatabaseSource
from datamem.datalog.functions.comparison import truthy
from datamem.datalog.functions.registry import find_function
from datamem.datalog.resolve.steps import (
    FunctionStep,
    PatternStep,
    PredicateStep,
    Step,
    TableKey,
    TableStep,
)
from datamem.datalog.syntax import BindScalar, Blank, Constant, Term, Variable
from datamem.schema.types import ValueType

Row: TypeAlias = tuple[int, ...]

_WHOLE: Final = frozenset({ValueType.REF, ValueType.LONG})


class NotWalkedError(Exception):
    """A row grew too many, or a call failed or made no whole number: the columns do it right."""


class Tables:
    """The derived relations of a walk: sets of rows, with an index for each way they are asked."""

    def __init__(self) -> None:
        self.rows: dict[TableKey, set[Row]] = {}
        self._indexes: dict[tuple[TableKey, tuple[int, ...]], dict[Row, list[Row]]] = {}

    def add(self, key: TableKey, rows: set[Row]) -> None:
        """Add rows that are new."""
        self.rows.setdefault(key, set()).update(rows)
        for (table, places), index in self._indexes.items():
            if table == key:
                _indexed(rows, places, index)

    def index(self, key: TableKey, places: tuple[int, ...]) -> dict[Row, list[Row]]:
        """Return the rows of a relation by their words at some places; it grows as the relation does."""
        found = self._indexes.get((key, places))
        if found is None:
            found = self._indexes[key, places] = {}
            _indexed(self.rows.get(key, set()), places, found)
        return found


def _indexed(rows: set[Row], places: tuple[int, ...], index: dict[Row, list[Row]]) -> None:
    for row in rows:
        index.setdefault(tuple([row[i] for i in places]), []).append(row)


@dataclass(frozen=True, slots=True)
class Lookup:
    """One pattern, as a lookup from slots of a row.

    Attributes:
        kind: "values" of an entity, "holders" of a ref, "holds" a value, "has" any value.
    """

    step: Step
    db: Database
    kind: str
    attribute: int
    known: int
    other: int = -1

    @property
    def added(self) -> int:
        """How many slots rows get."""
        return int(self.kind in ("values", "holders"))

    def extend(self, rows: list[Row]) -> list[Row]:
        """Return the rows that match, with what they match."""
        a, known = self.attribute, self.known
        words = self.db.words
        match self.kind:
            case "values":
                return [(*row, word) for row in rows for word in words(row[known], a)]
            case "holders":
                holders = self.db.referrers
                return [(*row, e) for row in rows for e in holders(row[known], a)]
            case "has":
                return [row for row in rows if words(row[known], a)]
            case _:
                return [row for row in rows if row[self.other] in words(row[known], a)]


@dataclass(frozen=True, slots=True)
class Call:
    """A predicate, or a function of one result, on slots of a row and constants.

    Attributes:
        args: (slot, constant); the slot is -1 for a constant.
        result: where the result is compared with what is known; None where it is new.
    """

    step: PredicateStep | FunctionStep
    function: Callable[..., Any]
    args: tuple[tuple[int, Any], ...]
    result: int | None

    @property
    def added(self) -> int:
        """How many slots rows get."""
        return int(isinstance(self.step, FunctionStep) and self.result is None)

    def extend(self, rows: list[Row]) -> list[Row]:
        """Return the rows that the call keeps, with its result."""
        answers = [self._answer(row) for row in rows]
        pairs = zip(rows, answers, strict=True)
        if isinstance(self.step, PredicateStep):
            return [row for row, answer in pairs if truthy(answer)]
        if not all(map(is_long, answers)):
            raise NotWalkedError
        if self.result is None:
            return [(*row, answer) for row, answer in pairs]
        return [row for row, answer in pairs if row[self.result] == answer]

    def _answer(self, row: Row) -> Any:
        try:
            return self.function(
                *[row[slot] if slot >= 0 else value for slot, value in self.args]
            )
        except Exception:  # noqa: BLE001 - the columns fail again, and tell where
            raise NotWalkedError from None


@dataclass(frozen=True, slots=True)
class Read:
    """A derived relation, asked for the rows that agree with what is known.

    Attributes:
        places: of its columns that are known; `slots` are where.
        fresh: its columns that are new.
    """

    step: TableStep
    index: Mapping[Row, list[Row]]
    slots: tuple[int, ...]
    fresh: tuple[int, ...]

    @property
    def added(self) -> int:
        """How many slots rows get."""
        return len(self.fresh)

    def extend(self, rows: list[Row]) -> list[Row]:
        """Return the rows that agree with some row of the relation, with its other words."""
        index, fresh = self.index, self.fresh
        return [
            (*row, *[found[i] for i in fresh])
            for row in rows
            for found in index.get(tuple([row[slot] for slot in self.slots]), ())
        ]


Link: TypeAlias = Lookup | Call | Read


@dataclass(slots=True)
class Chain:
    """The links of a body, in an order that always knows what a link starts from.

    Attributes:
        slots: where each variable is in a row.
        constants: words that follow the first variables in every row.
    """

    slots: dict[str, int]
    constants: list[int] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def link(self, steps: Sequence[Step], tables: Tables, context: Context) -> bool:
        """Make the links of steps; False where some step is of another shape, or has no start."""
        parts = [_part(step, self, context) for step in steps]
        waiting = [part for part in parts if part is not None]
        if len(waiting) < len(parts):
            return False
        width = len(self.slots)
        while waiting:
            found = next((part for part in waiting if _is_known(part, self.slots)), None)
            if found is None:
                return False
            waiting.remove(found)
            link = _linked(found, self.slots, width, tables)
            self.links.append(link)
            width += link.added
        return True


@dataclass(frozen=True, slots=True)
class _Ends:
    """A pattern: the names of its entity and of its value, which may be nobody's."""

    step: PatternStep
    db: Database
    attribute: int
    is_ref: bool
    entity: str
    value: str | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call: its function and the variable of its result, if it has one."""

    step: PredicateStep | FunctionStep
    function: Callable[..., Any]
    result: str | None


def _part(step: Step, chain: Chain, context: Context) -> _Ends | _Asked | TableStep | None:
    match step:
        case PatternStep():
            return _ends(step, chain, context)
        case PredicateStep() | FunctionStep():
            return _asked(step, context)
        case TableStep(names=names):
            return step if len(step.provides) == len(names) else None
        case _:
            pass
    return None


def _ends(step: PatternStep, chain: Chain, context: Context) -> _Ends | None:
    """Return a pattern's ends, its constants in slots of their own; None where it has no such."""
    attribute, source = step.attribute, context.sources[step.source]
    if attribute is None or len(step.terms) not in (2, 3):
        return None
    if not isinstance(source, DatabaseSource):
        return None
    probe = probe_of(step, context)
    entity, value = step.terms[0], step.terms[2] if len(step.terms) > 2 else Blank()
    if not probe.possible or probe.repeats or isinstance(entity, Blank):
        return None
    if isinstance(value, Variable) and attribute.value_type not in _WHOLE:
        return None
    first, second = _named(entity, probe.e, chain), _named(value, probe.v, chain)
    assert first is not None
    is_ref = attribute.value_type is ValueType.REF
    return _Ends(step, source.db, attribute.id, is_ref, first, second)


def _named(term: Term, word: int | None, chain: Chain) -> str | None:
    if isinstance(term, Variable):
        return term.name
    if word is None:
        return None
    name = f"={len(chain.constants)}"
    chain.slots[name] = len(chain.slots)
    chain.constants.append(word)
    return name


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
    return _Asked(step, found.call, result) if found.accepts(len(step.args)) else None


def _is_known(part: _Ends | _Asked | TableStep, slots: Mapping[str, int]) -> bool:
    """Tell whether enough is known for a part to start from."""
    match part:
        case _Asked(step=step):
            return step.requires <= slots.keys()
        case TableStep(provides=names):
            return not names.isdisjoint(slots)
        case _:
            pass
    return part.entity in slots or (part.is_ref and part.value in slots)


def _linked(
    part: _Ends | _Asked | TableStep, slots: dict[str, int], width: int, tables: Tables
) -> Link:
    """Return the link of a part; what it makes known gets slots from `width` on."""
    match part:
        case _Asked():
            return _call(part, slots, width)
        case TableStep():
            return _read(part, slots, width, tables)
        case _:
            pass
    return _lookup(part, slots, width)


def _call(part: _Asked, slots: dict[str, int], width: int) -> Call:
    args = tuple(
        (slots[arg.name], None) if isinstance(arg, Variable) else (-1, arg.value)
        for arg in part.step.args
        if isinstance(arg, Variable | Constant)
    )
    known = None if part.result is None else slots.get(part.result)
    if part.result is not None and known is None:
        slots[part.result] = width
    return Call(part.step, part.function, args, known)


def _read(step: TableStep, slots: dict[str, int], width: int, tables: Tables) -> Read:
    known = tuple(i for i, name in enumerate(step.names) if name in slots)
    fresh = tuple(i for i in range(len(step.names)) if i not in known)
    names = [name for name in step.names if name is not None]
    link = Read(
        step, tables.index(step.table, known), tuple(slots[names[i]] for i in known), fresh
    )
    for at, i in enumerate(fresh):
        slots[names[i]] = width + at
    return link


def _lookup(ends: _Ends, slots: dict[str, int], width: int) -> Lookup:
    step, db, a, entity, value = ends.step, ends.db, ends.attribute, ends.entity, ends.value
    if entity not in slots:
        assert value is not None
        slots[entity] = width
        return Lookup(step, db, "holders", a, slots[value])
    if value is None:
        return Lookup(step, db, "has", a, slots[entity])
    if value in slots:
        return Lookup(step, db, "holds", a, slots[entity], slots[value])
    slots[value] = width
    return Lookup(step, db, "values", a, slots[entity])
