"""Renaming variables and sources in clauses: nested scopes keep their local variables to themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from datamem.datalog.syntax import (
    Argument,
    BindCollection,
    BindIgnore,
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
    RuleCall,
    Search,
    SourceName,
    Variable,
)

NewNames = Mapping[str, str]


def rename_clause(clause: Clause, names: NewNames) -> Clause:
    """Return the clause with variables renamed, nested clauses included."""
    match clause:
        case Pattern(source, terms, offset):
            return Pattern(source, _terms(terms, names), offset)
        case RuleCall(source, name, args, offset):
            return RuleCall(source, name, _terms(args, names), offset)
        case Predicate(function, args, offset):
            return Predicate(_term(function, names), _terms(args, names), offset)
        case FunctionCall(function, args, binding, offset):
            bound = _binding(binding, names)
            return FunctionCall(_term(function, names), _terms(args, names), bound, offset)
        case Search():
            return _renamed_search(clause, names)
        case Not(variables, clauses, offset):
            listed = None if variables is None else _terms(variables, names)
            return Not(listed, tuple(rename_clause(c, names) for c in clauses), offset)
        case Optional(clauses, offset):
            return Optional(tuple(rename_clause(c, names) for c in clauses), offset)
        case Or(required, variables, branches, offset):
            listed = None if variables is None else _terms(variables, names)
            renamed = tuple(tuple(rename_clause(c, names) for c in b) for b in branches)
            return Or(_terms(required, names), listed, renamed, offset)


def with_source(clause: Clause, source: str | None) -> Clause:
    """Give a clause, and those nested in it, a source where they name none."""
    if source is None or source == "$":
        return clause
    match clause:
        case Pattern("$", terms, offset):
            return Pattern(source, terms, offset)
        case RuleCall("$", name, args, offset):
            return RuleCall(source, name, args, offset)
        case Search(source="$"):
            return replace(clause, source=source)
        case Predicate(_, args) | FunctionCall(_, args):
            return replace(clause, args=tuple(_over(arg, source) for arg in args))
        case Not(variables, clauses, offset):
            return Not(variables, tuple(with_source(c, source) for c in clauses), offset)
        case Optional(clauses, offset):
            return Optional(tuple(with_source(c, source) for c in clauses), offset)
        case Or(required, variables, branches, offset):
            over = tuple(tuple(with_source(c, source) for c in branch) for branch in branches)
            return Or(required, variables, over, offset)
        case _:
            pass
    return clause


def _over(arg: Argument, source: str) -> Argument:
    return (
        SourceName(source, arg.offset)
        if isinstance(arg, SourceName) and arg.name == "$"
        else arg
    )


def _renamed_search(clause: Search, names: NewNames) -> Search:
    options = tuple((key, _term(value, names)) for key, value in clause.options)
    narrowing = tuple(rename_clause(nested, names) for nested in clause.narrowing)
    return replace(
        clause,
        args=_terms(clause.args, names),
        options=options,
        outputs=_terms(clause.outputs, names),
        narrowing=narrowing,
    )


def _term(term: Any, names: NewNames) -> Any:
    if isinstance(term, Variable) and term.name in names:
        return Variable(names[term.name], term.offset)
    return term


def _terms(terms: Sequence[Any], names: NewNames) -> tuple[Any, ...]:
    return tuple(_term(term, names) for term in terms)


def _binding(binding: Binding, names: NewNames) -> Binding:
    match binding:
        case BindScalar(variable):
            return BindScalar(_term(variable, names))
        case BindCollection(item):
            return BindCollection(_binding(item, names))
        case BindTuple(items):
            return BindTuple(tuple(_binding(item, names) for item in items))
        case BindIgnore():
            return binding
