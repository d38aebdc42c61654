"""Safety: which variables a clause needs before it can run, and which it gives.

Clause order never matters, so a clause is safe when *some* order binds what it needs. A clause that
no order can feed is an error that names the variable.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import TypeVar

from datamem.datalog.faults import near, query_error
from datamem.datalog.parse.check import rule_hint
from datamem.datalog.syntax import (
    Clause,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    RuleCall,
    Search,
    Variable,
    all_variables,
    binding_variables,
    variables_of,
)
from datamem.errors import QueryError

Needs = tuple[frozenset[str], frozenset[str]]
"""(required variables, provided variables)."""

RequiredPositions = Callable[[str, str], frozenset[int]]
"""(source, rule name) -> argument positions that a caller must bind."""

T = TypeVar("T")


def clause_needs(
    clause: Clause, outer: set[str], visible: set[str], positions: RequiredPositions
) -> Needs:
    """Return what a clause requires and provides.

    Args:
        clause: a clause.
        outer: variables that its surroundings can bind without it.
        visible: variables that its surroundings only name: a `not` does not own them.
        positions: tells what rules require.
    """
    match clause:
        case Pattern():
            return frozenset(), frozenset(variables_of(clause))
        case Predicate():
            return frozenset(variables_of(clause)), frozenset()
        case FunctionCall(binding=binding):
            bound = frozenset(variable.name for variable in binding_variables(binding))
            called = variables_of(Predicate(clause.function, clause.args))
            return frozenset(called), bound
        case Search():
            return _search_needs(clause, visible, positions)
        case RuleCall(source, name, args):
            return _rule_needs(args, positions(source, name))
        case Not(variables, clauses):
            if variables is not None:
                return frozenset(variable.name for variable in variables), frozenset()
            return frozenset(all_variables(clauses) & (outer | visible)), frozenset()
        case Optional(clauses):
            names = all_variables(clauses)
            return frozenset(names & outer), frozenset(names - outer)
        case Or():
            return _or_needs(clause, positions)


def _search_needs(clause: Search, visible: set[str], positions: RequiredPositions) -> Needs:
    """A search needs its arguments, and what its narrowing clauses need, if these do not give it."""
    needs, gives = scope_needs(clause.narrowing, set(), positions, visible)
    required = (needs | (clause.arguments - gives)) - {clause.entity}
    return frozenset(required), frozenset(variables_of(clause) - required)


def _rule_needs(args: Sequence[object], required: frozenset[int]) -> Needs:
    needed = {
        arg.name for i, arg in enumerate(args) if i in required and isinstance(arg, Variable)
    }
    given = {arg.name for arg in args if isinstance(arg, Variable)}
    return frozenset(needed), frozenset(given - needed)


def _or_needs(clause: Or, positions: RequiredPositions) -> Needs:
    visible = variables_of(clause)
    provided = set(visible)
    required = {variable.name for variable in clause.required}
    for branch in clause.branches:
        needs, gives = scope_needs(branch, required, positions, visible)
        required |= needs & visible
        provided &= gives
    required |= visible - provided
    return frozenset(required), frozenset(visible - required)


def outer_of(
    clauses: Sequence[Clause], skip: Clause, bound: set[str], positions: RequiredPositions
) -> set[str]:
    """Return the variables that clauses other than `skip`, or the surroundings, can bind.

    Only what a `not` or an `optional` means depends on them; for all others there are none.
    """
    if not isinstance(skip, Not | Optional):
        return set()
    names = set(bound)
    for clause in clauses:
        if clause is not skip and not isinstance(clause, Not | Predicate):
            names |= clause_needs(clause, set(), set(), positions)[1]
    return names


def scope_needs(
    clauses: Sequence[Clause],
    bound: set[str],
    positions: RequiredPositions,
    visible: set[str] = frozenset(),  # type: ignore[assignment]  # only read
) -> tuple[set[str], set[str]]:
    """Return what a conjunction requires from outside and all that it then has bound.

    `visible` are variables that its surroundings know, bound or not: a `not` never owns them.
    """
    needs = [
        clause_needs(clause, outer_of(clauses, clause, bound, positions), visible, positions)
        for clause in clauses
    ]
    have = set(bound)
    required: set[str] = set()
    waiting = list(needs)
    while waiting:
        ready = [need for need in waiting if need[0] <= have]
        if not ready:
            offered = set().union(*(need[1] for need in waiting))
            missing = set().union(*(need[0] for need in waiting)) - have
            wanted = (missing - offered) or missing
            required |= wanted
            have |= wanted
            continue
        for need in ready:
            have |= need[1]
            waiting.remove(need)
    return required, have


def stuck_clauses(
    needs: Iterable[tuple[T, Needs]], bound: set[str]
) -> tuple[list[tuple[T, Needs]], set[str]]:
    """Return the clauses that no order can run, and what the others bind."""
    have = set(bound)
    waiting = list(needs)
    while True:
        ready = [item for item in waiting if item[1][0] <= have]
        if not ready:
            return waiting, have
        for item in ready:
            have |= item[1][1]
        waiting = [item for item in waiting if item not in ready]


def unbound_error(
    stuck: Sequence[tuple[Clause, Needs]],
    provided: set[str],
    rules: Container[str],
    text: str | None,
) -> QueryError:
    """Return the error of clauses that no order can run, about the one that is most to blame."""
    offered = set().union(*(needs[1] for _, needs in stuck))
    best = min(stuck, key=lambda item: len(item[1][0] - provided - offered) == 0)
    clause, (requires, _) = best
    name = min((requires - provided - offered) or (requires - provided))
    inside, hint = "", f"bind {name} with a pattern, a function or an input"
    called = getattr(clause, "function", None)
    if isinstance(clause, Or):
        inside = " in every branch of the or"
        hint = f"bind {name} in each branch, or leave it out: (or-join […] …)"
    if isinstance(called, str) and called in rules:
        hint = rule_hint(called)
    else:
        hint = near(name, provided) or hint
    return query_error(
        f"{name} is used here, but nothing binds it{inside}",
        code="query/unbound-variable",
        hint=hint,
        text=text,
        offset=getattr(clause, "offset", -1),
        variable=name,
    )


def required_positions(
    rules: dict[
        str, list[tuple[tuple[Variable, ...], tuple[Variable, ...], tuple[Clause, ...]]]
    ],
) -> dict[str, frozenset[int]]:
    """Find which arguments each rule must be given, by fixpoint over mutually recursive rules.

    A head variable that some body only uses (in a predicate, say) must come from the caller, and so
    must one that the head declares required.
    """
    found = {
        name: frozenset(range(max(len(required) for required, _, _ in bodies)))
        for name, bodies in rules.items()
    }

    def positions(_source: str, name: str) -> frozenset[int]:
        return found.get(name, frozenset())

    changed = True
    while changed:
        changed = False
        for name, bodies in rules.items():
            wanted = set(found[name])
            for required, params, clauses in bodies:
                head = [variable.name for variable in (*required, *params)]
                bound = {head[i] for i in wanted}
                missing, _ = scope_needs(clauses, bound, positions, set(head))
                missing &= set(head)
                wanted |= {i for i, variable in enumerate(head) if variable in missing}
            if wanted != found[name]:
                found[name] = frozenset(wanted)
                changed = True
    return found
