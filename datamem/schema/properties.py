"""The properties of one attribute as people write them, brought to the names that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from datamem.edn import Keyword, Symbol
from datamem.errors import SchemaError
from datamem.schema.bootstrap import SYSTEM_BY_NAME
from datamem.schema.types import DTYPE_BY_NAME, METRIC_BY_NAME, TYPE_BY_NAME, ValueType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INSTALL: Final = ":db.install/_attribute"
"""Marks a map as an attribute even when it says nothing else (Datomic's older spelling)."""

_OTHER_NAMES: Final = {
    ":db/dimensions": ":db/dimension",
    ":db/metric": ":db/metric-type",
    ":db/metricType": ":db/metric-type",
    ":db/component": ":db/isComponent",
    ":db/full-text": ":db/fulltext",
}
_INDEX_TYPE: Final = ":db/index-type"
_OWN_DOMAIN: Final = ":db.fulltext/autoDomain"
"""Datalevin's wish for an index of the attribute's own, which every attribute has here."""

_SPOKEN: Final = {_INDEX_TYPE, _OWN_DOMAIN, INSTALL, ":db/id"}
_KNOWN: Final = frozenset(map(str, SYSTEM_BY_NAME)) | _SPOKEN


def normalise_properties(options: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the properties under the names and with the keywords that are stored.

    `:db.type/float` becomes double; vector options beside `:db.type/f64` (or beside nothing) make
    one vector value, whatever cardinality goes with it; what only a ref, tuple or string can have
    decides a type that is not given. nil is left out.

    Raises:
        SchemaError: `schema/unknown-property` for a name in a `db` namespace that means nothing.
    """
    found: dict[str, Any] = {}
    for key, value in options.items():
        name = _property_name(key)
        if value is not None:
            found[name] = _VALUE_OF.get(name, _unchanged)(value)
    _infer_type(found)
    return found


def _property_name(key: Any) -> str:
    name = str(key) if str(key).startswith(":") else f":{key}"
    name = _OTHER_NAMES.get(name, name)
    if name.startswith((":db/", ":db.", ":datamem/")) and name not in _KNOWN:
        from difflib import get_close_matches  # for errors only

        near = get_close_matches(name, _KNOWN, n=3)
        raise SchemaError(
            f"{name} is not a property of an attribute",
            code="schema/unknown-property",
            hint=f"did you mean {' or '.join(near)}?" if near else None,
            property=name,
            near=near,
        )
    return name


def _infer_type(found: dict[str, Any]) -> None:
    """Set the type that the other properties decide, and take out what then says nothing."""
    found.pop(_OWN_DOMAIN, None)
    given = found.get(":db/valueType")
    index_type = found.pop(_INDEX_TYPE, None)
    wants_vector = ":db/dimension" in found or str(index_type).endswith("vector")
    if wants_vector and given in {None, _type_keyword(ValueType.DOUBLE)}:
        found[":db/valueType"] = _type_keyword(ValueType.VECTOR)
        found[":db/cardinality"] = Keyword(":db.cardinality/one")
    elif given is None:
        for names, value_type in _DECIDED_BY:
            if names & found.keys():
                found[":db/valueType"] = _type_keyword(value_type)


_DECIDED_BY: Final = (
    ({":db/isComponent", ":db/onDelete"}, ValueType.REF),
    ({":db/tupleAttrs", ":db/tupleTypes", ":db/tupleType"}, ValueType.TUPLE),
    ({":db/fulltext", ":db/embed"}, ValueType.STRING),
)


def _unchanged(value: Any) -> Any:
    return value


def _type_keyword(value_type: ValueType) -> Keyword:
    return Keyword(value_type.keyword)


def _last_part(value: Any) -> str:
    return str(value).lstrip(":").rpartition("/")[2]


def _stored_type(value: Any) -> Any:
    found = TYPE_BY_NAME.get(_last_part(value))
    return value if found is None else _type_keyword(found)


def _in_namespace(
    namespace: str, names: Mapping[str, str] | None = None
) -> Callable[[Any], Any]:
    def stored(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        last = _last_part(value)
        return f":{namespace}/{last if names is None else names.get(last, last)}"

    return stored


def _keyword_of(value: Any) -> Any:
    return f":{value.lstrip(':')}" if isinstance(value, str) else value


def _pred_names(value: Any) -> list[Any]:
    names = value if isinstance(value, list | tuple | set | frozenset) else [value]
    return [name.text if isinstance(name, Symbol) else name for name in names]


_VALUE_OF: Final[dict[str, Callable[[Any], Any]]] = {
    ":db/valueType": _stored_type,
    ":db/tupleType": _stored_type,
    ":db/tupleTypes": lambda types: [_stored_type(name) for name in types],
    ":db/cardinality": _in_namespace("db.cardinality"),
    ":db/unique": _in_namespace("db.unique"),
    ":db.fulltext/language": _keyword_of,
    ":db/metric-type": _in_namespace("db.metric", METRIC_BY_NAME),
    ":db/dtype": _in_namespace("db.dtype", DTYPE_BY_NAME),
    ":db.attr/preds": _pred_names,
    ":db.entity/preds": _pred_names,
}
