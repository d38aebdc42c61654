"""From what is said of an attribute, as datoms, to the attribute; and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from datamem.edn import Keyword
from datamem.errors import SchemaError
from datamem.schema.attribute import Attribute
from datamem.schema.bootstrap import NOW, SYSTEM_BY_NAME
from datamem.schema.embedding import embed_spec
from datamem.schema.languages import DEFAULT_LANGUAGE, LANGUAGES, find_language
from datamem.schema.types import (
    DTYPE_BY_NAME,
    METRIC_BY_NAME,
    TYPE_BY_NAME,
    ValueType,
    VectorSpec,
)

Facts = Mapping[str, Any]
"""What holds for one entity of the schema: ident of a system attribute to its value, or to a tuple
of values where that attribute has cardinality many."""

MANY_FACTS: Final = frozenset(str(a.ident) for a in SYSTEM_BY_NAME.values() if a.many)


def attribute_of_facts(entity_id: int, facts: Facts) -> Attribute:
    """Return the attribute that these facts describe.

    Raises:
        SchemaError: `schema/bad-attribute` with the property that cannot be, or cannot go with
            another; `schema/wrong-type` and its kin for a default, enum or bound of another type.
    """
    bare = Attribute(
        id=entity_id,
        ident=facts[":db/ident"],
        value_type=_type_of(facts),
        many=_choice(facts, ":db/cardinality", ("one", "many")) == "many",
        unique=_choice(facts, ":db/unique", ("identity", "value")),  # type: ignore[arg-type]  # checked by _choice
        indexed=facts.get(":db/index", False),
        component=facts.get(":db/isComponent", False),
        no_history=facts.get(":db/noHistory", False),
        doc=facts.get(":db/doc"),
        tuple_attrs=tuple(facts.get(":db/tupleAttrs", ())),
        tuple_types=tuple(_named_type(facts, name) for name in facts.get(":db/tupleTypes", ())),
        tuple_type=_tuple_type_of(facts),
        vector=_vector_of(facts),
        min_length=facts.get(":db/minLength"),
        max_length=facts.get(":db/maxLength"),
        preds=tuple(facts.get(":db.attr/preds", ())),
        on_delete=_choice(facts, ":db/onDelete", ("cascade", "set-null", "restrict")),  # type: ignore[arg-type]  # checked by _choice
        fulltext=facts.get(":db/fulltext", False),
        language=_language_of(facts),
        embed=facts.get(":db/embed"),
        model=facts.get(":db.embed/model"),
        declared=not facts.get(":db/inferred", False),
        aliases=tuple(facts.get(":db/alias", ())),
    )
    _check_consistent(bare)
    return _with_values(bare, facts)


def facts_of_attribute(attribute: Attribute) -> dict[str, Any]:
    """Return what a schema file says of the attribute, without ident; defaults are left out."""
    flags = {
        ":db/index": attribute.indexed,
        ":db/isComponent": attribute.component,
        ":db/noHistory": attribute.no_history,
        ":db/fulltext": attribute.fulltext,
        ":db/inferred": not attribute.declared,
    }
    values = {
        ":db/doc": attribute.doc,
        ":db/default": attribute.default,
        ":db/min": attribute.min,
        ":db/max": attribute.max,
        ":db/minLength": attribute.min_length,
        ":db/maxLength": attribute.max_length,
        ":db/embed": attribute.embed,
        ":db.embed/model": attribute.model,
    }
    lists = {
        ":db/tupleAttrs": attribute.tuple_attrs,
        ":db/tupleTypes": [Keyword(t.keyword) for t in attribute.tuple_types],
        ":db/enum": attribute.enum,
        ":db.attr/preds": attribute.preds,
        ":db/alias": attribute.aliases,
    }
    return {
        **_keyword_facts(attribute),
        **{name: True for name, flag in flags.items() if flag},
        **{name: value for name, value in values.items() if value is not None},
        **{name: list(items) for name, items in lists.items() if items},
    }


def _keyword_facts(attribute: Attribute) -> dict[str, Any]:
    cardinality = "many" if attribute.many else "one"
    facts: dict[str, Any] = {
        ":db/valueType": Keyword(attribute.value_type.keyword),
        ":db/cardinality": Keyword(f":db.cardinality/{cardinality}"),
    }
    if attribute.unique:
        facts[":db/unique"] = Keyword(f":db.unique/{attribute.unique}")
    if attribute.on_delete:
        facts[":db/onDelete"] = Keyword(f":{attribute.on_delete}")
    if attribute.tuple_type is not None:
        facts[":db/tupleType"] = Keyword(attribute.tuple_type.keyword)
    if attribute.language != DEFAULT_LANGUAGE:
        facts[":db.fulltext/language"] = Keyword(f":{attribute.language}")
    if attribute.vector is not None:
        facts[":db/dimension"] = attribute.vector.dimensions
        facts[":db/metric-type"] = Keyword(f":db.metric/{attribute.vector.metric}")
        facts[":db/dtype"] = Keyword(f":db.dtype/{attribute.vector.dtype}")
    return facts


def bad_attribute(ident: object, why: str, hint: str | None = None) -> SchemaError:
    """Return the refusal of an attribute whose description cannot be."""
    return SchemaError(
        f"{ident} cannot be an attribute: {why}",
        code="schema/bad-attribute",
        hint=hint,
        attribute=ident,
    )


def _choice(facts: Facts, name: str, allowed: tuple[str, ...]) -> str | None:
    value = facts.get(name)
    if value is None:
        return None
    choice = _last_part(value)
    if choice not in allowed:
        raise bad_attribute(
            facts.get(":db/ident"), f"{name} is {value}", f"use {', '.join(allowed)}"
        )
    return choice


def _last_part(value: object) -> str:
    return value.name if isinstance(value, Keyword) else str(value)


def _type_of(facts: Facts) -> ValueType:
    name = facts.get(":db/valueType")
    return ValueType.EDN if name is None else _named_type(facts, name)


def _named_type(facts: Facts, name: object) -> ValueType:
    found = TYPE_BY_NAME.get(_last_part(name))
    if found is None:
        types = ", ".join(value_type.name.lower() for value_type in ValueType)
        raise bad_attribute(
            facts.get(":db/ident"), f"{name} is not a type", f"the types are {types}"
        )
    return found


def _tuple_type_of(facts: Facts) -> ValueType | None:
    name = facts.get(":db/tupleType")
    return None if name is None else _named_type(facts, name)


def _language_of(facts: Facts) -> str:
    name = facts.get(":db.fulltext/language")
    found = DEFAULT_LANGUAGE if name is None else find_language(name)
    if found is None:
        known = ", ".join(LANGUAGES)
        why = f"{name} is not a language whose stems are known"
        raise bad_attribute(facts.get(":db/ident"), why, f"the languages are {known}")
    return found


def _vector_of(facts: Facts) -> VectorSpec | None:
    dimensions = facts.get(":db/dimension")
    if dimensions is None:
        return None
    ident = facts.get(":db/ident")
    if not 1 <= dimensions <= 1 << 16:
        raise bad_attribute(ident, f"it has {dimensions} dimensions", "1 to 65536 are possible")
    metric_name = facts.get(":db/metric-type", "cosine")
    dtype_name = facts.get(":db/dtype", "f32")
    metric = METRIC_BY_NAME.get(_last_part(metric_name))
    dtype = DTYPE_BY_NAME.get(_last_part(dtype_name))
    if metric is None:
        known = "cosine, inner-product, l2, hamming"
        raise bad_attribute(ident, f"{metric_name} is not a metric", f"the metrics are {known}")
    if dtype is None:
        raise bad_attribute(
            ident, f"{dtype_name} is not a dtype", "the dtypes are f32, f16, i8, b1"
        )
    if (metric == "hamming") != (dtype == "b1"):
        raise bad_attribute(ident, "the metric hamming and the dtype b1 go together")
    return VectorSpec(dimensions, metric, dtype)


_ONLY_FOR: Final = {
    "component": (":db/isComponent", ValueType.REF),
    "on_delete": (":db/onDelete", ValueType.REF),
    "fulltext": (":db/fulltext", ValueType.STRING),
    "embed": (":db/embed", ValueType.STRING),
    "tuple_attrs": (":db/tupleAttrs", ValueType.TUPLE),
    "tuple_types": (":db/tupleTypes", ValueType.TUPLE),
    "tuple_type": (":db/tupleType", ValueType.TUPLE),
    "vector": (":db/dimension", ValueType.VECTOR),
    "model": (":db.embed/model", ValueType.VECTOR),
}


def _check_consistent(attribute: Attribute) -> None:
    """Refuse properties that do not go with the type or with each other."""
    ident, value_type = attribute.ident, attribute.value_type
    for name, (shown, needed) in _ONLY_FOR.items():
        if getattr(attribute, name) and value_type is not needed:
            why = f"it has {shown} and type {value_type.keyword}"
            raise bad_attribute(ident, why, f"give it :db/valueType {needed.keyword}")
    if value_type is ValueType.VECTOR:
        _check_vector(attribute)
    if attribute.embed is not None:
        _check_embed(attribute)
    if attribute.tuple_attrs and attribute.many:
        raise bad_attribute(ident, "a composite tuple has cardinality one")
    if (
        bool(attribute.tuple_attrs) + bool(attribute.tuple_types) + bool(attribute.tuple_type)
        > 1
    ):
        raise bad_attribute(ident, "it has two descriptions of its slots", "keep one")


def _check_embed(attribute: Attribute) -> None:
    if embed_spec(attribute.embed) is None:
        why = f":db/embed is {attribute.embed}"
        hint = 'write a vector attribute, or {:to :memory/embedding :with "embedder"}'
        raise bad_attribute(attribute.ident, why, hint)
    if attribute.many:
        why = "it has :db/embed and cardinality many, and an entity one vector"
        raise bad_attribute(attribute.ident, why, "give each text an entity of its own")


def _check_vector(attribute: Attribute) -> None:
    if attribute.vector is None:
        raise bad_attribute(
            attribute.ident, "it is a vector without dimensions", "add :db/dimension 384"
        )
    if attribute.unique:
        raise bad_attribute(attribute.ident, "vectors are near one another, never unique")


def _with_values(bare: Attribute, facts: Facts) -> Attribute:
    """Return the attribute with its default, enum and bounds, made canonical by its own type."""
    low, high, default = (facts.get(f":db/{name}") for name in ("min", "max", "default"))
    enum = facts.get(":db/enum", ())
    if low is None and high is None and default is None and not enum:
        return bare
    unlimited = replace(bare, min_length=None, max_length=None)
    limited = replace(
        bare,
        enum=tuple(unlimited.check(value) for value in enum),
        min=None if low is None else unlimited.check(low),
        max=None if high is None else unlimited.check(high),
    )
    if default is None:
        return limited
    if bare.value_type is ValueType.INSTANT and default == NOW:
        return replace(limited, default=NOW)
    return replace(limited, default=limited.check(default))
