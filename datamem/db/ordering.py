"""The order of an index: by entity, attribute, value and transaction, in the index's sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.ranks import ranks
from datamem.errors import DatamemError, SchemaError
from datamem.index.kernels import Int64Array
from datamem.index.rows import Rows, rows_of
from datamem.schema.names import near_names

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute

ORDERS: Final = ("eavt", "aevt", "avet", "vaet")
"""Each names its columns in their sequence; vaet holds references only."""


def order_of(index: Any) -> str:
    """Return the order that an index's name means, with or without colon.

    Raises:
        DatamemError: `index/unknown`.
    """
    order = str(index).removeprefix(":").lower()
    if order not in ORDERS:
        message = f"{index!r} is not an index"
        raise DatamemError(
            message, code="index/unknown", hint="the indexes are eavt, aevt, avet and vaet"
        )
    return order


def attribute_of(db: Db, name: Any) -> Attribute | None:
    """Return an attribute by ident or id; None if nobody used the name, which is open's way.

    Raises:
        SchemaError: `schema/unknown-attribute` in strict mode, with near names.
    """
    attribute = db.schema.get(name) if isinstance(name, (str, int)) else None
    if attribute is None and (db.schema.strict or not isinstance(name, (str, int))):
        raise unknown_attribute(db, name)
    return attribute


def unknown_attribute(db: Db, name: Any) -> SchemaError:
    """Return the refusal of a name that is no attribute."""
    near = near_names(str(name), db.schema.idents())
    return SchemaError(
        f"{name} is not an attribute of this database",
        code="schema/unknown-attribute",
        hint=f"did you mean {' or '.join(near)}?" if near else None,
        attribute=name,
    )


def in_order(db: Db, order: str, rows: Rows, *, reverse: bool = False) -> Rows:
    """Return rows sorted as the order says; values by value, retractions before assertions."""
    if len(rows) < 2:
        return rows
    values = rows.v if order == "vaet" else ranks(db, rows.a, rows.v)
    columns = {"e": rows.e, "a": rows.a, "v": values, "t": rows.tx}
    keys = [columns[name] for name in order]
    if rows.added is not None:
        keys.append(rows.added.astype(np.int64))
    by = np.lexsort(tuple(reversed(keys)))
    return take(rows, by[::-1] if reverse else by)


def take(rows: Rows, by: Int64Array) -> Rows:
    """Return the rows at the given positions, in their sequence."""
    added = None if rows.added is None else rows.added[by]
    return rows_of(rows.e[by], rows.a[by], rows.v[by], rows.tx[by], added=added)
