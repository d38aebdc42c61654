"""Loading columns: every kind of column, what is no value, and all that a load refuses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.conn import Connection, check, load
from datamem.edn import Keyword
from datamem.errors import DatamemError, TransactError
from tests.conn.worlds import SCHEMA, Clock, facts, open_db, people, tiny_sizes


def attribute(name: str, kind: str, **more: Any) -> dict[str, Any]:
    extra = {f":db/{key.replace('_', '')}": value for key, value in more.items()}
    return {":db/ident": f":c/{name}", ":db/valueType": f":db.type/{kind}", **extra}


KINDS = [
    attribute("long", "long"),
    attribute("small", "long", min=0, max=9),
    attribute("double", "double"),
    attribute("boolean", "boolean"),
    attribute("instant", "instant"),
    attribute("early", "instant", max=datetime(2020, 1, 1, tzinfo=UTC)),
    attribute("string", "string"),
    attribute("short", "string", maxLength=3),
    attribute("color", "keyword", enum=[Keyword(":red"), Keyword(":green")]),
    attribute("keyword", "keyword"),
    attribute("uuid", "uuid"),
    attribute("bytes", "bytes"),
    attribute("bigint", "bigint"),
    attribute("bigdec", "bigdec"),
    attribute("ref", "ref"),
    attribute("id", "string", unique=":db.unique/identity"),
    attribute("number", "long", unique=":db.unique/value"),
    attribute("many", "string", cardinality=":db.cardinality/many"),
]
ID = uuid.UUID(int=7)
DAY = datetime(2020, 2, 3, tzinfo=UTC)


@pytest.fixture
def conn() -> Iterator[Connection]:
    with open_db(schema=KINDS) as made:
        yield made


def column_of(conn: Connection, name: str) -> list[Any]:
    """Return the attribute's value of each entity in order, None where there is none."""
    last = conn.db.next_entity
    return [(conn.db.pull([f":c/{name}"], e) or {}).get(f":c/{name}") for e in range(1, last)]


@pytest.mark.parametrize(
    ("name", "column", "expected"),
    [
        ("long", [1, None, -3], [1, None, -3]),
        ("long", np.array([1, 2, 3], np.int8), [1, 2, 3]),
        ("long", np.array([1, 2, 2**63 - 1], np.uint64), [1, 2, 2**63 - 1]),
        ("long", range(3), [0, 1, 2]),
        ("long", iter([5, 6, 7]), [5, 6, 7]),
        ("double", [1.5, None, 2], [1.5, None, 2.0]),
        ("double", [1.5, float("nan"), -0.0], [1.5, None, 0.0]),
        ("double", [None, np.float64("nan"), 1.0], [None, None, 1.0]),
        ("double", np.array([1.5, np.nan, np.inf]), [1.5, None, float("inf")]),
        ("double", np.array([1, 2, 3], np.int32), [1.0, 2.0, 3.0]),
        ("double", np.array([0.5, 0.25, np.nan], np.float32), [0.5, 0.25, None]),
        ("boolean", [True, None, False], [True, None, False]),
        ("boolean", np.array([True, False, True]), [True, False, True]),
        ("instant", [DAY, None, DAY.replace(tzinfo=None)], [DAY, None, DAY]),
        ("instant", np.array(["2020-02-03", "NaT", "1900-01-01"], "M8[D]"), [
            DAY, None, datetime(1900, 1, 1, tzinfo=UTC)
        ]),
        ("instant", np.array(["2020-02-03", "NaT", "NaT"], "M8[ns]"), [DAY, None, None]),
        ("string", ["a", None, ""], ["a", None, ""]),
        ("string", ["a", float("nan"), "a"], ["a", None, "a"]),
        ("string", np.array(["a", "bc", "a"]), ["a", "bc", "a"]),
        ("keyword", [":a/b", Keyword(":a/b"), None], [":a/b", ":a/b", None]),
        ("uuid", [ID, None, ID], [ID, None, ID]),
        ("bytes", [b"\0", None, b""], [b"\0", None, b""]),
        ("bigint", [2**70, 1, None], [2**70, 1, None]),
        ("bigdec", [Decimal("1.50"), None, Decimal("1.5")], [Decimal("1.5"), None, Decimal("1.5")]),
        ("ref", [1, 3, None], [{":db/id": 1}, {":db/id": 3}, None]),
        ("ref", np.array([2, 3, 1]), [{":db/id": 2}, {":db/id": 3}, {":db/id": 1}]),
        ("many", ["x", "y", None], [["x"], ["y"], None]),
    ],
)  # fmt: skip
def test_columns_of_every_kind(
    conn: Connection, name: str, column: Any, expected: list[Any]
) -> None:
    report = conn.load({f":c/{name}": column})
    assert column_of(conn, name) == expected
    count = sum(value is not None for value in expected)
    assert (report.first_entity, report.row_count, report.datom_count) == (1, 3, count + 1)
    assert (report.first_t, report.last_t) == (3, 3)
    assert conn.db.next_entity == 4
    facts(conn.db)


