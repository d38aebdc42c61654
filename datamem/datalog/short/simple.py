"""Queries simple enough for a short way: patterns of known attributes, and comparisons.

Their constants and scalar inputs are words before anything is looked up. What only the engine does exactly
as it should be done (a float compared with a long, a lookup ref, a type without words of its own) makes a
query not simple, or, where an input brings it, sends that call to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from datamem.datalog.execute.sources import NO_VALUE, coerce
from datamem.datalog.resolve.steps import PatternStep, PredicateStep, Resolved
from datamem.datalog.syntax import BindScalar, Blank, Constant, Query, SourceName, Variable
from datamem.edn import BigInt, Keyword
from datamem.schema.attribute import Attribute
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType

SIMPLE: Final = frozenset(
    {
        ValueType.REF,
        ValueType.LONG,
        ValueType.DOUBLE,
        ValueType.BOOLEAN,
        ValueType.INSTANT,
        ValueType.KEYWORD,
        ValueType.STRING,
        ValueType.UUID,
    }
)
_COMPARED: Final = frozenset({ValueType.LONG, ValueType.DOUBLE, ValueType.INSTANT})
"""Types whose words order as their values do."""

_KINDS: Final[dict[ValueType, tuple[type, ...]]] = {
    ValueType.LONG: (int,),
    ValueType.DOUBLE: (float,),
    ValueType.BOOLEAN: (bool,),
    ValueType.INSTANT: (datetime,),
    ValueType.KEYWORD: (Keyword, str),
    ValueType.STRING: (str,),
    ValueType.UUID: (UUID,),
}
FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "==": "=="}

ENGINE: Final[Any] = object()
"""Says that an input needs what only the engine does."""


@dataclass(frozen=True, slots=True)
class Start:
    """A word known before anything is looked up: from an input (by index) or a constant.

    Attributes:
        attribute: with whose values it is compared; None where it is an entity.
        input_index: which input; -1 for a constant.
        value: the constant.
        is_compared: by a predicate, so that a value the type cannot hold is no reason to stop.
    """

    attribute: Attribute | None
    input_index: int
    value: Any
    is_compared: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """A predicate that compares a pattern's value with a word known before: `value operator word`."""

    variable: str
    operator: str
    start: Start


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple query.

    Attributes:
        patterns: of source `$`, of two or three positions, each with a known attribute.
        comparisons: of values that some pattern binds.
        inputs: index by name of the scalar inputs that patterns use.
        is_bare: it asks for rows and nothing else, and uses all its inputs in its clauses.
    """

    resolved: Resolved
    patterns: tuple[PatternStep, ...]
    comparisons: tuple[Comparison, ...]
    inputs: Mapping[str, int]
    is_bare: bool


def simple_query(resolved: Resolved, schemas: Mapping[str, Schema | None]) -> Simple | None:
    """Return a query as a simple one, or None where it is not."""
    query = resolved.query
    if schemas.get("$") is None or not resolved.scope.steps:
        return None
    first, *others = query.inputs
    if not isinstance(first, SourceName) or first.name != "$":
        return None
    if not all(isinstance(item, BindScalar) for item in others):
        return None
    steps = resolved.scope.steps
    patterns = tuple(step for step in steps if isinstance(step, PatternStep))
    if not patterns or not all(_is_plain(step) for step in patterns):
        return None
    scalars = {
        item.variable.name: i
        for i, item in enumerate(query.inputs)
        if isinstance(item, BindScalar)
    }
    comparisons = []
    for step in steps:
        if not isinstance(step, PatternStep):
            found = _comparison(step, patterns, scalars)
            if found is None:
                return None
            comparisons.append(found)
    compared = {c.start.input_index for c in comparisons}
    used = {name: i for name, i in scalars.items() if _uses(name, patterns)}
    is_used = all(name in used or i in compared for name, i in scalars.items())
    is_bare = is_used and not has_extras(query)
    return Simple(resolved, patterns, tuple(comparisons), used, is_bare)


def has_extras(query: Query) -> bool:
    """Tell whether a query asks for more than rows: an order, a page, labels, a time limit."""
    return bool(
        query.order_by
        or query.having
        or query.with_variables
        or query.keys
        or query.limit is not None
        or query.offset
        or query.timeout_ms is not None
        or query.is_paged
        or query.after is not None
    )


def _is_plain(step: PatternStep) -> bool:
    if step.attribute is None or step.source != "$":
        return False
    terms = step.terms
    if len(terms) not in (2, 3) or isinstance(terms[0], Blank):
        return False
    if len(terms) == 3 and terms[0] == terms[2]:
        return False
    if step.attribute.value_type not in SIMPLE:
        return False
    return not any(isinstance(term, Constant) and term.value is None for term in terms)


def _comparison(
    step: Any, patterns: Sequence[PatternStep], scalars: Mapping[str, int]
) -> Comparison | None:
    """Return a predicate as a comparison of words; None where words do not suffice."""
    if not isinstance(step, PredicateStep) or len(step.args) != 2:
        return None
    operator = str(step.function)
    if operator not in FLIPPED or not isinstance(step.function, str):
        return None
    left, right = step.args
    if not isinstance(left, Variable) or left.name in scalars:
        left, right, operator = right, left, FLIPPED[operator]
    if not isinstance(left, Variable) or left.name in scalars:
        return None
    attributes = _uses(left.name, patterns)
    if not attributes or any(a is None for a in attributes):
        return None
    attribute = attributes[0]
    assert attribute is not None
    if attribute.value_type not in _COMPARED:
        return None
    start = _compared_with(right, attribute, scalars)
    return None if start is None else Comparison(left.name, operator, start)


def _compared_with(term: Any, attribute: Attribute, scalars: Mapping[str, int]) -> Start | None:
    match term:
        case Variable(name) if name in scalars:
            return Start(attribute, scalars[name], None, is_compared=True)
        case Constant(value):
            known = start_value(attribute.value_type, value)
            if known is ENGINE or known is NO_VALUE:
                return None
            return Start(attribute, -1, value, is_compared=True)
        case _:
            pass
    return None


def _uses(name: str, patterns: Sequence[PatternStep]) -> list[Attribute | None]:
    """Return the attributes with whose values a variable is compared; None where it is an entity."""
    uses: list[Attribute | None] = []
    for step in patterns:
        attribute = step.attribute
        assert attribute is not None
        if isinstance(step.terms[0], Variable) and step.terms[0].name == name:
            uses.append(None)
        value = step.terms[2] if len(step.terms) > 2 else None
        if isinstance(value, Variable) and value.name == name:
            uses.append(None if attribute.value_type is ValueType.REF else attribute)
    return uses


def single_use(name: str, patterns: Sequence[PatternStep]) -> tuple[bool, Attribute | None]:
    """Tell whether an input is used in one way only, and with which attribute's values it is compared."""
    uses = _uses(name, patterns)
    types = {None if use is None else use.value_type for use in uses}
    return len(types) == 1, uses[0] if uses else None


def start_value(value_type: ValueType, value: Any) -> Any:
    """Return a value as the type holds it, `NO_VALUE` where it never does, or `ENGINE`."""
    kinds = _KINDS.get(value_type)
    if kinds is None or type(value) not in kinds or value != value:  # noqa: PLR0124  # NaN
        return ENGINE
    if value_type in (ValueType.INSTANT, ValueType.KEYWORD, ValueType.LONG):
        value = coerce(value_type, value)
        return NO_VALUE if type(value) is BigInt else value
    return value


def start_word(db: Any, start: Start, inputs: Sequence[Any]) -> Any:
    """Return the word of a start; None where the database has no such value, or `ENGINE`."""
    value = start.value if start.input_index < 0 else inputs[start.input_index]
    attribute = start.attribute
    if attribute is None:
        return value if type(value) is int else ENGINE
    value = start_value(attribute.value_type, value)
    if value is ENGINE:
        return ENGINE
    return None if value is NO_VALUE else db.encode(attribute, value)
