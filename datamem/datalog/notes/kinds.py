"""Kinds: what the patterns of a conjunction say its variables are, and where two of them disagree.

Values of different types are never equal and have one order, so a query may join and compare them; but it
gives no rows, or all, and hardly ever is what somebody meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from datamem.datalog.columns.values import print_value
from datamem.datalog.resolve.describe import describe
from datamem.datalog.resolve.steps import FunctionStep, PatternStep, PredicateStep, Step
from datamem.datalog.syntax import BindScalar, Constant, Variable
from datamem.edn import Keyword, Symbol, Uri
from datamem.schema.types import ValueType

_NUMBERS: Final = (ValueType.LONG, ValueType.DOUBLE, ValueType.BIGINT, ValueType.BIGDEC)
_FAMILIES: Final = dict.fromkeys((*_NUMBERS, ValueType.REF), "number") | {
    kind: kind.name.lower()
    for kind in (
        ValueType.BOOLEAN,
        ValueType.INSTANT,
        ValueType.KEYWORD,
        ValueType.STRING,
        ValueType.SYMBOL,
        ValueType.UUID,
        ValueType.BYTES,
        ValueType.URI,
    )
}
"""Types whose values can be equal have one family; untyped values and documents have none."""

_OF_PYTHON: Final[tuple[tuple[Any, str], ...]] = (
    (bool, "boolean"),
    (int | float | Decimal, "number"),
    (Keyword, "keyword"),
    (Symbol, "symbol"),
    (Uri, "uri"),
    (str, "string"),
    (datetime, "instant"),
    (UUID, "uuid"),
    (bytes, "bytes"),
    (type(None), "nil"),
)
COMPARISONS: Final = frozenset(
    {"=", "==", "not=", "!=", "<", ">", "<=", ">=", "before?", "after?"}
)


class Kind(NamedTuple):
    """What something is: its family, and how to say it."""

    family: str
    said: str


ENTITY: Final = Kind("number", "an entity")
Kinds = dict[str, Kind]


def kind_of_value(value: Any) -> Kind | None:
    """Return the kind of a constant or an input; None where it has none."""
    for python, family in _OF_PYTHON:
        if isinstance(value, python):
            return Kind(family, print_value(value))
    return None


def kinds_of_constants(steps: Iterable[Step]) -> Kinds:
    """Return what variables are that stand for a constant."""
    found: Kinds = {}
    for step in steps:
        match step:
            case FunctionStep("ground", (Constant(value),), BindScalar(variable)):
                kind = kind_of_value(value)
                if kind is not None:
                    found[variable.name] = kind
            case _:
                pass
    return found


def one_family(kinds: Sequence[Kind | None]) -> Kind | None:
    """Return the first of several kinds, where all have one family; else None."""
    families = {kind and kind.family for kind in kinds}
    return kinds[0] if len(families) == 1 else None


def patterns_disagree(steps: Iterable[PatternStep], kinds: Kinds) -> Iterator[str]:
    """Add to `kinds` what patterns say of their variables; yield a note where they disagree."""
    for step in steps:
        for name, kind in _of_pattern(step):
            known = kinds.setdefault(name, kind)
            if known.family != kind.family:
                yield f"{name} is {known.said} and, in {describe(step)}, {kind.said}: {_never(known, kind)}"


def _never(one: Kind, other: Kind) -> str:
    never = "values of different types are never equal"
    is_entity = ENTITY in (one, other)
    return f"{never}; join through an attribute of the entity" if is_entity else never


def _of_pattern(step: PatternStep) -> Iterator[tuple[str, Kind]]:
    kinds = [ENTITY, None, _of_attribute(step), ENTITY]
    for term, kind in zip(step.terms, kinds, strict=False):
        if isinstance(term, Variable) and kind is not None:
            yield term.name, kind


def _of_attribute(step: PatternStep) -> Kind | None:
    attribute = step.attribute
    if attribute is None:
        return None
    if attribute.value_type is ValueType.REF:
        return ENTITY
    family = _FAMILIES.get(attribute.value_type)
    if family is None:
        return None
    return Kind(family, f"a {attribute.value_type.keyword} of {attribute.ident}")


def comparison_note(
    step: PredicateStep, kinds: Mapping[str, Kind], given: Mapping[str, Any]
) -> str | None:
    """Return what is odd about a comparison of values that have different types."""
    if step.function not in COMPARISONS:
        return None
    found = [kind for arg in step.args if (kind := _of_argument(arg, kinds, given)) is not None]
    first = next(iter(found), None)
    other = next((kind for kind in found if first and kind.family != first.family), None)
    if first is None or other is None:
        return None
    if "nil" in (first.family, other.family):
        return (
            f"{describe(step)} compares with nil, which no value is: [(nil? ?x)] tests for it"
        )
    return (
        f"{describe(step)} compares {first.said} with {other.said}: values of different types are"
        f" never equal, and ordered by type{as_instant((first.family, other.family))}"
    )


def as_instant(families: tuple[str, str]) -> str:
    """Return how an instant is written, where a string stands in the place of one."""
    return '; an instant is written #inst "…"' if set(families) == {"instant", "string"} else ""


def _of_argument(arg: Any, kinds: Mapping[str, Kind], given: Mapping[str, Any]) -> Kind | None:
    match arg:
        case Constant(value):
            return kind_of_value(value)
        case Variable(name) if name in kinds:
            return kinds[name]
        case Variable(name) if name in given:
            return kind_of_value(given[name])
        case _:
            pass
    return None
