"""Dates of a source as instants, and whether a transaction may still carry them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_SPOKEN: Final = re.compile(
    r"(\d{1,2}):(\d\d)\s*(am|pm)\s+on\s+(\d{1,2})\s+([A-Za-z]+),?\s+(\d{4})", re.IGNORECASE
)
_SAME_MOMENT: Final = timedelta(milliseconds=1)
"""Sessions of one minute become instants a microsecond apart; more than that is the past."""


def parse_spoken_instant(text: str) -> datetime | None:
    """Return the UTC instant that a text like "1:56 pm on 8 May, 2023" names, or None.

    Example:
        >>> parse_spoken_instant("12:09 am on 3 June, 2023").isoformat()
        '2023-06-03T00:09:00+00:00'
    """
    match = _SPOKEN.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, half, day, month, year = match.groups()
    if month.lower() not in _MONTHS or not 1 <= int(hour) <= 12:
        return None
    hour_of_day = int(hour) % 12 + (12 if half.lower() == "pm" else 0)
    month_number = _MONTHS.index(month.lower()) + 1
    try:
        return datetime(int(year), month_number, int(day), hour_of_day, int(minute), tzinfo=UTC)
    except ValueError:
        return None


def parse_instant(value: Any) -> datetime | None:
    """Return the UTC instant of an ISO text or of seconds since 1970, or None.

    Example:
        >>> parse_instant("2023-05-08T13:56:00+02:00").isoformat()
        '2023-05-08T11:56:00+00:00'
        >>> parse_instant(0).year
        1970
    """
    try:
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, tz=UTC)
        instant = datetime.fromisoformat(value)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def last_instant(db: Any) -> datetime:
    """Return the instant of the database's newest transaction."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=db.last_instant_us)


def one_us_after(instant: datetime) -> datetime:
    """Return the next instant that the clock of a database can tell apart."""
    return instant + timedelta(microseconds=1)


def usable_instant(wanted: datetime | None, last: datetime) -> datetime | None:
    """Return the instant a transaction may carry for `wanted`, or None when that is in the past.

    Instants of a log only grow, so two sessions of the same minute are a microsecond apart.
    """
    if wanted is None or wanted < last - _SAME_MOMENT:
        return None
    return wanted if wanted > last else one_us_after(last)
