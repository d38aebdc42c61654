"""Results as frames of other libraries, and as tables for people."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from datamem.datalog import Result, q
from datamem.db.database import Db
from datamem.errors import QueryError

from .conftest import UUIDS

TEXT = (
    "[:find ?e ?n ?x ?on ?when ?status ?id :where [?e :p/name ?n] [?e :p/score ?x]"
    " [?e :p/active ?on] [?e :p/born ?when] [?e :p/status ?status] [?e :p/id ?id]"
    " :order-by ?e]"
)
NAMES = ["?e", "?n", "?x", "?on", "?when", "?status", "?id"]


@pytest.fixture
def found(people: Db) -> Result:
    result = q(TEXT, people)
    assert isinstance(result, Result)
    return result


def library(name: str) -> Any:
    """Import a library, or skip with a notice."""
    return pytest.importorskip(name, reason=f"{name} is not installed, its frames are untested")


def test_columns_are_typed(found: Result) -> None:
    kinds = {name: column.dtype for name, column in found.columns.items()}
    assert list(kinds) == NAMES
    assert kinds["?e"] == np.int64
    assert kinds["?x"] == np.float64
    assert kinds["?on"] == np.bool_
    assert kinds["?when"] == np.dtype("datetime64[us]")
    assert {kinds[name].kind for name in ("?n", "?status", "?id")} == {"O"}
    assert found.columns["?n"].tolist() == ["Ann", "Bob"]


def test_pandas(found: Result) -> None:
    library("pandas")
    frame = found.to_pandas()
    assert list(frame.columns) == NAMES
    assert frame["?x"].sum() == 4.0
    assert frame["?when"][0].to_pydatetime() == datetime(1990, 5, 20)  # noqa: DTZ001
    assert frame["?id"].tolist() == UUIDS[1:3]


def test_arrow(found: Result) -> None:
    library("pyarrow")
    table = found.to_arrow()
    assert table.column_names == NAMES
    assert table["?n"].to_pylist() == ["Ann", "Bob"]
    assert table["?status"].to_pylist() == [":status/on", ":status/off"]
    assert table["?when"].to_pylist()[0].replace(tzinfo=UTC) == datetime(
        1990, 5, 20, tzinfo=UTC
    )
    assert [str(id_) for id_ in table["?id"].to_pylist()] == [str(id_) for id_ in UUIDS[1:3]]


def test_polars(found: Result) -> None:
    library("polars")
    frame = found.to_polars()
    assert frame.columns == NAMES
    assert frame["?e"].to_list() == [1, 2]
    assert frame["?status"].to_list() == [":status/on", ":status/off"]


def test_what_frames_take_is_plain(people: Db) -> None:
    rows: list[tuple[Any, ...]] = [(Decimal("1.5"), "a"), (2, None), ("x", "b")]
    mixed = q("[:find ?a ?b :in $ $t :where [$t ?a ?b]]", people, rows)
    assert all(column.dtype == object for column in mixed.columns.values())
    assert set(mixed.columns["?b"].tolist()) == {"a", "b", None}


@pytest.mark.parametrize("name", ["pyarrow", "polars"])
def test_columns_of_several_types_become_text(people: Db, name: str) -> None:
    library(name)
    rows: list[tuple[Any, ...]] = [(1, 1), ("x", 2), (None, 3), ([1, "y"], 4)]
    mixed = q("[:find ?i ?a :in $ $t :where [$t ?a ?i] :order-by ?i]", people, rows)
    frame = mixed.to_arrow() if name == "pyarrow" else mixed.to_polars()
    column = frame["?a"].to_pylist() if name == "pyarrow" else frame["?a"].to_list()
    assert column == ["1", "x", None, '[1 "y"]']


def test_html_is_a_table_and_escapes(people: Db) -> None:
    rows = [(f"<b>{i}</b>", i) for i in range(60)]
    page = q("[:find ?a ?i :in $ $t :where [$t ?a ?i]]", people, rows)._repr_html_()
    assert page.startswith('<table><thead><tr><th style="text-align:left">?a</th>')
    assert "<b>" not in page
    assert "&lt;b&gt;7&lt;/b&gt;" in page
    assert page.count("<tr>") == 51
    assert page.endswith("<p>60 rows</p>")
    none = q("[:find ?e :where [?e :p/name nobody]]".replace("nobody", '"-"'), people)
    assert "<tbody></tbody>" in none._repr_html_()


def test_duckdb_reads_a_result_as_a_table(found: Result) -> None:
    duckdb = library("duckdb")
    library("pyarrow")
    with duckdb.connect() as connection:
        people = connection.from_arrow(found.to_arrow())  # noqa: F841  # read by its name
        names = connection.sql('SELECT "?n" FROM people WHERE "?e" > 0 ORDER BY 1').fetchall()
    assert [name for (name,) in names] == sorted(row[1] for row in found)


def test_a_result_is_an_arrow_stream(found: Result) -> None:
    pa = library("pyarrow")
    assert pa.table(found).equals(found.to_arrow())


def test_rows_are_edges_of_a_networkx_graph(people: Db) -> None:
    library("networkx")
    found = q("[:find ?a ?n ?x :where [?a :p/name ?n] [?a :p/score ?x]]", people)
    graph = found.to_networkx()
    assert graph.number_of_edges() == len(found)
    first = found[0]
    assert graph.get_edge_data(first[0], first[1])[0] == {"x": first[2]}


def test_a_column_that_is_found_twice_is_there_twice(people: Db) -> None:
    found = q("[:find ?a ?a (max ?a) ?a :where [?e :p/age ?a]]", people)
    assert list(found.columns) == ["?a", "?a 2", "(max ?a)", "?a 3"]
    assert found.columns["?a 3"].tolist() == found.columns["?a"].tolist()
    assert found.names == ("?a", "?a", "(max ?a)", "?a")


@pytest.mark.parametrize("name", ["pandas", "pyarrow", "polars", "networkx"])
def test_a_package_that_is_missing_is_named(
    found: Result, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    make = getattr(found, f"to_{name.removeprefix('py')}")
    with pytest.raises(QueryError, match=f"{name} is not installed") as caught:
        make()
    assert caught.value.code == "result/not-installed"
    assert caught.value.hint == f"pip install {name}"


def test_a_graph_names_its_columns(found: Result) -> None:
    library("networkx")
    with pytest.raises(QueryError, match="no column who") as caught:
        found.to_networkx("who")
    assert caught.value.code == "result/no-column"


def test_instants_are_instants_though_some_are_missing(people: Db) -> None:
    text = "[:find ?e ?at :where [?e :p/name] [(get-else $ ?e :p/born nil) ?at] :order-by ?e]"
    column = q(text, people).columns["?at"]
    assert column.dtype == np.dtype("datetime64[us]")
    assert column[0] == np.datetime64("1990-05-20")
    assert np.isnat(column).tolist() == [False, False, True, True]
