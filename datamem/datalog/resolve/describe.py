"""Steps and clauses as text, for `explain` and for errors."""

from __future__ import annotations

from typing import Any

from datamem.datalog import syntax
from datamem.datalog.columns.values import print_value
from datamem.datalog.resolve import steps


def describe(step: Any) -> str:
    """Return a step as its author would have written it."""
    match step:
        case steps.PatternStep(source, terms):
            shown = " ".join(_term(term) for term in terms)
            return f"[{_source(source)}{shown}]"
        case steps.PredicateStep(function, args):
            return f"[{_call(function, args)}]"
        case steps.FunctionStep(function, args, binding):
            return f"[{_call(function, args)} {_binding(binding)}]"
        case steps.SearchStep():
            return _search(step)
        case steps.RuleStep(source, name, args):
            shown = " ".join(_term(term) for term in args)
            return f"({_source(source)}{name} {shown})"
        case steps.NotStep(scope):
            return f"(not {_scope(scope)})"
        case steps.OptionalStep(scope):
            return f"(optional {_scope(scope)})"
        case steps.OrStep(_, branches):
            return f"(or {' '.join(f'(and {_scope(branch)})' for branch in branches)})"
        case steps.TableStep(table, version, names):
            shown = " ".join(name or "_" for name in names)
            return f"({version} {table} {shown})"
        case _:
            pass
    return str(step)


def _search(step: steps.SearchStep) -> str:
    given = [_term(arg) for arg in step.args]
    given += [f":{name} {_term(value)}" for name, value in step.options]
    outputs = " ".join("_" if name is None else name for name in step.outputs)
    among = f" among {_scope(step.scope)}" if step.scope.steps else ""
    return f"[({step.name} {step.source} {' '.join(given)}) [[{outputs}]]]{among}"


def _scope(scope: steps.Scope) -> str:
    return " ".join(describe(step) for step in scope.steps)


def _source(name: str) -> str:
    return "" if name == "$" else f"{name} "


def _call(function: Any, args: tuple[Any, ...]) -> str:
    name = function.lstrip("\0") if isinstance(function, str) else _term(function)
    return f"({' '.join([name, *(_term(arg) for arg in args)])})"


def _term(term: Any) -> str:
    match term:
        case syntax.Variable(name) | syntax.SourceName(name):
            return name
        case syntax.Blank():
            return "_"
        case syntax.Constant(value):
            return print_value(value)
        case _:
            pass
    return getattr(term, "__name__", repr(term))


def _binding(binding: syntax.Binding) -> str:
    match binding:
        case syntax.BindScalar(variable):
            return variable.name
        case syntax.BindIgnore():
            return "_"
        case syntax.BindCollection(item):
            return f"[{_binding(item)} ...]"
        case syntax.BindTuple(items):
            return f"[{' '.join(_binding(item) for item in items)}]"


def describe_binding(binding: syntax.Binding) -> str:
    """Return a binding as its author would have written it."""
    return _binding(binding)


def describe_find(element: syntax.FindElement | syntax.FindArgument) -> str:
    """Return a find element as text: the name of its column."""
    match element:
        case syntax.Pull(_, variable):
            return f"(pull {variable.name})"
        case syntax.Aggregate(function, args, default):
            name = function if isinstance(function, str) else _term(function)
            shown = [name, *(describe_find(arg) for arg in args)]
            shown += [] if default is None else [":default", describe_find(default)]
            return f"({' '.join(shown)})"
        case _:
            pass
    return _term(element)


def describe_input(item: syntax.Input) -> str:
    """Return an item of `:in` as text."""
    match item:
        case syntax.SourceName(name):
            return name
        case syntax.RulesInput():
            return "%"
        case _:
            pass
    return _binding(item)
