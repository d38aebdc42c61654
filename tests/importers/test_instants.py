"""Dates of sources: what is read, and when a transaction may carry them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.importers.instants import parse_instant, parse_spoken_instant, usable_instant

NOON = datetime(2023, 5, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("12:00 pm on 8 May, 2023", 12, 0),
        ("12:30 am on 8 May, 2023", 0, 30),
        ("1:05 PM on 8 may 2023", 13, 5),
        (" 11:59 pm on 8 May, 2023 ", 23, 59),
    ],
)
def test_spoken_dates_are_read(text, hour, minute) -> None:
    assert parse_spoken_instant(text) == datetime(2023, 5, 8, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8 May 2023",
        "13:00 pm on 8 May, 2023",
        "0:10 am on 8 May, 2023",
        "1:00 pm on 31 June, 2023",
    ],
)
def test_other_texts_are_no_dates(text) -> None:
    assert parse_spoken_instant(text) is None


@pytest.mark.parametrize("value", [None, True, "soon", {}, 1e40])
def test_values_that_are_no_instants(value) -> None:
    assert parse_instant(value) is None


def test_a_zone_is_turned_into_utc_and_none_is_utc() -> None:
    assert parse_instant("2023-05-08T14:00:00+02:00") == NOON
    assert parse_instant("2023-05-08T12:00:00") == NOON


@given(st.lists(st.integers(0, 3), min_size=1))
def test_dates_in_order_stay_in_order_and_near(minutes) -> None:
    """Model: the log's instants only grow; a wanted instant is moved by microseconds at most."""
    last = NOON - timedelta(minutes=1)
    for minute in sorted(minutes):
        wanted = NOON + timedelta(minutes=minute)
        instant = usable_instant(wanted, last)
        assert instant is not None
        assert instant > last
        assert instant - wanted < timedelta(milliseconds=1)
        last = instant


def test_a_date_that_the_database_is_past_is_not_used() -> None:
    assert usable_instant(NOON, NOON + timedelta(days=1)) is None
    assert usable_instant(None, NOON) is None
