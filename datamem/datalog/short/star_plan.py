"""Which queries are stars, and what `:find` makes of their rows.

A query that asks for variables or for one count is answered from the columns as they are (`Star`). One that
orders, groups, pulls or pages its rows hands them to the engine in place of its clauses (`StarScope`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from datamem.datalog.columns.column import Column, ObjectColumn, WordColumn
from datamem.datalog.columns.domains import Domain, Domains, HeapCodes
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import Relation
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.sources import DatabaseSource
from datamem.datalog.parse.check import input_variables
from datamem.datalog.resolve.describe import describe_find
from datamem.datalog.result import Result
from datamem.datalog.short.simple import ENGINE, Simple, Start, single_use
from datamem.datalog.short.star import ENTITY, Leaf, StarRows
from datamem.datalog.syntax import Aggregate, Constant, Variable
from datamem.db.database import Db
from datamem.schema.types import ValueType

_DOMAINS: Final = Domains()
"""Domains of types whose values are their own words: these hold nothing of any one query."""


@dataclass(frozen=True, slots=True)
class Star:
    """A query whose rows are its answer.

    Attributes:
        rows: what it selects.
        names: of the columns.
        domains: of the columns; None for codes of the database's heap.
        shape: "relation" or "collection"; any for a count.
        is_counted: `:find` is a count of the only column.
    """

    rows: StarRows
    names: tuple[str, ...]
    domains: tuple[Domain | None, ...]
    shape: str
    is_counted: bool

    def run(self, db: Db, inputs: Sequence[Any]) -> Any:
        """Answer the query on a plain view of a database; `ENGINE` where that takes the engine."""
        columns = self.rows.columns(db, inputs)
        return ENGINE if columns is None else self._shaped(db, columns)

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


@dataclass(frozen=True, slots=True)
class StarScope:
    """A query whose clauses are a star, whatever is made of its rows.

    Attributes:
        rows: what it selects.
        names: the variables that `:find` and what goes with it look at, but for inputs.
        types: of their values.
    """

    rows: StarRows
    names: tuple[str, ...]
    types: tuple[ValueType, ...]

    def relation(self, context: Context, inputs: Sequence[Any]) -> Relation | None:
        """Return what the clauses bind; None where that takes the engine."""
        source = context.sources["$"]
        if not isinstance(source, DatabaseSource) or type(source.db) is not Db:
            return None
        columns = self.rows.columns(source.db, inputs) if source.db.view.is_plain else None
        if columns is None:
            return None
        domains = [source.domain_of(value_type) for value_type in self.types]
        return Relation(self.names, columns, domains, len(columns[0]))


def star_plan(simple: Simple) -> Star | None:
    """Return a query whose rows are its answer as a star, or None where it is none."""
    find = simple.resolved.query.find
    asked = _asked(find.elements)
    is_counted = isinstance(find.elements[0], Aggregate)
    if asked is None or not simple.is_bare:
        return None
    if not is_counted and find.shape not in ("relation", "collection"):
        return None
    found = _Builder(simple, asked).rows()
    if found is None:
        return None
    rows, types = found
    names = tuple(describe_find(element) for element in find.elements)
    domains = tuple(_DOMAINS.inline(value_type) for value_type in types)
    return Star(rows, names, domains, find.shape, is_counted)


def star_scope(simple: Simple) -> StarScope | None:
    """Return the clauses of a query as a star, or None where they are none."""
    asked = sorted(simple.resolved.asked - input_variables(simple.resolved.query))
    found = _Builder(simple, asked).rows() if asked else None
    return None if found is None else StarScope(found[0], tuple(asked), found[1])


class _Builder:
    """Builds what a star selects; gives up by returning None."""

    def __init__(self, simple: Simple, asked: Sequence[str]) -> None:
        self._simple = simple
        self._asked = asked
        self._starts: list[Start] = []
        self._value_leaf: dict[str, int] = {}
        self._types: list[ValueType] = []

    def rows(self) -> tuple[StarRows, tuple[ValueType, ...]] | None:
        """Return the rows, a column for each variable that is asked for, and the columns' types."""
        entity = self._simple.patterns[0].terms[0]
        if not isinstance(entity, Variable) or entity.name in self._simple.inputs:
            return None
        leaves = [self._leaf(i, entity.name) for i in range(len(self._simple.patterns))]
        places = {entity.name: ENTITY, **self._value_leaf}
        if None in leaves or any(name not in places for name in self._asked):
            return None
        outputs = tuple(places[name] for name in self._asked)
        rows = StarRows(
            tuple(self._starts),
            tuple(leaf for leaf in leaves if leaf is not None),
            outputs,
            any(start.input_index >= 0 for start in self._starts),
        )
        return rows, tuple(self._type(output) for output in outputs)

    def _type(self, output: int) -> ValueType:
        return ValueType.REF if output == ENTITY else self._types[output]

    def _leaf(self, number: int, entity: str) -> Leaf | None:
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
        if attribute.many and not self._are_pairs(entity, name):
            return None
        bounds = tuple(
            (comparison.operator, self._start(comparison.start))
            for comparison in self._simple.comparisons
            if comparison.variable == name
        )
        return Leaf(attribute.id, -1, bounds, attribute.many, is_asked=name in self._asked)

    def _are_pairs(self, entity: str, value: str) -> bool:
        """Tell whether entity and value of the only pattern are asked for, which together differ."""
        return len(self._simple.patterns) == 1 and {entity, value} <= set(self._asked)

    def _start(self, start: Start) -> int:
        self._starts.append(start)
        return len(self._starts) - 1


def _asked(elements: Sequence[Any]) -> list[str] | None:
    """Return the variables that `:find` asks for; None where it asks for more than those or one count."""
    match elements:
        case [Aggregate("count", [Variable(name)], None)]:
            return [name]
        case _:
            pass
    names = [element.name for element in elements if isinstance(element, Variable)]
    return names if len(names) == len(elements) else None
