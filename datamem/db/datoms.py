"""Datoms in index order: whole components, from a point on, and ranges of values."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.bounds import parse_range, word_bounds
from datamem.db.datom import Datom
from datamem.db.ranks import codes_between, ranks
from datamem.errors import DatamemError, SchemaError
from datamem.ids import TX_BASE
from datamem.index.kernels import Int64Array
from datamem.index.rows import Rows, rows_of
from datamem.index.words import INLINE
from datamem.schema.names import near_names
from datamem.schema.types import ValueType
from datamem.schema.values import order_key

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute

_ORDERS: Final[dict[str, str]] = {
    "eavt": "eavt",
    "aevt": "aevt",
    "avet": "avet",
    "vaet": "vaet",
}
_CHUNK: Final = 4096


def datoms(
    db: Db, index: str, components: Sequence[Any], *, reverse: bool = False
) -> list[Datom]:
    """Return the datoms with the given leading components, in the order of the index."""
    order = _order(index)
    parts = _Components(db, order, components)
    if parts.is_impossible:
        return []
    rows = _in_order(db, order, parts.rows(), reverse=reverse)
    return db.datoms_of_rows(rows)


def seek_datoms(
    db: Db, index: str, components: Sequence[Any], *, reverse: bool = False
) -> Iterator[Datom]:
    """Yield the datoms of an index from the components on, to its end or, reversed, its start."""
    order = _order(index)
    rows = _in_order(db, order, _all_rows(db, order), reverse=False)
    start = _seek(db, order, rows, components, after=reverse)
    where = np.arange(start - 1, -1, -1) if reverse else np.arange(start, len(rows))
    for first in range(0, len(where), _CHUNK):
        yield from db.datoms_of_rows(_take(rows, where[first : first + _CHUNK]))


def index_range(
    db: Db, attr: Any, start: Any = None, end: Any = None, *, reverse: bool = False
) -> list[Datom]:
    """Return the datoms of an attribute between two values, bounds included, in value order."""
    attribute = attribute_of(db, attr)
    wanted = parse_range(start, end)
    if attribute.value_type in INLINE:
        words = word_bounds(attribute, wanted)
        if words is None:
            return []
        rows = db.value_range(attribute.id, *words)
    else:
        bounds = [_bound(attribute, value) for value in (wanted.low, wanted.high)]
        codes = codes_between(
            db, attribute.id, *bounds, open_low=wanted.open_low, open_high=wanted.open_high
        )
        rows = db.lookup_values(attribute.id, codes)
    reverse = reverse is not wanted.reverse
    return db.datoms_of_rows(_in_order(db, "avet", rows, reverse=reverse))


def attribute_of(db: Db, name: Any) -> Attribute:
    """Return an attribute by ident or id.

    Raises:
        SchemaError: `schema/unknown-attribute`, with near names.
    """
    attribute = db.schema.get(name) if isinstance(name, (str, int)) else None
    if attribute is None:
        near = near_names(str(name), db.schema.idents())
        raise SchemaError(
            f"{name} is not an attribute of this database",
            code="schema/unknown-attribute",
            hint=f"did you mean {', '.join(near)}?" if near else None,
            attribute=name,
        )
    return attribute


def _order(index: str) -> str:
    order = _ORDERS.get(str(index).removeprefix(":").lower())
    if order is None:
        message = f"{index!r} is not an index"
        raise DatamemError(
            message, code="index/unknown", hint="the indexes are eavt, aevt, avet and vaet"
        )
    return order


class _Components:
    """Leading components of an index, resolved to ids and words."""

    def __init__(self, db: Db, order: str, components: Sequence[Any]) -> None:
        if len(components) > len(order):
            message = f"{order} has {len(order)} components, not {len(components)}"
            raise DatamemError(message, code="index/too-many-components")
        self._db = db
        self.e: int | None = None
        self.a: int | None = None
        self.v: int | None = None
        self.tx: int | None = None
        self.is_impossible = False
        given = dict(zip(order, components, strict=False))
        if given.get("a") is not None:
            self.a = attribute_of(db, given["a"]).id
        if given.get("e") is not None:
            self.e = self._known(db.resolve(given["e"]))
        if given.get("v") is not None:
            self.v = self._known(self._word(order, given["v"]))
        if given.get("t") is not None:
            self.tx = given["t"] if given["t"] >= TX_BASE else TX_BASE + given["t"]

    def _known(self, word: int | None) -> int | None:
        self.is_impossible |= word is None
        return word

    def _word(self, order: str, value: Any) -> int | None:
        if order == "vaet":
            return self._db.resolve(value)
        attribute = None if self.a is None else self._db.schema.get(self.a)
        if attribute is None:
            message = "a value component needs its attribute before it"
            raise DatamemError(message, code="index/value-without-attribute")
        if attribute.value_type is ValueType.REF:
            return self._db.resolve(value)
        return self._db.encode(attribute, attribute.check(value))

    def rows(self) -> Rows:
        """Return the rows that have all of them."""
        rows = self._db.rows(self.e, self.a, self.v)
        return rows if self.tx is None else rows.where(rows.tx == self.tx)


def _bound(attribute: Attribute, value: Any) -> Any:
    """Return a bound as a canonical value; what the attribute cannot hold still has its place."""
    if value is None or attribute.value_type is ValueType.EDN:
        return value
    if attribute.value_type in {ValueType.BIGINT, ValueType.BIGDEC}:
        return value
    return attribute.check(value)


def _all_rows(db: Db, order: str) -> Rows:
    rows = db.rows()
    if order != "vaet":
        return rows
    refs = np.array([a.id for a in db.schema if a.value_type is ValueType.REF], np.int64)
    return rows.where(np.isin(rows.a, refs))


def _keys(db: Db, order: str, rows: Rows) -> list[Int64Array]:
    columns = {"e": rows.e, "a": rows.a, "v": ranks(db, rows.a, rows.v), "t": rows.tx}
    if order == "vaet":
        columns["v"] = rows.v
    return [columns[name] for name in order]


def _in_order(db: Db, order: str, rows: Rows, *, reverse: bool) -> Rows:
    if len(rows) < 2:
        return rows
    keys = _keys(db, order, rows)
    if rows.added is not None:
        keys.append(rows.added.astype(np.int64))
    by = np.lexsort(tuple(reversed(keys)))
    return _take(rows, by[::-1] if reverse else by)


def _take(rows: Rows, by: Int64Array) -> Rows:
    added = None if rows.added is None else rows.added[by]
    return rows_of(rows.e[by], rows.a[by], rows.v[by], rows.tx[by], added=added)


def _seek(db: Db, order: str, rows: Rows, components: Sequence[Any], *, after: bool) -> int:
    """Return the place of the first row not before the components (after: behind them)."""
    start, stop = 0, len(rows)
    columns = {"e": rows.e, "a": rows.a, "v": rows.v, "t": rows.tx}
    attribute: int | None = None
    for name, component in zip(order, components, strict=False):
        if component is None or start == stop:
            break
        column = columns[name][start:stop]
        if name == "v" and order != "vaet":
            found = _seek_value(db, attribute, column, component)
        else:
            word = _seek_word(db, name, component)
            attribute = word if name == "a" else attribute
            left, right = np.searchsorted(column, [word, word + 1])
            found = int(left), int(right)
        start, stop = start + found[0], start + found[1]
    return stop if after else start


def _seek_word(db: Db, name: str, component: Any) -> int:
    if name == "a":
        return attribute_of(db, component).id
    if name == "t":
        return int(component) if component >= TX_BASE else TX_BASE + int(component)
    word = db.resolve(component)
    if word is None:
        message = f"{component!r} names no entity, so there is no place to begin at"
        raise DatamemError(message, code="entity/not-found", reference=component)
    return word


def _seek_value(db: Db, a: int | None, column: Int64Array, value: Any) -> tuple[int, int]:
    if a is None:
        message = "a value component needs its attribute before it"
        raise DatamemError(message, code="index/value-without-attribute")
    key = order_key(value)
    values = db.decode(db.value_type(a), column)
    keys = [order_key(known) for known in values]
    return bisect_left(keys, key), bisect_right(keys, key)
