"""How a query was answered: its steps, with rows and time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from datamem.svg import INK, PALE, PALETTE, Canvas, Picture, shortened

if TYPE_CHECKING:
    from datamem.db.database import Db

_ROW: Final = 30
_BARS: Final = 520
_WIDTH: Final = 960


def plan(db: Db, query: Any, *inputs: Any) -> Picture:
    """Run a query and draw its steps in their order: what each did, its rows and its time.

    A short way that is taken in their place stands below them.

    Args:
        db: any view.
        query, inputs: as for `db.q`.
    """
    found = db.explain(query, *inputs, analyze=True)
    most = max([step["rows_out"] or 0 for step in found.steps] + [1])
    short_way = found.short_way
    canvas = Canvas(_WIDTH, 40 + _ROW * (len(found.steps) + (short_way is not None)))
    total_ms = (found.seconds or 0) * 1000
    canvas.text(10, 20, f"{found.rows:,} rows in {total_ms:.2f} ms", INK, bold=True)
    for i, step in enumerate(found.steps):
        y = 36.0 + i * _ROW
        indent = 12 * step.get("depth", 0)
        canvas.text(10 + indent, y + 12, shortened(step["clause"], 72), INK)
        canvas.text(10 + indent, y + 24, f"{step['how']}, {step['us']:,} µs", PALE, size=10)
        rows = step["rows_out"] or 0
        width = (_WIDTH - _BARS - 110) * math.log1p(rows) / math.log1p(most)
        title = f"in {step['rows_in']}, out {rows}, estimated {step['estimate']}"
        canvas.box(_BARS, y + 4, width, 16, PALETTE[0], title=title)
        canvas.text(_BARS + width + 6, y + 16, f"{rows:,}", PALE, size=11)
    if short_way is not None:
        canvas.text(10, 48 + _ROW * len(found.steps), shortened(short_way, 140), INK)
    return Picture(canvas, f"plan of {len(found.steps)} steps")
