"""Narrowing: which clauses of a conjunction say among which entities a search looks.

A search finds the k best *among the entities that the other clauses of its conjunction allow*. Those
are the clauses that can be answered without what only the search binds (scores, values, transactions)
and that are linked with its entity, directly or through variables that are not its arguments. They are
moved into the search (`Search.narrowing`), so that the answer never depends on which step runs first.

Searches do not narrow each other, unless one makes the arguments of the other. Calls of rules narrow a
search, which therefore may not lead back to it (`strata.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from datamem.datalog.faults import query_error
from datamem.datalog.resolve.safety import RequiredPositions, clause_needs, outer_of
from datamem.datalog.resolve.steps import Names, Scope, SearchStep
from datamem.datalog.syntax import (
    BindCollection,
    BindTuple,
    Clause,
    Query,
    Search,
    all_variables,
    binding_variables,
    variables_of,
)
from datamem.schema.schema import Schema


def narrow_searches(
    clauses: Sequence[Clause],
    bound: Iterable[str],
    links: Sequence[frozenset[str]],
    positions: RequiredPositions,
) -> tuple[Clause, ...]:
    """Move the clauses that narrow a search into it; clauses without a search come back as they are.

    Args:
        clauses: a conjunction.
        bound: variables that its surroundings bind.
        links: variables that inputs bind together.
        positions: tells what rules require.
    """
    searches = [clause for clause in clauses if isinstance(clause, Search)]
    if not searches:
        return tuple(clauses)
    have = set(bound)
    needs = {
        id(clause): clause_needs(
            clause, outer_of(clauses, clause, have, positions), have, positions
        )
        for clause in clauses
    }
    made: dict[int, Search] = {}
    moved: set[int] = set()
    for search in searches:
        before = [
            s for s in searches if s is not search and _feeds(s, search, clauses, have, needs)
        ]
        others = [c for c in clauses if not isinstance(c, Search)] + before
        chosen = _narrowing(search, others, have, links, needs)
        made[id(search)] = replace(search, narrowing=tuple(chosen))
        moved |= {id(clause) for clause in chosen}
    return tuple(made.get(id(c), c) for c in clauses if id(c) not in moved)


def input_links(query: Query) -> tuple[frozenset[str], ...]:
    """Return the sets of variables that one input binds together."""
    return tuple(
        frozenset(variable.name for variable in binding_variables(item))
        for item in query.inputs
        if isinstance(item, BindCollection | BindTuple)
    )


def check_source(
    clause: Search, schemas: Mapping[str, Schema | None], text: str | None
) -> None:
    """Refuse a search of a plain collection of tuples.

    Raises:
        QueryError: `query/not-a-source`.
    """
    if schemas[clause.source] is None:
        raise query_error(
            f"({clause.name} …) searches a database, and {clause.source} is none",
            code="query/not-a-source",
            text=text,
            offset=clause.offset,
            source=clause.source,
        )


def uses_of_search(clause: Search) -> Iterator[tuple[str, str]]:
    """List what the variables of a search are: its entity, and what is searched for."""
    if clause.entity is not None:
        yield clause.entity, "entity"
    for name in clause.arguments:
        yield name, "search"


def search_step(
    clause: Search,
    requires: Names,
    bound: set[str],
    inputs: Names,
    scope: Callable[[Names, Names], Scope],
) -> SearchStep:
    """Return a search as a step; what its surroundings bind for certain are its parameters.

    Args:
        clause: with the clauses that narrow it.
        requires: what it cannot run without.
        bound: what its surroundings bind.
        inputs: variables of `:in` whose relations stand beside the clauses.
        scope: resolves the narrowing clauses, from what they are given and the inputs they see.
    """
    names = frozenset(variables_of(clause))
    entity = frozenset((clause.entity,)) if clause.entity is not None else frozenset()
    params = (requires | (bound & all_variables(clause.narrowing))) - inputs - entity
    used = (inputs & names) - (clause.found - clause.arguments)
    needed = requires | params
    return SearchStep(
        clause.name,
        clause.source,
        clause.args,
        clause.options,
        tuple(None if variable is None else variable.name for variable in clause.outputs),
        clause.narrowing,
        scope(params | used | entity, used),
        params,
        used,
        needed,
        names - needed,
        clause.offset,
    )


_NeedsById = Mapping[int, tuple[frozenset[str], frozenset[str]]]


def _feeds(
    search: Search, other: Search, clauses: Sequence[Clause], have: set[str], needs: _NeedsById
) -> bool:
    """Tell whether `other` cannot have its arguments without `search`."""
    rest = [c for c in clauses if c is not search and c is not other]
    return not needs[id(other)][0] <= _reached(rest, have, needs)


def _reached(clauses: Iterable[Clause], have: set[str], needs: _NeedsById) -> set[str]:
    """Return the variables that clauses can bind by themselves."""
    return _runnable(clauses, have, needs)[1]


def _runnable(
    clauses: Iterable[Clause], have: set[str], needs: _NeedsById
) -> tuple[list[Clause], set[str]]:
    found: list[Clause] = []
    known = set(have)
    waiting = list(clauses)
    while True:
        ready = [clause for clause in waiting if needs[id(clause)][0] <= known]
        if not ready:
            return found, known
        for clause in ready:
            known |= needs[id(clause)][1]
        found += ready
        waiting = [clause for clause in waiting if not any(clause is done for done in ready)]


def _narrowing(
    search: Search,
    others: Sequence[Clause],
    have: set[str],
    links: Sequence[frozenset[str]],
    needs: _NeedsById,
) -> list[Clause]:
    """Return the clauses that are linked with a search's entity and do not need what it finds."""
    if search.entity is None:
        return []
    free = [clause for clause in others if variables_of(clause).isdisjoint(search.found)]
    known = have | search.arguments | {search.entity}
    free, _ = _runnable(free, known, needs)
    cut = search.arguments - {search.entity}
    linked = {search.entity}
    chosen: list[Clause] = []
    groups = [(clause, variables_of(clause) - cut) for clause in free]
    size = -1
    while size != len(linked):
        size = len(linked)
        for group in links:
            linked |= (group - cut) if group & linked else set()
        for clause, names in groups:
            if names & linked and not any(clause is known for known in chosen):
                chosen.append(clause)
                linked |= names
    order = {id(clause): i for i, clause in enumerate(others)}
    return sorted(chosen, key=lambda clause: order[id(clause)])
