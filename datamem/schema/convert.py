"""Canonical values, type by type: what is accepted, what it becomes, and why the rest is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Never
from uuid import UUID

import numpy as np

from datamem.edn import BigInt, Char, EdnList, EdnMap, EdnSet, Keyword, Symbol, Tagged, Uri
from datamem.errors import EdnError
from datamem.schema.types import ValueType
from datamem.schema.values import MAX_LONG, MIN_LONG

MAX_DEPTH: Final = 100
"""Deepest nesting of a document or an EDN value."""


class RefusedValue(Exception):  # noqa: N818  # caught by the checker, which knows the attribute
    """Why a value cannot be held; the checker turns it into a SchemaError."""

    def __init__(self, reason: str, code: str = "schema/wrong-type", hint: str | None = None):
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.hint = hint


def refuse_type(expected: str, hint: str | None = None) -> Never:
    """Raise the refusal of a value that is not `expected`."""
    raise RefusedValue(f"is not {expected}", hint=hint)


def _unboxed(value: Any) -> Any:
    """Return a numpy scalar as the Python value that equals it exactly."""
    return value.item() if isinstance(value, np.generic) else value


def to_ref(value: Any) -> int:
    """Accept an entity id."""
    value = _unboxed(value)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        refuse_type("a reference", "write an entity id, an ident, a lookup ref or a tempid")
    return int(value)


def to_long(value: Any) -> int:
    """Accept integers of 64 bits; booleans and doubles are not integers."""
    value = _unboxed(value)
    if not isinstance(value, int) or isinstance(value, bool):
        refuse_type("a long", "round it yourself: nothing is truncated here")
    if not MIN_LONG <= value <= MAX_LONG:
        raise RefusedValue(
            "does not fit in 64 bits", "schema/out-of-range", "use :db.type/bigint"
        )
    return int(value)


def to_double(value: Any) -> float:
    """Accept doubles, and integers that a double holds exactly; NaN is refused, -0.0 becomes 0.0."""
    value = _unboxed(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _double_of_int(value)
    if not isinstance(value, float):
        refuse_type("a double")
    if value != value:  # noqa: PLR0124  # only NaN differs from itself
        raise RefusedValue("is not a number that can be stored", "schema/nan", "leave it out")
    return float(value) + 0.0


def _double_of_int(value: int) -> float:
    try:
        double = float(value)
    except OverflowError:
        double = float("inf")
    if double != value:
        raise RefusedValue(
            "has no exact double", "schema/out-of-range", "use :db.type/long or :db.type/bigint"
        )
    return double


def to_boolean(value: Any) -> bool:
    """Accept true and false; 0 and 1 are numbers."""
    value = _unboxed(value)
    if not isinstance(value, bool):
        refuse_type("a boolean")
    return value


def to_instant(value: Any) -> datetime:
    """Accept datetimes (a naive one is UTC) and datetime64 of whole microseconds."""
    if isinstance(value, np.datetime64):
        value = _instant_of_datetime64(value)
    if not isinstance(value, datetime):
        refuse_type("an instant", "write a datetime, or #inst in EDN")
    if getattr(value, "nanosecond", 0):
        raise RefusedValue("has nanoseconds, and instants have microseconds")
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise RefusedValue("is outside the years 1 to 9999", "schema/out-of-range") from None
    return datetime.combine(datetime.fromordinal(value.toordinal()), value.time(), UTC)


def _instant_of_datetime64(value: np.datetime64) -> Any:
    exact = value.astype("datetime64[us]")
    if np.isnat(value) or exact != value:
        raise RefusedValue("is not an instant in whole microseconds")
    return exact.item()


def to_keyword(value: Any) -> Keyword:
    """Accept keywords and their text, with or without colon."""
    if not isinstance(value, str) or isinstance(value, Uri):
        refuse_type("a keyword")
    try:
        return Keyword(str.__str__(value))
    except EdnError as error:
        raise RefusedValue("is not a keyword", hint=error.hint) from error


def to_string(value: Any) -> str:
    """Accept strings; keywords and uris are types of their own."""
    if not isinstance(value, str) or isinstance(value, Keyword | Uri):
        refuse_type("a string")
    text = str.__str__(value)
    if not text.isascii():
        _check_text(text)
    return str(text)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RefusedValue(
            f"has half of a surrogate pair at {error.start}",
            "schema/not-text",
            "decode it first",
        ) from error


def to_symbol(value: Any) -> Symbol:
    """Accept symbols and their text."""
    if isinstance(value, Symbol):
        return value
    if type(value) is not str:
        refuse_type("a symbol")
    try:
        return Symbol(value)
    except EdnError as error:
        raise RefusedValue("is not a symbol", hint=error.hint) from error


def to_uuid(value: Any) -> UUID:
    """Accept UUIDs and their text."""
    if isinstance(value, UUID):
        return UUID(int=value.int)
    if type(value) is not str:
        refuse_type("a uuid")
    try:
        return UUID(value)
    except ValueError:
        refuse_type("a uuid")


def to_bytes(value: Any) -> bytes:
    """Accept bytes, bytearrays and memoryviews."""
    if not isinstance(value, bytes | bytearray | memoryview):
        refuse_type("bytes")
    return bytes(value)


def to_bigint(value: Any) -> BigInt:
    """Accept integers of any size."""
    value = _unboxed(value)
    if not isinstance(value, int) or isinstance(value, bool):
        refuse_type("an integer")
    return BigInt(value)


def to_bigdec(value: Any) -> Decimal:
    """Accept decimals and integers; trailing zeros go, so that 1.0M and 1.00M are one value."""
    value = _unboxed(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        refuse_type("a decimal", "write Decimal('0.8'), or 0.8M in EDN")
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise RefusedValue("is not a number that can be stored", "schema/nan", "leave it out")
    end = len(digits)
    while end > 1 and digits[end - 1] == 0:
        end -= 1
    if digits[:end] == (0,):
        return Decimal(0)
    return Decimal((sign, digits[:end], exponent + len(digits) - end))


def to_uri(value: Any) -> Uri:
    """Accept uris and their text."""
    if not isinstance(value, str) or isinstance(value, Keyword):
        refuse_type("a uri")
    _check_text(value)
    return Uri(str.__str__(value))


def to_doc(value: Any) -> dict[str, Any] | list[Any]:
    """Accept maps with string or keyword keys, and lists, nested; the result shares nothing."""
    if not isinstance(value, Mapping | list | tuple):
        refuse_type("a document", "a document is a map or a list; put a scalar into one")
    document: dict[str, Any] | list[Any] = _to_doc_part(value, 0)
    return document


def _to_doc_part(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise RefusedValue(f"is nested deeper than {MAX_DEPTH}", "schema/too-deep")
    if isinstance(value, Mapping):
        return {_doc_key(key): _to_doc_part(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, EdnList):
        return [_to_doc_part(part, depth + 1) for part in value]
    if value is None:
        return None
    return to_edn(value, depth)


def _doc_key(key: Any) -> str:
    if isinstance(key, Keyword):
        return key
    if not isinstance(key, str):
        raise RefusedValue(
            f"has the key {key!r}, and keys of documents are strings or keywords",
            hint="give the attribute no :db/valueType, and it holds any EDN",
        )
    return to_string(key)


_BY_PYTHON_TYPE: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...]] = (
    (bool, to_boolean),
    (BigInt, to_bigint),
    (int, lambda value: value if MIN_LONG <= value <= MAX_LONG else BigInt(value)),
    (float, to_double),
    ((datetime, np.datetime64), to_instant),
    (Keyword, to_keyword),
    (Uri, to_uri),
    (str, to_string),
    ((bytes, bytearray, memoryview), to_bytes),
    (Decimal, to_bigdec),
    (UUID, to_uuid),
    ((Symbol, Char), lambda value: value),
)


_TEXT: Final = frozenset({str})


def to_edn(value: Any, depth: int = 0) -> Any:
    """Accept any EDN value, nested; nil is none. Vectors become lists, sets frozensets."""
    if depth > MAX_DEPTH:
        raise RefusedValue(f"is nested deeper than {MAX_DEPTH}", "schema/too-deep")
    kind = type(value)
    if kind is str and value.isascii():
        return value
    if kind is dict and _TEXT.issuperset(map(type, value)):
        deeper = depth + 1
        return {to_edn(key, deeper): to_edn(item, deeper) for key, item in value.items()}
    value = _unboxed(value)
    for kinds, convert in _BY_PYTHON_TYPE:
        if isinstance(value, kinds):
            return convert(value)
    if value is None and depth:
        return None
    return _to_edn_collection(value, depth)


def _to_edn_collection(value: Any, depth: int) -> Any:
    converted: Any
    match value:
        case EdnList():
            converted = EdnList([to_edn(item, depth + 1) for item in value])
        case list() | tuple():
            converted = [to_edn(item, depth + 1) for item in value]
        case np.ndarray():
            converted = to_edn(value.tolist(), depth)
        case Mapping():
            converted = _to_edn_map(value, depth)
        case AbstractSet():
            converted = _to_edn_set(value, depth)
        case Tagged():
            converted = Tagged(value.tag, to_edn(value.value, depth + 1))
        case _:
            refuse_type("a value that EDN has", f"convert the {type(value).__name__} first")
    return converted


def _to_edn_map(value: Mapping[Any, Any], depth: int) -> Mapping[Any, Any]:
    entries = [(_frozen(to_edn(k, depth + 1)), to_edn(v, depth + 1)) for k, v in value.items()]
    if all(isinstance(key, str) for key, _ in entries) and isinstance(value, dict):
        return dict(entries)
    return EdnMap(entries)


def _to_edn_set(value: AbstractSet[Any], depth: int) -> AbstractSet[Any]:
    items = [_frozen(to_edn(item, depth + 1)) for item in value]
    return EdnSet(items) if isinstance(value, EdnSet) else frozenset(items)


def _frozen(value: Any) -> Any:
    """Return a value that can be a key or an element: lists become tuples, maps immutable."""
    match value:
        case EdnList():
            return EdnList([_frozen(item) for item in value])
        case list():
            return tuple([_frozen(item) for item in value])
        case dict():
            return EdnMap([(key, _frozen(item)) for key, item in value.items()])
        case Tagged():
            return Tagged(value.tag, _frozen(value.value))
        case _:
            return value


TO_CANONICAL: Final[dict[ValueType, Callable[[Any], Any]]] = {
    ValueType.REF: to_ref,
    ValueType.LONG: to_long,
    ValueType.DOUBLE: to_double,
    ValueType.BOOLEAN: to_boolean,
    ValueType.INSTANT: to_instant,
    ValueType.KEYWORD: to_keyword,
    ValueType.STRING: to_string,
    ValueType.SYMBOL: to_symbol,
    ValueType.UUID: to_uuid,
    ValueType.BYTES: to_bytes,
    ValueType.BIGINT: to_bigint,
    ValueType.BIGDEC: to_bigdec,
    ValueType.URI: to_uri,
    ValueType.DOC: to_doc,
    ValueType.EDN: to_edn,
}
"""The converter of each type; tuples and vectors depend on their attribute (`shapes.py`)."""
