"""A reference evaluator: the meaning of Datalog in nested loops, with no index and no plan.

It takes a parsed query and facts (e, attribute, v, tx, added) and answers as the language's
documentation reads. Slow and obvious on purpose; the engine must agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from datamem.datalog.syntax import (
    Aggregate,
    BindCollection,
    BindIgnore,
    BindScalar,
    BindTuple,
    Blank,
    Constant,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    Query,
    Rule,
    RuleCall,
    SourceName,
    Variable,
    all_variables,
    binding_variables,
    variables_of,
)
from datamem.edn import Keyword
from datamem.ids import TX_BASE

from .naive_values import AGGREGATES, FUNCTIONS, PREDICATES, held_as, key_of, sort_of

Row = dict[str, Any]
Fact = tuple[Any, ...]


@dataclass
class Base:
    """The facts of a database value, or the tuples of a collection.

    Attributes:
        facts: (e, ident, v, tx, added); of a collection, its tuples.
        types: (id, type) of each attribute by ident; None where facts are taken as they are.
        is_table: it is a collection.
    """

    facts: list[Fact]
    types: Mapping[str, tuple[int, str]] | None = None
    is_table: bool = False
    by_attribute: dict[Any, list[Fact]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for fact in [] if self.is_table else self.facts:
            self.by_attribute.setdefault(fact[1], []).append(fact)

    def entity(self, value: Any) -> Any:
        """Return the id that a constant names: an ident, a lookup ref or an id itself."""
        if isinstance(value, Keyword):
            value = [":db/ident", value]
        if not isinstance(value, list | tuple):
            return value
        found = self.by_attribute.get(str(value[0]), [])
        wanted = key_of(held_as(self._type(str(value[0])), value[1]))
        return next((fact[0] for fact in found if key_of(fact[2]) == wanted), None)

    def named(self, value: Any) -> Any:
        """Return the entity that an argument of a rule names, or the value where it names none."""
        is_reference = isinstance(value, Keyword) or (
            isinstance(value, list) and isinstance(value[0], Keyword)
        )
        return self.entity(value) if is_reference else value

    def _type(self, ident: str) -> str:
        return "" if self.types is None else self.types.get(ident, (0, ""))[1]

    def constant(self, position: int, ident: Any, value: Any) -> Any:
        """Return what a constant of a pattern means at its position."""
        if self.is_table or self.types is None:
            return str(value) if isinstance(value, str) and not self.is_table else value
        is_ref = position == 2 and self._type(str(ident)) == "ref"
        if position == 3 and isinstance(value, int) and value < TX_BASE:
            return value + TX_BASE
        if is_ref:
            return held_as("ref", self.entity(value))
        if position in (0, 3):
            return self.entity(value)
        return held_as(self._type(str(ident)), value) if position == 2 else value

    def matching(self, terms: Any, row: Row) -> Iterator[Row]:
        """Yield the row extended by each fact that a pattern matches."""
        second = terms[1] if len(terms) > 1 and not self.is_table else None
        ident = str(second.value) if isinstance(second, Constant) else None
        if ident is not None and "/_" in ident and self.types is not None:
            ident = ident.replace("/_", "/")
            turned = (terms[2] if len(terms) > 2 else Blank(), second, terms[0], *terms[3:])
            yield from self.matching((turned[0], Constant(Keyword(ident)), *turned[2:]), row)
            return
        if ident is not None and ident[-1] in "+*" and ident not in (self.types or {}):
            yield from self._paths(terms, ident, row)
            return
        facts = self.facts if ident is None else self.by_attribute.get(ident, [])
        for fact in facts:
            known = (*fact[:1], *self._attribute(fact, second), *fact[2:])
            meant = [
                Constant(self.constant(i, fact[1], term.value))
                if isinstance(term, Constant) and not (i == 1 and not self.is_table)
                else term
                for i, term in enumerate(terms)
            ]
            if ident is not None:
                meant[1] = Constant(known[1])
            yield from _unify(meant, known, row)

    def _attribute(self, fact: Fact, term: Any) -> tuple[Any, ...]:
        """Return the attribute as a variable means it: its id."""
        if isinstance(term, Variable) and self.types is not None:
            return (self.types[fact[1]][0],)
        return fact[1:2]

    def _paths(self, terms: Any, ident: str, row: Row) -> Iterator[Row]:
        edges = {(fact[0], fact[2]) for fact in self.by_attribute.get(ident[:-1], [])}
        pairs = set(edges)
        while more := {(a, d) for a, b in pairs for c, d in edges if b == c} - pairs:
            pairs |= more
        first, *rest = (
            Constant(self.entity(term.value)) if isinstance(term, Constant) else term
            for term in (terms[0], *terms[2:3])
        )
        if ident[-1] == "*":
            start = first.value if isinstance(first, Constant) else row[first.name]
            yield from _unify((first, *rest), (start, start), row)
        for pair in pairs:
            yield from _unify((first, *rest), pair, row)


class Naive:
    """The meaning of queries over some sources; facts alone are the source `$`."""

    def __init__(
        self, sources: list[Fact] | Mapping[str, Base], rules: tuple[Rule, ...] = ()
    ) -> None:
        self.sources = sources if isinstance(sources, Mapping) else {"$": Base(sources)}
        self.rules = rules
        self.derived: dict[tuple[str, str], set[tuple[Any, ...]]] = {}
        self.source = "$"
        """What `$` is: in rules, the source of the call."""

    def _derive(self, source: str) -> None:
        """Derive all rules over a source, level by level, to their fixpoint."""
        if (source, "") in self.derived:
            return
        self.derived[source, ""] = set()
        outer, self.source = self.source, source
        for level in _levels(self.rules):
            for name in level:
                self.derived[source, name] = set()
            grew = True
            while grew:
                grew = False
                for rule in (rule for rule in self.rules if rule.name in level):
                    grew |= self._apply(rule, self.derived[source, rule.name])
        self.source = outer

    def _apply(self, rule: Rule, known: set[tuple[Any, ...]]) -> bool:
        """Add what a rule derives; what it requires may be any entity or value there is."""
        before = len(known)
        head = [variable.name for variable in rule.head]
        seeds: list[Row] = [{}]
        for variable in rule.required:
            seeds = [seed | {variable.name: v} for seed in seeds for v in self._universe()]
        for seed in seeds:
            for row in list(self.solve(rule.body, seed, set(head))):
                known.add(tuple(_Exact(row[name]) for name in head))
        return len(known) > before

    def _universe(self) -> list[Any]:
        base = self.sources[self.source]
        found = {key_of(v): v for fact in base.facts for v in (fact[0], fact[2])}
        return list(found.values())

    def answer(self, query: Query, given: Row | None = None) -> set[tuple[Any, ...]]:
        """Return the rows of a relation query."""
        return set(self.answers(query, [given or {}]))

    def answers(self, query: Query, given: list[Row]) -> list[tuple[Any, ...]]:
        """Return the rows in the order that the query asks for; `given` are rows of its inputs."""
        asked = [*query.find.elements, *query.having, *(item.key for item in query.order_by)]
        names = [name for element in asked for name in _names(element)]
        names += [variable.name for variable in query.with_variables]
        names = list(dict.fromkeys(names))
        found: dict[Any, tuple[Any, ...]] = {}
        for start in given:
            for row in self.solve(query.where, start, set(names)):
                values = tuple(row[name] for name in names)
                found[tuple(map(key_of, values))] = values
        rows = [dict(zip(names, values, strict=True)) for values in found.values()]
        if any(isinstance(element, Aggregate) for element in asked):
            made = _grouped(query, rows)
        else:
            made = _ordered(query, rows)
        stop = None if query.limit is None else query.offset + query.limit
        return made[query.offset : stop]

    def solve(self, clauses: Any, row: Row, outer: set[str]) -> Iterator[Row]:
        """Yield every extension of `row` that satisfies all clauses, in whatever order they can run."""
        if not clauses:
            yield row
            return
        for i, clause in enumerate(clauses):
            rest = (*clauses[:i], *clauses[i + 1 :])
            binders = _binders(rest)
            known = outer | set(row) | binders
            if self._ready(clause, row, known, binders):
                for extended in self._clause(clause, row, known):
                    yield from self.solve(rest, extended, outer)
                return
        raise AssertionError("no clause can run")

    def _ready(self, clause: Any, row: Row, known: set[str], binders: set[str]) -> bool:
        match clause:
            case Pattern(_, (Variable(name), Constant(str() as ident), *_)):
                return not ident.endswith("*") or name in row
            case Predicate():
                return variables_of(clause) <= set(row)
            case FunctionCall(function, args):
                return variables_of(Predicate(function, args)) <= set(row)
            case Not():
                return (variables_of(clause) & known) <= set(row)
            case Optional():
                return (variables_of(clause) & binders) <= set(row)
            case Or(required, _, _):
                return {variable.name for variable in required} <= set(row)
        return True

    def _clause(self, clause: Any, row: Row, known: set[str]) -> Iterator[Row]:  # noqa: C901  # a table of clauses
        match clause:
            case Pattern(source, terms):
                yield from self._base(source).matching(terms, row)
            case RuleCall(source, name, args):
                yield from self._call(self.source if source == "$" else source, name, args, row)
            case Predicate(function, args):
                if self._value_of(function, args, row) not in (None, False):
                    yield row
            case FunctionCall(function, args, binding):
                made = self._value_of(function, args, row)
                is_nil = made is None and function != "get-else"
                yield from () if is_nil else _bind(binding, made, row)
            case Not(variables, nested):
                names = {v.name for v in variables} if variables is not None else known
                seed = {name: value for name, value in row.items() if name in names}
                if not any(True for _ in self.solve(nested, seed, names)):
                    yield row
            case Optional(nested):
                seed = {n: v for n, v in row.items() if n in all_variables(nested)}
                found = list(self.solve(nested, seed, all_variables(nested)))
                fresh = all_variables(nested) - set(row)
                for made in found or [dict.fromkeys(fresh)]:
                    yield row | {name: made[name] for name in fresh}
            case Or(_, _, branches):
                visible = variables_of(clause)
                seed = {name: value for name, value in row.items() if name in visible}
                for branch in branches:
                    for found in self.solve(branch, seed, visible):
                        yield row | {n: v for n, v in found.items() if n in visible}

    def _base(self, name: str) -> Base:
        return self.sources[self.source if name == "$" else name]

    def _call(self, source: str, name: str, args: Any, row: Row) -> Iterator[Row]:
        self._derive(source)
        base = self.sources[source]
        meant = [
            Constant(base.named(arg.value)) if isinstance(arg, Constant) else arg
            for arg in args
        ]
        for made in list(self.derived[source, name]):
            yield from _unify(meant, tuple(exact.value for exact in made), row)

    def _value_of(self, function: Any, args: Any, row: Row) -> Any:
        if function in ("get-else", "get-some", "missing?"):
            base = self._base(args[0].name) if isinstance(args[0], SourceName) else None
            assert base is not None
            known = [_value(arg, row) for arg in args[1:]]
            if isinstance(args[1], Constant):
                known[0] = base.entity(known[0])
            return _looked_up(base, function, known)
        called = FUNCTIONS.get(function) or PREDICATES[function]
        return called(*(_value(arg, row) for arg in args))


@dataclass(frozen=True)
class _Exact:
    """A value that equals what has its type and value."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Exact) and key_of(self.value) == key_of(other.value)

    def __hash__(self) -> int:
        return hash(key_of(self.value))


