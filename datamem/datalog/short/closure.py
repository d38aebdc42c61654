"""The short way for a query that is one call of a closure: no relation, no step, no plan is made.

`[:find ?a ?b :in $ % :where (ancestor ?a ?b)]` asks for all pairs, `[:find [?b ...] :in $ % ?a :where
(ancestor ?a ?b)]` for what one entity reaches. What only the engine does (lookup refs as inputs, bounded
time or rows, views that are not plain) goes to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from datamem.datalog.columns.column import Column, ObjectColumn, WordColumn
from datamem.datalog.columns.domains import Domains
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.resolve.steps import Resolved, RuleStep
from datamem.datalog.result import Result
from datamem.datalog.rules.chains import chains, pair_columns, pair_count, pairs
from datamem.datalog.rules.closure import Path, known_path, reached, step_edges, turned
from datamem.datalog.rules.reach import FEW_EDGES, Pairs, reached_pairs, walked
from datamem.datalog.short.simple import ENGINE, has_extras
from datamem.datalog.syntax import BindScalar, Input, RulesInput, SourceName, Variable
from datamem.schema.schema import Schema

_INTEGER: Final = Domains().integer

_Words: TypeAlias = Int64Array | list[int]


@dataclass(frozen=True, slots=True)
class ClosurePlan:
    """A call of a closure.

    Attributes:
        path: the step, from where the question starts.
        names: the variables that are found.
        ends_first: the first of two names is where paths end.
        start_input: which input is the one entity to start from; -1 to start from all.
        rules_input: which input the rules are; -1 where there is none.
        rules: their text.
        is_list: a collection is asked for, no relation.
    """

    path: Path
    names: tuple[str, ...]
    ends_first: bool
    start_input: int
    rules_input: int
    rules: Any
    is_list: bool

    def run(self, db: Any, inputs: Sequence[Any]) -> Any:
        """Answer the query on a plain view of a database, or return `ENGINE`."""
        if self.rules_input >= 0 and inputs[self.rules_input] != self.rules:
            return ENGINE
        if self.start_input < 0:
            return self._all(step_edges(db, self.path, _unlimited))
        start = inputs[self.start_input]
        if type(start) is not int:
            return ENGINE
        found = reached(db, self.path, start, _unlimited)
        return found.tolist() if self.is_list else self._result((found,))

    def _all(self, edges: Pairs) -> Result:
        found = chains(*edges)
        if found is not None:
            if self.ends_first:
                found = [nodes[::-1] for nodes in found]
            return Result(
                lambda: self._columns(pair_columns(found)),
                pair_count(found),
                all_tuples=lambda: pairs(found),
            )
        if len(edges[0]) <= FEW_EDGES:
            return self._result(walked(edges, None, _unlimited))
        return self._result(reached_pairs(edges, None, _unlimited))

    def _result(self, found: Sequence[_Words]) -> Result:
        return Result(self._columns(found[::-1] if self.ends_first else found), len(found[0]))

    def _columns(self, found: Sequence[_Words]) -> list[Column]:
        return [_column(name, words) for name, words in zip(self.names, found, strict=True)]


def _column(name: str, words: _Words) -> Column:
    if isinstance(words, list):
        return ObjectColumn(name, words)
    return WordColumn(name, words, _INTEGER)


def _unlimited(_size: int) -> None:
    """Let any number of rows be made."""


def closure_plan(
    resolved: Resolved, schemas: Mapping[str, Schema | None], inputs: Sequence[Any]
) -> ClosurePlan | None:
    """Return the short way of a query that is one call of a closure, or None.

    Args:
        resolved: the query.
        schemas: of its sources.
        inputs: what it is asked with; only rules given as text are remembered.
    """
    query = resolved.query
    steps = resolved.scope.steps
    if len(steps) != 1 or has_extras(query) or schemas.get("$") is None:
        return None
    step = steps[0]
    if not isinstance(step, RuleStep) or step.source != "$" or step.requires:
        return None
    places = _places(query.inputs)
    return None if places is None else _planned(resolved, step, places, inputs)


def _places(items: Sequence[Input]) -> dict[str, int] | None:
    """Return where `%` and the one scalar input stand; None where there are others."""
    places: dict[str, int] = {}
    for i, item in enumerate(items):
        match item:
            case SourceName("$") if i == 0:
                pass
            case RulesInput() if "%" not in places:
                places["%"] = i
            case BindScalar(Variable(name)) if len(places) <= ("%" in places):
                places[name] = i
            case _:
                return None
    return places


def _planned(
    resolved: Resolved, step: RuleStep, places: dict[str, int], inputs: Sequence[Any]
) -> ClosurePlan | None:
    query = resolved.query
    rules_input = places.pop("%", -1)
    rules = inputs[rules_input] if rules_input >= 0 else None
    names = [arg.name for arg in step.args if isinstance(arg, Variable)]
    asked = tuple(e.name for e in query.find.elements if isinstance(e, Variable))
    path = known_path(resolved, step.source, step.name)
    if path is None or len(set(names)) != 2 or len(asked) != len(query.find.elements):
        return None
    if type(rules) is not str and rules is not None:
        return None
    is_list = query.find.shape == "collection"
    if not places:
        if set(asked) != set(names) or len(asked) != 2 or query.find.shape != "relation":
            return None
        return ClosurePlan(path, asked, asked[0] == names[1], -1, rules_input, rules, False)
    ((start, place),) = places.items()
    if start not in names or query.find.shape not in ("relation", "collection"):
        return None
    if asked != tuple(name for name in names if name != start):
        return None
    path = path if names[0] == start else turned(path)
    return ClosurePlan(path, asked, False, place, rules_input, rules, is_list)
