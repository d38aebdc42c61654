"""JSON Schema, as much of it as says what a value must look like.

The keywords are type, properties, required, additionalProperties, items, enum, const, minimum, maximum,
minLength, maxLength, minItems, maxItems and pattern, with the meaning of draft 2020-12; title, description
and $schema are read over. A schema with any other keyword is refused rather than half obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from datamem.errors import StateError
from datamem.kv.jsonvalue import canonical_json

Fault = str | None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
}
_ANNOTATIONS: Final = {"title", "description", "$schema"}


def check_schema(schema: Any, path: str = "the schema") -> None:
    """Raise `kv/bad-schema` for what this module could not obey.

    Raises:
        StateError: with the place inside the schema.
    """
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise _bad(path, "is no map and no boolean")
    for keyword, what in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        check = _KEYWORDS.get(keyword)
        if check is None:
            raise _bad(path, f"has the keyword {keyword!r}; known are {', '.join(_KEYWORDS)}")
        if not check(what):
            raise _bad(path, f"has {what!r} for {keyword}")
    for part, inner in _inner(schema):
        check_schema(inner, f"{path}, {part}")


def _inner(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from schema.get("properties", {}).items()
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield keyword, schema[keyword]


def _bad(path: str, why: str) -> StateError:
    return StateError(f"{path} {why}", code="kv/bad-schema", path=path)


def _is_count(what: Any) -> bool:
    return isinstance(what, int) and not isinstance(what, bool) and what >= 0


def _are_names(what: Any) -> bool:
    return isinstance(what, list) and all(isinstance(name, str) for name in what)


def _is_pattern(what: Any) -> bool:
    try:
        re.compile(what)
    except (re.error, TypeError):
        return False
    return True


def _is_schema(what: Any) -> bool:
    return isinstance(what, dict | bool)


_KEYWORDS: Final[dict[str, Callable[[Any], bool]]] = {
    "type": lambda what: bool(what) and all(name in _TYPES for name in _list(what)),
    "properties": lambda what: isinstance(what, dict),
    "required": _are_names,
    "additionalProperties": _is_schema,
    "items": _is_schema,
    "enum": lambda what: isinstance(what, list),
    "const": lambda _: True,
    "minimum": _is_number,
    "maximum": _is_number,
    "minLength": _is_count,
    "maxLength": _is_count,
    "minItems": _is_count,
    "maxItems": _is_count,
    "pattern": _is_pattern,
}


def _list(what: Any) -> list[Any]:
    return what if isinstance(what, list) else [what]


def find_fault(schema: Any, value: Any, path: str = "") -> Fault:
    """Return what keeps a plain JSON value from being what a schema says, None if nothing does.

    Example:
        >>> find_fault({"properties": {"n": {"type": "integer"}}}, {"n": "1"})
        'at n is of no type integer'
    """
    if isinstance(schema, bool):
        return None if schema else f"{_at(path)}is not allowed"
    why = _own_fault(schema, value)
    if why is not None:
        return f"{_at(path)}{why}"
    faults = (
        find_fault(inner, item, there) for inner, item, there in _parts(schema, value, path)
    )
    return next((fault for fault in faults if fault is not None), None)


def _at(path: str) -> str:
    return f"at {path} " if path else ""


def _own_fault(schema: dict[str, Any], value: Any) -> Fault:
    """Return what is wrong with the value itself, apart from its parts."""
    types = _list(schema.get("type", []))
    if types and not any(_TYPES[name](value) for name in types):
        return f"is of no type {' or '.join(types)}"
    text = canonical_json(value)
    if "const" in schema and canonical_json(schema["const"]) != text:
        return f"is not {schema['const']!r}"
    if "enum" in schema and text not in map(canonical_json, schema["enum"]):
        return f"is none of {schema['enum']!r}"
    if _is_number(value):
        return _bound_fault(schema, value, "minimum", "maximum", "")
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return f"does not match {schema['pattern']!r}"
        return _bound_fault(schema, len(value), "minLength", "maxLength", " long")
    if isinstance(value, list):
        return _bound_fault(schema, len(value), "minItems", "maxItems", " items")
    missing = [name for name in schema.get("required", []) if name not in (value or {})]
    return f"lacks {missing[0]!r}" if missing and isinstance(value, dict) else None


def _bound_fault(schema: dict[str, Any], number: Any, low: str, high: str, unit: str) -> Fault:
    if low in schema and number < schema[low]:
        return f"is {number}{unit}, less than {schema[low]}"
    if high in schema and number > schema[high]:
        return f"is {number}{unit}, more than {schema[high]}"
    return None


def _parts(schema: dict[str, Any], value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield schema["items"], item, f"{path}[{i}]"
    if isinstance(value, dict):
        properties, others = (
            schema.get("properties", {}),
            schema.get("additionalProperties", True),
        )
        for name, item in value.items():
            there = f"{path}.{name}" if path else name
            yield properties.get(name, others), item, there