def _looked_up(base: Base, function: str, args: list[Any]) -> Any:
    values = [
        [fact[2] for fact in base.by_attribute.get(str(name), []) if _same(fact[0], args[0])]
        for name in args[1:]
    ]
    match function:
        case "missing?":
            return not values[0]
        case "get-else":
            return values[0][0] if values[0] else args[2]
    for name, found in zip(args[1:], values, strict=True):
        if found:
            return [base.types[str(name)][0] if base.types else str(name), found[0]]
    return None


def _binders(clauses: Any) -> set[str]:
    """Return the variables that clauses bind: a `not` and a predicate bind none, a call its result."""
    names: set[str] = set()
    for clause in clauses:
        match clause:
            case Not() | Predicate():
                pass
            case FunctionCall(binding=binding):
                names |= {variable.name for variable in binding_variables(binding)}
            case Or(required):
                names |= variables_of(clause) - {variable.name for variable in required}
            case _:
                names |= variables_of(clause)
    return names


def _bind(binding: Any, value: Any, row: Row) -> Iterator[Row]:
    match binding:
        case BindScalar(variable):
            yield from _unify((variable,), (value,), row)
        case BindIgnore():
            yield row
        case BindTuple((BindTuple() as item,)):
            yield from _bind(BindCollection(item), value, row)
        case BindTuple(items):
            rows = [row]
            for item, part in zip(items, value, strict=False):
                rows = [found for known in rows for found in _bind(item, part, known)]
            yield from rows
        case BindCollection(item):
            for part in value:
                yield from _bind(item, part, row)


