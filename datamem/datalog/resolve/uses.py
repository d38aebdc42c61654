"""Uses: which variables stand for entities or typed values, so that what callers give is converted."""

from __future__ import annotations

from collections.abc import Iterator

from datamem.datalog.functions.registry import READ_DATABASE
from datamem.datalog.resolve.steps import Use
from datamem.datalog.syntax import FunctionCall, Predicate, Pull, Query, SourceName, Variable
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType


def use_kind(attribute: Attribute | None) -> str:
    """Return how a pattern's value is used: "ref", the name of its type, or "" for any."""
    if attribute is None:
        return ""
    return "ref" if attribute.value_type is ValueType.REF else attribute.value_type.name


def uses_of_find(query: Query) -> Iterator[tuple[str, Use]]:
    """Yield the variables that `:find` pulls, which are entities."""
    for element in query.find.elements:
        if isinstance(element, Pull):
            yield element.variable.name, Use(element.source, "entity")


def uses_of_call(clause: FunctionCall | Predicate) -> Iterator[tuple[str, Use]]:
    """Yield the variable whose attributes a call reads, which is an entity."""
    match clause.args:
        case (SourceName(source), Variable(name), *_) if clause.function in READ_DATABASE:
            yield name, Use(source, "entity")
        case _:
            pass
