"""Strata: which rules depend on which, and the refusal of negation inside a cycle.

A program may negate a rule only when that rule can be complete before: no rule may depend on its own
negation. The dependency graph's strongly connected components (Tarjan) tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from datamem.datalog.faults import query_error
from datamem.datalog.syntax import Clause, Not, Optional, Or, Rule, RuleCall, Search

Edges = Mapping[str, Mapping[str, bool]]
"""rule -> the rules that its bodies call -> whether some call is negated."""


def dependencies(rules: Sequence[Rule]) -> dict[str, dict[str, bool]]:
    """Return which rules call which; an edge is negative when any of its calls is."""
    edges: dict[str, dict[str, bool]] = {}
    for rule in rules:
        known = edges.setdefault(rule.name, {})
        for name, negated in _calls(rule.body, negated=False):
            known[name] = known.get(name, False) or negated
    return edges


def _calls(clauses: Sequence[Clause], *, negated: bool) -> Iterator[tuple[str, bool]]:
    for clause in clauses:
        match clause:
            case RuleCall(name=name):
                yield name, negated
            case Not(clauses=nested) | Optional(clauses=nested) | Search(narrowing=nested):
                yield from _calls(nested, negated=True)
            case Or(branches=branches):
                for branch in branches:
                    yield from _calls(branch, negated=negated)
            case _:
                pass


def check_strata(rules: Sequence[Rule], text: str | None) -> None:
    """Refuse rules that depend on their own negation.

    Raises:
        QueryError: `query/unstratifiable`, with the cycle in `data["cycle"]`.
    """
    edges = dependencies(rules)
    for group in components(edges):
        members = set(group)
        for name in group:
            for callee, negated in edges.get(name, {}).items():
                if negated and callee in members:
                    cycle = _path(edges, callee, name)
                    raise query_error(
                        f"rule {name} depends on its own negation: "
                        + " -> ".join([f"{name} -> not {callee}", *cycle[1:]]),
                        code="query/unstratifiable",
                        hint="a rule can only negate, or search among, rules that do not lead back to it",
                        text=text,
                        offset=next(rule.offset for rule in rules if rule.name == name),
                        cycle=[name, *cycle],
                    )


def _path(edges: Edges, start: str, goal: str) -> list[str]:
    """Return the shortest way from start to goal, both included."""
    paths = [[start]]
    seen = {start}
    for path in paths:
        if path[-1] == goal:
            return path
        for callee in edges.get(path[-1], {}):
            if callee not in seen:
                seen.add(callee)
                paths.append([*path, callee])
    return [start]


def components(edges: Edges) -> list[list[str]]:
    """Return the strongly connected components, callees before callers.

    Tarjan's algorithm (1972) with an explicit stack, so that long chains of rules do not recurse.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in edges:
        if root in index:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(edges.get(root, {})))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, callees = work[-1]
            callee = next(callees, None)
            if callee is None:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[name])
                if low[name] == index[name]:
                    found.append(_pop_to(name, stack, on_stack))
            elif callee not in index:
                index[callee] = low[callee] = len(index)
                stack.append(callee)
                on_stack.add(callee)
                work.append((callee, iter(edges.get(callee, {}))))
            elif callee in on_stack:
                low[name] = min(low[name], index[callee])
    return found


def _pop_to(name: str, stack: list[str], on_stack: set[str]) -> list[str]:
    group = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        group.append(member)
        if member == name:
            return group
