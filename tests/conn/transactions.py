"""Transactions of every form over four people, for properties; some of them are refused, which is fine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from datamem.conn import Connection
from datamem.db import TxReport
from datamem.errors import DatamemError
from tests.conn.worlds import NAMES, person

names = st.sampled_from(NAMES)
ages = st.integers(0, 4)
scores = st.sampled_from([0.0, 0.25, 1.5, -3.0])
tags = st.sampled_from(["red", "green", "", "blue" * 40])
borns = st.sampled_from([datetime(2000, 1, 1, tzinfo=UTC), datetime(2011, 5, 6, tzinfo=UTC)])

_values: dict[str, st.SearchStrategy[Any]] = {
    ":p/age": ages,
    ":p/score": scores,
    ":p/tags": tags,
    ":p/born": borns,
    ":p/code": st.integers(1, 3),
    ":p/friends": names.map(person),
    ":p/boss": names.map(person),
    ":x/note": st.sampled_from(["a note", "another"]),
}
slots = st.sampled_from(sorted(_values)).flatmap(
    lambda name: st.tuples(st.just(name), _values[name])
)
maps = st.builds(
    lambda name, given: {":p/name": name, **dict(given)}, names, st.lists(slots, max_size=3)
)
nested = st.builds(
    lambda name, tag, age: {":p/name": name, ":p/parts": [{":p/tags": [tag], ":p/age": age}]},
    names,
    tags,
    ages,
)
operations = st.one_of(
    st.builds(lambda n, slot: [":db/add", person(n), *slot], names, slots),
    st.builds(lambda n, slot: [":db/retract", person(n), *slot], names, slots),
    st.builds(lambda n, slot: [":db/retract", person(n), slot[0]], names, slots),
    st.builds(lambda n: [":db/retractEntity", person(n)], names),
    st.builds(
        lambda n, old, new: [":db/cas", person(n), ":p/age", old, new], names, ages, ages
    ),
)
forms = st.one_of(maps, maps, nested, operations)
transactions = st.lists(forms, min_size=1, max_size=4)


def attempt(conn: Connection, tx_data: Sequence[Any]) -> TxReport | None:
    """Transact, or return None if it is refused."""
    try:
        return conn.transact(tx_data)
    except DatamemError:
        return None
