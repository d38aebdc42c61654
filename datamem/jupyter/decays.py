"""How memories fade: their strength over time, with the recalls and reviews that renewed them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.time import instant_of_t
from datamem.ids import tx_of_t
from datamem.index.words import instant_of_us, us_of_instant
from datamem.jupyter.graphs import found_entity
from datamem.jupyter.labels import label_of
from datamem.memory.reflection.strength import decay_of, strengths
from datamem.svg import GRID, INK, PALE, PALETTE, Canvas, Picture

if TYPE_CHECKING:
    from datamem.db.database import Db

_POINTS: Final = 160
_LEFT: Final = 44
_WIDTH: Final = 720
_HEIGHT: Final = 260
_FADED: Final = 3.0
"""Half-lives of sorts: after 3 / rate a twentieth is left."""
_SLOWEST: Final = _FADED / (365 * 24 * 3600 * 1e6)
"""What does not fade is drawn for a year."""


def decay(db: Db, *memories: Any, until: datetime | None = None) -> Picture:
    """Draw the strength of memories from their beginning on.

    Every point is what `strength` said at that instant, from what was known then: a recall or a
    review shows as a step up. What comes after the newest transaction is what will be if nothing happens.

    Args:
        db: what is known up to its instant is drawn.
        memories: ids, idents or lookup refs, at least one.
        until: how far to draw; None is until the last of them has faded to a twentieth.

    Raises:
        DatamemError: `entity/not-found`.
    """
    ids = [found_entity(db, memory) for memory in memories]
    start, end = _range(db, ids, until)
    canvas = Canvas(_WIDTH, _HEIGHT + 20 * len(ids))
    _draw_axes(canvas, start, end, instant_of_t(db, db.t))
    instants = [
        int(us) for us in np.linspace(us_of_instant(start), us_of_instant(end), _POINTS)
    ]
    for i, e in enumerate(ids):
        color = PALETTE[i % len(PALETTE)]
        values = _strengths_over_time(db, e, instants)
        points = [
            (_x(us, instants), _y(value))
            for us, value in zip(instants, values, strict=True)
            if value is not None
        ]
        if points:
            canvas.curve(points, color, title=label_of(db, e, 80))
        y = _HEIGHT + 14 + 20 * i
        canvas.box(_LEFT, y - 9, 14, 10, color)
        canvas.text(_LEFT + 22, y, label_of(db, e, 90), INK)
    return Picture(canvas, f"decay of {len(ids)} memories")


def _strengths_over_time(db: Db, e: int, instants: Sequence[int]) -> list[float | None]:
    """Return an entity's strength at each instant, as known then; None before it existed."""
    values: list[float | None] = []
    views: dict[int, Db] = {}
    for us in instants:
        past = db.as_of(instant_of_us(us))
        view = views.setdefault(tx_of_t(past.t), past)
        known = bool(view.entity_words(e))
        values.append(float(strengths(view, [e], us)[0]) if known else None)
    return values


def _range(db: Db, ids: Sequence[int], until: datetime | None) -> tuple[datetime, datetime]:
    """Return from the first creation to where the last of them has faded to a twentieth."""
    history = db.history()
    first = min(int(history.rows(e=e).tx.min()) for e in ids)
    start: datetime = instant_of_t(db, first - tx_of_t(0))
    if until is not None:
        return start, until
    fading = decay_of(db, np.unique(np.array(ids, np.int64)))
    rates = np.maximum(fading.rate_per_us, _SLOWEST)
    end = int((fading.since_us + _FADED / rates).max())
    return start, max(instant_of_us(end), start + timedelta(hours=1))


def _x(us: int, instants: Sequence[int]) -> float:
    span = max(instants[-1] - instants[0], 1)
    return _LEFT + (us - instants[0]) / span * (_WIDTH - _LEFT - 20)


def _y(value: float) -> float:
    return 20 + (1 - min(max(value, 0.0), 1.0)) * (_HEIGHT - 50)


def _draw_axes(canvas: Canvas, start: datetime, end: datetime, now: datetime) -> None:
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        canvas.line(_LEFT, _y(value), _WIDTH - 20, _y(value), GRID)
        canvas.text(_LEFT - 6, _y(value) + 4, f"{value:g}", PALE, anchor="end", size=10)
    pattern = "%Y-%m-%d" if (end - start).days > 2 else "%m-%d %H:%M"
    for i in range(5):
        instant = start + (end - start) * i / 4
        x = _LEFT + i / 4 * (_WIDTH - _LEFT - 20)
        anchor, shift = ("middle", 0) if i < 4 else ("end", 18)
        text = instant.strftime(pattern)
        canvas.text(x + shift, _HEIGHT - 12, text, PALE, anchor=anchor, size=10)
    if start < now < end:
        x = _LEFT + (now - start) / (end - start) * (_WIDTH - _LEFT - 20)
        canvas.line(x, 16, x, _y(0), PALE)
        canvas.text(x + 4, 26, "now", PALE, size=10)
