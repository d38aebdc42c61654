"""Points in time: a t, a transaction's id, an instant; what they mean between transactions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from datamem.db import Db
from datamem.db.time import instant_of_t, t_of_point
from datamem.errors import DatamemError
from tests.db.worlds import SCHEMA, connect


@pytest.fixture(scope="module")
def db() -> Db:
    return connect(SCHEMA, *([{":u/name": name}] for name in "abcd")).db


def test_every_transaction_can_be_named_three_ways(db: Db) -> None:
    for t in range(1, db.basis_t + 1):
        instant = instant_of_t(db, t)
        for point in (t, np.int64(t), 2**40 + t, instant, instant.replace(tzinfo=None)):
            assert t_of_point(db, point) == t if t > 2 else t_of_point(db, point) <= 2
            assert db.as_of(point).t == t_of_point(db, point)


def test_an_instant_means_the_last_transaction_not_later(db: Db) -> None:
    last = instant_of_t(db, db.basis_t)
    moment = timedelta(microseconds=1)
    assert t_of_point(db, last - moment) == db.basis_t - 1
    assert t_of_point(db, last + moment) == db.basis_t
    assert t_of_point(db, datetime(9000, 1, 1, tzinfo=UTC)) == db.basis_t
    assert t_of_point(db, datetime(1969, 1, 1, tzinfo=UTC)) == 0
    assert t_of_point(db, last.astimezone(timezone(timedelta(hours=5)))) == db.basis_t


def test_a_past_view_reads_points_as_the_present_does(db: Db) -> None:
    last = instant_of_t(db, db.basis_t)
    past = db.as_of(db.basis_t - 2)
    assert past.as_of(last).t == db.basis_t - 2
    assert past.as_of(3).t == 3
    assert db.as_of(10**6).t == db.basis_t


@pytest.mark.parametrize("point", [-1, 2**41, True, 1.5, "noon", None, [3]])
def test_what_is_no_point_is_refused(db: Db, point: Any) -> None:
    with pytest.raises(DatamemError) as refused:
        db.as_of(point)
    assert refused.value.code == "db/bad-point"
