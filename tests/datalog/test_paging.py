"""Pages: cursors continue where a page ended, whatever changed in between."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.datalog import prepare, q
from datamem.db.database import Db
from datamem.errors import QueryError

from .worlds import DOUBLE, EDN, LONG, MANY, STRING, World


def world() -> World:
    made = World({":n/name": STRING, ":n/x": LONG, ":n/y": DOUBLE, ":n/tag": EDN | MANY})
    made.add(
        fact
        for e in range(1, 31)
        for fact in (
            (e, "n/name", f"n{e * 7 % 31}"),
            (e, "n/x", e % 4),
            (e, "n/y", e / 2),
            (e, "n/tag", ["t", 1, 2.5, True][e % 4]),
            (e, "n/tag", "z"),
        )
    )
    return made


def pages(text: str, db: Db, limit: int = 4) -> list[Any]:
    """Return all rows, page by page."""
    prepared = prepare(text)
    rows: list[Any] = []
    token = None
    while True:
        page = prepared(db, token)
        assert len(page) <= limit
        rows += page
        token = page.cursor
        if token is None:
            return rows


WHERE = ":where [?e :n/name ?n] [?e :n/x ?x] [?e :n/y ?y] [?e :n/tag ?t]"


@pytest.mark.parametrize(
    "order",
    [
        ":order-by ?x",
        ":order-by ?x :desc ?n",
        ":order-by ?y :desc",
        ":order-by ?t :desc ?x",
        "",
    ],
)
@pytest.mark.parametrize("find", ["?e ?x", "?n ?t ?y", "?t", "(pull ?e [:n/name]) ?x"])
def test_pages_put_together_are_the_whole(find: str, order: str) -> None:
    db = world().db
    whole = q(f"[:find {find} {WHERE} {order}]", db)
    text = f"[:find {find} :in $ ?after {WHERE} {order} :limit 4 :after ?after]"
    rows = pages(text, db)
    assert len(rows) == len(whole)
    assert all(row in whole for row in rows)
    if order:
        first = q(f"[:find {find} {WHERE} {order} :limit 4]", db)
        assert rows[:4] == list(first)
        assert first.cursor is not None


def test_what_was_added_before_the_cursor_moves_nothing() -> None:
    made = world()
    text = "[:find ?x ?e :in $ ?after :where [?e :n/x ?x] :order-by ?x :limit 10 :after ?after]"
    first = q(text, made.db, None)
    rest = q(text, made.db, first.cursor)
    changed = made.add([(40, "n/x", -5), (first[-1][1], "n/x", first[-1][0], False)])
    assert list(q(text, changed, first.cursor)) == list(rest)
    changed = made.add([(41, "n/x", rest[0][0])])
    second = q(text, changed, first.cursor)
    third = q(text, changed, second.cursor)
    assert (rest[0][0], 41) in [*second, *third]


def test_the_last_page_has_no_cursor() -> None:
    db = world().db
    text = "[:find ?e :where [?e :n/x 1] :order-by ?e :limit {}]"
    assert q(text.format(7), db).cursor is not None
    assert q(text.format(8), db).cursor is None
    assert q("[:find ?e :where [?e :n/x 1]]", db).cursor is None


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        (':order-by ?x :limit 2 :after "nonsense"', "query/bad-cursor"),
        (":order-by ?x :limit 2 :after 7", "query/bad-cursor"),
        (":order-by ?x :limit 2 :after ?cursor", "query/unbound-variable"),
        (":order-by ?x :limit ?many", "query/unbound-variable"),
        (":timeout ?ms", "query/unbound-variable"),
    ],
)
def test_what_is_no_cursor_is_refused(setting: str, code: str) -> None:
    with pytest.raises(QueryError) as caught:
        q(f"[:find ?e ?x :where [?e :n/x ?x] {setting}]", world().db)
    assert caught.value.code == code


def test_a_cursor_of_another_order_is_refused() -> None:
    db = world().db
    token = q("[:find ?e ?x :where [?e :n/x ?x] :order-by ?x :limit 2]", db).cursor
    text = "[:find ?e ?x :in $ ?c :where [?e :n/x ?x] :order-by {} :limit 2 :after ?c]"
    assert len(q(text.format("?x"), db, token)) == 2
    with pytest.raises(QueryError, match=r"ordered by \?x, \?e, and this query orders by \?e"):
        q(text.format("?e"), db, token)
    with pytest.raises(QueryError, match="gives groups"):
        q("[:find ?x (count ?e) :in $ ?c :where [?e :n/x ?x] :after ?c]", db, token)
