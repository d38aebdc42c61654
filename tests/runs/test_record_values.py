"""What a record keeps of a value: itself, type included, or a refusal that names the place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.edn import Keyword
from datamem.runs.recorder.values import (
    RecordError,
    decode_value,
    digest_of,
    encode_input,
    encode_value,
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.decimals(allow_nan=False),
    st.sampled_from([Keyword(":a/b"), Keyword(":c")]),
)
hashable = st.one_of(st.integers(), st.text(), st.uuids(), st.tuples(st.text(), st.integers()))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(), inner, max_size=4),
        st.dictionaries(hashable, inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(hashable, max_size=3),
        st.frozensets(hashable, max_size=3),
    ),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    """Model: equal, and of the same types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(key in b and same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@given(value=values)
def test_what_is_decoded_is_what_was_encoded(value: Any) -> None:
    stored = json.loads(json.dumps(encode_value(value)))
    assert same(decode_value(stored), value)


@given(value=st.dictionaries(st.text(), st.integers(), max_size=6))
def test_the_order_of_keys_does_not_change_a_digest(value: dict[str, int]) -> None:
    backwards = dict(reversed(value.items()))
    assert digest_of(encode_value(value)) == digest_of(encode_value(backwards))


@given(a=values, b=values)
def test_different_values_have_different_digests(a: Any, b: Any) -> None:
    assert same(a, b) or digest_of(encode_value(a)) != digest_of(encode_value(b))


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.float32(2.5), np.array([])])
def test_arrays_come_back_with_their_shape_and_type(array: Any) -> None:
    found = decode_value(json.loads(json.dumps(encode_value(array))))
    assert found.dtype == np.asarray(array).dtype
    assert np.array_equal(found, array)


@dataclass
class Query:
    text: str
    limit: int = 3


def test_an_input_may_be_a_dataclass_and_an_output_may_not() -> None:
    assert encode_input({"q": Query("tea")}) == {
        "q": {"$type": "Query", "text": "tea", "limit": 3}
    }
    with pytest.raises(RecordError) as caught:
        encode_value({"found": [Query("tea")]})
    assert caught.value.code == "record/not-json"
    assert caught.value.data["path"] == "['found'][0]"


def test_what_nothing_writes_is_refused() -> None:
    with pytest.raises(RecordError) as caught:
        decode_value({"$nonsense": 1})
    assert caught.value.code == "record/bad-value"


def test_examples_of_each_type() -> None:
    for value in (
        float("inf"),
        date(2024, 5, 1),
        datetime(2024, 5, 1, tzinfo=UTC),
        Decimal("1.10"),
    ):
        assert same(decode_value(encode_value(value)), value)
    assert decode_value(encode_value({"$set": 1})) == {"$set": 1}
    torn = {"half \ud83d": ["\ud83d"]}
    assert decode_value(json.loads(json.dumps(encode_value(torn)).encode())) == torn
    assert decode_value({"$uuid": str(UUID(int=5))}) == UUID(int=5)
