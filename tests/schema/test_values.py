"""What each type accepts, what it becomes, and the order of all values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.edn import (
    BigInt,
    Char,
    EdnList,
    EdnMap,
    Keyword,
    Symbol,
    Tagged,
    Uri,
    identity_of,
)
from datamem.errors import SchemaError
from datamem.schema import Attribute, ValueType, VectorSpec, order_key, tag_of


def attribute(value_type: ValueType, **options: Any) -> Attribute:
    return Attribute(1 << 42, Keyword(":x/y"), value_type, **options)


ID = UUID("00000000-0000-0000-0000-00000000002a")
NOON = datetime(2024, 5, 20, 12, tzinfo=UTC)

ACCEPTED = [
    (ValueType.REF, 5, 5),
    (ValueType.REF, np.int64(5), 5),
    (ValueType.LONG, -(2**63), -(2**63)),
    (ValueType.LONG, BigInt(5), 5),
    (ValueType.LONG, np.int32(5), 5),
    (ValueType.DOUBLE, 1, 1.0),
    (ValueType.DOUBLE, 2**60, float(2**60)),
    (ValueType.DOUBLE, float("inf"), float("inf")),
    (ValueType.DOUBLE, np.float32(0.5), 0.5),
    (ValueType.BOOLEAN, False, False),
    (ValueType.BOOLEAN, np.bool_(True), True),
    (ValueType.INSTANT, NOON, NOON),
    (ValueType.INSTANT, datetime(2024, 5, 20, 12), NOON),  # noqa: DTZ001  # a naive one is UTC
    (ValueType.INSTANT, datetime(2024, 5, 20, 19, tzinfo=timezone(timedelta(hours=7))), NOON),
    (ValueType.INSTANT, np.datetime64("2024-05-20T12:00:00"), NOON),
    (ValueType.KEYWORD, "a/b", Keyword(":a/b")),
    (ValueType.KEYWORD, ":a/b", Keyword(":a/b")),
    (ValueType.STRING, "naïve 😀", "naïve 😀"),
    (ValueType.STRING, "", ""),
    (ValueType.STRING, np.str_("x"), "x"),
    (ValueType.SYMBOL, "sym", Symbol("sym")),
    (ValueType.UUID, str(ID), ID),
    (ValueType.UUID, ID, ID),
    (ValueType.BYTES, bytearray(b"x"), b"x"),
    (ValueType.BIGINT, 5, BigInt(5)),
    (ValueType.BIGINT, 2**80, BigInt(2**80)),
    (ValueType.BIGDEC, 5, Decimal(5)),
    (ValueType.BIGDEC, Decimal("1.500"), Decimal("1.5")),
    (ValueType.BIGDEC, Decimal("0.00"), Decimal(0)),
    (ValueType.BIGDEC, Decimal("1" * 40 + ".10"), Decimal("1" * 40 + ".1")),
    (ValueType.URI, "https://example.org", Uri("https://example.org")),
    (ValueType.DOC, {"a": (1, {Keyword(":b"): None})}, {"a": [1, {Keyword(":b"): None}]}),
    (ValueType.DOC, [], []),
    (ValueType.EDN, 2**70, BigInt(2**70)),
    (ValueType.EDN, (1, [2]), [1, [2]]),
    (ValueType.EDN, EdnList([1, (2,)]), EdnList([1, [2]])),
    (ValueType.EDN, {1, 2}, frozenset({1, 2})),
    (ValueType.EDN, {1: [2]}, EdnMap([(1, [2])])),
    (ValueType.EDN, Char("a"), Char("a")),
    (ValueType.EDN, Tagged("my/tag", [-0.0]), Tagged("my/tag", [0.0])),
]


@pytest.mark.parametrize(("value_type", "value", "expected"), ACCEPTED)
def test_values_become_canonical(value_type: ValueType, value: Any, expected: Any) -> None:
    check = attribute(value_type).check
    found = check(value)
    assert identity_of(found) == identity_of(expected)
    assert type(found) is type(expected)
    assert identity_of(check(found)) == identity_of(found)


REFUSED = [
    (ValueType.REF, True, "schema/wrong-type"),
    (ValueType.REF, 0, "schema/wrong-type"),
    (ValueType.LONG, True, "schema/wrong-type"),
    (ValueType.LONG, 1.0, "schema/wrong-type"),
    (ValueType.LONG, "5", "schema/wrong-type"),
    (ValueType.LONG, 2**63, "schema/out-of-range"),
    (ValueType.LONG, np.uint64(2**63), "schema/out-of-range"),
    (ValueType.DOUBLE, float("nan"), "schema/nan"),
    (ValueType.DOUBLE, True, "schema/wrong-type"),
    (ValueType.DOUBLE, 2**53 + 1, "schema/out-of-range"),
    (ValueType.DOUBLE, 10**400, "schema/out-of-range"),
    (ValueType.DOUBLE, Decimal("0.5"), "schema/wrong-type"),
    (ValueType.BOOLEAN, 1, "schema/wrong-type"),
    (ValueType.INSTANT, "2024-05-20", "schema/wrong-type"),
    (ValueType.INSTANT, 1_716_206_400, "schema/wrong-type"),
    (ValueType.INSTANT, NOON.date(), "schema/wrong-type"),
    (ValueType.INSTANT, np.datetime64("2024-05-20T12:00:00.000000001"), "schema/wrong-type"),
    (ValueType.INSTANT, np.datetime64("NaT"), "schema/wrong-type"),
    (
        ValueType.INSTANT,
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=7))),
        "schema/out-of-range",
    ),
    (ValueType.KEYWORD, "two words", "schema/wrong-type"),
    (ValueType.KEYWORD, 5, "schema/wrong-type"),
    (ValueType.STRING, Keyword(":a"), "schema/wrong-type"),
    (ValueType.STRING, Uri("x"), "schema/wrong-type"),
    (ValueType.STRING, b"x", "schema/wrong-type"),
    (ValueType.STRING, "\ud800", "schema/not-text"),
    (ValueType.UUID, "not-a-uuid", "schema/wrong-type"),
    (ValueType.BYTES, "x", "schema/wrong-type"),
    (ValueType.BIGINT, True, "schema/wrong-type"),
    (ValueType.BIGDEC, 0.5, "schema/wrong-type"),
    (ValueType.BIGDEC, Decimal("NaN"), "schema/nan"),
    (ValueType.SYMBOL, "1x", "schema/wrong-type"),
    (ValueType.URI, Keyword(":a"), "schema/wrong-type"),
    (ValueType.DOC, "scalar", "schema/wrong-type"),
    (ValueType.DOC, {1: 2}, "schema/wrong-type"),
    (ValueType.DOC, {"a": float("nan")}, "schema/nan"),
    (ValueType.DOC, {"a": object()}, "schema/wrong-type"),
    (ValueType.EDN, None, "schema/wrong-type"),
    (ValueType.EDN, object(), "schema/wrong-type"),
    (ValueType.EDN, [float("nan")], "schema/nan"),
]


@pytest.mark.parametrize(("value_type", "value", "code"), REFUSED)
def test_values_of_another_type_are_refused(
    value_type: ValueType, value: Any, code: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        attribute(value_type).check(value)
    assert caught.value.code == code
    assert caught.value.data["attribute"] == ":x/y"
    assert caught.value.data["expected"] == value_type.keyword


def test_negative_zero_is_zero() -> None:
    assert str(attribute(ValueType.DOUBLE).check(-0.0)) == "0.0"
    vector = attribute(ValueType.VECTOR, vector=VectorSpec(2)).check([-0.0, 1])
    assert not np.signbit(vector).any()


def test_vectors_are_read_only_float32() -> None:
    check = attribute(ValueType.VECTOR, vector=VectorSpec(3)).check
    source = np.array([1, 2, 3])
    for written in (source, [1, 2.0, 3], (1, 2, 3), np.array([1, 2, 3], np.float16)):
        found = check(written)
        assert found.dtype == np.float32
        assert found.tolist() == [1.0, 2.0, 3.0]
        assert not found.flags.writeable
    source[0] = 9
    assert found[0] == 1


@pytest.mark.parametrize(
    ("spec", "value", "code"),
    [
        (VectorSpec(2), [1.0], "schema/wrong-dimension"),
        (VectorSpec(2), [[1.0, 2.0]], "schema/wrong-dimension"),
        (VectorSpec(2), 5, "schema/wrong-dimension"),
        (VectorSpec(2), [1.0, float("nan")], "schema/not-finite"),
        (VectorSpec(2), [1.0, 1e300], "schema/not-finite"),
        (VectorSpec(2), [0.0, 0.0], "schema/zero-vector"),
        (VectorSpec(2), "ab", "schema/wrong-type"),
        (VectorSpec(2), ["a", "b"], "schema/wrong-type"),
        (VectorSpec(2), [[1], [2, 3]], "schema/wrong-type"),
        (VectorSpec(2, "hamming", "b1"), [1.0, 0.5], "schema/not-bits"),
    ],
)
def test_vectors_that_cannot_be_are_refused(spec: VectorSpec, value: Any, code: str) -> None:
    with pytest.raises(SchemaError) as caught:
        attribute(ValueType.VECTOR, vector=spec).check(value)
    assert caught.value.code == code


def test_a_zero_vector_has_a_length_if_no_direction() -> None:
    assert attribute(ValueType.VECTOR, vector=VectorSpec(2, "l2")).check([0, 0]).tolist() == [
        0,
        0,
    ]
    bits = attribute(ValueType.VECTOR, vector=VectorSpec(2, "hamming", "b1"))
    assert bits.check([True, False]).tolist() == [1.0, 0.0]


def test_tuples_check_each_slot() -> None:
    pair = attribute(ValueType.TUPLE, tuple_types=(ValueType.KEYWORD, ValueType.LONG))
    assert pair.check(["a", None]) == (":a", None)
    assert type(pair.check(["a", 1])[0]) is Keyword
    for wrong in (["a"], ["a", "b"], [None, None], "ab", 5, ["a", 1, 2]):
        with pytest.raises(SchemaError):
            pair.check(wrong)


def test_enumerations_tell_types_apart() -> None:
    check = attribute(ValueType.EDN, enum=(1, "a")).check
    assert check(1) == 1
    for wrong in (True, 1.0, Keyword(":a")):
        with pytest.raises(SchemaError):
            check(wrong)


def test_documents_share_nothing_with_what_was_given() -> None:
    given_document: dict[str, Any] = {"a": [1]}
    kept = attribute(ValueType.DOC).check(given_document)
    given_document["a"].append(2)
    assert kept == {"a": [1]}


SORTED = [
    None, False, True, -5, 1, BigInt(1), 1.0, Decimal(1), 1.5, 2**70, float("inf"),
    NOON, Keyword(":a"), Symbol("a"), "", "a", "a\ufffd", "a😀", Char("a"), ID, Uri("a"), b"", b"a",
    [], [1], [1, 2], [2], EdnList([1]), {}, {"a": 1}, {"a": 2}, frozenset(), frozenset({1}),
    np.array([1.0], np.float32), Tagged("a", 1),
]  # fmt: skip


def test_the_order_of_all_values_is_total() -> None:
    keys = [order_key(value) for value in SORTED]
    assert sorted(keys) == keys
    assert len({repr(key) for key in keys}) == len(keys)


@given(
    st.lists(
        st.one_of(
            st.integers(),
            st.floats(allow_nan=False),
            st.decimals(allow_nan=False, allow_infinity=False),
            st.booleans(),
        )
    )
)
def test_numbers_sort_by_exact_value(numbers: list[Any]) -> None:
    found = [value for value in sorted(numbers, key=order_key) if not isinstance(value, bool)]
    assert all(a <= b for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (True, "BOOLEAN"),
        (1, "LONG"),
        (BigInt(1), "BIGINT"),
        (2**63, "BIGINT"),
        (1.0, "DOUBLE"),
        ("a", "STRING"),
        (Keyword(":a"), "KEYWORD"),
        (Uri("a"), "URI"),
        ([1], "EDN"),
        ({}, "EDN"),
        (Char("a"), "EDN"),
        (ID, "UUID"),
        (NOON, "INSTANT"),
    ],
)
def test_untyped_values_have_the_type_of_their_kind(value: Any, tag: str) -> None:
    assert tag_of(value).name == tag
