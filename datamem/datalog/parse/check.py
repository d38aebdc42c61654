"""What can be refused before any name is resolved: shapes, repeats, unknown variables and sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from datamem.datalog.faults import near, query_error
from datamem.datalog.functions.registry import READ_DATABASE, find_function
from datamem.datalog.syntax import (
    Aggregate,
    BindCollection,
    Binding,
    BindScalar,
    BindTuple,
    Clause,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    Pull,
    Query,
    Rule,
    RuleCall,
    RulesInput,
    Search,
    SourceName,
    Variable,
    all_variables,
    binding_variables,
)


def check_query(query: Query) -> None:
    """Refuse a query that cannot mean anything.

    Raises:
        QueryError: with the code of what is wrong.
    """
    _check_inputs(query)
    _check_find_variables(query)
    _check_sources(query)
    _check_labels(query)
    _check_settings(query)


def check_rules(rules: Iterable[Rule], text: str | None) -> None:
    """Refuse rules whose bodies disagree on their head.

    Raises:
        QueryError: `query/rule-arity`, `query/rule-head`.
    """
    heads: dict[str, Rule] = {}
    for rule in rules:
        first = heads.setdefault(rule.name, rule)
        _check_head(rule, text)
        if (len(first.required), len(first.params)) != (len(rule.required), len(rule.params)):
            counts = f"take {len(first.head)} and {len(rule.head)} arguments"
            if len(first.head) == len(rule.head):
                counts = f"require {len(first.required)} and {len(rule.required)} of them"
            raise query_error(
                f"the bodies of rule {rule.name} {counts}",
                code="query/rule-arity",
                hint="every body of a rule has the same number of head variables, as many in brackets",
                text=text,
                offset=rule.offset,
                rule=rule.name,
            )


def _check_head(rule: Rule, text: str | None) -> None:
    names = [variable.name for variable in rule.head]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if not names or repeated:
        problem = f"repeats {repeated[0]}" if repeated else "has no variable"
        raise query_error(
            f"the head of rule {rule.name} {problem}",
            code="query/rule-head",
            hint="the variables of a rule head are distinct, and at least one",
            text=text,
            offset=rule.offset,
            rule=rule.name,
        )
    used = all_variables(rule.body)
    for variable in rule.params:
        if variable.name not in used:
            raise query_error(
                f"a body of rule {rule.name} does not bind its head variable {variable.name}",
                code="query/rule-head",
                hint=f"use {variable.name} in the body, or declare it required: [{variable.name}]",
                text=text,
                offset=rule.offset,
                rule=rule.name,
                variable=variable.name,
            )


def _check_inputs(query: Query) -> None:
    seen: set[str] = set()
    for item in query.inputs:
        for name, offset in _input_names(item):
            if name in seen:
                raise query_error(
                    f"{name} is given twice in :in",
                    code="query/repeated-variable",
                    text=query.text,
                    offset=offset,
                    variable=name,
                )
            seen.add(name)


def _input_names(item: object) -> Iterator[tuple[str, int]]:
    match item:
        case SourceName(name, offset):
            yield name, offset
        case RulesInput():
            yield "%", -1
        case BindCollection(BindTuple()) | BindTuple():
            names = {variable.name: variable.offset for variable in binding_variables(item)}
            yield from names.items()
        case _:
            for variable in binding_variables(item):  # type: ignore[arg-type]  # what is left
                yield variable.name, variable.offset


def input_variables(query: Query) -> set[str]:
    """Return the names of the variables that `:in` binds."""
    return {
        variable.name
        for item in query.inputs
        if not isinstance(item, SourceName | RulesInput)
        for variable in binding_variables(item)
    }


def find_variables(query: Query) -> Iterator[Variable]:
    """List the variables that `:find`, `:having` and `:order-by` name."""
    for element in (*query.find.elements, *query.having):
        yield from element_variables(element)
    for item in query.order_by:
        if not isinstance(item.key, int):
            yield from element_variables(item.key)


def element_variables(element: object) -> Iterator[Variable]:
    """List the variables of a find element."""
    match element:
        case Variable():
            yield element
        case Pull(variable=variable):
            yield variable
        case Aggregate(function, args):
            if isinstance(function, Variable):
                yield function
            for arg in args:
                yield from element_variables(arg)
        case _:
            pass


def _check_find_variables(query: Query) -> None:
    known = all_variables(query.where) | input_variables(query)
    for variable in (*find_variables(query), *query.with_variables):
        if variable.name not in known:
            raise query_error(
                f"{variable.name} is asked for, but no clause or input binds it",
                code="query/unbound-variable",
                hint=near(variable.name, known) or "bind it in :where or :in",
                text=query.text,
                offset=variable.offset,
                variable=variable.name,
            )
    plain = {element.name for element in query.find.elements if isinstance(element, Variable)}
    names = [variable.name for variable in query.with_variables]
    for variable in query.with_variables:
        if variable.name in plain or names.count(variable.name) > 1:
            raise query_error(
                f"{variable.name} is both in :find and :with"
                if variable.name in plain
                else f"{variable.name} is twice in :with",
                code="query/repeated-variable",
                text=query.text,
                offset=variable.offset,
                variable=variable.name,
            )


def _check_sources(query: Query) -> None:
    known = {item.name for item in query.inputs if isinstance(item, SourceName)}
    has_rules = any(isinstance(item, RulesInput) for item in query.inputs)
    for name, offset in _used_sources(query):
        if name not in known:
            raise query_error(
                f"the query uses the source {name}, which :in does not name",
                code="query/unknown-source",
                hint=f"add {name} to :in",
                text=query.text,
                offset=offset,
                source=name,
            )
    if not has_rules:
        for call in walk(query.where):
            if isinstance(call, RuleCall):
                raise query_error(
                    f"the query calls the rule {call.name}, but :in has no %",
                    code="query/missing-rules",
                    hint=function_hint(call.name)
                    or "add % to :in and give the rules as an input; functions and predicates"
                    " need brackets: [(f ?x)]",
                    text=query.text,
                    offset=call.offset,
                    rule=call.name,
                )


def function_hint(name: str) -> str | None:
    """Return a hint where a function stands in the place of a rule, else None."""
    if name in READ_DATABASE:
        return (
            f"{name} is a function: write [({name} $ …)], or [({name} $ …) ?x] for its result"
        )
    if find_function(name) is None:
        return None
    return f"{name} is a function: write [({name} …)], or [({name} …) ?x] for its result"


def rule_hint(name: str) -> str:
    """Return a hint where a rule stands in the place of a function."""
    return f"{name} is a rule: write ({name} …), without brackets around it"


def _used_sources(query: Query) -> Iterator[tuple[str, int]]:
    for clause in walk(query.where):
        match clause:
            case Pattern(source, _, offset) | Search(source=source, offset=offset):
                yield source, offset
            case Predicate(_, args, _) | FunctionCall(_, args, _, _):
                for arg in args:
                    if isinstance(arg, SourceName):
                        yield arg.name, arg.offset
            case _:
                pass
    for element in query.find.elements:
        if isinstance(element, Pull):
            yield element.source, element.offset


def walk(clauses: Iterable[Clause]) -> Iterator[Clause]:
    """List clauses and the clauses nested in them."""
    for clause in clauses:
        yield clause
        match clause:
            case Not(_, nested) | Optional(nested):
                yield from walk(nested)
            case Or(_, _, branches):
                for branch in branches:
                    yield from walk(branch)
            case _:
                pass


def _check_settings(query: Query) -> None:
    """Refuse variables of `:limit`, of `pull` and their kin that are no inputs of one value each."""
    given = {item.variable.name for item in query.inputs if isinstance(item, BindScalar)}
    settings = [
        (":limit", query.limit),
        (":offset", query.offset),
        (":timeout", query.timeout_ms),
        (":after", query.after),
    ]
    settings += [("pull", e.pattern) for e in query.find.elements if isinstance(e, Pull)]
    for name, value in settings:
        if isinstance(value, Variable) and value.name not in given:
            is_other = value.name in input_variables(query)
            raise query_error(
                f"{name} takes {value.name}, which is no input{' of one value' * is_other}",
                code="query/unbound-variable",
                hint=near(value.name, given) or f"name {value.name} in :in, by itself",
                text=query.text,
                offset=value.offset,
                variable=value.name,
            )


def _check_labels(query: Query) -> None:
    if query.keys is None:
        return
    kind = f":{query.keys_kind}"
    if query.find.shape in ("scalar", "collection"):
        raise query_error(
            f"{kind} cannot name the parts of a {query.find.shape} find",
            code="query/keys",
            hint="use it with a relation or a tuple",
            text=query.text,
            offset=query.keys_offset,
        )
    repeated = [name for name, count in Counter(query.keys).items() if count > 1]
    if repeated:
        raise query_error(
            f"{kind} gives two elements the name {repeated[0]}, and a row is a map",
            code="query/keys",
            hint="a name of its own for each element",
            text=query.text,
            offset=query.keys_offset,
        )
    count = len(query.find.elements)
    if len(query.keys) != count:
        raise query_error(
            f"{kind} has {len(query.keys)} names, and :find has {count} element{'s' * (count != 1)}",
            code="query/keys",
            hint="a name for each, in their order",
            text=query.text,
            offset=query.keys_offset,
        )


def binding_shape(binding: Binding) -> str:
    """Say what a binding takes, for error messages."""
    match binding:
        case BindCollection(BindTuple()):
            return "a collection of tuples"
        case BindCollection():
            return "a collection"
        case BindTuple():
            return "a tuple"
        case _:
            pass
    return "a value"
