"""The attributes that every database starts with, at fixed ids."""

from __future__ import annotations

from typing import Any, Final

from datamem.edn import Keyword
from datamem.ids import ATTR_BASE
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

FIRST_USER_ATTRIBUTE: Final = ATTR_BASE + 1000
"""Attributes of users count from here; below are the system's, with room for more."""

SETTINGS: Final = ATTR_BASE
"""The entity that carries the database's own settings, `:datamem/mode` among them."""

SETTINGS_IDENT: Final = Keyword(":datamem/settings")
NOW: Final = Keyword(":db/now")
"""As `:db/default` of an instant: the transaction's own instant."""

_ROWS: Final[tuple[tuple[int, str, ValueType, dict[str, Any]], ...]] = (
    (1, "db/ident", ValueType.KEYWORD, {"unique": "identity", "doc": "name of an entity"}),
    (2, "db/valueType", ValueType.KEYWORD, {"doc": "type of an attribute's values"}),
    (3, "db/cardinality", ValueType.KEYWORD, {"doc": "one or many values for an entity"}),
    (4, "db/unique", ValueType.KEYWORD, {"doc": "identity upserts, value refuses duplicates"}),
    (5, "db/index", ValueType.BOOLEAN, {"doc": "keep the attribute in value order"}),
    (6, "db/isComponent", ValueType.BOOLEAN, {"doc": "its target is a part of the entity"}),
    (7, "db/noHistory", ValueType.BOOLEAN, {"doc": "past values need not be kept"}),
    (8, "db/doc", ValueType.STRING, {"doc": "what an entity is for"}),
    (9, "db/txInstant", ValueType.INSTANT, {"indexed": True, "doc": "when a transaction was"}),
    (
        10,
        "db/tupleAttrs",
        ValueType.TUPLE,
        {"tuple_type": ValueType.KEYWORD, "doc": "composite"},
    ),
    (
        11,
        "db/tupleTypes",
        ValueType.TUPLE,
        {"tuple_type": ValueType.KEYWORD, "doc": "slot types"},
    ),
    (12, "db/tupleType", ValueType.KEYWORD, {"doc": "type of every slot of a tuple"}),
    (13, "db/dimension", ValueType.LONG, {"doc": "components of a vector"}),
    (14, "db/metric-type", ValueType.KEYWORD, {"doc": "how vectors are compared"}),
    (15, "db/dtype", ValueType.KEYWORD, {"doc": "how an index keeps vectors"}),
    (16, "db/default", ValueType.EDN, {"doc": "value given to new entities of a kind"}),
    (17, "db/enum", ValueType.EDN, {"many": True, "doc": "the only values allowed"}),
    (18, "db/min", ValueType.EDN, {"doc": "least value allowed"}),
    (19, "db/max", ValueType.EDN, {"doc": "greatest value allowed"}),
    (20, "db/minLength", ValueType.LONG, {"doc": "least length allowed"}),
    (21, "db/maxLength", ValueType.LONG, {"doc": "greatest length allowed"}),
    (22, "db.attr/preds", ValueType.KEYWORD, {"many": True, "doc": "predicates on each value"}),
    (
        23,
        "db.entity/attrs",
        ValueType.KEYWORD,
        {"many": True, "doc": "attributes a kind needs"},
    ),
    (
        24,
        "db.entity/preds",
        ValueType.KEYWORD,
        {"many": True, "doc": "predicates on an entity"},
    ),
    (25, "db.entity/kind", ValueType.KEYWORD, {"many": True, "doc": "what marks the kind"}),
    (26, "db/ensure", ValueType.KEYWORD, {"many": True, "doc": "check a spec; never stored"}),
    (27, "db/onDelete", ValueType.KEYWORD, {"doc": "what a target's retraction does here"}),
    (28, "db/fulltext", ValueType.BOOLEAN, {"doc": "index the words of the strings"}),
    (29, "db/embed", ValueType.EDN, {"doc": "embed the strings at commit"}),
    (30, "db/inferred", ValueType.BOOLEAN, {"doc": "the type comes from a first value"}),
    (31, "db/alias", ValueType.KEYWORD, {"many": True, "doc": "former names of an attribute"}),
    (32, "datamem/mode", ValueType.KEYWORD, {"doc": "open, or strict: unknown names refused"}),
    (33, "db.fulltext/language", ValueType.KEYWORD, {"doc": "whose stems and stop words"}),
    (34, "db.embed/model", ValueType.STRING, {"doc": "the model that made the vectors"}),
)

SYSTEM_ATTRIBUTES: Final = tuple(
    Attribute(ATTR_BASE + number, Keyword(name), value_type, **options)
    for number, name, value_type, options in _ROWS
)
SYSTEM_BY_NAME: Final = {attribute.ident: attribute for attribute in SYSTEM_ATTRIBUTES}


def system_id(name: str) -> int:
    """Return the fixed id of a system attribute, `:db/ident` and the like."""
    return SYSTEM_BY_NAME[Keyword(name)].id


IDENT: Final = system_id("db/ident")
VALUE_TYPE: Final = system_id("db/valueType")
TX_INSTANT: Final = system_id("db/txInstant")
ENSURE: Final = system_id("db/ensure")
ALIAS: Final = system_id("db/alias")
MODE: Final = system_id("datamem/mode")

_ORDINARY: Final = {IDENT, TX_INSTANT, ENSURE, system_id("db/doc"), ALIAS}
SCHEMA_PROPERTIES: Final = frozenset(
    attribute.id for attribute in SYSTEM_ATTRIBUTES if attribute.id not in _ORDINARY
)
"""Attributes that only an attribute, a spec or the settings can have: they make an entity one."""
