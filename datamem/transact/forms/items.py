"""Tx-data as people hand it over: text, one form, rows of maps, any iterable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from datamem.edn import read_all
from datamem.errors import TransactError
from datamem.transact.conflicts import shown

_MAPS: Final = frozenset({dict})


def read_items(tx_data: Any) -> list[Any]:
    """Return the top-level forms of tx-data: EDN text, one form, or any iterable of forms.

    A list of maps alone is returned as it is. A vector of vectors inside is taken as more tx-data, as rows of pulled maps are written.

    Raises:
        EdnError: for text that is not EDN.
        TransactError: `transact/bad-tx-data` for what holds no forms.
    """
    if type(tx_data) is list and _MAPS.issuperset(map(type, tx_data)):
        return tx_data
    if isinstance(tx_data, str):
        return [item for form in read_all(tx_data) for item in read_items(form)]
    if isinstance(tx_data, Mapping) or _is_operation(tx_data):
        return [tx_data]
    if tx_data is None or not isinstance(tx_data, Iterable) or isinstance(tx_data, bytes):
        raise TransactError(
            f"{shown(tx_data)} is not tx-data",
            code="transact/bad-tx-data",
            hint="give a list of maps and of [:db/add e a v] forms",
        )
    items: list[Any] = []
    for form in tx_data:
        if isinstance(form, list | tuple) and form and _holds_forms(form):
            items.extend(read_items(form))
        else:
            items.append(form)
    return items


def _holds_forms(form: list[Any] | tuple[Any, ...]) -> bool:
    return isinstance(form[0], list | tuple | Mapping)


def _is_operation(form: Any) -> bool:
    return isinstance(form, list | tuple) and bool(form) and isinstance(form[0], str)
