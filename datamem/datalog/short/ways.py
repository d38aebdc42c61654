"""Which way a query is answered in fact: its short way, with the attributes that it reads and in which order.

The steps of `explain` are the engine's. A query with a short way takes none of them, unless an input, a view or a
limit sends it to the engine; what is told here is which of both it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from datamem.datalog.short.closure import ClosurePlan
from datamem.datalog.short.point import PointPlan
from datamem.datalog.short.search import SearchPlan
from datamem.datalog.short.simple import ENGINE, start_word
from datamem.datalog.short.star import Leaf, StarRows
from datamem.datalog.short.star_plan import Star, StarScope
from datamem.db.database import Db

Read: TypeAlias = dict[str, Any]
"""attribute (its ident), index ("eavt", "aevt", "avet", or a search's), rows that it selects alone, or None."""

_LOOKUPS = {"unique": "avet", "value": "eavt", "referrers": "avet", "check": "eavt"}


def way_of(short: Any, db: Any, inputs: Sequence[Any]) -> tuple[str, list[Read]] | None:
    """Tell the name of a short way and what it reads, in order; None where the engine answers.

    Args:
        short: what `PreparedQuery.short_way` returned.
        db: a plain view.
        inputs: all of them, the database included.

    A point query that meets more references than it follows one by one still goes to the engine.
    """
    reads: list[Read] | None = None
    match short:
        case Star(rows=rows) | StarScope(rows=rows):
            name, reads = "star", _star_reads(rows, db, inputs)
        case PointPlan():
            name, reads = "point", _point_reads(short, db, inputs)
        case ClosurePlan():
            name, reads = "closure", _closure_reads(short, db)
        case SearchPlan():
            name, reads = "search", _search_reads(short, inputs)
        case _:
            return None
    return None if reads is None else (name, reads)


def _star_reads(rows: StarRows, db: Db, inputs: Sequence[Any]) -> list[Read] | None:
    selected = rows.reads(db, inputs)
    if selected is None:
        return None
    return [
        _read(db, leaf.attribute, _index_of(leaf, is_first=i == 0), count)
        for i, (leaf, count) in enumerate(selected)
    ]


def _index_of(leaf: Leaf, *, is_first: bool) -> str:
    """Return the index whose order a star uses: of values, where rows are selected by them."""
    is_selected = leaf.equals >= 0 or bool(leaf.bounds)
    return "avet" if is_selected and (is_first or leaf.is_many) else "aevt"


def _point_reads(plan: PointPlan, db: Db, inputs: Sequence[Any]) -> list[Read] | None:
    words = [start_word(db, start, inputs) for start in plan.starts]
    compared = [start.is_compared for start in plan.starts]
    if any(
        word is ENGINE or (word is None and is_compared)
        for word, is_compared in zip(words, compared, strict=True)
    ):
        return None
    return [
        _read(db, lookup.attribute, _LOOKUPS[lookup.kind])
        for lookup in plan.lookups
        if lookup.kind in _LOOKUPS
    ]


def _closure_reads(plan: ClosurePlan, db: Db) -> list[Read]:
    if plan.start_input < 0:
        return [_read(db, hop.attribute, "aevt") for hop in plan.path]
    return [_read(db, hop.attribute, "eavt" if hop.forward else "avet") for hop in plan.path]


def _search_reads(plan: SearchPlan, inputs: Sequence[Any]) -> list[Read]:
    at, value = plan.args[0]
    return [_named(str(inputs[at] if at >= 0 else value), plan.engine)]


def _read(db: Db, attribute: int, index: str, rows: int | None = None) -> Read:
    known = db.schema.get(attribute)
    return _named(str(attribute if known is None else known.ident), index, rows)


def _named(attribute: str, index: str, rows: int | None = None) -> Read:
    return {"attribute": attribute, "index": index, "rows": rows}
