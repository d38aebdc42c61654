"""The short way for a query that is one search, and clauses that say among which entities.

The clauses are a query of their own, which may have a short way too. Where they are a star, what they say of
an entity can be looked up, and so they may be asked about the hits alone (`search.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datamem.datalog.execute.search_calls import ENGINES, HITS, argument_names
from datamem.datalog.parse.searches import SEARCHES
from datamem.datalog.resolve.resolve import resolve_query
from datamem.datalog.resolve.steps import Resolved, RuleStep, SearchStep
from datamem.datalog.short.search import Given, SearchPlan
from datamem.datalog.short.simple import has_extras, simple_query
from datamem.datalog.short.star_plan import StarScope, star_scope
from datamem.datalog.syntax import (
    BindScalar,
    Constant,
    Find,
    Query,
    SourceName,
    Variable,
    all_variables,
)
from datamem.schema.schema import Schema


def search_plan(resolved: Resolved, schemas: Mapping[str, Schema | None]) -> SearchPlan | None:
    """Return a query as one call, or None where it is more than that."""
    query, steps = resolved.query, resolved.scope.steps
    if len(steps) != 1 or not isinstance(steps[0], SearchStep) or has_extras(query):
        return None
    step = steps[0]
    if step.params or step.source != "$" or schemas.get("$") is None:
        return None
    scalars = _scalars(query)
    asked = _asked(query)
    if scalars is None or asked is None or not _is_ordinary(step, scalars):
        return None
    if not argument_names(step) <= scalars.keys() or not scalars.keys().isdisjoint(asked):
        return None
    args = [_given(arg, scalars) for arg in step.args]
    options = {"k": (-1, HITS)} | {name: _given(arg, scalars) for name, arg in step.options}
    if len(args) == 3:
        options["k"] = args.pop()
    kinds = dict(zip(step.outputs, SEARCHES[step.name], strict=False))
    others = [name for name in asked if name not in kinds]
    narrowed = _Narrowed(step, query, scalars, others, schemas)
    used = {at for at, _ in (*args, *options.values())} | set(narrowed.places)
    if used - {-1} != set(scalars.values()) or not narrowed.is_answerable:
        return None
    columns = tuple((kinds.get(name, ""), name) for name in asked)
    return SearchPlan(
        ENGINES[step.name],
        tuple(args),
        tuple(options.items()),
        columns,
        query.find.shape,
        str(step.outputs[0]),
        step.outputs[0] in asked,
        narrowed.star,
        narrowed.among,
        narrowed.places,
    )


class _Narrowed:
    """The clauses that narrow a search, as a query of their own.

    Attributes:
        star: they as a star, with what is asked of each entity.
        among: asks which entities they allow, where they are no star and nothing else is asked.
        places: of its inputs among those of the whole query.
        is_answerable: there are none, or one of the two.
    """

    def __init__(
        self,
        step: SearchStep,
        query: Query,
        scalars: Mapping[str, int],
        others: Sequence[str],
        schemas: Mapping[str, Schema | None],
    ) -> None:
        self.star: StarScope | None = None
        self.among: Callable[..., Any] | None = None
        self.places: tuple[int, ...] = ()
        self.is_answerable = not step.narrowing and not others
        entity, nested = step.outputs[0], step.scope.steps
        if entity is None or not any(entity in other.provides for other in nested):
            return
        if any(isinstance(other, SearchStep | RuleStep) for other in nested):
            return
        known = all_variables(step.narrowing)
        if not known.issuperset(others):
            return
        self.places = tuple(at for name, at in scalars.items() if name in known)
        inputs = (query.inputs[0], *(query.inputs[at] for at in self.places))
        find = Find("relation", tuple(Variable(name) for name in (entity, *others)))
        self._find(Query(find, inputs=inputs, where=step.narrowing), schemas, others)

    def _find(
        self, query: Query, schemas: Mapping[str, Schema | None], others: Sequence[str]
    ) -> None:
        simple = simple_query(resolve_query(query, schemas, ()), schemas)
        self.star = None if simple is None else star_scope(simple)
        if self.star is None and not others:
            from datamem.datalog.engine import PreparedQuery  # which finds this plan

            self.among = PreparedQuery(query)
        self.is_answerable = self.star is not None or self.among is not None


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


def _asked(query: Query) -> list[str] | None:
    """Return the variables that `:find` asks for; None where it asks for more than those."""
    elements = query.find.elements
    names = [element.name for element in elements if isinstance(element, Variable)]
    return names if len(names) == len(elements) else None


def _given(arg: Any, scalars: Mapping[str, int]) -> Given:
    if isinstance(arg, Variable):
        return scalars[arg.name], None
    return -1, arg.value if isinstance(arg, Constant) else arg
