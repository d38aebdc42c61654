"""Dates that a question names, as spans of time: "on 8 May 2023", "in June", "two weeks ago"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from datamem.index.kernels import Int64Array
from datamem.index.words import instant_of_us, us_of_instant

Span = tuple[int, int]
"""A half-open range of instants, µs since 1970."""

DAY_US: Final = 86_400_000_000
_FADE_DAYS: Final = 7.0
"""What is so many days outside of a span counts 1/e: people tell of a thing in the days after it."""
_YEARS_BACK: Final = 3
"""A month without a year may be in any of so many years."""

_MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH: Final = r"(?P<month>" + "|".join(f"{m}|{m[:3]}" for m in _MONTHS) + r")\.?"
_YEAR: Final = r"(?:,?\s*(?P<year>(?:19|20)\d\d)\b)?"
_DATES: Final = (
    re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<number>\d\d)(?:-(?P<day>\d\d))?\b"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH}\b{_YEAR}"),
    re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b{_YEAR}"),
    re.compile(rf"(?<!\w){_MONTH}\b{_YEAR}"),
    re.compile(r"\b(?:in|during|of|since|year)\s+(?P<year>(?:19|20)\d\d)\b"),
)
_NUMBERS: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_AGO: Final = re.compile(
    rf"\b(?P<n>\d{{1,3}}|an?|{'|'.join(_NUMBERS)})\s+(?P<unit>day|week|month|year)s?\s+ago\b"
)
_RELATIVE: Final = re.compile(
    r"\b(?:(?P<word>today|yesterday)|(?P<which>last|this|past)\s+(?P<unit>week|month|year))\b"
)
_DAYS: Final = {"day": 1, "week": 7, "month": 30, "year": 365}
_AMBIGUOUS: Final = {"may", "mar", "march"}
"""Months that are words as well: they count only with a day, a year, or after "in" and the like."""


def date_spans(text: str, now_us: int) -> list[Span]:
    """Return the spans of time that a text names, seen from an instant.

    Example:
        >>> now = us_of_instant(datetime(2023, 6, 20, tzinfo=UTC))
        >>> [
        ...     (instant_of_us(a).date().isoformat(), (b - a) // DAY_US)
        ...     for a, b in date_spans("Who came on 8 May 2023, and yesterday?", now)
        ... ]
        [('2023-05-08', 1), ('2023-06-19', 1)]
    """
    folded = text.casefold()
    now = instant_of_us(now_us)
    found: list[Span] = []
    for pattern in _DATES:
        for match in pattern.finditer(folded):
            found += _calendar(match, folded, now)
        folded = pattern.sub(" ", folded)
    for match in _AGO.finditer(folded):
        found.append(_ago(match, now))
    for match in _RELATIVE.finditer(folded):
        found.append(_relative(match, now))
    return list(dict.fromkeys(found))


def _calendar(match: re.Match[str], text: str, now: datetime) -> Iterator[Span]:
    groups = match.groupdict()
    year, day = groups.get("year"), groups.get("day")
    name = groups.get("month")
    if name in _AMBIGUOUS and not (year or day):
        before = text[: match.start()].split()
        if not before or before[-1] not in {
            "in",
            "during",
            "of",
            "since",
            "last",
            "early",
            "late",
        }:
            return
    if name is None and groups.get("number") is None:
        month = None
    else:
        month = int(groups["number"]) if name is None else _month(name)
    years = [int(year)] if year else [now.year - i for i in range(_YEARS_BACK)]
    for one in years:
        span = _span(one, month, int(day) if day else None)
        if span is not None:
            yield span


def _month(name: str) -> int:
    return next(i for i, month in enumerate(_MONTHS, start=1) if month.startswith(name))


def _span(year: int, month: int | None, day: int | None) -> Span | None:
    """Return a day, month or year as a span; None for a date that no calendar has."""
    try:
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    except ValueError:
        return None
    if month is None:
        stop = datetime(year + 1, 1, 1, tzinfo=UTC)
    elif day is None:
        stop = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    else:
        stop = start + timedelta(days=1)
    return us_of_instant(start), us_of_instant(stop)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _ago(match: re.Match[str], now: datetime) -> Span:
    said = match["n"]
    count = int(said) if said.isdigit() else 1 if said in {"a", "an"} else _NUMBERS.index(said)
    unit = _DAYS[match["unit"]]
    start = _midnight(now) - timedelta(days=count * unit + unit // 2)
    return us_of_instant(start), us_of_instant(start) + max(1, unit) * DAY_US


def _relative(match: re.Match[str], now: datetime) -> Span:
    today = us_of_instant(_midnight(now))
    if match["word"]:
        start = today if match["word"] == "today" else today - DAY_US
        return start, start + DAY_US
    length = _DAYS[match["unit"]] * DAY_US
    if match["which"] == "last":
        return today - 2 * length + DAY_US, today
    return today + DAY_US - length, today + DAY_US


def nearness(spans: Sequence[Span], us: Int64Array) -> npt.NDArray[np.float64]:
    """Return float64[n] in [0, 1]: 1 within a span, fading with the days outside of the nearest.

    Args:
        us: int64[n], instants in µs.
    """
    found = np.zeros(len(us))
    for start, stop in spans:
        outside = np.maximum(np.maximum(start - us, us - stop + 1), 0)
        found = np.maximum(found, np.exp(-outside / (_FADE_DAYS * DAY_US)))
    return found
