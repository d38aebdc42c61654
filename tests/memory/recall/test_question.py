"""What a question names: dates, people, things."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.index.words import instant_of_us, us_of_instant
from datamem.memory import Memory
from datamem.memory.recall.dates import DAY_US, date_spans, nearness
from datamem.memory.recall.names import named_in

NOW = us_of_instant(datetime(2026, 6, 17, 15, 30, tzinfo=UTC))
FORMATS = ("%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%d %b %Y", "%B %dth %Y")


def days(text: str) -> list[tuple[date, int]]:
    return [(instant_of_us(a).date(), (b - a) // DAY_US) for a, b in date_spans(text, NOW)]


@given(st.dates(date(1950, 1, 1), date(2090, 1, 1)), st.sampled_from(FORMATS))
def test_a_written_day_is_read_back(day, form) -> None:
    assert (day, 1) in days(f"What happened on {day.strftime(form)}, do you know?")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in May 2025", [(date(2025, 5, 1), 31)]),
        ("in February 2024", [(date(2024, 2, 1), 29)]),
        ("during 2024", [(date(2024, 1, 1), 366)]),
        ("yesterday", [(date(2026, 6, 16), 1)]),
        ("today", [(date(2026, 6, 17), 1)]),
        ("three days ago", [(date(2026, 6, 14), 1)]),
        ("a week ago", [(date(2026, 6, 7), 7)]),
        ("last week", [(date(2026, 6, 4), 13)]),
        ("in March", [(date(y, 3, 1), 31) for y in (2026, 2025, 2024)]),
        ("on 31 February 2024", []),
        ("may I march in the rain?", []),
        ("42 cats in room 1999", []),
        ("", []),
    ],
)
def test_dates_in_words(text, expected) -> None:
    assert days(text) == expected


@given(st.text(max_size=80))
def test_any_text_has_well_formed_spans(text) -> None:
    assert all(start < stop for start, stop in date_spans(text, NOW))


@given(st.integers(-400, 400))
def test_nearness_is_one_within_and_falls_with_the_days(day) -> None:
    span = date_spans("15 June 2026", NOW)
    at = us_of_instant(datetime(2026, 6, 15, 12, tzinfo=UTC) + timedelta(days=day))
    near, nearer = nearness(span, np.array([at, at - np.sign(day) * DAY_US], np.int64))
    assert 0 <= near <= nearer <= 1
    assert (near == 1) == (day == 0)


def test_people_are_named_by_any_of_their_names_and_things_by_all() -> None:
    conn = Memory(datamem.connect()).conn
    ids = conn.transact(
        [
            {":db/id": "ann", ":user/name": "Ann Lee"},
            {":db/id": "bob", ":user/name": "Bob"},
            {":db/id": "bot", ":agent/name": "Helper"},
            {":db/id": "labs", ":entity/name": "Acme Labs", ":entity/aliases": ["ACME"]},
            {":db/id": "other", ":entity/name": "Other Labs"},
        ]
    ).tempids
    found = named_in(conn.db, "Did ann's helper call Acme labs?")
    assert found.people.tolist() == sorted([ids["ann"], ids["bot"]])
    assert found.things.tolist() == [ids["labs"]]
    assert found.words == {"ann", "helper"}
    assert named_in(conn.db, "who is at acme").things.tolist() == [ids["labs"]]
    conn.transact([{":db/id": ids["bob"], ":user/name": "Robert"}])
    assert named_in(conn.db, "Bob").people.tolist() == []
    assert named_in(conn.db, "Robert").people.tolist() == [ids["bob"]]
