"""Leading components of an index: what people write, resolved to ids and words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.bounds import ValueRange, place_value, word_bounds
from datamem.db.ordering import attribute_of, unknown_attribute
from datamem.db.ranks import NOTHING
from datamem.db.refs import lookup_word
from datamem.db.time import t_of_point
from datamem.errors import DatamemError
from datamem.ids import tx_of_t
from datamem.index.kernels import Int64Array
from datamem.index.rows import Rows, rows_of
from datamem.index.words import INLINE
from datamem.schema.types import ValueType
from datamem.schema.values import order_key

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute


_BEHIND_ALL: Final = 1 << 63
"""Above every word."""


def check_count(order: str, components: Sequence[Any]) -> None:
    """Refuse more components than an index has.

    Raises:
        DatamemError: `index/too-many-components`.
    """
    if len(components) > len(order):
        message = f"{order} has {len(order)} components, not {len(components)}"
        raise DatamemError(message, code="index/too-many-components")


def matching_rows(db: Db, order: str, components: Sequence[Any]) -> Rows | None:
    """Return the rows that have all components, unsorted; None stands for any.

    Returns:
        None if no row can: an entity, attribute or value that nothing has.

    Raises:
        DatamemError: `index/value-without-attribute`, and what refuses each component.
    """
    given = {name: x for name, x in zip(order, components, strict=False) if x is not None}
    attribute = attribute_of(db, given["a"]) if "a" in given else None
    e = db.resolve(given["e"]) if "e" in given else None
    v = _word(db, order, attribute, given) if "v" in given else None
    found = {"e": e, "a": attribute, "v": v}
    if any(found[name] is None for name in given if name != "t"):
        return None
    a = None if attribute is None else attribute.id
    rows = _references(db, e, a, v) if order == "vaet" else db.rows(e, a, v)
    return rows.where(rows.tx == tx_word(db, given["t"])) if "t" in given else rows


def _word(db: Db, order: str, attribute: Attribute | None, given: dict[str, Any]) -> int | None:
    if order == "vaet":
        return db.resolve(given["v"])
    if attribute is not None:
        return lookup_word(db, attribute, given["v"])
    if "a" in given:
        return None
    raise without_attribute()


def without_attribute() -> DatamemError:
    """Return the refusal of a value whose type nobody can know."""
    message = "a value component needs its attribute before it"
    return DatamemError(message, code="index/value-without-attribute")


def tx_word(db: Db, point: Any) -> int:
    """Return the entity id of a transaction, given so, as its t or as an instant."""
    return tx_of_t(t_of_point(db, point))


def _references(db: Db, e: int | None, a: int | None, v: int | None) -> Rows:
    """Return the rows of one reference attribute or of all."""
    ids = [attribute.id for attribute in db.schema.refs if a in {None, attribute.id}]
    parts = [rows for ref in ids if len(rows := db.rows(e, ref, v))]
    if not parts:
        return Rows([])
    names = ("e", "a", "v", "tx")
    columns = [np.concatenate([getattr(rows, name) for rows in parts]) for name in names]
    flags = [rows.added for rows in parts if rows.added is not None]
    return rows_of(*columns, added=np.concatenate(flags) if flags else None)


class Place:
    """A place in an index: before or behind all rows that begin with some components.

    Attributes:
        key: ids and words of the components, as far as they are words.
    """

    def __init__(self, db: Db, order: str, components: Sequence[Any]) -> None:
        self._order = order
        self._attribute: Attribute | None = None
        self._parts: list[tuple[str, Any]] = []
        for name, component in zip(order, components, strict=False):
            if component is None:
                break
            self._parts.append((name, self._resolve(db, name, component)))
        self.key = self._key()

    def _resolve(self, db: Db, name: str, component: Any) -> Any:
        if name == "a":
            self._attribute = attribute_of(db, component)
            if self._attribute is None:
                raise unknown_attribute(db, component)
            return self._attribute.id
        if name == "t":
            return tx_word(db, component)
        if name == "v" and self._order != "vaet":
            if self._attribute is None:
                raise without_attribute()
            if self._attribute.value_type is not ValueType.REF:
                return place_value(self._attribute, component)
        word = db.resolve(component)
        if word is None:
            message = f"{component!r} names no entity, so there is no place to begin at"
            raise DatamemError(message, code="entity/not-found", reference=component)
        return word

    def _key(self) -> tuple[int, ...]:
        key: list[int] = []
        for name, part in self._parts:
            if name != "v" or self._order == "vaet":
                key.append(part)
                continue
            attribute = self._attribute
            assert attribute is not None
            if attribute.value_type in INLINE:
                bounds = word_bounds(attribute, ValueRange(low=part))
                key.append(_BEHIND_ALL if bounds is None else bounds[0])
            break
        return tuple(key)

    @property
    def value(self) -> Any:
        """The value component, or NOTHING."""
        return dict(self._parts).get("v", NOTHING)

    def find(self, db: Db, rows: Rows) -> tuple[int, int]:
        """Return where the place begins and ends among rows in the index's order."""
        start, stop = 0, len(rows)
        columns = {"e": rows.e, "a": rows.a, "v": rows.v, "t": rows.tx}
        for name, part in self._parts:
            column = columns[name][start:stop]
            if name == "v" and self._order != "vaet":
                left, right = self._find_value(db, column, part)
            else:
                left = int(np.searchsorted(column, part))
                right = int(np.searchsorted(column, part, "right"))
            start, stop = start + left, start + right
        return start, stop

    def _find_value(self, db: Db, column: Int64Array, value: Any) -> tuple[int, int]:
        attribute = self._attribute
        assert attribute is not None

        def key_at(row: int) -> Any:
            return order_key(db.decode(attribute.value_type, column[row : row + 1])[0])

        rows, key = range(len(column)), order_key(value)
        return bisect_left(rows, key, key=key_at), bisect_right(rows, key, key=key_at)
