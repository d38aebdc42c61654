"""Datoms in index order: by leading components, from a place on, and by ranges of values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.db.bounds import parse_range, word_bounds
from datamem.db.components import Place, check_count, matching_rows
from datamem.db.datom import Datom
from datamem.db.ordering import attribute_of, in_order, order_of, take
from datamem.db.pieces import Pieces
from datamem.db.ranks import codes_between
from datamem.index.words import INLINE

if TYPE_CHECKING:
    from datamem.db.database import Db


def datoms(
    db: Db, index: str, components: Sequence[Any], *, reverse: bool = False
) -> list[Datom]:
    """Return the datoms with the given leading components, in the order of the index.

    Args:
        index: "eavt", "aevt", "avet" or "vaet".
        components: an entity as id, ident or lookup ref; an attribute; a value; a transaction as
            its entity id, t or instant. None stands for any.
        reverse: from the last to the first.

    Raises:
        DatamemError: `index/unknown`, `index/too-many-components`, `index/value-without-attribute`.
        SchemaError: `schema/wrong-type`; in strict mode `schema/unknown-attribute`.
    """
    order = order_of(index)
    check_count(order, components)
    rows = matching_rows(db, order, components)
    return [] if rows is None else db.datoms_of_rows(in_order(db, order, rows, reverse=reverse))


def seek_datoms(
    db: Db, index: str, components: Sequence[Any], *, reverse: bool = False
) -> Iterator[Datom]:
    """Yield the datoms of an index from a place on to its end or, reversed, down to its start.

    Args:
        components: the place: before the datoms that begin with these, and where there are none
            where they would be. Reversed, it is behind them.

    Raises:
        DatamemError: as `datoms`, and `entity/not-found` where a lookup ref names no place.

    Cost: the index is read in pieces as they are asked for; the first has about a hundred datoms.
    The first look at an attribute of strings in AVET ranks its values.
    """
    order = order_of(index)
    check_count(order, components)
    return _walk(db, order, Place(db, order, components), reverse=reverse)


def _walk(db: Db, order: str, place: Place, *, reverse: bool) -> Iterator[Datom]:
    pieces = Pieces(db, order)
    start = pieces.group(place.key)
    is_first = True
    walk = pieces.backward if reverse else pieces.forward
    for rows in walk(start, place.value):
        ordered = in_order(db, order, rows)
        first, last = place.find(db, ordered) if is_first else (0, len(ordered))
        wanted = np.arange(first, len(ordered))
        if reverse:
            wanted = np.arange((last if is_first else len(ordered)) - 1, -1, -1)
        is_first = False
        yield from db.datoms_of_rows(take(ordered, wanted))


def index_range(
    db: Db, attr: Any, start: Any = None, end: Any = None, *, reverse: bool = False
) -> list[Datom]:
    """Return the datoms of an attribute between two values, bounds included, in value order.

    Args:
        start: the least value; or a whole range as Datalevin writes it, `[":closed", a, b]`,
            `[":at-least", a]`, `[":open-back", b, a]`, …, which begins at the high bound if it goes back.
        end: the greatest value. None is no bound.
        reverse: from the greatest value down; turns a range that goes back round again.

    Raises:
        DatamemError: `index/bad-range`.
        SchemaError: `schema/wrong-type`; in strict mode `schema/unknown-attribute`.
    """
    attribute = attribute_of(db, attr)
    if attribute is None:
        return []
    wanted = parse_range(attribute, start, end)
    if attribute.value_type in INLINE:
        words = word_bounds(attribute, wanted)
        if words is None:
            return []
        rows = db.value_range(attribute.id, *words)
    else:
        codes = codes_between(
            db,
            attribute.id,
            wanted.low,
            wanted.high,
            open_low=wanted.open_low,
            open_high=wanted.open_high,
        )
        rows = db.lookup_values(attribute.id, codes)
    return db.datoms_of_rows(in_order(db, "avet", rows, reverse=reverse is not wanted.reverse))