@pytest.mark.parametrize(
    ("name", "column", "code"),
    [
        ("long", ["x"], "schema/wrong-type"),
        ("long", [1, True], "schema/wrong-type"),
        ("long", [1.5], "schema/wrong-type"),
        ("long", np.array([1.0, 2.0]), "schema/wrong-type"),
        ("long", np.array([2**63], np.uint64), "schema/out-of-range"),
        ("long", [2**63], "schema/out-of-range"),
        ("long", np.array([True]), "schema/wrong-type"),
        ("small", [1, 10], "schema/out-of-range"),
        ("small", np.array([3, -1]), "schema/out-of-range"),
        ("double", ["1.5"], "schema/wrong-type"),
        ("double", np.array([2**53 + 1]), "schema/wrong-type"),
        ("boolean", [1], "schema/wrong-type"),
        ("instant", ["2020-01-01"], "schema/wrong-type"),
        ("instant", np.array(["20000-01-01"], "M8[D]"), "schema/out-of-range"),
        ("instant", np.array(["-0001-01-01"], "M8[s]"), "schema/out-of-range"),
        ("early", np.array(["2021-01-01"], "M8[D]"), "schema/out-of-range"),
        ("string", ["a", 1], "schema/wrong-type"),
        ("string", [b"a"], "schema/wrong-type"),
        ("short", ["abc", "abcd"], "schema/wrong-length"),
        ("color", [":red", ":blue"], "schema/not-in-enum"),
        ("bigint", [1, True], "schema/wrong-type"),
        ("bigdec", [Decimal(1), True], "schema/wrong-type"),
        ("ref", [1, 99], "transact/bad-entity"),
        ("ref", np.array([0, 1]), "transact/bad-entity"),
        ("ref", np.array([-1, 1]), "transact/bad-entity"),
        ("ref", np.array([2**41 + 5000, 1]), "transact/bad-entity"),
        ("ref", np.array([2**40 + 77, 1]), "transact/bad-entity"),
        ("id", ["a", "b", "a"], "transact/unique-conflict"),
        ("id", ["b", "old"], "transact/unique-conflict"),
        ("number", np.array([70_000, 70_000]), "transact/unique-conflict"),
        ("nowhere", [1], "load/unknown-attribute"),
        ("string", "text", "load/no-column"),
        ("string", {"a": 1}, "load/no-column"),
        ("long", 5, "load/no-column"),
        ("long", np.array(5), "load/no-column"),
    ],
)
def test_what_a_column_may_not_hold(
    conn: Connection, name: str, column: Any, code: str
) -> None:
    """Each is refused as a transaction would be, and nothing has changed."""
    conn.transact([{":c/id": "old", ":c/number": 1}])
    before = conn.db
    with pytest.raises(DatamemError) as refused:
        conn.load({f":c/{name}": column})
    assert refused.value.code == code
    if code == "transact/unique-conflict":
        assert "None" not in refused.value.message
        assert refused.value.data["value"] in {"a", "old", 70_000}
    assert conn.db is before
    assert before.heap.size == before.heap_size
    conn.load({":c/long": [1]})


def test_columns_that_do_not_fit_together(conn: Connection) -> None:
    for columns, code in (
        ({}, "load/unequal-columns"),
        ({"c/long": [1], "c/double": [1.0, 2.0]}, "load/unequal-columns"),
        ({"c/long": [1], ":c/long": [2]}, "load/same-attribute"),
        ({"db/doc": ["text"]}, "load/unknown-attribute"),
    ):
        with pytest.raises(TransactError) as refused:
            conn.load(columns)
        assert refused.value.code == code
    report = conn.load({"c/long": [], "c/double": np.empty(0)})
    assert (report.row_count, report.datom_count, report.last_t) == (0, 0, 2)
    assert conn.db.basis_t == 2


