"""The memory hierarchy as a tree: archetypes, themes, episodes, and what they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from datamem.jupyter.graphs import found_entity
from datamem.jupyter.labels import colors_of, label_of
from datamem.svg import INK, PALE, Canvas, Picture

if TYPE_CHECKING:
    from datamem.db.database import Db

_ROW: Final = 26
_COLUMN: Final = 34


def hierarchy(
    db: Db, *roots: Any, attribute: str = ":memory/parent", most: int = 200
) -> Picture:
    """Draw what hangs below some entities, or every tree there is.

    Args:
        db: any view.
        roots: ids, idents or lookup refs; none draws every entity that has children and no parent.
        attribute: the reference from a child to its parent.
        most: entities to draw.

    Raises:
        DatamemError: `entity/not-found`, `query/unknown-attribute`.
    """
    known = _attribute(db, attribute)
    ids = [found_entity(db, root) for root in roots] or _tops(db, known.id)
    lines: list[tuple[int, int]] = []
    left_out = 0
    for root in ids:
        left_out += _walk(db, root, known.id, lines, most)
    canvas = Canvas(900, 20 + _ROW * (len(lines) + bool(left_out)))
    levels = {f"level {depth}" for depth, _ in lines}
    colors = colors_of(levels)
    at: dict[int, float] = {}
    for i, (depth, e) in enumerate(lines):
        x, y = 20 + depth * _COLUMN, 20 + i * _ROW
        at[depth] = y
        if depth:
            canvas.line(x - _COLUMN, at[depth - 1] + 6, x - _COLUMN, y)
            canvas.line(x - _COLUMN, y, x - 6, y)
        canvas.dot(x, y, 6, colors[f"level {depth}"], title=str(e))
        canvas.text(x + 12, y + 4, label_of(db, e, 110 - 4 * depth), INK)
    if left_out:
        canvas.text(20, canvas.height - 8, f"{left_out} more are not drawn", PALE)
    return Picture(canvas, f"hierarchy of {len(lines)} entities")


def _attribute(db: Db, name: str) -> Any:
    from datamem.datalog.faults import near
    from datamem.errors import DatamemError

    wanted = name if name.startswith(":") else f":{name}"
    known = db.schema.get(wanted)
    if known is None:
        raise DatamemError(
            f"there is no attribute {wanted}",
            code="query/unknown-attribute",
            hint=near(wanted, [a.ident for a in db.schema]),
        )
    return known


def _tops(db: Db, a: int) -> list[int]:
    """Return the entities that have children and no parent."""
    rows = db.rows(a=a)
    children, parents = set(rows.e.tolist()), set(rows.v.tolist())
    return sorted(parents - children)


def _walk(db: Db, root: int, a: int, lines: list[tuple[int, int]], most: int) -> int:
    """Add (depth, entity) of a tree in the order of its lines; return how many had no room."""
    left_out = 0
    seen: set[int] = set()
    waiting = [(0, root)]
    while waiting:
        depth, e = waiting.pop()
        if e in seen:
            continue
        seen.add(e)
        if len(lines) >= most:
            left_out += 1
            continue
        lines.append((depth, e))
        waiting += [(depth + 1, child) for child in sorted(db.referrers(e, a), reverse=True)]
    return left_out
