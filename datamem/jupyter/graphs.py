"""The knowledge graph around an entity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from datamem.jupyter.labels import colors_of, kind_of, label_of
from datamem.schema.types import ValueType
from datamem.svg import INK, PALE, Canvas, shortened

if TYPE_CHECKING:
    from datamem.db.database import Db

_RING: Final = 150
_APART: Final = 24
_MARGIN: Final = 210
_NEAR_MIDDLE: Final = 40
_NAMED_EDGES: Final = 24
_SYSTEM: Final = (":db/", ":db.", ":datamem/")


@dataclass
class Graph:
    """Entities and the references between them, as seen from one of them.

    Attributes:
        root: the entity in the middle.
        labels, kinds: text and kind by entity.
        edges: (from, to, attribute).
        rings: how far from the root each entity is, in references.
        left_out: neighbours that were too many to draw.
    """

    root: int
    labels: dict[int, str] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    edges: list[tuple[int, int, str]] = field(default_factory=list)
    rings: dict[int, int] = field(default_factory=dict)
    left_out: int = 0

    def _repr_svg_(self) -> str:
        return str(_drawn(self))

    def to_dot(self) -> str:
        """Return the graph in Graphviz's language."""
        nodes = [f'  n{e} [label="{_quoted(text)}"];' for e, text in self.labels.items()]
        edges = [f'  n{a} -> n{b} [label="{_quoted(via)}"];' for a, b, via in self.edges]
        return "\n".join(["digraph {", *nodes, *edges, "}"])

    def to_mermaid(self) -> str:
        """Return the graph in Mermaid's language."""
        nodes = [
            f'  n{e}["{text.replace(chr(34), chr(39))}"]' for e, text in self.labels.items()
        ]
        edges = [f"  n{a} -->|{via.lstrip(':')}| n{b}" for a, b, via in self.edges]
        return "\n".join(["graph LR", *nodes, *edges])

    def to_networkx(self) -> Any:
        """Return a `networkx.MultiDiGraph`; needs networkx."""
        import networkx as nx  # an extra

        graph = nx.MultiDiGraph()
        for e, text in self.labels.items():
            graph.add_node(e, label=text, kind=self.kinds[e])
        for a, b, via in self.edges:
            graph.add_edge(a, b, attribute=via)
        return graph

    def __repr__(self) -> str:
        return f"<Graph of {len(self.labels)} entities around {self.root}, {len(self.edges)} references>"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def graph(db: Db, entity: Any, *, depth: int = 2, most: int = 40) -> Graph:
    """Return the entities within some references of one, in both directions.

    Args:
        db: any view; a past one draws the graph as it was.
        entity: an id, an ident or a lookup ref.
        depth: how many references away.
        most: entities to draw; the nearest come first.

    Raises:
        DatamemError: `entity/not-found`.
    """
    root = found_entity(db, entity)
    found = Graph(root, rings={root: 0})
    seen: set[tuple[int, int, str]] = set()
    frontier = [root]
    for ring in range(1, depth + 1):
        following: list[int] = []
        for e in frontier:
            for edge in _references(db, e):
                other = edge[1] if edge[0] == e else edge[0]
                if other not in found.rings:
                    if len(found.rings) >= most:
                        found.left_out += 1
                        continue
                    found.rings[other] = ring
                    following.append(other)
                if edge not in seen:
                    seen.add(edge)
                    found.edges.append(edge)
        frontier = following
    for e in found.rings:
        found.labels[e] = label_of(db, e)
        found.kinds[e] = kind_of(db, e)
    return found


def found_entity(db: Db, entity: Any) -> int:
    """Return the id of an entity that has facts in a view.

    Raises:
        DatamemError: `entity/not-found`.
    """
    from datamem.errors import DatamemError

    e = db.resolve(entity)
    if e is None or not db.entity_words(e):
        raise DatamemError(
            f"nothing is known of {entity} in this view",
            code="entity/not-found",
            hint="try a later instant",
            entity=entity,
        )
    return e


