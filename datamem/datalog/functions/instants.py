"""Instants: parts of dates, differences, truncation; all in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from datamem.datalog.columns.values import print_value
from datamem.datalog.functions.arithmetic import is_number
from datamem.datalog.functions.function import Function, fn
from datamem.edn import Keyword
from datamem.errors import QueryError

_SECOND: Final = Keyword(":second")
_MICROSECOND: Final = timedelta(microseconds=1)
_UNITS_US: Final = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}


def _instant(value: Any, name: str) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    raise QueryError(
        f"({name} …) needs an instant, and got {print_value(value)}",
        code="query/not-an-instant",
        value=value,
    )


def unit_us(unit: Any) -> int:
    """Return the µs of a unit such as `:day` or `"hours"`.

    Raises:
        QueryError: `query/unknown-unit`.
    """
    name = str(unit).removeprefix(":").rstrip("s")
    found = _UNITS_US.get(name)
    if found is None:
        raise QueryError(
            f"{unit} is not a unit of time",
            code="query/unknown-unit",
            hint=f"one of {', '.join(':' + name for name in _UNITS_US)}",
            unit=unit,
        )
    return found


def plus(value: Any, amount: float, unit: Any) -> datetime:
    """`instant/plus`: an instant some units later.

    Raises:
        QueryError: `query/not-a-number`; `query/out-of-range`, where no calendar has such a day.
    """
    if not is_number(amount):
        raise QueryError(
            f"(instant/plus …) needs a number of units, and got {print_value(amount)}",
            code="query/not-a-number",
            value=amount,
        )
    at = _instant(value, "instant/plus")
    try:
        return at + timedelta(microseconds=float(amount) * unit_us(unit))
    except OverflowError:
        raise QueryError(
            f"{amount} {unit} from {at.date()} are outside of the years 1 to 9999",
            code="query/out-of-range",
        ) from None


def minus(value: Any, amount: float, unit: Any) -> datetime:
    """`instant/minus`."""
    return plus(value, -amount if is_number(amount) else amount, unit)


def between(start: Any, end: Any, unit: Any = _SECOND) -> float:
    """`instant/between`: the time from start to end in units, a double."""
    delta = _instant(end, "instant/between") - _instant(start, "instant/between")
    return (delta / _MICROSECOND) / unit_us(unit)


def truncate(value: Any, unit: Any) -> datetime:
    """`instant/truncate`: the start of the second, minute, hour, day, week, month or year."""
    at = _instant(value, "instant/truncate")
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    match str(unit).removeprefix(":"):
        case "year":
            return midnight.replace(month=1, day=1)
        case "month":
            return midnight.replace(day=1)
        case "week":
            return midnight - timedelta(days=midnight.weekday())
        case "day":
            return midnight
        case _:
            pass
    step = timedelta(microseconds=unit_us(unit))
    return at - (at - midnight) % step


def parse(text: Any) -> datetime:
    """`instant`: an instant from ISO 8601 text or ms since 1970."""
    if isinstance(text, datetime):
        return _instant(text, "instant")
    if isinstance(text, int) and not isinstance(text, bool):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=text)
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise QueryError(
            f"{text!r} is not an instant",
            code="query/not-an-instant",
            hint="ISO 8601, such as 2023-05-20T10:00:00Z, or ms since 1970",
            value=text,
        ) from None
    return _instant(at, "instant").astimezone(UTC)


def _part(name: str, call: Callable[[datetime], Any]) -> Function:
    return fn(f"instant/{name}", lambda value: call(_instant(value, f"instant/{name}")), 1)


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


FUNCTIONS: Final[tuple[Function, ...]] = (
    _part("year", lambda at: at.year),
    _part("month", lambda at: at.month),
    _part("day", lambda at: at.day),
    _part("hour", lambda at: at.hour),
    _part("minute", lambda at: at.minute),
    _part("second", lambda at: at.second),
    _part("weekday", lambda at: at.isoweekday()),
    _part("day-of-year", lambda at: at.timetuple().tm_yday),
    _part("week", lambda at: at.isocalendar().week),
    _part("year-month", lambda at: f"{at.year:04}-{at.month:02}"),
    _part("date", lambda at: at.date().isoformat()),
    _part("iso", lambda at: at.isoformat()),
    _part("ms", _ms),
    fn("inst-ms", lambda value: _ms(_instant(value, "inst-ms")), 1),
    fn("inst?", lambda value: isinstance(value, datetime), 1),
    fn("instant", parse, 1),
    fn("instant/plus", plus, 3),
    fn("instant/minus", minus, 3),
    fn("instant/between", between, 2, 3),
    fn("instant/truncate", truncate, 2),
)
