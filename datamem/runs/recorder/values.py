"""Values of calls as JSON and back: what a record keeps of an input or an output, and its digest.

JSON's own types are themselves; others are an object with one key that names the type, so that what a replay
injects equals what the recorded call returned, type included.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np

from datamem.edn import Keyword, Symbol
from datamem.errors import DatamemError
from datamem.kv.jsonvalue import canonical_json


class RecordError(DatamemError):
    """A step that cannot be recorded, or a record that cannot be read."""


def encode_value(value: Any) -> Any:
    """Return a value as JSON data from which `decode_value` makes an equal one.

    Raises:
        RecordError: `record/not-json`, naming the place inside the value.

    Example:
        >>> encode_value({"seats": (1, 2), "at": datetime(2024, 5, 20, tzinfo=UTC)})
        {'seats': {'$tuple': [1, 2]}, 'at': {'$inst': '2024-05-20T00:00:00+00:00'}}
    """
    return _encoded(value, "")


def decode_value(data: Any) -> Any:
    """Return the value of which `encode_value` made this.

    Raises:
        RecordError: `record/bad-value` for a tag that nothing writes.
    """
    if isinstance(data, list):
        return [decode_value(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        [(tag, inner)] = data.items()
        if tag.startswith("$"):
            return _untagged(tag, inner)
    return {key: decode_value(item) for key, item in data.items()}


def encode_input(value: Any) -> Any:
    """Return an argument as JSON data for its digest and for people; it is never decoded.

    Dataclasses and pydantic models are taken by their fields.

    Raises:
        RecordError: `record/not-json`.
    """
    return _encoded(value, "", open_object=_fields)


def digest_of(data: Any) -> str:
    """Return the SHA-256 of JSON data in its canonical text, 64 hex digits.

    Example:
        >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
        True
    """
    text = canonical_json(data)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


Opener = Callable[[Any], dict[str, Any] | None]
"""Turns an object of a type that JSON cannot hold into its fields, or does not."""


def _encoded(value: Any, path: str, open_object: Opener | None = None) -> Any:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else {"$float": repr(value)}
        case str():
            return _encoded_text(value)
        case list():
            return [_encoded(x, f"{path}[{i}]", open_object) for i, x in enumerate(value)]
        case Mapping():
            return _encoded_map(value, path, open_object)
        case tuple() | set() | frozenset():
            return _encoded_group(value, path, open_object)
        case _:
            return _encoded_other(value, path, open_object)


def _encoded_text(value: str) -> Any:
    if isinstance(value, Keyword):
        return {"$keyword": str(value)}
    if _is_text(value):
        return value
    return {"$text": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()}


def _is_text(value: str) -> bool:
    """Tell whether a string is Unicode text: it has no half of a surrogate pair."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _encoded_other(value: Any, path: str, open_object: Opener | None) -> Any:
    tag = _SCALARS.get(type(value))
    if tag is not None:
        return {tag[0]: tag[1](value)}
    if isinstance(value, np.ndarray | np.generic):
        return _encoded_array(np.asarray(value))
    fields = None if open_object is None else open_object(value)
    if fields is None:
        raise _not_json(value, path)
    return _encoded(fields, path, open_object)


def _encoded_map(value: Mapping[Any, Any], path: str, open_object: Opener | None) -> Any:
    is_plain = all(type(key) is str and _is_text(key) for key in value)
    if is_plain and not (len(value) == 1 and next(iter(value)).startswith("$")):
        return {key: _encoded(x, f"{path}[{key!r}]", open_object) for key, x in value.items()}
    pairs = [
        [
            _encoded(key, f"{path} key", open_object),
            _encoded(x, f"{path}[{key!r}]", open_object),
        ]
        for key, x in value.items()
    ]
    return {"$map": pairs}


def _encoded_group(value: Any, path: str, open_object: Opener | None) -> Any:
    items = [_encoded(x, f"{path}[{i}]", open_object) for i, x in enumerate(value)]
    if isinstance(value, tuple):
        return {"$tuple": items}
    items.sort(key=digest_of)
    return {"$set" if isinstance(value, set) else "$frozenset": items}


def _encoded_array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.hasobject:
        raise _not_json(array, "")
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"$array": [array.dtype.str, list(array.shape), data]}


def _fields(value: Any) -> dict[str, Any] | None:
    name = type(value).__qualname__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"$type": name, **found}
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return {"$type": name, **dump(mode="json")}
    return None


def _not_json(value: Any, path: str) -> RecordError:
    where = f" at {path}" if path else ""
    return RecordError(
        f"a {type(value).__name__}{where} cannot be kept in a record, so it could not be replayed",
        code="record/not-json",
        hint="return plain data, or give the wrapper encode= and decode= for this type",
        path=path,
        type=type(value).__qualname__,
    )


_SCALARS: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    datetime: ("$inst", lambda x: (x if x.tzinfo else x.replace(tzinfo=UTC)).isoformat()),
    date: ("$date", lambda x: x.isoformat()),
    UUID: ("$uuid", str),
    bytes: ("$bytes", lambda x: base64.b64encode(x).decode()),
    Decimal: ("$decimal", str),
    Symbol: ("$symbol", lambda x: x.text),
}


def _array(inner: list[Any]) -> Any:
    dtype, shape, data = inner
    array = np.frombuffer(base64.b64decode(data), np.dtype(dtype)).reshape(shape)
    return array[()] if not shape else array.copy()


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$float": float,
    "$keyword": Keyword,
    "$text": lambda inner: base64.b64decode(inner).decode("utf-8", "surrogatepass"),
    "$tuple": lambda inner: tuple(map(decode_value, inner)),
    "$set": lambda inner: set(map(decode_value, inner)),
    "$frozenset": lambda inner: frozenset(map(decode_value, inner)),
    "$map": lambda inner: {decode_value(key): decode_value(x) for key, x in inner},
    "$inst": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$uuid": UUID,
    "$bytes": base64.b64decode,
    "$decimal": Decimal,
    "$symbol": Symbol,
    "$array": _array,
}


def _untagged(tag: str, inner: Any) -> Any:
    reader = _READERS.get(tag)
    if reader is None:
        raise RecordError(
            f"{tag} is no type that a record can hold",
            code="record/bad-value",
            hint=f"one of {', '.join(sorted(_READERS))}",
            tag=tag,
        )
    return reader(inner)
