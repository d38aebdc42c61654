"""Schema files in both shapes, and what their properties mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from datamem.edn import print_edn
from datamem.errors import SchemaError
from datamem.schema import Attribute, Schema, ValueType, VectorSpec, read_schema
from tests.transact.worlds import World

if TYPE_CHECKING:
    from pathlib import Path

NOTES = """
{;; a notebook, in the shape and with the spellings that agents' schema files have
 :note/id {:db/valueType :db.type/uuid
           :db/unique :db.unique/identity}
 :note/title {:db/valueType :db.type/string}  ;; shown in lists
 :note/book {:db/valueType :db.type/ref}
 :note/labels {:db/valueType :db.type/keyword
               :db/cardinality :db.cardinality/many}
 :note/weight {:db/valueType :db.type/float}
 :note/read-at {:db/valueType :db.type/instant}
 :note/count {:db/valueType :db.type/long}
 :note/free {}
 :note/key {:db/unique :db.unique/identity}
 :note/vector {:db/valueType :db.type/f64
               :db/cardinality :db.cardinality/many}}
"""
VECTOR_OPTIONS = """
{:note/vector {:db/index-type :db.index/vector
               :db/dimension 4  ;; small on purpose
               :db/metric-type :db.metric/cosine}}
"""


def schema_of(*sources: Any) -> Schema:
    """Return the schema of a database that was given these sources together."""
    return World("dict", list(sources)).db.schema


def attribute(source: Any, name: str = ":x/y") -> Attribute:
    return schema_of(source).require(name)


def test_a_map_of_maps_is_read_as_it_is_written() -> None:
    schema = schema_of(NOTES)
    types = {
        a.ident: (a.value_type.name, a.many, a.unique)
        for a in schema
        if a.ident.startswith(":note")
    }
    assert types == {
        ":note/id": ("UUID", False, "identity"),
        ":note/title": ("STRING", False, None),
        ":note/book": ("REF", False, None),
        ":note/labels": ("KEYWORD", True, None),
        ":note/weight": ("DOUBLE", False, None),
        ":note/read-at": ("INSTANT", False, None),
        ":note/count": ("LONG", False, None),
        ":note/free": ("EDN", False, None),
        ":note/key": ("EDN", False, "identity"),
        ":note/vector": ("DOUBLE", True, None),
    }
    assert all(a.declared for a in schema)


@pytest.mark.parametrize(
    "sources", [[NOTES, VECTOR_OPTIONS], [VECTOR_OPTIONS, NOTES], [NOTES + VECTOR_OPTIONS]]
)
def test_vector_options_beside_f64_make_one_vector_value(sources: list[str]) -> None:
    found = schema_of(*sources).require(":note/vector")
    assert (found.value_type, found.many, found.vector) == (
        ValueType.VECTOR,
        False,
        VectorSpec(4, "cosine"),
    )


def test_a_vector_of_maps_says_the_same() -> None:
    datomic = """[{:db/ident :note/id :db/valueType :db.type/uuid :db/unique :db.unique/identity
                   :db/id #db/id [:db.part/db] :db.install/_attribute :db.part/db}
                  {:db/ident :note/labels :db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}]"""
    schema, same = schema_of(datomic), schema_of(NOTES)
    for name in (":note/id", ":note/labels"):
        assert schema.require(name).check is not same.require(name).check
        assert (
            schema.to_data()[schema.require(name).ident]
            == same.to_data()[same.require(name).ident]
        )


def test_python_data_may_leave_colons_out() -> None:
    found = attribute(
        {
            "x/y": {
                "db/valueType": "db.type/ref",
                "db/cardinality": "many",
                "db/onDelete": "cascade",
            }
        }
    )
    assert (found.value_type, found.many, found.on_delete) == (ValueType.REF, True, "cascade")


def test_a_path_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notes.edn"
    path.write_text(NOTES, encoding="utf-8")
    assert read_schema(path) == read_schema(str(path)) == read_schema(NOTES)
    with pytest.raises(SchemaError) as caught:
        read_schema(tmp_path / "none.edn")
    assert caught.value.code == "schema/no-file"


def test_strict_is_a_setting() -> None:
    assert schema_of("strict").strict
    assert schema_of({"datamem/mode": ":strict", "x/y": {}}).strict
    assert not schema_of("strict", "open").strict
    assert not schema_of(None).strict


def test_what_a_schema_says_reads_as_the_same_schema() -> None:
    schema = schema_of(
        NOTES,
        VECTOR_OPTIONS,
        """{:x/all {:db/valueType :db.type/long :db/index true
        :db/doc "d" :db/min 1 :db/max 9 :db/enum [1 2] :db/default 2 :db.attr/preds [a/b?]}
        :x/tuple {:db/tupleAttrs [:note/count :x/all]} :x/kind {:db.entity/attrs [:x/all] :db.entity/kind :note/id}}""",
    )
    again = schema_of(print_edn(schema.to_data()))
    assert again.to_data() == schema.to_data()


@pytest.mark.parametrize(
    ("properties", "value_type"),
    [
        ("{:db/isComponent true}", ValueType.REF),
        ("{:db/onDelete :restrict}", ValueType.REF),
        ("{:db/tupleType :db.type/long}", ValueType.TUPLE),
        ("{:db/fulltext true}", ValueType.STRING),
        ("{:db/dimensions 3}", ValueType.VECTOR),
        ("{:db/valueType :db.type/idoc}", ValueType.DOC),
        ("{:db/valueType :db.type/int}", ValueType.LONG),
        ("{:db/valueType :db.type/vec :db/dimensions 3}", ValueType.VECTOR),
        ("{:db/valueType :db.type/edn}", ValueType.EDN),
        ("{:db/cardinality :db.cardinality/many}", ValueType.EDN),
    ],
)
def test_types_have_other_names_and_may_be_left_out(
    properties: str, value_type: ValueType
) -> None:
    assert attribute(f"{{:x/y {properties}}}").value_type is value_type


def test_a_declared_vector_may_be_many() -> None:
    found = attribute(
        "{:x/y {:db/valueType :db.type/vector :db/dimension 2 :db/cardinality :db.cardinality/many :db/metric :ip :db/dtype :f16}}"
    )
    assert (found.many, found.vector) == (True, VectorSpec(2, "inner-product", "f16"))


@pytest.mark.parametrize(
    "source", [5, "{:a 1}", "[1 2]", {5: {}}, '{"no good" {}}', "{:a/b :c}", b"{}"]
)
def test_what_is_no_schema_is_refused(source: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        read_schema(source)
    assert caught.value.code in {"schema/bad-source", "schema/bad-name"}


def test_an_unknown_property_suggests_one() -> None:
    with pytest.raises(SchemaError) as caught:
        read_schema("{:x/y {:db/valuetype :db.type/long}}")
    assert caught.value.code == "schema/unknown-property"
    assert caught.value.data["near"][0] == ":db/valueType"
