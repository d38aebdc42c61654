"""The history of an entity: which value each attribute had, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from datamem.db.time import instant_of_t
from datamem.ids import t_of_tx
from datamem.jupyter.graphs import found_entity
from datamem.jupyter.labels import label_of
from datamem.svg import GRID, INK, PALE, PALETTE, Canvas, Picture, shortened

if TYPE_CHECKING:
    from datamem.db.database import Db

_LEFT: Final = 190
_WIDTH: Final = 960
_ROW: Final = 24


@dataclass(frozen=True, slots=True)
class Span:
    """A value that an attribute had.

    Attributes:
        entity: whose it was.
        attribute, value: what it was.
        start, end: when it was asserted and retracted; `end` is None while it holds.
    """

    entity: int
    attribute: str
    value: Any
    start: datetime
    end: datetime | None


def spans_of(db: Db, entities: Iterable[int]) -> list[Span]:
    """Return every value that entities had, by entity, attribute and instant."""
    history = db.unbounded().as_of(db.t).history()
    spans: list[Span] = []
    for e in entities:
        open_since: dict[tuple[int, Any], int] = {}
        for datom in sorted(history.datoms("eavt", e), key=lambda d: (d.tx, d.added)):
            key = (datom.a, repr(datom.v))
            if datom.added:
                open_since[key] = len(spans)
                spans.append(_span(db, datom))
            elif key in open_since:
                at = open_since.pop(key)
                spans[at] = _ended(spans[at], _instant(db, datom.tx))
    return sorted(spans, key=lambda s: (s.entity, s.attribute, s.start))


def _span(db: Db, datom: Any) -> Span:
    name = str(db.ident(datom.a) or datom.a)
    value = label_of(db, datom.v) if _is_ref(db, datom.a) else datom.v
    return Span(datom.e, name, value, _instant(db, datom.tx), None)


def _is_ref(db: Db, a: int) -> bool:
    attribute = db.schema.get(a)
    return attribute is not None and attribute.value_type.keyword == ":db.type/ref"


def _ended(span: Span, end: datetime) -> Span:
    return Span(span.entity, span.attribute, span.value, span.start, end)


def _instant(db: Db, tx: int) -> datetime:
    instant: datetime = instant_of_t(db, t_of_tx(tx))
    return instant


def timeline(db: Db, *entities: Any, attributes: Iterable[str] | None = None) -> Picture:
    """Draw what entities were over time: a line an attribute, a bar a value.

    Args:
        db: the history up to its instant is drawn.
        entities: ids, idents or lookup refs; an id may be of an entity that is gone.
        attributes: only these; None draws all.

    Raises:
        DatamemError: `entity/not-found`.
    """
    ids = [_entity_of_the_past(db, entity) for entity in entities]
    wanted = None if attributes is None else {f":{name.lstrip(':')}" for name in attributes}
    spans = [s for s in spans_of(db, ids) if wanted is None or s.attribute in wanted]
    lanes = list(dict.fromkeys((s.entity, s.attribute) for s in spans))
    start, end = _range(db, spans)
    canvas = Canvas(_WIDTH, 40 + _ROW * (len(lanes) + len(ids)))
    _draw_axis(canvas, start, end)
    y = 34.0
    for number, e in enumerate(ids):
        canvas.text(8, y + 15, _last_label(db, e), INK, bold=True)
        y += _ROW
        for lane in (lane for lane in lanes if lane[0] == e):
            canvas.text(16, y + 15, shortened(lane[1].lstrip(":"), 26), PALE)
            for i, span in enumerate(s for s in spans if (s.entity, s.attribute) == lane):
                _draw_span(canvas, span, y, (start, end), PALETTE[(number + i) % len(PALETTE)])
            y += _ROW
    return Picture(canvas, f"timeline of {len(spans)} values")


def _entity_of_the_past(db: Db, entity: Any) -> int:
    """Return the id of an entity that has, or had, facts."""
    if isinstance(entity, int) and len(db.history().rows(e=entity)):
        return entity
    return found_entity(db, entity)


def _last_label(db: Db, e: int) -> str:
    """Return what an entity was called when something was last said about it."""
    rows = db.history().rows(e=e)
    assert rows.added is not None
    last = int(rows.tx[rows.added].max())
    return label_of(db.as_of(min(t_of_tx(last), db.t)), e, 60)


def _range(db: Db, spans: list[Span]) -> tuple[datetime, datetime]:
    """Return the first and last instant to draw; the newest values get room at the end."""
    end = instant_of_t(db, db.t)
    start = min((s.start for s in spans), default=end)
    return start, end + (end - start) * 0.08


def _x(instant: datetime, start: datetime, end: datetime) -> float:
    share = (instant - start) / (end - start) if end > start else 0.0
    return _LEFT + share * (_WIDTH - _LEFT - 20)


def _draw_axis(canvas: Canvas, start: datetime, end: datetime) -> None:
    pattern = "%Y-%m-%d" if (end - start).days > 2 else "%m-%d %H:%M"
    for i in range(6):
        instant = start + (end - start) * i / 5
        x = _x(instant, start, end)
        canvas.line(x, 24, x, canvas.height, GRID)
        anchor, shift = ("middle", 0) if i < 5 else ("end", 18)
        canvas.text(x + shift, 18, instant.strftime(pattern), PALE, anchor=anchor, size=10)


def _draw_span(
    canvas: Canvas, span: Span, y: float, bounds: tuple[datetime, datetime], color: str
) -> None:
    left, right = _x(span.start, *bounds), _x(span.end or bounds[1], *bounds)
    when = (
        f"{span.start:%Y-%m-%d %H:%M} to {f'{span.end:%Y-%m-%d %H:%M}' if span.end else 'now'}"
    )
    faded = 0.45 if span.end else 0.9
    canvas.box(
        left, y + 3, right - left, _ROW - 7, color, title=f"{span.value}\n{when}", opacity=faded
    )
    room = int((right - left - 8) / 6.4)
    if room >= 3:
        canvas.text(left + 4, y + 15, shortened(str(span.value), room), "#ffffff", size=11)