def given_rows(query: Query, values: list[Any]) -> list[Row]:
    """Return the rows of a query's inputs: of bindings, in their order, without sources and rules."""
    rows: list[Row] = [{}]
    bindings = [item for item in query.inputs if not _is_named(item)]
    for binding, value in zip(bindings, values, strict=True):
        rows = [found for row in rows for found in _bind(binding, value, row)]
    return rows


def _is_named(item: Any) -> bool:
    return not isinstance(item, BindScalar | BindIgnore | BindTuple | BindCollection)


def _value(term: Any, row: Row) -> Any:
    return term.value if isinstance(term, Constant) else row[term.name]


def _same(left: Any, right: Any) -> bool:
    return bool(key_of(left) == key_of(right))


def _unify(terms: Any, values: tuple[Any, ...], row: Row) -> Iterator[Row]:
    result = dict(row)
    for term, value in zip(terms, values, strict=False):
        if isinstance(term, Constant):
            if not _same(term.value, value):
                return
        elif isinstance(term, Variable):
            if term.name in result and not _same(result[term.name], value):
                return
            result[term.name] = value
    yield result


# find


def _names(element: Any) -> list[str]:
    match element:
        case Variable(name):
            return [name]
        case Aggregate(_, args):
            return [name for arg in args for name in _names(arg)]
    return []


