"""The tags with a meaning: #inst, #uuid, #bytes, #uri; every other tag is kept as it is."""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final
from uuid import UUID

from datamem.edn.forms import Form, Tagged, Uri
from datamem.errors import EdnError

if TYPE_CHECKING:
    from collections.abc import Callable

_INST: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})(?:T(?P<hour>[0-9]{2})"
    r"(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?)?)?)?)?"
    r"(?:Z|(?P<sign>[-+])(?P<off_hours>[0-9]{2}):(?P<off_minutes>[0-5][0-9]))?"
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*")


def tagged_value(tag: str, value: Form) -> Form:
    """Return what the tagged value means; an unknown tag gives a `Tagged`.

    Raises:
        EdnError: `edn/bad-tag-value`, when a known tag is on something else than its text.
    """
    read = _READERS.get(tag)
    if read is None:
        return Tagged(tag, value)
    if type(value) is not str:
        raise _bad_value(tag, repr(value), "a string")
    return read(value)


def read_inst(text: str) -> datetime:
    """Return the instant in UTC; what is left out is the earliest, a missing offset is UTC.

    Digits beyond the microsecond are cut. A leap second is the next minute's first second.

    Raises:
        EdnError: `edn/bad-tag-value`, when there is no such date or time.

    Example:
        >>> read_inst("2024-05-20T10:30+02:00").isoformat()
        '2024-05-20T08:30:00+00:00'
    """
    match = _INST.fullmatch(text)
    if match is None:
        raise _bad_value("inst", text, "like 2024-05-20 or 2024-05-20T10:30:00.000+02:00")
    part = {name: int(match[name] or default) for name, default in _PARTS}
    leap = part["second"] == 60 and part["minute"] == 59
    micros = int((match["fraction"] or "")[:6].ljust(6, "0"))
    try:
        zone = timezone(_offset(match))
        moment = datetime(
            part["year"],
            part["month"],
            part["day"],
            part["hour"],
            part["minute"],
            59 if leap else part["second"],
            micros,
            tzinfo=zone,
        )
        return (moment + timedelta(seconds=leap)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad_value("inst", text, f"a date and time that exist ({error})") from None


_PARTS: Final = (
    ("year", 1),
    ("month", 1),
    ("day", 1),
    ("hour", 0),
    ("minute", 0),
    ("second", 0),
)


def print_inst(moment: datetime) -> str:
    """Return `#inst "…"` in UTC, with milliseconds, or microseconds where there are any.

    A naive datetime is UTC.

    Raises:
        EdnError: `edn/unprintable`, when UTC has no such year.
    """
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise EdnError(
                f"{moment} is before year 1 or after 9999", code="edn/unprintable"
            ) from None
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return f'#inst "{moment.isoformat(timespec=precision)}-00:00"'


def _offset(match: re.Match[str]) -> timedelta:
    if match["sign"] is None:
        return timedelta(0)
    offset = timedelta(hours=int(match["off_hours"]), minutes=int(match["off_minutes"]))
    return -offset if match["sign"] == "-" else offset


def _read_uuid(text: str) -> UUID:
    if _UUID.fullmatch(text) is None:
        raise _bad_value("uuid", text, "8-4-4-4-12 hexadecimal digits")
    return UUID(text)


def _read_bytes(text: str) -> bytes:
    """Read hexadecimal, or base64; a text that is both is hexadecimal, as the printer writes it."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        raise _bad_value("bytes", text, "hexadecimal digits or base64") from None


def _bad_value(tag: str, value: str, expected: str) -> EdnError:
    return EdnError(
        f"#{tag} cannot be {value[:60]}",
        code="edn/bad-tag-value",
        hint=f"#{tag} takes {expected}",
        tag=tag,
    )


_READERS: Final[dict[str, Callable[[str], Form]]] = {
    "inst": read_inst,
    "uuid": _read_uuid,
    "bytes": _read_bytes,
    "uri": Uri,
}
