"""JSON values: one text for equal values, and a refusal that names the place inside."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given

from datamem.errors import StateError
from datamem.kv.jsonvalue import MAX_DEPTH, canonical_json, plain_json
from tests.kv.test_store import json_values


@given(value=json_values)
def test_the_canonical_text_is_what_json_writes(value: Any) -> None:
    expected = json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    assert canonical_json(value) == expected


@given(value=json_values)
def test_plain_json_is_a_copy(value: Any) -> None:
    found = plain_json(value)
    assert found == value  # of the two zeros it keeps one
    assert found is not value or not isinstance(value, list | dict)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, {2: 3}]}, "it['a'][1]"),
        ({"a": (1, {"b": {1}})}, "it['a'][1]['b']"),
        ([math.nan], "it[0]"),
        ({"a": {"b": "half \ud800"}}, "it['a']['b']"),
        ({"half \udfff": 1}, "it"),
        (b"bytes", "it"),
    ],
)
def test_a_refusal_names_the_place(value: Any, path: str) -> None:
    with pytest.raises(StateError) as caught:
        plain_json(value, "it")
    assert (caught.value.code, caught.value.data["path"]) == ("json/not-json", path)
    assert caught.value.message.startswith(f"{path} ")


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"k": x}])
def test_nesting_has_an_end(wrap: Any) -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = wrap(value)
    assert plain_json(value) == value
    with pytest.raises(StateError, match=f"nested deeper than {MAX_DEPTH}"):
        plain_json(wrap(value))
