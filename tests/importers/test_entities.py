"""EDN and JSON Lines files of entities: shapes, references, identities, refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from datamem.edn import Keyword
from datamem.errors import ImportFileError
from datamem.importers import guess_format
from datamem.importers.entities import (
    MAX_ENTITIES,
    entity_batches,
    read_edn_maps,
    read_json_maps,
    undeclared_attributes,
)
from datamem.importers.graph import EntityGraph, attributes_in
from datamem.importers.jsonvalues import from_json_value, to_json_value
from datamem.schema.types import ValueType


class FakeAttribute:
    def __init__(self, value_type=ValueType.STRING, *, many=False, unique=None) -> None:
        self.value_type, self.many, self.unique = value_type, many, unique


class FakeSchema(dict):
    """The schema of a database, as far as an import asks it."""


SCHEMA = FakeSchema(
    {
        ":p/id": FakeAttribute(unique="identity"),
        ":p/name": FakeAttribute(),
        ":p/friend": FakeAttribute(ValueType.REF),
        ":p/friends": FakeAttribute(ValueType.REF, many=True),
        ":p/tags": FakeAttribute(ValueType.KEYWORD, many=True),
        ":p/at": FakeAttribute(ValueType.INSTANT),
    }
)


def batches_of(*maps, source="s", convert=None):
    graph = EntityGraph(SCHEMA, convert) if convert else EntityGraph(SCHEMA)
    for entity in maps:
        graph.add(entity)
    return entity_batches(graph, source)


def write(tmp_path: Path, text: str, name: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "{:p/id 1} {:p/id 2}",
        "[{:p/id 1} {:p/id 2}]",
        "({:p/id 1} {:p/id 2})",
        "[[{:p/id 1}] [{:p/id 2}]]",
        "#{[{:p/id 1}] [{:p/id 2}]}",
    ],
)
def test_maps_are_found_in_every_shape(tmp_path, text) -> None:
    maps = read_edn_maps(write(tmp_path, text, "a.edn"))
    assert sorted(m[Keyword(":p/id")] for m in maps) == [1, 2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[1 2]", "import/wrong-shape"),
        ('"text"', "import/wrong-shape"),
        ("[[{:p/id 1} 2]]", "import/wrong-shape"),
        ("[[:db/add 1 :p/id 2]]", "import/wrong-shape"),
        ("[{:p/id 1]", "import/bad-edn"),
    ],
)
def test_edn_that_is_no_entities_is_refused(tmp_path, text, code) -> None:
    with pytest.raises(ImportFileError) as refused:
        read_edn_maps(write(tmp_path, text, "a.edn"))
    assert refused.value.code == code


def test_a_transaction_is_pointed_to_transact(tmp_path) -> None:
    with pytest.raises(ImportFileError, match="datamem transact"):
        read_edn_maps(write(tmp_path, "[[:db/add 1 :p/id 2]]", "a.edn"))


def test_a_line_of_json_that_is_no_entity_is_named(tmp_path) -> None:
    path = write(tmp_path, '{"p/id": "a"}\n[1]\n', "a.jsonl")
    with pytest.raises(ImportFileError) as refused:
        read_json_maps(path)
    assert refused.value.data["line"] == 2


def test_ids_of_the_file_become_tempids_and_stubs_their_entity() -> None:
    (batch,) = batches_of(
        {":db/id": 17, ":p/id": "a", ":p/friend": {":db/id": 99}},
        {":db/id": 99, ":p/id": "b"},
    )
    ann, bob = batch.entities
    assert ann[":p/friend"] == bob[":db/id"]
    assert ann[":db/id"] != bob[":db/id"]
    assert isinstance(ann[":db/id"], str)


def test_an_entity_without_identity_gets_one_from_its_source() -> None:
    (batch,) = batches_of({":db/id": 17, ":p/name": "Ann"}, source="old")
    assert batch.entities[0][":import/key"] == "old/id/17"
    (again,) = batches_of({":db/id": 17, ":p/name": "Ann"}, source="old")
    assert again == batch


def test_a_stub_of_an_entity_that_the_file_lacks_is_kept() -> None:
    (batch,) = batches_of({":db/id": 1, ":p/id": "a", ":p/friend": {":db/id": 5}}, source="s")
    stub = next(entity for entity in batch.entities if ":import/key" in entity)
    assert stub[":import/key"] == "s/id/5"


def test_a_nested_map_is_an_entity_of_its_own_and_nothing_is_lost() -> None:
    (batch,) = batches_of(
        {":p/id": "a", ":p/friends": [{":p/id": "b", ":p/name": "Bo"}, {":p/id": "c"}]},
        {":p/id": "b", ":p/tags": [Keyword(":x"), Keyword(":y")]},
    )
    by_id = {entity[":p/id"]: entity for entity in batch.entities}
    assert by_id["a"][":p/friends"] == [by_id["b"][":db/id"], by_id["c"][":db/id"]]
    assert by_id["b"][":p/name"] == "Bo"
    assert by_id["b"][":p/tags"] == [":x", ":y"]


def test_a_reverse_attribute_is_turned_round() -> None:
    (batch,) = batches_of({":p/id": "a", ":p/_friend": [{":p/id": "b"}]})
    by_id = {entity[":p/id"]: entity for entity in batch.entities}
    assert by_id["b"][":p/friend"] == by_id["a"][":db/id"]
    assert ":p/_friend" not in by_id["a"]


def test_entities_that_refer_round_in_circles_are_read_once() -> None:
    (batch,) = batches_of(
        {":db/id": 1, ":p/id": "a", ":p/friend": {":db/id": 2, ":p/friend": {":db/id": 1}}},
        {":db/id": 2, ":p/id": "b"},
    )
    assert len(batch.entities) == 2


def test_references_cross_batches_in_both_directions() -> None:
    """Each batch names an entity of another by its identity, so either may come first."""
    count = MAX_ENTITIES + 1
    maps = [
        {":db/id": n, ":p/id": f"p{n}", ":p/friend": {":db/id": (n + 1) % count}}
        for n in range(count)
    ]
    first, second = batches_of(*maps)
    assert {":db/id": f"import-{count - 1}", ":p/id": f"p{count - 1}"} in first.entities
    assert {":db/id": "import-0", ":p/id": "p0"} in second.entities
    assert second.entities[-1][":p/friend"] == "import-0"


def test_transactions_of_an_export_are_left_out() -> None:
    instant = datetime(2024, 1, 1, tzinfo=UTC)
    assert batches_of({":db/id": 1 << 41, ":db/txInstant": instant}) == []


def test_json_values_are_read_by_their_attributes_type() -> None:
    (batch,) = batches_of(
        {"db/id": 1, "p/id": "a", "p/at": "2024-01-01T00:00:00Z", "p/tags": [":x"]},
        convert=from_json_value,
    )
    assert batch.entities[0][":p/at"] == datetime(2024, 1, 1, tzinfo=UTC)


def test_unknown_attributes_are_declared_where_a_value_alone_would_not_tell() -> None:
    maps = [
        {
            ":q/one": 1,
            ":q/ref": {":db/id": 3},
            ":q/many": ["a", "b"],
            ":q/refs": [{":db/id": 4}],
        }
    ]
    declared = {d[":db/ident"]: d for d in undeclared_attributes(maps, SCHEMA)}
    assert set(declared) == {":q/ref", ":q/many", ":q/refs"}
    assert declared[":q/ref"][":db/valueType"] == ":db.type/ref"
    assert declared[":q/ref"][":db/cardinality"] == ":db.cardinality/one"
    assert declared[":q/many"][":db/valueType"] == ":db.type/string"
    assert declared[":q/refs"][":db/cardinality"] == ":db.cardinality/many"


def test_attributes_are_found_at_every_depth_and_forwards() -> None:
    maps = [{":a/x": [{":b/y": {":c/z": 1}}], ":d/_w": {":db/id": 1}}]
    assert attributes_in(maps) == {":a/x", ":b/y", ":c/z", ":d/w"}


def test_values_survive_json() -> None:
    value = {
        "at": datetime(2024, 1, 1, tzinfo=UTC),
        "id": UUID(int=1),
        "role": Keyword(":user"),
        "tags": frozenset({Keyword(":b"), Keyword(":a")}),
        "data": b"\x00",
        "none": None,
        "far": float("inf"),
    }
    assert to_json_value(value) == {
        "at": "2024-01-01T00:00:00Z",
        "id": "00000000-0000-0000-0000-000000000001",
        "role": ":user",
        "tags": [":a", ":b"],
        "data": "AA==",
        "none": None,
        "far": "inf",
    }
    assert from_json_value("AA==", ValueType.BYTES) == b"\x00"
    assert from_json_value("inf", ValueType.DOUBLE) == float("inf")


@pytest.mark.parametrize(
    ("name", "text", "format_"),
    [
        ("a.edn", "", "edn"),
        ("a.jsonl", '{"p/id": 1}', "jsonl"),
        ("a.jsonl", '{"messages": []}', "chat"),
        ("a.json", '[{"conversation": {"speaker_a": "A"}}]', "locomo"),
        ("a.json", '[{"role": "user"}]', "chat"),
        ("a.json", "[]", "chat"),
    ],
)
def test_formats_are_guessed(tmp_path, name, text, format_) -> None:
    assert guess_format(write(tmp_path, text, name)) == format_


def test_an_unknown_name_is_refused_with_the_formats(tmp_path) -> None:
    with pytest.raises(ImportFileError) as refused:
        guess_format(tmp_path / "a.txt")
    assert "locomo" in str(refused.value)
