"""Ranges: comparisons with constants and single-valued variables, pushed into index lookups.

The bounds only narrow what is read; the predicate itself still runs, so they may be a little wide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from datamem.datalog.columns.domains import Domain
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import LONG_MAX, LONG_MIN, normal
from datamem.datalog.execute.context import Context
from datamem.datalog.functions.arithmetic import is_number
from datamem.datalog.resolve.push import PREFIXED
from datamem.datalog.resolve.steps import GivenTerm
from datamem.datalog.syntax import Constant, Term, Variable
from datamem.schema.types import ValueType

_LOWER: Final = (">", ">=", "=")
_UPPER: Final = ("<", "<=", "=")
_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "=", "=="})
"""Where a caller gives one of these a meaning of its own, it bounds nothing."""


def value_bounds(
    ranges: Sequence[tuple[str, Term | GivenTerm]],
    value_type: ValueType,
    components: Sequence[Relation],
    context: Context,
) -> tuple[int | None, int | None] | None:
    """Return inclusive word bounds (low, high), or None where nothing bounds the value."""
    domain = context.domains.inline(value_type)
    if domain is None or value_type in (ValueType.REF, ValueType.BOOLEAN):
        return None
    if not _COMPARISONS.isdisjoint(context.functions):
        return None
    is_whole = value_type in (ValueType.LONG, ValueType.INSTANT)
    low: int | None = None
    high: int | None = None
    for operator, term in ranges:
        known, value = _value(term, components, context)
        words = _words(value, value_type, domain) if known else None
        if words is None:
            continue
        if operator in _LOWER:
            least = words[0] + (operator == ">" and is_whole and words[0] > LONG_MIN)
            low = least if low is None else max(low, least)
        if operator in _UPPER:
            most = words[1] - (operator == "<" and is_whole and words[1] < LONG_MAX)
            high = most if high is None else min(high, most)
    return None if low is None and high is None else (low, high)


def _value(
    term: Term | GivenTerm, components: Sequence[Relation], context: Context
) -> tuple[bool, Any]:
    if isinstance(term, Constant):
        return True, normal(term.value)
    if isinstance(term, GivenTerm):
        return True, normal(context.given[term.name])
    if isinstance(term, Variable):
        for component in components:
            if component.size == 1 and term.name in component.names:
                return True, component.domain(term.name).decode(component.column(term.name))[0]
    return False, None


def _words(value: Any, value_type: ValueType, domain: Domain) -> tuple[int, int] | None:
    """Return words just below and just above a value of any number type."""
    if value_type is ValueType.INSTANT:
        word = domain.encode(value) if isinstance(value, datetime) else None
        return None if word is None else (word, word)
    if not is_number(value) or value != value:  # noqa: PLR0124  # NaN
        return None
    if value_type is ValueType.LONG:
        if math.isinf(value):
            return (LONG_MAX, LONG_MAX) if value > 0 else (LONG_MIN, LONG_MIN)
        return _clamp(math.floor(value)), _clamp(math.ceil(value))
    try:
        near = float(value)
    except OverflowError:
        return None
    below = domain.encode(math.nextafter(near, -math.inf))
    above = domain.encode(math.nextafter(near, math.inf))
    return None if below is None or above is None else (below, above)


def _clamp(value: int) -> int:
    return max(LONG_MIN, min(LONG_MAX, value))


_PLAIN: Final = re.compile(r"[^\\.^$*+?{}()\[\]|]*")


def prefix_of(ranges: Sequence[tuple[str, Term | GivenTerm]], context: Context) -> str:
    """Return what every string that can pass begins with; "" where nothing is known."""
    longest = ""
    for operator, term in ranges:
        if operator not in PREFIXED or operator in context.functions:
            continue
        known, value = _value(term, (), context)
        if known and isinstance(value, re.Pattern) and value.flags == re.UNICODE:
            value = value.pattern
        if known and isinstance(value, str):
            longest = max(longest, _prefix(operator, str(value)), key=len)
    return longest


def _prefix(operator: str, text: str) -> str:
    match operator:
        case "starts-with?":
            return text
        case "like":
            return re.split("[%_]", text, maxsplit=1)[0]
        case "re-find" if not text.startswith("^"):
            return ""
        case _:
            pass
    return _regex_prefix(text.removeprefix("^"))


def _regex_prefix(source: str) -> str:
    """Return the letters that a regular expression begins with, none where it has branches."""
    if "|" in source:
        return ""
    plain = _PLAIN.match(source)
    assert plain is not None
    text = plain[0]
    return text[:-1] if source[len(text) : len(text) + 1] in ("*", "?", "{") else text


def after_prefix(prefix: str) -> str | None:
    """Return the least string above all that begin with a prefix; None where there is none."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return None
    above = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if above == 0xD800 else above)


_LAST: Final = 0x10FFFF
