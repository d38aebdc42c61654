"""Keys under which queries and rules written as Python data are remembered, so that they are parsed once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from datamem.edn import BigInt, Char, EdnList, Keyword, Symbol, Uri

_LEAVES: Final = frozenset(
    {int, bool, float, type(None), bytes, datetime, Decimal, UUID}
    | {BigInt, Char, Keyword, Symbol, Uri}
)
_LISTS: Final = frozenset({list, tuple, EdnList})


def data_key(form: Any) -> Hashable | None:
    """Return a key that only equal forms share; None for a form with callables, arrays and their like.

    Values of two types are two: 1 and 1.0, a text and a URI.

    Example:
        >>> data_key([":find", "?e"]) == data_key([":find", "?e"])
        True
        >>> data_key([1]) == data_key([1.0])
        False
    """
    try:
        return _key(form)
    except TypeError:
        return None


def _key(form: Any) -> Hashable:
    kind = type(form)
    if kind is str:
        text: str = form
        return text
    if kind in _LISTS:
        return kind, *map(_key, form)
    if kind in _LEAVES:
        return kind, form
    if type(eid := getattr(form, "eid", None)) is int:
        return int, eid
    if isinstance(form, Mapping):
        return dict, *[(_key(name), _key(value)) for name, value in form.items()]
    raise TypeError(kind)
