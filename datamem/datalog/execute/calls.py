"""Calling functions and predicates: over columns where it can be, else once per distinct arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import print_value
from datamem.datalog.execute.bind import (
    BindMismatch,
    bind_column,
    bind_repeated,
    bind_values,
    mismatch_error,
)
from datamem.datalog.execute.columnwise import Operand, calculate, compare_columns, is_column
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.lookups import LOOKUPS, check_lookup, missing_mask
from datamem.datalog.faults import query_error
from datamem.datalog.functions.comparison import truthy
from datamem.datalog.functions.function import Function
from datamem.datalog.functions.registry import find_function, library
from datamem.datalog.resolve.describe import describe
from datamem.datalog.resolve.steps import FunctionStep, PredicateStep
from datamem.datalog.syntax import BindScalar, Constant, SourceName, Variable
from datamem.errors import DatamemError, QueryError


@dataclass(frozen=True, slots=True)
class _Answers:
    """Results of a call.

    Attributes:
        values: one for each row, or for each combination of arguments.
        groups: int64[n], which of the values each row has; None where there is one for each.
    """

    values: list[Any]
    groups: Int64Array | None

    def of_rows(self) -> list[Any]:
        """Return the result for each row."""
        values = self.values
        return (
            values if self.groups is None else [values[group] for group in self.groups.tolist()]
        )

    def are_true(self) -> BoolArray:
        """Tell for which rows the result is neither false nor nil, bool[n]."""
        true = np.fromiter(map(truthy, self.values), np.bool_, len(self.values))
        return true if self.groups is None else true[self.groups]


def reads_database(step: PredicateStep | FunctionStep) -> bool:
    """Tell whether a step looks up attributes for all rows at once."""
    return step.function in LOOKUPS


def filter_rows(
    step: PredicateStep,
    relation: Relation,
    context: Context,
    known: Mapping[str, Any] = MappingProxyType({}),
) -> Relation:
    """Return the rows for which the predicate is true.

    Args:
        step: the predicate.
        relation: rows that bind its variables, but for those in `known`.
        context: the execution.
        known: variables that have one value in all rows; REQUIRES not `reads_database(step)`.
    """
    if step.function == "missing?":
        return relation.keep(missing_mask(step, relation, context))
    operands = operands_of(step, relation, context, known)
    if len(operands) == 2 and isinstance(step.function, str) and not context.functions:
        mask = compare_columns(step.function, operands[0], operands[1])
        if mask is not None:
            return relation.keep(mask)
    if step.function in LOOKUPS:
        found = LOOKUPS[str(step.function)](step, relation, context)
        values = found.domain.decode(found.words)
        kept = [
            i for i, value in zip(found.rows.tolist(), values, strict=True) if truthy(value)
        ]
        return relation.take(np.array(kept, np.int64)).sorted_as(relation)
    return relation.keep(_answers(step, relation, context, operands).are_true())


def extend_rows(step: FunctionStep, relation: Relation, context: Context) -> Relation:
    """Return the rows with the function's result bound."""
    if not relation.size:
        return _with_empty(step, relation, context)
    if step.function in LOOKUPS:
        found = LOOKUPS[str(step.function)](step, relation, context)
        rows = relation.take(found.rows).sorted_as(relation)
        if isinstance(step.binding, BindScalar):
            return bind_column(rows, step.binding.variable.name, found.words, found.domain)
        return _bind(step, rows, found.domain.decode(found.words), context)
    operands = operands_of(step, relation, context)
    if isinstance(step.binding, BindScalar) and isinstance(step.function, str):
        column = _calculated(step, operands, relation, context)
        if column is not None:
            return bind_column(relation, step.binding.variable.name, *column)
    answers = _answers(step, relation, context, operands)
    if isinstance(step.binding, BindScalar) and answers.groups is not None:
        name = step.binding.variable.name
        return bind_repeated(relation, answers.values, answers.groups, name, context.domains)
    return _bind(step, relation, answers.of_rows(), context)


def _calculated(
    step: FunctionStep, operands: list[Operand], relation: Relation, context: Context
) -> Any:
    if context.functions or not any(is_column(operand) for operand in operands):
        return None
    if step.function in ("identity", "ground") and is_column(operands[0]):
        words, domain = operands[0]
        return None if domain is context.domains.objects else (words, domain)
    found = calculate(str(step.function), operands, context.domains)
    if found is None or len(found[0]) == relation.size:
        return found
    return np.broadcast_to(found[0], (relation.size,)), found[1]


def _with_empty(step: FunctionStep, relation: Relation, context: Context) -> Relation:
    """Return no rows with the step's variables."""
    none = np.empty(0, np.int64)
    for name in sorted(step.provides - set(relation.names)):
        relation = relation.with_column(name, none, context.domains.objects)
    return relation


def _bind(
    step: FunctionStep, relation: Relation, answers: Sequence[Any], context: Context
) -> Relation:
    try:
        return bind_values(relation, answers, step.binding, context.domains)
    except BindMismatch as error:
        raise mismatch_error(error, describe(step), context.text, step.offset) from None