def test_what_needs_a_whole_transaction_is_refused(conn: Connection) -> None:
    conn.transact(
        [
            attribute("a", "long"),
            attribute("b", "long"),
            attribute("even", "long"),
            {
                ":db/ident": ":c/a+b",
                ":db/valueType": ":db.type/tuple",
                ":db/tupleAttrs": [":c/a", ":c/b"],
            },
            {
                ":db/ident": ":c/kind",
                ":db.entity/kind": [":c/even"],
                ":db.entity/attrs": [":c/even", ":c/long"],
            },
        ]
    )
    for columns in (
        {"c/a": [1]},
        {"c/even": [2]},
        {"c/even": [2, 4], "c/long": [1, None]},
    ):
        with pytest.raises(TransactError, match="load/needs-transact"):
            conn.load(columns)
    assert conn.load({"c/even": [2, 4], "c/long": [1, 2]}).row_count == 2
    assert conn.load({"c/long": [1, None]}).row_count == 2


def test_several_transactions_with_references_among_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others commit between the parts, and take no ids of the rows."""
    monkeypatch.setattr(load, "ROWS_A_TRANSACTION", 10)
    conn = open_db(tmp_path / "db", KINDS)
    first = conn.db.next_entity
    ids = np.arange(first, first + 35)
    between: list[int] = []

    def meddle(report: Any) -> None:
        if report.tx_data[1].a != conn.db.schema.require(":c/bytes").id and len(between) < 3:
            between.append(conn.transact([{":db/id": "x", ":c/bytes": b"!"}]).tempids["x"])

    conn.listen(meddle)
    report = conn.load({"c/ref": ids[::-1], "c/id": [f"row {i}" for i in range(35)]})
    assert (report.first_entity, report.row_count) == (first, 35)
    assert (report.first_t, report.last_t) == (3, 9)
    assert between == [first + 35, first + 36, first + 37]
    assert [p[":c/ref"] for e, p in sorted(people(conn.db).items()) if e < first + 35] == [
        *ids[::-1].tolist()
    ]
    assert conn.db.resolve([":c/id", "row 34"]) == first + 34
    before = conn.db.basis_t
    with pytest.raises(TransactError, match="transact/unique-conflict"):
        conn.load({"c/id": [f"new {i}" for i in range(25)] + ["row 3"]})
    assert conn.db.basis_t == before + 2  # whole transactions of a load stay
    conn.close()
    assert check(tmp_path / "db").problems == []


@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.integers(-9, 9),
            st.none() | st.sampled_from([0.0, 1.5, -2.25]),
            st.none() | st.sampled_from(["a", "b", "", "long " * 9]),
        ),
        min_size=1,
        max_size=30,
    ),
    as_numpy=st.booleans(),
)
def test_a_load_equals_transacting_maps(rows: list[tuple[Any, ...]], as_numpy: bool) -> None:
    """Model: one map per row; also when the rows are many for the index, and after more of both."""
    with tiny_sizes():
        loaded, transacted = open_db(schema=SCHEMA), open_db(schema=SCHEMA)
        names = (":p/age", ":p/score", ":p/tags")
        maps = [dict(zip(names, row, strict=True)) for row in rows]
        for step in range(2):
            numbered = [{":p/name": f"{step}/{i}", **row} for i, row in enumerate(maps)]
            columns: dict[str, Any] = {
                name: [row[name] for row in numbered] for name in (":p/name", *names)
            }
            if as_numpy:
                columns[":p/name"] = np.array(columns[":p/name"])
            loaded.load(columns)
            transacted.transact(numbered)
            assert facts(loaded.db) == facts(transacted.db)
        assert loaded.db.next_entity == transacted.db.next_entity
        change = [[":db/retractEntity", [":p/name", "0/0"]]]
        for conn in (loaded, transacted):
            conn.transact(change)
        assert people(loaded.db) == people(transacted.db)


def test_loads_have_instants_and_reports_as_transactions_do() -> None:
    clock = Clock(step_us=0)
    conn = open_db(schema=KINDS, clock=clock)
    heard: list[Any] = []
    conn.listen(heard.append)
    for _ in range(3):
        conn.load({"c/long": np.arange(3)})
    assert [report.t for report in heard] == [3, 4, 5]
    assert [len(report.tx_data) for report in heard] == [4, 4, 4]
    instants = [entry.instant for entry in conn.log(3)]
    assert len(set(instants)) == 3
    assert instants == sorted(instants)


def test_arrow_and_pandas_columns(conn: Connection) -> None:
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow")
    conn.load({"c/long": pandas.Series([1, 2]), "c/string": pandas.Series(["a", None])})
    conn.load({"c/long": arrow.array([3, None]), "c/string": arrow.array(["b", "a"])})
    assert column_of(conn, "long") == [1, 2, 3, None]
    assert column_of(conn, "string") == ["a", None, "b", "a"]
