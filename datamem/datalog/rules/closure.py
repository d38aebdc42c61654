"""Closures: what entities reach through refs, by a walk over the index.

A rule that says no more than "one step, or one step and then the rule again" is the transitive closure
of that step, however its author ordered it. A step is a chain of refs, each taken forward or backward:
`[?x :parent ?y]`, or `[?x :advised ?d] [?d :author ?y]`. The general evaluation would spend its time on
setting up rounds; here few entities are asked for one by one, many a generation at a time, and where
everything is asked for the edges are read once (`reach.py`). The rule is recognised by its shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from datamem.datalog.columns import joining, kernels
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import Relation
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.sources import Database, DatabaseSource
from datamem.datalog.resolve.steps import PatternStep, Resolved, ResolvedRule, RuleStep, Step
from datamem.datalog.rules.reach import Check, Pairs, SeenKeys, reached_pairs
from datamem.datalog.syntax import Variable
from datamem.schema.types import ValueType

_FEW: Final = 24
"""Up to this many entities are asked for one by one, in Python ints."""

_MANY: Final = 64
"""With more edges than this for each start, they are not all read."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One ref attribute of a step: from entity to value, or back."""

    attribute: int
    forward: bool


Path = tuple[Hop, ...]


def closed_path(rule: ResolvedRule) -> Path | None:
    """Return the step whose transitive closure a rule is, or None."""
    if rule.arity != 2 or len(rule.bodies) != 2 or rule.required:
        return None
    base, more = sorted(rule.bodies, key=lambda body: _call_count(body.scope.steps))
    first, last = base.head
    path = _path(base.scope.steps, first, last, rule.source)
    if path is None or first == last:
        return None
    patterns = [step for step in more.scope.steps if not isinstance(step, RuleStep)]
    calls = [step for step in more.scope.steps if isinstance(step, RuleStep)]
    if any((call.source, call.name) != (rule.source, rule.name) for call in calls):
        return None
    links = [_names(call.args) for call in calls]
    first, last = more.head
    if len(links) == 2 and not patterns:
        return path if _is_chain(links, first, last) else None
    if len(links) != 1 or not patterns:
        return None
    start, end = links[0]
    if end == last and start not in (None, first, last):
        again = _path(patterns, first, start, rule.source, last)
    elif start == first and end not in (None, first, last):
        again = _path(patterns, end, last, rule.source, first)
    else:
        return None
    return path if again == path else None


def _call_count(steps: Sequence[Step]) -> int:
    return sum(isinstance(step, RuleStep) for step in steps)


def _is_chain(links: Sequence[Sequence[str | None]], first: str, last: str) -> bool:
    """Tell whether two calls go from the first variable through another one to the last."""
    one, other = sorted(links, key=lambda link: link[0] != first)
    middle = one[1]
    return one[0] == first and other == [middle, last] and len({first, middle, last, None}) == 4


def _names(terms: Sequence[object]) -> list[str | None]:
    return [term.name if isinstance(term, Variable) else None for term in terms]


def _path(
    steps: Sequence[Step], start: str | None, goal: str | None, source: str, *others: str
) -> Path | None:
    """Return the way that patterns describe from one variable to another; None if they say more.

    Args:
        steps: all of them are used, once.
        start, goal: variables.
        source: where all of them must look.
        others: variables that must not be met.
    """
    waiting = list(steps)
    at, met = start, {start, *others, None}
    path: list[Hop] = []
    while waiting:
        linked = [step for step in waiting if at in step.provides]
        if len(linked) != 1 or not isinstance(linked[0], PatternStep):
            return None
        step = linked[0]
        waiting.remove(step)
        attribute = step.attribute
        if attribute is None or attribute.value_type is not ValueType.REF or step.ranges:
            return None
        if step.source != source or len(step.terms) != 3:
            return None
        e, v = _names(step.terms[::2])
        forward = e == at
        at = v if forward else e
        if at in met:
            return None
        met.add(at)
        path.append(Hop(attribute.id, forward))
    return tuple(path) if path and at == goal else None


def known_path(resolved: Resolved, source: str, name: str) -> Path | None:
    """Return `closed_path` of a rule, found once a query."""
    key = ("closure", source, name)
    if key not in resolved.programs:
        resolved.programs[key] = closed_path(resolved.rules[source, name])
    path: Path | None = resolved.programs[key]
    return path


def turned(path: Path) -> Path:
    """Return the way back."""
    return tuple(Hop(hop.attribute, not hop.forward) for hop in reversed(path))


def reached(db: Database, path: Path, start: int, check: Check) -> Int64Array:
    """Return the entities that are one step or more away, in no order.

    Args:
        db: where the refs are.
        path: the step.
        start: an entity.
        check: is told how many there are, after each generation.

    Cost: one lookup an entity and hop while they are few, else one a generation and hop.
    """
    seen: set[int] = set()
    frontier = [start]
    while frontier and len(frontier) <= _FEW:
        fresh = set(_after(db, path, frontier)) - seen
        seen |= fresh
        frontier = list(fresh)
        check(len(seen))
    found = [kernels.array(list(seen))]
    if not frontier:
        return found[0]
    known = SeenKeys()
    known.fresh(found[0])
    count = len(seen)
    wide = kernels.array(frontier)
    while len(wide):
        wide = known.fresh(_generation(db, path, wide))
        found.append(wide)
        count += len(wide)
        check(count)
    return kernels.concat(found)


