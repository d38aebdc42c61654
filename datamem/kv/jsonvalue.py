"""JSON values in datoms: what is accepted, how it is held, and its one canonical text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from datamem.edn import Keyword
from datamem.errors import StateError

NULL: Final = Keyword(":json/null")
"""What stands for a null that is a whole value, since no datom has none."""

MAX_DEPTH: Final = 90
"""Deepest nesting; a little less than a document may have."""


def plain_json(value: Any, what: str = "the value") -> Any:
    """Return a copy of a value made of dicts, lists, strings, numbers, booleans and None only.

    Raises:
        StateError: `json/not-json`, naming the place inside the value.

    Example:
        >>> plain_json({"seats": (1, 2)})
        {'seats': [1, 2]}
    """
    return _plain(value, (what,), 0)


_Path: TypeAlias = tuple[Any, ...]
"""Where a part is: (what it is of,), or (path of the whole, key or index); text only for a refusal."""

_ITSELF: Final = frozenset({bool, int, type(None)})


def _plain(value: Any, path: _Path, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise _refusal(path, f"is nested deeper than {MAX_DEPTH}", longest=60)
    kind = type(value)
    if kind in _ITSELF or (kind is str and value.isascii()):
        return value
    if kind is dict:
        return _plain_map(value, path, depth + 1)
    return _plain_other(value, path, depth)


def _plain_map(value: Mapping[Any, Any], path: _Path, depth: int) -> dict[str, Any]:
    return {
        key if type(key) is str and key.isascii() else _key(key, path): _plain(
            item, (path, key), depth
        )
        for key, item in value.items()
    }


def _plain_other(value: Any, path: _Path, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refusal(path, f"is {value!r}, which JSON does not have")
        return float(value) + 0.0  # of the two zeros the database keeps one
    if isinstance(value, Mapping):
        return _plain_map(value, path, depth + 1)
    if isinstance(value, list | tuple):
        return [_plain(item, (path, i), depth + 1) for i, item in enumerate(value)]
    raise _refusal(path, f"is of type {type(value).__name__}, which JSON does not have")


def _text(value: str, path: _Path) -> str:
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise _refusal(path, "has half of a surrogate pair")
    return str.__str__(value)


def _key(key: Any, path: _Path) -> str:
    if not isinstance(key, str):
        raise _refusal(path, f"has the key {key!r}, and keys of JSON are strings")
    return _text(key, path)


def _refusal(path: _Path, why: str, *, longest: int | None = None) -> StateError:
    keys: list[Any] = []
    while len(path) > 1:
        path, key = path
        keys.append(key)
    where = "".join((path[0], *(f"[{key!r}]" for key in reversed(keys))))[:longest]
    return StateError(
        f"{where} {why}",
        code="json/not-json",
        hint="use maps with string keys, lists, strings, finite numbers, booleans and None",
        path=where,
    )


def canonical_json(value: Any) -> str:
    """Return the text of a plain JSON value that equal values share: sorted keys, no spaces, UTF-8.

    Example:
        >>> canonical_json({"b": 1, "a": [True, None, "é"]})
        '{"a":[true,null,"é"],"b":1}'
    """
    return _encode(value)


def _canonical_encoder() -> Callable[[Any], str]:
    """Return the encoder; the C part of it is made once here, where `json` makes one for each text."""
    encoder = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python than CPython
        return encoder.encode
    text_of = json.encoder.encode_basestring
    chunks = make(None, encoder.default, text_of, None, ":", ",", True, False, False)
    return lambda value: "".join(chunks(value, 0))


_encode: Final = _canonical_encoder()


def held(value: Any) -> Any:
    """Return a plain JSON value as an untyped attribute holds it."""
    return NULL if value is None else value


def given(value: Any) -> Any:
    """Return the JSON value of what an untyped attribute holds."""
    return None if isinstance(value, Keyword) and value == NULL else value
