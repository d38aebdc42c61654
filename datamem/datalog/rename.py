"""Renaming variables in clauses, so that nested scopes keep their local variables to themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datamem.datalog.syntax import (
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
        case Not(variables, clauses, offset):
            listed = None if variables is None else _terms(variables, names)
            return Not(listed, tuple(rename_clause(c, names) for c in clauses), offset)
        case Optional(clauses, offset):
            return Optional(tuple(rename_clause(c, names) for c in clauses), offset)
        case Or(required, variables, branches, offset):
            listed = None if variables is None else _terms(variables, names)
            renamed = tuple(tuple(rename_clause(c, names) for c in b) for b in branches)
            return Or(_terms(required, names), listed, renamed, offset)


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