def _after(db: Database, path: Path, entities: list[int]) -> list[int]:
    """Return where a step leads from a few entities, with repeats."""
    for hop in path:
        if len(entities) > _FEW:
            entities = _hop(db, hop, kernels.array(sorted(set(entities))))[1].tolist()
        else:
            ends = db.words if hop.forward else db.referrers
            entities = [end for key in entities for end in ends(key, hop.attribute)]
    return entities


def _generation(db: Database, path: Path, entities: Int64Array) -> Int64Array:
    """Return where a step leads from many entities, with repeats."""
    for hop in path:
        entities = _hop(db, hop, kernels.distinct(entities))[1]
    return entities


def _hop(db: Database, hop: Hop, entities: Int64Array) -> Pairs:
    """Return (from, to) of a ref attribute for ascending distinct entities."""
    if hop.forward:
        rows = db.lookup_many(hop.attribute, entities)
        return rows.e, rows.v
    rows = db.lookup_values(hop.attribute, entities)
    return rows.v, rows.e


def step_edges(db: Database, path: Path, check: Check) -> Pairs:
    """Return every pair that one step connects, with repeats."""
    pairs: Pairs | None = None
    for hop in path:
        rows = db.rows(a=hop.attribute)
        more = (rows.e, rows.v) if hop.forward else (rows.v, rows.e)
        pairs = more if pairs is None else _joined(pairs, more, check)
    assert pairs is not None
    return pairs


def _joined(left: Pairs, right: Pairs, check: Check) -> Pairs:
    plan = joining.JoinPlan(left[1], right[0])
    check(plan.size)
    left_rows, right_rows = plan.pairs()
    return left[0][left_rows], right[1][right_rows]


def _pairs_from(db: Database, path: Path, starts: Int64Array, check: Check) -> Pairs:
    """Return the pairs that begin at some entities, a generation of all of them at a time."""
    nodes: dict[int, int] = {}
    begins, ends = np.arange(len(starts)), starts
    known = SeenKeys(1 << 62)
    found: list[Pairs] = []
    total = 0
    while len(begins):
        for hop in path:
            begins, ends = _joined((begins, ends), _hop(db, hop, kernels.distinct(ends)), check)
        begins, ends = _fresh_pairs(begins, ends, known, nodes)
        found.append((begins, ends))
        total += len(begins)
        check(total)
    return starts[kernels.concat([b for b, _ in found])], kernels.concat([e for _, e in found])


def _fresh_pairs(
    begins: Int64Array, ends: Int64Array, known: SeenKeys, numbers: dict[int, int]
) -> Pairs:
    """Return the pairs met for the first time; entities get numbers, so that a pair is one key."""
    few, places = kernels.map_distinct(ends)
    coded = kernels.array([numbers.setdefault(node, len(numbers)) for node in few.tolist()])
    if not len(coded):
        return begins, ends
    keys = known.fresh((begins << 31) | coded[places])
    words = np.empty(len(numbers), np.int64)
    words[coded] = few
    return keys >> 31, words[keys & ((1 << 31) - 1)]


def closure_rows(
    rule: ResolvedRule, seed: Relation, step: RuleStep, context: Context
) -> Relation | None:
    """Answer a call whose rule is a closure; None where it is none, or the call asks of other values.

    Args:
        rule: the rule called.
        seed: the bound arguments, if any. Of two, that with fewer entities is walked from; the answer
            may then hold more than what was asked about.
        step: the call.
        context: the execution.
    """
    source = context.sources[step.source]
    integer: Any = context.domains.integer
    if not isinstance(source, DatabaseSource) or any(d is not integer for d in seed.domains):
        return None
    path = known_path(context.resolved, rule.source, rule.name)
    if path is None:
        return None
    asked = {
        i: kernels.distinct(seed.column(arg.name))
        for i, arg in enumerate(step.args)
        if isinstance(arg, Variable) and arg.name in seed.names
    }
    side = min(asked, key=lambda i: len(asked[i]), default=0)
    pairs = closure_pairs(
        source.db,
        turned(path) if side else path,
        asked.get(side),
        lambda size: context.check_size(size, step),
    )
    columns = pairs[::-1] if side else pairs
    return Relation(("#0", "#1"), columns, [integer] * 2, len(pairs[0]))


def closure_pairs(db: Database, path: Path, starts: Int64Array | None, check: Check) -> Pairs:
    """Return all (start, end) with a step or more between them.

    Args:
        db: where the refs are.
        path: the step.
        starts: the entities to start from, distinct; None for all.
        check: is told how many rows there are, now and then.
    """
    if starts is None:
        return reached_pairs(step_edges(db, path, check), None, check)
    if len(starts) <= _FEW:
        ends = [reached(db, path, start, check) for start in starts.tolist()]
        return np.repeat(starts, [len(part) for part in ends]), kernels.concat(ends)
    edge_count = max(db.unbounded().count(a=hop.attribute) for hop in path)
    if edge_count > _MANY * len(starts):
        return _pairs_from(db, path, starts, check)
    return reached_pairs(step_edges(db, path, check), starts, check)
