"""From options that a caller gives to the attributes of an entity, by what the schema says they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import DatamemError
from datamem.memory.records.context import instant, keyword
from datamem.memory.records.kinds import get
from datamem.schema.names import near_names
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.schema import Attribute

_KIND_OF: Final = {
    "agents": "agent",
    "participants": "user",
    "in-context": "message",
    "active-session": "session",
    "mentions": "memory",
    "sources": "source",
    "evidence": "memory",
}
"""Kinds that references mean, where the attribute is not called by its kind."""


def facts_from(db: Db, kind: str, options: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    """Return the attributes of an entity that options say: `created_at` is `:kind/created-at`.

    References are resolved, names of keywords may come without colon, instants as timedeltas from now.
    What is None is left out.

    Raises:
        DatamemError: `memory/bad-option` for what is no attribute of the kind, `memory/unknown`.
    """
    facts: dict[str, Any] = {}
    for name, value in options.items():
        attribute = attribute_of(db, kind, name)
        if value is not None:
            facts[attribute.ident] = _value(db, attribute, value, now_us)
    return facts


def attribute_of(db: Db, kind: str, name: str) -> Attribute:
    """Return the attribute that an option of a kind means.

    Raises:
        DatamemError: `memory/bad-option`.
    """
    dashed = name.rstrip("_").replace("_", "-")
    flag = f"{dashed.removeprefix('is-')}?"
    for ident in (f":{kind}/{dashed}", f":{kind}/{flag}", f":fact/{dashed}"):
        found = db.schema.get(ident)
        if found is not None and not found.tuple_attrs:
            return found
    known = [a.ident for a in db.schema if a.ident.startswith(f":{kind}/")]
    near = near_names(f":{kind}/{dashed}", known)
    raise DatamemError(
        f"a {kind} has no {name}",
        code="memory/bad-option",
        hint=f"did you mean {' or '.join(near)}?" if near else None,
        kind=kind,
        option=name,
    )


def _value(db: Db, attribute: Attribute, value: Any, now_us: int) -> Any:
    convert = _converter(db, attribute, now_us)
    if convert is None:
        return value
    if attribute.many:
        is_one = isinstance(value, str) or not hasattr(value, "__iter__")
        return [convert(one) for one in ([value] if is_one else value)] or None
    return convert(value)


def _converter(db: Db, attribute: Attribute, now_us: int) -> Callable[[Any], Any] | None:
    """Return what brings one value to the form that the attribute takes; None where any will do."""
    match attribute.value_type:
        case ValueType.REF:
            name = attribute.ident.rpartition("/")[2]
            return lambda value: get(db, _KIND_OF.get(name, name), value)
        case ValueType.KEYWORD:
            return keyword
        case ValueType.INSTANT:
            return lambda value: instant(value, now_us)
        case _:
            return None
