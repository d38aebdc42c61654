"""The schema as a value: names, changes, replay."""

from __future__ import annotations

import pickle

import pytest

from datamem.edn import Keyword
from datamem.errors import SchemaError
from datamem.ids import ATTR_BASE
from datamem.schema import Schema, ValueType, apply_changes, from_datoms
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE as FIRST
from datamem.schema.bootstrap import IDENT, SYSTEM_ATTRIBUTES, VALUE_TYPE, system_id

NAME = (FIRST, IDENT, Keyword(":a/name"), True)
TYPE = (FIRST, VALUE_TYPE, Keyword(":db.type/string"), True)


def test_an_attribute_is_found_by_every_name() -> None:
    schema = apply_changes(Schema.bootstrap(), [NAME, TYPE])
    found = schema.get(":a/name")
    assert found is not None
    for name in ("a/name", Keyword(":a/name"), FIRST):
        assert schema.get(name) is found
        assert name in schema
    assert schema.get(":a/nam") is None
    assert schema.get(5) is None
    with pytest.raises(SchemaError) as caught:
        schema.require(":a/nam")
    assert caught.value.data["near"] == [":a/name"]


def test_a_change_leaves_the_schema_before_as_it_was() -> None:
    before = Schema.bootstrap()
    after = apply_changes(before, [TYPE, NAME])
    assert before.get(":a/name") is None
    assert len(after) == len(before) + 1
    assert apply_changes(after, []) is after
    gone = apply_changes(after, [(e, a, v, False) for e, a, v, _ in (NAME, TYPE)])
    assert gone == before
    assert after.require("a/name").value_type is ValueType.STRING


def test_replacing_a_fact_does_not_depend_on_the_order_of_rows() -> None:
    schema = apply_changes(Schema.bootstrap(), [NAME, TYPE])
    old = (*TYPE[:3], False)
    new = (FIRST, VALUE_TYPE, Keyword(":db.type/long"), True)
    for rows in ([old, new], [new, old]):
        assert apply_changes(schema, rows).require("a/name").value_type is ValueType.LONG


def test_replaying_all_datoms_gives_the_same_schema() -> None:
    rows = [NAME, TYPE, (FIRST + 1, IDENT, Keyword(":a/b"), True)]
    whole = from_datoms(rows)
    stepwise = apply_changes(apply_changes(Schema.bootstrap(), rows[:2]), rows[2:])
    assert whole == stepwise
    assert whole.to_data() == stepwise.to_data()


def test_system_attributes_have_fixed_ids() -> None:
    assert [a.id - ATTR_BASE for a in SYSTEM_ATTRIBUTES] == list(
        range(1, len(SYSTEM_ATTRIBUTES) + 1)
    )
    assert Schema.bootstrap().require("db/ident").id == ATTR_BASE + 1
    assert Schema.bootstrap().require("db/txInstant").id == ATTR_BASE + 9
    assert SYSTEM_ATTRIBUTES[-1].id < FIRST
    assert [v.value for v in ValueType] == list(range(1, 18))


def test_a_refused_value_pickles() -> None:
    with pytest.raises(SchemaError) as caught:
        Schema.bootstrap().require(":db/doc").check(5)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.code, again.message, again.data) == (
        caught.value.code,
        caught.value.message,
        caught.value.data,
    )


def test_a_composite_is_canonical_by_its_components() -> None:
    rows = [
        NAME,
        (FIRST, VALUE_TYPE, Keyword(":db.type/keyword"), True),
        (FIRST + 1, IDENT, Keyword(":a/both"), True),
        (FIRST + 1, VALUE_TYPE, Keyword(":db.type/tuple"), True),
        (FIRST + 1, system_id("db/tupleAttrs"), (Keyword(":a/name"), Keyword(":a/name")), True),
    ]
    schema = from_datoms(rows)
    found = schema.canonical(schema.require("a/both"), ["x", None])
    assert found == (":x", None)
    assert type(found[0]) is Keyword
    assert schema.canonical(schema.require("a/name"), "x") == ":x"
    with pytest.raises(SchemaError):
        schema.canonical(schema.require("a/both"), [5, None])
