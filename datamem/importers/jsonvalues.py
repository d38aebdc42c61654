"""Values as JSON has them, and back again where an attribute says what they are."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from datamem.edn import Char, Symbol, Tagged, print_edn
from datamem.importers.instants import parse_instant
from datamem.schema.types import ValueType


def instant_text(instant: datetime) -> str:
    """Return an instant as people and other programs read it; in UTC, to the microsecond.

    Example:
        >>> instant_text(datetime(2023, 5, 8, 13, 56, tzinfo=UTC))
        '2023-05-08T13:56:00Z'
    """
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_json_value(value: Any) -> Any:
    """Return what JSON can hold of a value: keywords keep their colon, instants are ISO texts.

    Sets become lists in the order of their text; infinities and decimals become texts; bytes
    become base64.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _of_other(value)


def _of_other(value: Any) -> Any:
    match value:
        case datetime():
            return instant_text(value)
        case UUID() | Decimal():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case Symbol() | Char() | Tagged():
            return print_edn(value)
        case Mapping():
            return {_json_key(key): to_json_value(item) for key, item in value.items()}
        case AbstractSet():
            return sorted((to_json_value(item) for item in value), key=str)
        case Iterable():
            return [to_json_value(item) for item in _items(value)]
        case _:
            return to_json_value(value.item()) if hasattr(value, "item") else str(value)


def _items(value: Any) -> Iterable[Any]:
    items: Iterable[Any] = value.tolist() if hasattr(value, "tolist") else value
    return items


def _json_key(key: Any) -> str:
    return str.__str__(key) if isinstance(key, str) else print_edn(key)


def _decimal(value: Any) -> Any:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def _bytes(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return value


def _instant(value: Any) -> Any:
    return parse_instant(value) or value


def _double(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf") else value


_FROM_JSON: Final = {
    ValueType.INSTANT: _instant,
    ValueType.BYTES: _bytes,
    ValueType.BIGDEC: _decimal,
    ValueType.DOUBLE: _double,
}


def from_json_value(value: Any, value_type: ValueType) -> Any:
    """Return a JSON value as an attribute of this type takes it.

    What cannot be read so is returned as it is: the schema then refuses it and says why. Keywords,
    UUIDs, symbols and URIs need nothing, since the schema takes their text.

    Example:
        >>> from_json_value("2023-05-08T13:56:00Z", ValueType.INSTANT).year
        2023
    """
    convert = _FROM_JSON.get(value_type)
    return value if convert is None or isinstance(value, bool) else convert(value)
