"""What "the same value" means in these tests, and values to try: equality with exact types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from hypothesis import strategies as st

from datamem.edn import (
    BigInt,
    Char,
    EdnList,
    EdnMap,
    EdnSet,
    Keyword,
    Symbol,
    Tagged,
    Uri,
    WithMeta,
)
from datamem.edn.distinct import edn_map, edn_set, identity_of


def same(a: object, b: object) -> bool:
    """Tell whether two forms have the same types and values all the way down."""
    return type(a) is type(b) and same_content(a, b)


def same_content(a, b) -> bool:
    """Compare two forms of one type."""
    match a:
        case list() | tuple():
            answer = len(a) == len(b) and all(map(same, a, b))
        case Mapping():
            found = {identity_of(key): value for key, value in b.items()}
            answer = same_members(a, b) and all(
                same(value, found[identity_of(key)]) for key, value in a.items()
            )
        case AbstractSet():
            answer = same_members(a, b)
        case Tagged():
            answer = a.tag == b.tag and same(a.value, b.value)
        case WithMeta():
            answer = same(a.meta, b.meta) and same(a.form, b.form)
        case float():
            same_sign = math.copysign(1, a) == math.copysign(1, b)
            answer = (math.isnan(a) and math.isnan(b)) or (a == b and same_sign)
        case _:
            answer = a == b
    return answer


def same_members(a, b) -> bool:
    return {identity_of(x) for x in a} == {identity_of(x) for x in b}


NAME_START = "abcxyzAZ*!_?$%&=<>|é日"
NAME_REST = NAME_START + "0189.+-:#'"
names = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from(NAME_START),
    st.text(NAME_REST, max_size=6),
)
qualified = st.one_of(names, st.builds("{}/{}".format, names, names))
keywords = qualified.map(Keyword)
symbols = st.one_of(
    qualified.filter(lambda n: n not in {"nil", "true", "false"}).map(Symbol),
    st.sampled_from(["/", "+", "-", ".", "...", "-a", "+/-", "_"]).map(Symbol),
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
chars = st.characters(exclude_categories=["Cs"]).map(Char)
instants = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 1))  # noqa: DTZ001
decimals = st.decimals(allow_nan=False, allow_infinity=False)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**700), 10**700),
    st.integers().map(BigInt),
    st.floats(),
    decimals,
    texts,
    texts.map(Uri),
    chars,
    keywords,
    symbols,
    instants,
    st.uuids(),
    st.binary(),
)
tags = names.filter(lambda n: n[0].isalpha() and n not in {"inst", "uuid", "bytes", "uri"})


def distinct(values: list[object]) -> list[object]:
    return list({identity_of(value): value for value in values}.values())


def make_frozen_set(values: list[object]) -> frozenset[object] | EdnSet:
    return edn_set(distinct(values))


def make_frozen_map(pairs: list[tuple[object, object]]) -> EdnMap:
    return EdnMap({identity_of(key): (key, value) for key, value in pairs}.values())


def make_map(pairs: list[tuple[object, object]]) -> dict[object, object] | EdnMap:
    return edn_map(make_frozen_map(pairs).items())


def frozen_in(children):
    return st.one_of(
        st.lists(children, max_size=4).map(tuple),
        st.lists(children, max_size=4).map(EdnList),
        st.lists(children, max_size=4).map(make_frozen_set),
        st.lists(st.tuples(children, children), max_size=3).map(make_frozen_map),
        st.builds(Tagged, tags, children),
    )


frozen_forms = st.recursive(scalars, frozen_in, max_leaves=8)


def open_in(children):
    return st.one_of(
        st.lists(children, max_size=5),
        st.lists(children, max_size=4).map(EdnList),
        st.lists(frozen_forms, max_size=4).map(make_frozen_set),
        st.lists(st.tuples(frozen_forms, children), max_size=4).map(make_map),
        st.builds(Tagged, tags, children),
    )


forms = st.recursive(scalars, open_in, max_leaves=20)
