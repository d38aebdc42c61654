"""Inputs: what `:in` binds, converted as the patterns that use each variable need it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from datamem.datalog.columns.relation import TRUE, Relation
from datamem.datalog.columns.values import normal, print_value
from datamem.datalog.execute.bind import BindMismatch, bind_values, mismatch_error
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.sources import NO_VALUE, DatabaseSource, as_vector, coerce
from datamem.datalog.faults import placed, query_error
from datamem.datalog.resolve.steps import Use
from datamem.datalog.syntax import (
    BindCollection,
    BindIgnore,
    Binding,
    BindScalar,
    BindTuple,
    RulesInput,
    SourceName,
    is_relation_binding,
)
from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.schema.types import ValueType

_DROPPED: Final = object()
"""Stands for an input value that names no entity: its row is dropped."""


def bind_inputs(values: Sequence[Any], context: Context) -> list[Relation]:
    """Return one relation per binding of `:in`.

    Raises:
        QueryError: `query/binding-shape`, `query/not-an-entity`.
    """
    query = context.resolved.query
    relations = []
    for item, value in zip(query.inputs, values, strict=True):
        if isinstance(item, SourceName | RulesInput | BindIgnore):
            continue
        if isinstance(item, BindScalar):
            context.given[item.variable.name] = value
        relations.append(_bound(item, value, context))
    context.inputs = relations
    return relations


def _bound(binding: Binding, value: Any, context: Context) -> Relation:
    if isinstance(binding, BindTuple) and is_relation_binding(binding):
        binding = BindCollection(binding.items[0])
    converted = _convert(value, binding, context)
    if converted is _DROPPED:
        return Relation(_names(binding), [], [], 0)
    if isinstance(binding, BindScalar):
        words, domain = context.domains.column([normal(converted)])
        return Relation((binding.variable.name,), (words,), (domain,), 1)
    try:
        return bind_values(TRUE, [converted], binding, context.domains, keep_nil=True)
    except BindMismatch as error:
        raise mismatch_error(error, "an input", context.text, -1) from None


def _names(binding: Binding) -> list[str]:
    from datamem.datalog.syntax import binding_variables  # rare

    return [variable.name for variable in binding_variables(binding)]


def _convert(value: Any, binding: Binding, context: Context) -> Any:
    """Convert the parts of an input; a part that names no entity drops the row it is in."""
    match binding:
        case BindScalar(variable):
            uses = context.resolved.uses.get(variable.name)
            return _converter(variable.name, uses, context)(value) if uses else value
        case BindTuple(items) if _is_sequence(value) and len(value) >= len(items):
            parts = [
                _convert(part, item, context) for part, item in zip(value, items, strict=False)
            ]
            return _DROPPED if any(part is _DROPPED for part in parts) else parts
        case BindCollection(BindScalar(variable)) if _is_collection(value):
            uses = context.resolved.uses.get(variable.name)
            if not uses:
                return value
            convert = _converter(variable.name, uses, context)
            return [part for v in value if (part := convert(v)) is not _DROPPED]
        case BindCollection(item) if _is_collection(value):
            rows = list(value.items()) if hasattr(value, "items") else value
            return [part for v in rows if (part := _convert(v, item, context)) is not _DROPPED]
    return value


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_collection(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes)


def _converter(name: str, uses: set[Use], context: Context) -> Callable[[Any], Any]:
    """Return what converts one value of a variable that patterns use so."""
    kinds = {use.kind for use in uses}
    named = {use.source for use in uses}
    sources = (s for key, s in context.sources.items() if key in named)
    source = next((s for s in sources if isinstance(s, DatabaseSource)), None)
    if source is not None and kinds & {"entity", "ref", "attribute", "tx"}:
        found = source

        def to_entity(value: Any) -> Any:
            return _entity(normal(value), name, found, kinds, context)

        return to_entity
    if kinds <= {"search", "VECTOR"}:
        return as_vector
    typed = [kind for kind in kinds if kind and kind != "search"]
    if len(typed) == 1 and typed[0] in ValueType.__members__:
        value_type = ValueType[typed[0]]

        def to_type(value: Any) -> Any:
            coerced = coerce(value_type, value)
            return normal(value) if coerced is NO_VALUE else coerced

        return to_type
    return normal


def _entity(
    value: Any, name: str, source: DatabaseSource, kinds: set[str], context: Context
) -> Any:
    if type(value) is int and kinds == {"tx"} and value < TX_BASE:
        return value + TX_BASE
    if type(value) is int or value is None:
        return value
    is_reference = isinstance(value, Keyword) or (_is_sequence(value) and len(value) == 2)
    if isinstance(value, str) and ("attribute" in kinds or value.startswith(":")):
        is_reference = True
    if is_reference and not isinstance(value, bytes):
        try:
            found = source.db.resolve(value)
        except DatamemError as error:
            raise placed(error, context.text, of=name) from None
        return _DROPPED if found is None else found
    eid = value.get(":db/id") if isinstance(value, dict) else getattr(value, "eid", None)
    if type(eid) is int:
        return eid
    if isinstance(value, str | UUID | bytes | dict | bool | datetime):
        what = "a ref attribute" if "ref" in kinds else "an entity"
        raise query_error(
            f"{name} is compared with {what}, and the input {print_value(value)} can never be one",
            code="query/not-an-entity",
            hint="give a lookup ref, [:attribute value], or join through its attribute",
            text=context.text,
            variable=name,
            value=value,
        )
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
