"""The short way for a query that is one search, and clauses that say among which entities.

The clauses are a query of their own, which may have a short way too; what it finds is searched among.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datamem.datalog.kernels import distinct
from datamem.datalog.result import Column, ObjectColumn, Result
from datamem.datalog.search_calls import ENGINES, HITS
from datamem.datalog.searches import SEARCHES
from datamem.datalog.simple import ENGINE, has_extras
from datamem.datalog.steps import Resolved, RuleStep, SearchStep
from datamem.datalog.syntax import (
    BindScalar,
    Constant,
    Find,
    Query,
    SourceName,
    Variable,
    all_variables,
)
from datamem.db.hits import Hits
from datamem.errors import DatamemError
from datamem.hooks import hook
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType

Given = tuple[int, Any]
"""An argument: the place of its input, or -1 and a constant."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """A query as one call of a search engine.

    Attributes:
        engine: the search's name.
        args: the attribute and what is searched for, and the options by name.
        among: asks which entities may be found, with the places of its inputs; None for all.
        columns: the hits' column and the name of each find element.
    """

    engine: str
    args: tuple[Given, ...]
    options: tuple[tuple[str, Given], ...]
    columns: tuple[tuple[str, str], ...]
    shape: str
    among: Callable[..., Any] | None = None
    places: tuple[int, ...] = ()

    def run(self, db: Any, inputs: Sequence[Any]) -> Any:
        """Answer the query; `ENGINE` where it is refused, so that the engine says where."""
        args = [inputs[at] if at >= 0 else value for at, value in self.args]
        options = {name: inputs[at] if at >= 0 else value for name, (at, value) in self.options}
        k = options.setdefault("k", HITS)
        if type(k) is not int or k < 1 or type(args[-1]) is dict:
            return ENGINE
        engine: Callable[..., Hits] = hook(self.engine)
        try:
            if self.among is not None:
                found = self.among(db, *(inputs[at] for at in self.places))
                (column,) = found.columns.values()
                options["among"] = distinct(column)
            hits = engine(db, *args, **options)
        except (DatamemError, TypeError):
            return ENGINE
        es = hits.e.tolist()
        if len(set(es)) < len(es) or "e" not in (kind for kind, _ in self.columns):
            return ENGINE
        columns = [_column(db, kind, name, hits) for kind, name in self.columns]
        match self.shape:
            case "scalar":
                return columns[0].values()[0] if es else None
            case "collection":
                return list(columns[0].values())
            case "tuple":
                return tuple(column.values()[0] for column in columns) if es else None
            case _:
                pass
        return Result(columns, len(es))


def _column(db: Any, kind: str, name: str, hits: Hits) -> Column:
    column = getattr(hits, kind)
    values = db.decode(ValueType.EDN, column) if kind == "v" else column.tolist()
    return ObjectColumn(name, values)


def search_plan(resolved: Resolved, schemas: Mapping[str, Schema | None]) -> SearchPlan | None:
    """Return a query as one call, or None where it is more than that."""
    query, steps = resolved.query, resolved.scope.steps
    if len(steps) != 1 or not isinstance(steps[0], SearchStep) or has_extras(query):
        return None
    step = steps[0]
    if step.params or step.source != "$" or schemas.get("$") is None:
        return None
    scalars = _scalars(query)
    columns = _columns(step, query)
    if scalars is None or columns is None or not _is_ordinary(step, scalars):
        return None
    args = [_given(arg, scalars) for arg in step.args]
    options = {name: _given(arg, scalars) for name, arg in step.options}
    if len(args) == 3:
        options["k"] = args.pop()
    used = {at for at, _ in (*args, *options.values())}
    among, places = _narrowed(step, query, scalars)
    if (used | set(places)) - {-1} != set(scalars.values()) or (step.narrowing and not among):
        return None
    made = tuple(options.items())
    shape = query.find.shape
    return SearchPlan(ENGINES[step.name], tuple(args), made, columns, shape, among, places)


def _narrowed(
    step: SearchStep, query: Query, scalars: Mapping[str, int]
) -> tuple[Callable[..., Any] | None, tuple[int, ...]]:
    """Return the query of the clauses that narrow a search, and the places of its inputs."""
    entity = step.outputs[0]
    nested = step.scope.steps
    if entity is None or not any(entity in other.provides for other in nested):
        return None, ()
    if any(isinstance(other, SearchStep | RuleStep) for other in nested):
        return None, ()
    from datamem.datalog.engine import PreparedQuery  # which finds this plan

    known = all_variables(step.narrowing)
    names = [name for name in scalars if name in known]
    inputs = (query.inputs[0], *(query.inputs[scalars[name]] for name in names))
    find = Find("relation", (Variable(entity),))
    among = PreparedQuery(Query(find, inputs=inputs, where=step.narrowing))
    return among, tuple(scalars[name] for name in names)


def _is_ordinary(step: SearchStep, scalars: Mapping[str, int]) -> bool:
    outputs = [name for name in step.outputs if name is not None]
    is_new = len(set(outputs)) == len(outputs) and not set(outputs) & set(scalars)
    return is_new and step.name != "hybrid" and len(step.args) in (2, 3)


def _scalars(query: Query) -> dict[str, int] | None:
    """Return the place of each input; None where some input is neither `$` nor one value."""
    first, *others = query.inputs
    if not isinstance(first, SourceName) or first.name != "$":
        return None
    if not all(isinstance(item, BindScalar) for item in others):
        return None
    return {
        item.variable.name: i
        for i, item in enumerate(query.inputs)
        if isinstance(item, BindScalar)
    }


def _columns(step: SearchStep, query: Query) -> tuple[tuple[str, str], ...] | None:
    kinds = dict(zip(step.outputs, SEARCHES[step.name], strict=False))
    found = []
    for element in query.find.elements:
        if not isinstance(element, Variable) or element.name not in kinds:
            return None
        found.append((kinds[element.name], element.name))
    return tuple(found)


def _given(arg: Any, scalars: Mapping[str, int]) -> Given:
    if isinstance(arg, Variable):
        return scalars[arg.name], None
    return -1, arg.value if isinstance(arg, Constant) else arg