def operands_of(
    step: PredicateStep | FunctionStep,
    relation: Relation,
    context: Context,
    known: Mapping[str, Any] = MappingProxyType({}),
) -> list[Operand]:
    """Return the arguments of a call: columns, constants, source objects."""
    operands: list[Operand] = []
    for arg in step.args:
        match arg:
            case Variable(name) if name in known:
                operands.append(known[name])
            case Variable(name):
                i = relation.names.index(name)
                operands.append((relation.columns[i], relation.domains[i]))
            case Constant(value):
                operands.append(value)
            case SourceName(name):
                operands.append(context.raw_sources[name])
            case _:
                raise query_error(
                    "_ is no argument: nothing would be passed",
                    code="query/syntax",
                    text=context.text,
                    offset=step.offset,
                )
    return operands


def _answers(
    step: PredicateStep | FunctionStep,
    relation: Relation,
    context: Context,
    operands: list[Operand],
) -> _Answers:
    """Return the call's result for each row; a pure function is called once for equal arguments."""
    found = called_function(step, context)
    if found.needs_database and not _names_source(step):
        operands = [context.raw_sources.get("$"), *operands]
    columns = [operand for operand in operands if is_column(operand)]
    if not columns:
        answer = _call(found, step, context, operands)
        return _Answers([answer], np.zeros(relation.size, np.int64))
    groups: Int64Array | None = None
    count = relation.size
    if found.pure and relation.size > 1:
        groups, firsts, count = kernels.group_rows(
            [words for words, _ in columns], relation.size
        )
        if count < relation.size:
            operands = [(o[0][firsts], o[1]) if is_column(o) else o for o in operands]
        else:
            groups = None
    return _Answers(_call_rows(found, step, context, operands, count), groups)


def check_calls(context: Context) -> None:
    """Refuse calls that can never be made, whether or not any row will reach them.

    Raises:
        QueryError: `query/unknown-function`, `query/arity`, `query/not-a-function`.
    """
    for step in context.resolved.calls():
        if reads_database(step):
            check_lookup(step, context)
        else:
            called_function(step, context)


def called_function(step: PredicateStep | FunctionStep, context: Context) -> Function:
    """Return what a step calls, its arguments counted."""
    count = len(step.args)
    if isinstance(step.function, str) and _names_source(step):
        found = find_function(step.function, context.functions)
        count -= found is not None and found.needs_database
    return context.function(step.function, count, step.offset)


def _names_source(step: PredicateStep | FunctionStep) -> bool:
    return bool(step.args) and isinstance(step.args[0], SourceName)


def _call_rows(
    found: Function,
    step: PredicateStep | FunctionStep,
    context: Context,
    operands: list[Operand],
    size: int,
) -> list[Any]:
    lists = [
        operand[1].decode(operand[0]) if is_column(operand) else [operand] * size
        for operand in operands
    ]
    if found.vectorised:
        answers = list(_guarded(found.call, lists, step, context))
        if len(answers) != size:
            raise query_error(
                f"{found.name} is vectorised and returned {len(answers)} values for {size} rows",
                code="query/function-failed",
                text=context.text,
                offset=step.offset,
            )
        return answers
    call = found.call
    answers = []
    try:
        for args in zip(*lists, strict=True):
            answers.append(call(*args))
            if not len(answers) & 1023:
                context.check_size(len(answers), step)
    except Exception as error:  # whatever a caller's function raises
        at = [column[len(answers)] for column in lists]
        raise _failure(error, step, context, at) from error
    return answers


def _call(
    found: Function, step: PredicateStep | FunctionStep, context: Context, args: list[Any]
) -> Any:
    if found.vectorised:
        return next(iter(_guarded(found.call, [[arg] for arg in args], step, context)))
    return _guarded(found.call, args, step, context)


def _guarded(
    call: Callable[..., Any],
    args: list[Any],
    step: PredicateStep | FunctionStep,
    context: Context,
) -> Any:
    try:
        return call(*args)
    except Exception as error:  # whatever a caller's function raises
        raise _failure(error, step, context, args) from error


def _is_built_in(step: PredicateStep | FunctionStep, context: Context) -> bool:
    if not isinstance(step.function, str):
        return False
    found = find_function(step.function, context.functions)
    return found is not None and library().get(found.name) is found


def _failure(
    error: Exception, step: PredicateStep | FunctionStep, context: Context, args: list[Any]
) -> DatamemError:
    """Return the error of a failed call, with its clause and what its variables were."""
    if isinstance(error, QueryError) and error.code in ("query/timeout", "query/too-many-rows"):
        return error
    bindings = {
        arg.name: value
        for arg, value in zip(step.args, args, strict=False)
        if isinstance(arg, Variable) and not isinstance(value, list)
    }
    shown = ", ".join(f"{name} = {print_value(value)}" for name, value in bindings.items())
    code = error.code if isinstance(error, DatamemError) else "query/function-failed"
    if isinstance(error, DatamemError):
        reason = error.message
    elif isinstance(error, TypeError | AttributeError) and _is_built_in(step, context):
        code = "query/bad-argument"
        reason = f"({step.function} …) cannot take {' and '.join(map(print_value, args))}"
    else:
        reason = f"{type(error).__name__}: {error}"
    where = f" in {describe(step)}" + (f" with {shown}" if shown else "")
    return query_error(
        f"{reason}{where}",
        code=code,
        hint=error.hint if isinstance(error, DatamemError) else None,
        text=context.text,
        offset=step.offset,
        bindings=bindings,
    )
