"""Datoms in index order, from a place on, and by ranges of values."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from datamem.conn import Connection
from datamem.db import Db
from datamem.edn import Keyword
from datamem.errors import DatamemError, SchemaError
from tests.db.worlds import SCHEMA, connect


def at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def conn() -> Connection:
    return connect(
        SCHEMA,
        [{":u/name": "delta"}],
        [{":u/name": "alpha", ":u/age": 30, ":u/score": 1.5, ":u/boss": [":u/name", "delta"]},
         {":u/name": "Zed", ":u/age": 10, ":u/score": -0.5, ":u/born": at(2000)},
         {":u/name": "éa", ":u/age": 20, ":u/score": 2.0, ":u/born": at(2010)}],
        [{":u/name": "alpha", ":u/age": 31, ":u/big": [5, 2**70, -3],
          ":u/price": [Decimal("0.5"), Decimal(5)], ":u/any": [5, 5.0, "five", True]}],
    )  # fmt: skip


@pytest.fixture(scope="module")
def db(conn: Connection) -> Db:
    return conn.db


def values(datoms: Any) -> list[Any]:
    return [datom.v for datom in datoms]


def test_values_come_in_their_own_order(db: Db) -> None:
    names = ["Zed", "alpha", "delta", "éa"]
    assert values(db.datoms("avet", ":u/name")) == names
    assert values(db.datoms(":avet", "u/name", reverse=True)) == names[::-1]
    assert values(db.datoms("avet", ":u/score")) == [-0.5, 1.5, 2.0]
    assert values(db.datoms("aevt", ":u/name")) == ["delta", "alpha", "Zed", "éa"]
    assert values(db.datoms("avet", ":u/any")) == [True, 5, 5.0, "five"]


def test_components_narrow_from_the_left(db: Db) -> None:
    alpha = [":u/name", "alpha"]
    assert values(db.datoms("eavt", alpha, ":u/age")) == [31]
    assert values(db.datoms("eavt", alpha, None, None, db.newest_tx))[:1] == [31]
    assert len(db.datoms("avet", ":u/age", 31)) == 1
    assert db.datoms("avet", ":u/age", 30) == []
    assert [d.e for d in db.datoms("vaet", [":u/name", "delta"])] == [db.resolve(alpha)]
    assert [d.e for d in db.datoms("vaet", [":u/name", "delta"], ":u/boss", alpha)] == [2]
    assert db.datoms("vaet", 1, ":u/friend") == []
    assert [d.e for d in db.datoms("avet", ":u/boss", [":u/name", "delta"])] == [2]


@pytest.mark.parametrize("t", [3, 4, 5])
def test_a_transaction_may_be_a_t_an_id_or_an_instant(db: Db, t: int) -> None:
    found = [d for d in db.datoms("eavt") if d.tx == 2**40 + t]
    instant = next(d.v for d in found if isinstance(d.v, datetime) and d.e == d.tx)
    for point in (t, 2**40 + t, instant):
        assert db.datoms("eavt", None, None, None, point) == found


def test_what_is_not_there_matches_nothing(db: Db) -> None:
    for components in ([99], [[":u/name", "zoe"]], [1, ":nobody/used"], [":kind/unheard"]):
        assert db.datoms("eavt", *components) == []
    assert db.datoms("avet", ":u/age", 500) == []  # beyond the attribute's own limit
    assert db.datoms("avet", ":nobody/used", 1) == []
    assert db.datoms("vaet", 99) == []
    assert db.index_range(":nobody/used") == []


def test_strict_mode_refuses_names_nobody_declared() -> None:
    db = connect([SCHEMA, "strict"]).db
    for ask in (lambda: db.datoms("aevt", ":u/nmae"), lambda: db.index_range("u/nmae", 1)):
        with pytest.raises(SchemaError) as refused:
            ask()
        assert refused.value.code == "schema/unknown-attribute"
        assert ":u/name" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda db: db.datoms("eva"), "index/unknown"),
        (lambda db: db.seek_datoms("tx"), "index/unknown"),
        (lambda db: db.datoms("eavt", 1, 2, 3, 4, 5), "index/too-many-components"),
        (lambda db: db.datoms("eavt", 1, None, 5), "index/value-without-attribute"),
        (lambda db: db.datoms("eavt", None, None, None, "noon"), "db/bad-point"),
        (lambda db: db.datoms("avet", ":u/age", "ten"), "schema/wrong-type"),
        (lambda db: db.datoms("aevt", 1.5), "schema/unknown-attribute"),
        (lambda db: db.seek_datoms("eavt", [":u/name", "zoe"]), "entity/not-found"),
        (lambda db: db.seek_datoms("aevt", ":nobody/used"), "schema/unknown-attribute"),
        (lambda db: db.seek_datoms("avet", ":u/name", 5), "schema/wrong-type"),
        (lambda db: db.index_range(":u/age", "ten"), "index/bad-range"),
        (lambda db: db.index_range(":u/age", float("nan")), "index/bad-range"),
        (lambda db: db.index_range(":u/age", True, 3), "index/bad-range"),
        (lambda db: db.index_range(":u/big", "ten"), "index/bad-range"),
        (lambda db: db.index_range(":u/name", 5), "schema/wrong-type"),
        (lambda db: db.index_range(":u/age", [":closd", 1, 2]), "index/bad-range"),
        (lambda db: db.index_range(":u/age", [":closed", 1]), "index/bad-range"),
    ],
)
def test_refusals(db: Db, ask: Any, code: str) -> None:
    with pytest.raises(DatamemError) as refused:
        ask(db)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "bounds", "found"),
    [
        ("u/age", (), [10, 20, 31]),
        (":u/age", (10, 20), [10, 20]),
        (":u/age", (11,), [20, 31]),
        (":u/age", (None, 20), [10, 20]),
        (":u/age", (10.5, 20.5), [20]),
        (":u/age", (Decimal("19.99"), Decimal(31)), [20, 31]),
        (":u/age", (-(2**80), 2**80), [10, 20, 31]),
        (":u/age", (float("-inf"), float("inf")), [10, 20, 31]),
        (":u/age", (2**80, None), []),
        (":u/age", (20, 10), []),
        (":u/age", (0, 100000), [10, 20, 31]),
        (":u/score", (-1, 2), [-0.5, 1.5, 2.0]),
        (":u/score", (Decimal("1.5"), 10**400), [1.5, 2.0]),
        (":u/score", (-(10**400), -0.5), [-0.5]),
        (":u/name", ("a", "e"), ["alpha", "delta"]),
        (":u/name", (None, "a"), ["Zed"]),
        (":u/name", ("delta",), ["delta", "éa"]),
        (":u/born", (at(2000), at(2009)), [at(2000)]),
        (":u/big", (5, 2**70), [5, 2**70]),
        (":u/big", (None, 4.5), [-3]),
        (":u/price", (0.5, 5), [Decimal("0.5"), Decimal(5)]),
        (":u/any", (5, 5), [5, 5.0]),
        (":u/any", (None, 5.5), [True, 5, 5.0]),
        (":u/any", ("a",), ["five"]),
    ],
)  # fmt: skip
def test_ranges_include_both_bounds(db: Db, name: str, bounds: Any, found: Any) -> None:
    assert values(db.index_range(name, *bounds)) == found
    assert values(db.index_range(name, *bounds, reverse=True)) == found[::-1]


NUMBERS = [1, 2, 4, 8, 16, 32]
RANGES: list[tuple[list[Any], list[int]]] = [
    ([":all"], NUMBERS),
    ([":all-back"], NUMBERS[::-1]),
    ([":at-least", 4], [4, 8, 16, 32]),
    ([":at-least-back", 5], [32, 16, 8]),
    ([":greater-than", 4], [8, 16, 32]),
    ([":greater-than-back", 4], [32, 16, 8]),
    ([":at-most", 4], [1, 2, 4]),
    ([":at-most-back", 4], [4, 2, 1]),
    ([":less-than", 4], [1, 2]),
    ([":less-than-back", 5], [4, 2, 1]),
    ([":closed", 2, 16], [2, 4, 8, 16]),
    ([":closed", 16, 2], []),
    ([":closed-back", 16, 2], [16, 8, 4, 2]),
    ([":closed-back", 2, 16], []),
    ([":closed-open", 2, 16], [2, 4, 8]),
    ([":closed-open-back", 16, 2], [16, 8, 4]),
    ([":open-closed", 2, 16], [4, 8, 16]),
    ([":open-closed-back", 16, 2], [8, 4, 2]),
    ([":open", 2, 16], [4, 8]),
    ([":open-back", 16, 2], [8, 4]),
    ([Keyword(":open"), 1.5, 8.5], [2, 4, 8]),
    (["closed", 2, 4], [2, 4]),
]


@pytest.mark.parametrize("name", [":u/nums", ":u/big", ":u/any"])
@pytest.mark.parametrize(("wanted", "found"), RANGES)
def test_ranges_as_datalevin_writes_them(
    name: str, wanted: list[Any], found: list[int]
) -> None:
    db = connect(SCHEMA, [{":u/name": "x", name: NUMBERS}]).db
    assert values(db.index_range(name, wanted)) == found
    assert values(db.index_range(name, tuple(wanted), reverse=True)) == found[::-1]


def test_a_tuple_is_a_bound_and_no_range() -> None:
    db = connect(SCHEMA, [{":db/id": i, ":u/pair": ["k", i]} for i in range(1, 5)]).db
    assert values(db.index_range(":u/pair", ["k", 3])) == [("k", 3), ("k", 4)]
    assert values(db.index_range(":u/pair", [":closed", ["k", 2], ["k", 3]])) == [
        ("k", 2),
        ("k", 3),
    ]


def test_past_views_have_ranges_and_orders_of_their_own(conn: Connection) -> None:
    db = conn.db
    assert values(db.as_of(4).index_range(":u/age", 15, 30)) == [20, 30]
    assert values(db.as_of(3).datoms("avet", ":u/name")) == ["delta"]
    assert values(db.since(4).index_range(":u/age")) == [31]
    assert values(db.filter(lambda _, d: d.v != "alpha").index_range(":u/name", "a", "e")) == [
        "delta"
    ]
    past = [(d.v, d.added) for d in db.history().index_range(":u/age", 30)]
    assert past == [(30, True), (30, False), (31, True)]
    assert [(d.v, d.added) for d in db.history().datoms("eavt", 2, ":u/age")] == past
    assert values(db.history().seek_datoms("avet", ":u/age", 30))[:3] == [30, 30, 31]


def test_seeking_begins_where_the_components_would_be(db: Db) -> None:
    assert values(itertools.islice(db.seek_datoms("avet", ":u/name", "b"), 2)) == [
        "delta",
        "éa",
    ]
    back = db.seek_datoms("avet", ":u/name", "b", reverse=True)
    assert values(itertools.islice(back, 2)) == ["alpha", "Zed"]
    assert values(itertools.islice(db.seek_datoms("avet", ":u/age", 15.5), 2)) == [20, 31]
    assert next(db.seek_datoms("avet", ":u/age", 2**80)).a != db.datoms("avet", ":u/age")[0].a
    assert next(db.seek_datoms("avet", ":u/age", 2**80, reverse=True)).v == 31
    assert next(db.seek_datoms("eavt", 2, ":u/age")).v == 31
    assert values(itertools.islice(db.seek_datoms("eavt", 3), 1)) == ["Zed"]
    assert [d.v for d in db.seek_datoms("vaet", 1)] == [1]
    assert list(db.seek_datoms("vaet", 2)) == []
    assert next(db.seek_datoms("avet", ":u/price", 5, reverse=True)).v == Decimal(5)
    assert next(db.seek_datoms("avet", ":u/price", 5)).v == Decimal(5)


def test_a_seek_reads_a_piece_at_a_time() -> None:
    conn = connect()
    conn.transact([{":u/nums": [i]} for i in range(30_000)])
    from datamem.db import datoms as module

    asked: list[int] = []
    original = module.in_order

    def counting(db: Any, order: str, rows: Any, **options: Any) -> Any:
        asked.append(len(rows))
        return original(db, order, rows, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "in_order", counting)
        assert values(itertools.islice(conn.db.seek_datoms("avet", ":u/nums", 20_000), 3)) == [
            20_000, 20_001, 20_002
        ]  # fmt: skip
        found = conn.db.seek_datoms("eavt", 25_000, reverse=True)
        assert values(itertools.islice(found, 2)) == [24_999, 24_998]
    assert max(asked) < 1000