def _aggregated(element: Any, group: list[Row]) -> Any:
    match element:
        case Variable(name):
            return group[0][name]
        case Constant(value):
            return value
        case Aggregate(function, args) if function in AGGREGATES and isinstance(
            args[-1], Variable
        ):
            before = [_aggregated(arg, group) for arg in args[:-1]]
            return AGGREGATES[str(function)]([row[args[-1].name] for row in group], *before)
        case Aggregate(function, args):
            called: Callable[..., Any] = (FUNCTIONS | PREDICATES)[str(function)]
            return called(*(_aggregated(arg, group) for arg in args))
    raise AssertionError(element)


def _grouped(query: Query, rows: list[Row]) -> list[tuple[Any, ...]]:
    elements = query.find.elements
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        key = tuple(key_of(row[e.name]) for e in elements if isinstance(e, Variable))
        groups.setdefault(key, []).append(row)
    kept = [
        group
        for group in groups.values()
        if all(_aggregated(test, group) not in (None, False) for test in query.having)
    ]
    for item in reversed(query.order_by):
        key_element = elements[item.key] if isinstance(item.key, int) else item.key
        kept.sort(
            key=lambda group, e=key_element: sort_of(_aggregated(e, group)),  # type: ignore[misc]
            reverse=item.descending,
        )
    return [tuple(_aggregated(e, group) for e in elements) for group in kept]


def _ordered(query: Query, rows: list[Row]) -> list[tuple[Any, ...]]:
    elements = query.find.elements
    for item in reversed(query.order_by):
        key = elements[item.key] if isinstance(item.key, int) else item.key
        assert isinstance(key, Variable)
        rows = sorted(
            rows, key=lambda row, n=key.name: sort_of(row[n]), reverse=item.descending
        )
    extra = [variable.name for variable in query.with_variables]
    seen: dict[Any, tuple[Any, ...]] = {}
    for row in rows:
        values = tuple(row[e.name] for e in elements if isinstance(e, Variable))
        seen.setdefault((*map(key_of, values), *(key_of(row[name]) for name in extra)), values)
    return list(seen.values())


# rules


def _levels(rules: tuple[Rule, ...]) -> list[set[str]]:
    """Order rules so that what a body negates comes in an earlier level."""
    level = {rule.name: 0 for rule in rules}
    for _ in range(len(rules) * len(rules) + 1):
        for rule in rules:
            for name, negated in _called(rule.body, negated=False):
                level[rule.name] = max(level[rule.name], level[name] + negated)
    return [
        {n for n, at in level.items() if at == i}
        for i in range(max(level.values(), default=0) + 1)
    ]


def _called(clauses: Any, *, negated: bool) -> Iterator[tuple[str, bool]]:
    for clause in clauses:
        match clause:
            case RuleCall(name=name):
                yield name, negated
            case Not(clauses=nested) | Optional(clauses=nested):
                yield from _called(nested, negated=True)
            case Or(branches=branches):
                for branch in branches:
                    yield from _called(branch, negated=negated)
