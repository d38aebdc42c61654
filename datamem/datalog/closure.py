"""Closures: what one entity reaches through a ref attribute, by a walk over the index.

A rule that says no more than "one step, or one step and then the rule again" is the transitive closure
of an attribute, however its author ordered it. Asked about one entity, the general evaluation would
spend its time on setting up rounds; a breadth-first walk asks the index for each generation and keeps
one flag an entity. The rule is recognised when a call is answered, by its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from datamem.datalog import kernels
from datamem.datalog.context import Context
from datamem.datalog.kernels import Int64Array
from datamem.datalog.relation import Relation
from datamem.datalog.sources import Database, DatabaseSource
from datamem.datalog.steps import PatternStep, ResolvedRule, RuleBody, RuleStep
from datamem.datalog.syntax import Variable
from datamem.datalog.tables import SeenRows
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

_FEW: Final = 24
"""Up to this many entities are asked for one by one, in Python ints."""

_TABLE_SIZE: Final = 1 << 26
"""Entity ids below this have a flag in an array; others are kept in a set."""


def closed_attribute(rule: ResolvedRule) -> Attribute | None:
    """Return the ref attribute whose transitive closure a rule is, or None."""
    if rule.arity != 2 or len(rule.bodies) != 2 or rule.required:
        return None
    base, more = sorted(rule.bodies, key=lambda body: len(body.scope.steps))
    attribute = _single_step(base)
    if attribute is None or not _extends(more, rule, attribute):
        return None
    return attribute


def _single_step(body: RuleBody) -> Attribute | None:
    if len(body.scope.steps) != 1:
        return None
    step = body.scope.steps[0]
    return step.attribute if isinstance(step, PatternStep) and _joins(step, body.head) else None


def _joins(step: PatternStep, names: Sequence[str | None]) -> bool:
    """Tell whether a pattern is `[names[0] :ref names[1]]` and no more."""
    attribute = step.attribute
    if attribute is None or attribute.value_type is not ValueType.REF or step.ranges:
        return False
    if len(step.terms) != 3 or names[0] == names[1]:
        return False
    return _names(step.terms[::2]) == list(names)


def _names(terms: Sequence[object]) -> list[str | None]:
    return [term.name if isinstance(term, Variable) else None for term in terms]


def _extends(body: RuleBody, rule: ResolvedRule, attribute: Attribute) -> bool:
    """Tell whether a body goes from its first variable through a middle one to its second."""
    if len(body.scope.steps) != 2:
        return False
    links: dict[str | None, str | None] = {}
    calls = 0
    for step in body.scope.steps:
        match step:
            case PatternStep(source, terms) if len(terms) == 3:
                pair = _names(terms[::2])
                if source != rule.source or step.attribute is not attribute:
                    return False
                if not _joins(step, pair):
                    return False
            case RuleStep(source, name, args) if (source, name) == (rule.source, rule.name):
                pair = _names(args)
                calls += 1
            case _:
                return False
        links[pair[0]] = pair[1]
    first, last = body.head
    middle = links.get(first)
    return calls > 0 and len({first, middle, last, None}) == 4 and links.get(middle) == last


def reached(
    attribute: Attribute, start: int, step: RuleStep, context: Context, *, forward: bool
) -> Int64Array:
    """Return the entities that are one step or more away, in no order.

    Args:
        attribute: a ref attribute.
        start: an entity.
        step: the call, for errors.
        context: the execution.
        forward: from an entity to the values of its attribute, else from a value to its entities.

    Cost: one lookup an entity while they are few, else one a generation.
    """
    source = context.sources[step.source]
    assert isinstance(source, DatabaseSource)
    seen = _Seen()
    found: list[Int64Array] = []
    frontier = kernels.array([start])
    count = 0
    while len(frontier):
        frontier = seen.fresh(_neighbours(source.db, attribute.id, frontier, forward=forward))
        found.append(frontier)
        count += len(frontier)
        context.check_size(count, step)
    return kernels.concat(found)


def _neighbours(db: Database, a: int, frontier: Int64Array, *, forward: bool) -> Int64Array:
    """Return the other ends of an attribute at some entities, with repeats."""
    if len(frontier) <= _FEW:
        ends = db.words if forward else db.referrers
        return kernels.array([end for key in frontier.tolist() for end in ends(key, a)])
    if forward:
        return db.lookup_many(a, frontier).v
    return db.lookup_values(a, frontier).e


class _Seen:
    """Which entities were met."""

    __slots__ = ("_far", "_flags")

    def __init__(self) -> None:
        self._flags = np.zeros(1024, np.bool_)
        self._far: set[int] = set()

    def fresh(self, entities: Int64Array) -> Int64Array:
        """Return the entities met for the first time, ascending and distinct, and note them."""
        entities = kernels.distinct(entities)
        if not len(entities):
            return entities
        if int(entities[-1]) >= _TABLE_SIZE:
            return self._fresh_far(entities)
        if int(entities[-1]) >= len(self._flags):
            size = min(max(2 * len(self._flags), int(entities[-1]) + 1), _TABLE_SIZE)
            flags = np.zeros(size, np.bool_)
            flags[: len(self._flags)] = self._flags
            self._flags = flags
        fresh = entities[~self._flags[entities]]
        self._flags[fresh] = True
        return fresh

    def _fresh_far(self, entities: Int64Array) -> Int64Array:
        cut = int(np.searchsorted(entities, _TABLE_SIZE))
        far = [e for e in entities[cut:].tolist() if e not in self._far]
        self._far.update(far)
        return np.concatenate((self.fresh(entities[:cut]), kernels.array(far)))


class _SeenPairs:
    """Which pairs were met, as keys below `limit`."""

    __slots__ = ("_flags", "_runs")

    def __init__(self, limit: int) -> None:
        self._flags = np.zeros(limit, np.bool_) if limit <= _TABLE_SIZE else None
        self._runs = SeenRows(1)

    def fresh(self, keys: Int64Array) -> Int64Array:
        """Return the keys met for the first time, ascending and distinct, and note them."""
        keys = kernels.distinct(keys)
        if self._flags is None:
            return keys[self._runs.add([keys])]
        keys = keys[~self._flags[keys]]
        self._flags[keys] = True
        return keys


def reached_pairs(
    edges: tuple[Int64Array, Int64Array],
    starts: Int64Array | None,
    check: Callable[[int], None],
) -> tuple[Int64Array, Int64Array]:
    """Return all pairs (start, end) with a path of one edge or more between them.

    Args:
        edges: (from, to), int64[n] each.
        starts: the entities to start from, distinct; None for all.
        check: is told how many pairs there are, after each round.

    Cost: a pass over the edges, then a round costs what it derives.
    """
    nodes, numbers = kernels.map_distinct(np.concatenate(edges))
    count = len(nodes)
    tails, order = kernels.sort_order(numbers[: len(edges[0])])
    heads = numbers[len(edges[0]) :][order]
    stops = np.cumsum(np.bincount(tails, minlength=count))
    begins = np.concatenate(([0], stops[:-1])) if count else stops
    if starts is None:
        keys = tails * count + heads
    else:
        chosen = np.flatnonzero(kernels.member_mask(nodes, starts))
        rows, places = kernels.expand(begins[chosen], (stops - begins)[chosen])
        keys = chosen[rows] * count + heads[places]
    seen = _SeenPairs(count * count)
    found: list[Int64Array] = []
    total = 0
    while len(keys := seen.fresh(keys)):
        found.append(keys)
        total += len(keys)
        check(total)
        origins, ends = np.divmod(keys, count)
        rows, places = kernels.expand(begins[ends], (stops - begins)[ends])
        keys = origins[rows] * count + heads[places]
    pairs = kernels.concat(found)
    return (nodes[pairs // count], nodes[pairs % count]) if len(pairs) else (pairs, pairs)


def closure_rows(
    rule: ResolvedRule,
    seed: Relation,
    adornment: Sequence[bool],
    step: RuleStep,
    context: Context,
) -> Relation | None:
    """Answer a call whose rule is a closure; None where it is none, or the call asks more.

    Args:
        rule: the rule called.
        seed: the bound arguments, if any.
        adornment: which arguments are bound.
        step: the call.
        context: the execution.
    """
    source = context.sources[step.source]
    if sum(adornment) > 1 or not isinstance(source, DatabaseSource):
        return None
    integer = context.domains.integer
    if len(seed.names) > 1 or any(domain is not integer for domain in seed.domains):
        return None
    attribute = closed_attribute(rule)
    if attribute is None:
        return None
    forward = not adornment[1]
    starts = seed.columns[0] if any(adornment) else None
    if starts is not None and len(starts) <= _FEW:
        ends = [reached(attribute, e, step, context, forward=forward) for e in starts.tolist()]
        origins = np.repeat(starts, [len(part) for part in ends])
        pairs = (origins, kernels.concat(ends))
    elif starts is not None and source.count(None, attribute.id, None) > 64 * len(starts):
        return None
    else:
        rows = source.db.rows(a=attribute.id)
        edges = (rows.e, rows.v) if forward else (rows.v, rows.e)
        pairs = reached_pairs(edges, starts, lambda size: context.check_size(size, step))
    return Relation(
        ("#0", "#1"), pairs if forward else pairs[::-1], [integer] * 2, len(pairs[0])
    )
