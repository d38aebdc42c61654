"""The check of one attribute, compiled: the usual value passes in one comparison of its type."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from datamem.edn import Keyword, identity_of
from datamem.errors import SchemaError
from datamem.schema.convert import TO_CANONICAL, RefusedValue
from datamem.schema.shapes import tuple_converter, tuple_of_converter, vector_converter
from datamem.schema.types import ValueType, VectorSpec
from datamem.schema.values import MAX_LONG, MIN_LONG, order_key

if TYPE_CHECKING:
    from datamem.schema.attribute import Attribute

Check = Callable[[Any], Any]


def compile_check(attribute: Attribute) -> Check:
    """Return the function from any value to the attribute's canonical value.

    It raises SchemaError with `schema/wrong-type`, `schema/out-of-range`, `schema/not-in-enum`,
    `schema/wrong-length`, `schema/nan`, `schema/wrong-dimension` and their kin; the error's data
    names attribute and value.
    """
    check = _with_errors(attribute, _converter_of(attribute))
    check = _with_fast_path(attribute.value_type, check)
    limits = (_enum_limit, _range_limit, _length_limit)
    tests = [test for limit in limits if (test := limit(attribute))]
    return _with_errors(attribute, _with_limits(check, tests)) if tests else check


def value_error(attribute: Attribute, value: object, refused: RefusedValue) -> SchemaError:
    """Return the error that tells why `attribute` cannot hold `value`."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return SchemaError(
        f"{attribute.ident} holds {_type_name(attribute)}, and {shown} {refused.reason}",
        code=refused.code,
        hint=refused.hint,
        attribute=attribute.ident,
        value=value,
        expected=attribute.value_type.keyword,
    )


def _type_name(attribute: Attribute) -> str:
    match attribute.value_type:
        case ValueType.EDN:
            return "any EDN value"
        case ValueType.VECTOR if attribute.vector is not None:
            return f"vectors of {attribute.vector.dimensions} dimensions"
        case other:
            return f"values of type {other.keyword}"


def _converter_of(attribute: Attribute) -> Check:
    match attribute.value_type:
        case ValueType.VECTOR:
            return vector_converter(attribute.vector or VectorSpec(0))
        case ValueType.TUPLE if attribute.tuple_type is not None:
            return tuple_of_converter(attribute.tuple_type)
        case ValueType.TUPLE:
            return tuple_converter(attribute.tuple_types or None)
        case other:
            return TO_CANONICAL[other]


def _with_errors(attribute: Attribute, convert: Check) -> Check:
    def check(value: Any) -> Any:
        try:
            return convert(value)
        except RefusedValue as refused:
            raise value_error(attribute, value, refused) from refused

    return check


def _with_fast_path(value_type: ValueType, check: Check) -> Check:
    """Return `check` behind a test that passes values which are canonical already."""

    def check_long(value: Any) -> Any:
        return value if type(value) is int and MIN_LONG <= value <= MAX_LONG else check(value)

    def check_double(value: Any) -> Any:
        return value + 0.0 if type(value) is float and value == value else check(value)  # noqa: PLR0124  # NaN

    def check_instant(value: Any) -> Any:
        if type(value) is datetime and value.tzinfo is UTC and not value.fold:
            return value
        return check(value)

    def check_string(value: Any) -> Any:
        return value if type(value) is str and value.isascii() else check(value)

    def check_keyword(value: Any) -> Any:
        return value if type(value) is Keyword else check(value)

    def check_uuid(value: Any) -> Any:
        return value if type(value) is UUID else check(value)

    def check_boolean(value: Any) -> Any:
        return value if type(value) is bool else check(value)

    def check_ref(value: Any) -> Any:
        return value if type(value) is int and value > 0 else check(value)

    return {
        ValueType.LONG: check_long,
        ValueType.DOUBLE: check_double,
        ValueType.INSTANT: check_instant,
        ValueType.STRING: check_string,
        ValueType.KEYWORD: check_keyword,
        ValueType.UUID: check_uuid,
        ValueType.BOOLEAN: check_boolean,
        ValueType.REF: check_ref,
    }.get(value_type, check)


def _with_limits(check: Check, tests: list[Callable[[Any], None]]) -> Check:
    def check_limits(value: Any) -> Any:
        canonical = check(value)
        for test in tests:
            test(canonical)
        return canonical

    return check_limits


_ATOMS: Final = frozenset({ValueType.STRING, ValueType.KEYWORD, ValueType.LONG, ValueType.UUID})
"""Types whose canonical values have one Python type, so that Python's equality is enough."""


def _itself(value: Any) -> Any:
    return value


def _enum_limit(attribute: Attribute) -> Callable[[Any], None] | None:
    if not attribute.enum:
        return None
    key_of: Callable[[Any], Hashable] = (
        _itself if attribute.value_type in _ATOMS else identity_of
    )
    allowed = frozenset(key_of(value) for value in attribute.enum)
    shown = ", ".join(str(value) for value in attribute.enum)

    def test(value: Any) -> None:
        if key_of(value) not in allowed:
            raise RefusedValue("is not one of its values", "schema/not-in-enum", f"use {shown}")

    return test


def _range_limit(attribute: Attribute) -> Callable[[Any], None] | None:
    low, high = attribute.min, attribute.max
    if low is None and high is None:
        return None
    low_key = None if low is None else order_key(low)[:2]
    high_key = None if high is None else order_key(high)[:2]

    def test(value: Any) -> None:
        key = order_key(value)[:2]
        if (low_key and key < low_key) or (high_key and key > high_key):
            bounds = f"at least {low}" if high is None else f"at most {high}"
            bounds = bounds if low is None or high is None else f"from {low} to {high}"
            raise RefusedValue("is out of range", "schema/out-of-range", f"it must be {bounds}")

    return test


def _length_limit(attribute: Attribute) -> Callable[[Any], None] | None:
    shortest, longest = attribute.min_length or 0, attribute.max_length
    if not shortest and longest is None:
        return None

    def test(value: Any) -> None:
        length = len(value) if hasattr(value, "__len__") else 0
        if length < shortest or (longest is not None and length > longest):
            raise RefusedValue(
                f"has length {length}, and {shortest} to {longest or 'any'} is allowed",
                "schema/wrong-length",
            )

    return test
