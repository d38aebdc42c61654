"""Notes: why an answer may be empty, where the query itself shows it.

A pattern on an attribute that nobody ever used matches nothing, and so does a constant that the attribute
cannot hold. Both are what was asked, so neither is an error (a strict schema refuses the first); but most
often somebody misspelt a name or quoted a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datamem.datalog.execute.sources import NO_VALUE, coerce
from datamem.datalog.faults import as_written, near
from datamem.datalog.resolve.steps import (
    NotStep,
    OptionalStep,
    OrStep,
    PatternStep,
    Resolved,
    Scope,
    Step,
)
from datamem.datalog.syntax import Constant, Term, Variable
from datamem.edn import print_edn
from datamem.errors import DatamemError
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

_ANYTHING = frozenset({ValueType.EDN, ValueType.REF, ValueType.DOC, ValueType.TUPLE})
"""Types of which a mismatch is no plain mistake, or is refused anyway."""


def notes_of(
    resolved: Resolved, sources: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return what in a query can match nothing, one sentence each.

    Args:
        resolved: the query.
        sources: what it was asked of, by name.
        given: its scalar inputs, by variable.
    """
    found: dict[str, None] = {}
    for step in _patterns(_all_steps(resolved)):
        note = _unknown_note(step, sources.get(step.source)) or _value_note(step, given)
        if note is not None:
            found[as_written(note)] = None
    return tuple(found)


def _all_steps(resolved: Resolved) -> Iterator[Step]:
    yield from resolved.scope.steps
    for rule in resolved.rules.values():
        for body in rule.bodies:
            yield from body.scope.steps


def _patterns(steps: Iterator[Step] | Sequence[Step]) -> Iterator[PatternStep]:
    for step in steps:
        match step:
            case PatternStep():
                yield step
            case NotStep(scope=Scope(steps=nested)) | OptionalStep(scope=Scope(steps=nested)):
                yield from _patterns(nested)
            case OrStep(branches=branches):
                for branch in branches:
                    yield from _patterns(branch.steps)
            case _:
                pass


def _unknown_note(step: PatternStep, db: Any) -> str | None:
    schema = getattr(db, "schema", None)
    if step.attribute_is_known or schema is None or len(step.terms) < 2:
        return None
    term = step.terms[1]
    name = term.value if isinstance(term, Constant) else None
    hint = near(str(name), (str(attribute.ident) for attribute in schema))
    return f"there is no attribute {name}" + (f"; {hint}" if hint else "")


def _value_note(step: PatternStep, given: Mapping[str, Any]) -> str | None:
    attribute = step.attribute
    if attribute is None or attribute.value_type in _ANYTHING or len(step.terms) < 3:
        return None
    known, value = _known(step.terms[2], given)
    if not known or value is None or _holds(attribute, value):
        return None
    return f"{print_edn(value)} is no {attribute.value_type.keyword}, which {attribute.ident} holds"


def _known(term: Term, given: Mapping[str, Any]) -> tuple[bool, Any]:
    match term:
        case Constant(value):
            return True, value
        case Variable(name) if name in given:
            return True, given[name]
        case _:
            pass
    return False, None


def _holds(attribute: Attribute, value: Any) -> bool:
    coerced = coerce(attribute.value_type, value)
    if coerced is NO_VALUE:
        return False
    try:
        attribute.check(coerced)
    except (DatamemError, TypeError, ValueError, AttributeError):
        return False
    return True