def _references(db: Db, e: int) -> Iterator[tuple[int, int, str]]:
    """Yield (from, to, attribute) of the user's references from and to an entity."""
    for a, word in db.entity_words(e):
        attribute = db.schema.get(a)
        if attribute is not None and attribute.value_type is ValueType.REF:
            yield e, word, str(attribute.ident)
    for attribute in db.schema:
        is_users = not attribute.ident.startswith(_SYSTEM)
        if attribute.value_type is ValueType.REF and is_users:
            for other in db.referrers(e, attribute.id):
                yield other, e, str(attribute.ident)


def _drawn(graph: Graph) -> Canvas:
    places = _places(graph)
    xs, ys = zip(*places.values(), strict=True)
    left, top = min(xs) - _MARGIN, min(ys) - 60
    colors = colors_of(graph.kinds.values())
    width = max(xs) - left + _MARGIN
    height = max(max(ys) - top + 50, 40 + 18 * len(colors))
    canvas = Canvas(width, height)
    at = {e: (x - left, y - top) for e, (x, y) in places.items()}
    _draw_edges(canvas, graph, at)
    for e, (x, y) in at.items():
        is_root = e == graph.root
        title = f"{e} {graph.labels[e]}"
        canvas.dot(x, y, 9 if is_root else 6, colors[graph.kinds[e]], title=title)
        side = places[e][0]
        if is_root or abs(side) < _NEAR_MIDDLE:
            above = places[e][1] <= 0
            canvas.text(
                x,
                y - 13 if above else y + 20,
                graph.labels[e],
                INK,
                anchor="middle",
                size=11,
                bold=is_root,
            )
        else:
            anchor, shift = ("start", 10) if side > 0 else ("end", -10)
            canvas.text(x + shift, y + 4, graph.labels[e], INK, anchor=anchor, size=11)
    for i, (kind, color) in enumerate(colors.items()):
        canvas.dot(14, 16 + 18 * i, 5, color)
        canvas.text(24, 20 + 18 * i, kind or "?", size=11)
    if graph.left_out:
        note = f"{graph.left_out} references lead to entities not drawn"
        canvas.text(14, height - 10, note, PALE, size=11)
    return canvas


def _draw_edges(canvas: Canvas, graph: Graph, at: dict[int, tuple[float, float]]) -> None:
    """Draw the references as arrows, with their names where there is room for them."""
    for a, b, via in graph.edges:
        if a == b:
            continue
        (x1, y1), (x2, y2) = at[a], at[b]
        length = math.hypot(x2 - x1, y2 - y1) or 1
        back = 10 / length
        canvas.line(x1, y1, x2 - (x2 - x1) * back, y2 - (y2 - y1) * back, arrow=True)
        if len(graph.edges) <= _NAMED_EDGES:
            name = shortened(via.rpartition("/")[2], 18)
            x, y = x1 + (x2 - x1) * 0.5, y1 + (y2 - y1) * 0.5
            canvas.text(x, y - 3, name, PALE, anchor="middle", size=9)


def _places(graph: Graph) -> dict[int, tuple[float, float]]:
    """Return places on rings around the root: below its parent's angle, by how much hangs there."""
    children: dict[int, list[int]] = {e: [] for e in graph.rings}
    placed = {graph.root}
    for a, b, _ in graph.edges:
        for parent, child in ((a, b), (b, a)):
            if child not in placed and graph.rings[child] == graph.rings[parent] + 1:
                placed.add(child)
                children[parent].append(child)
    weights: dict[int, int] = {}
    for e in sorted(graph.rings, key=lambda e: -graph.rings[e]):
        weights[e] = max(1, sum(weights[child] for child in children[e]))
    per_ring = max(_RING, weights[graph.root] * _APART / (2 * math.pi))
    places: dict[int, tuple[float, float]] = {}
    spans = {graph.root: (0.0, 2 * math.pi)}
    for e in sorted(graph.rings, key=lambda e: graph.rings[e]):
        start, stop = spans.get(e, (0.0, 0.0))
        angle, radius = (start + stop) / 2, graph.rings[e] * per_ring
        places[e] = (radius * math.cos(angle), radius * math.sin(angle))
        total = sum(weights[child] for child in children[e])
        for child in children[e]:
            step = (stop - start) * weights[child] / total
            spans[child] = (start, start + step)
            start += step
    return places
