"""Pictures of runs: a tree, a waterfall, two runs side by side; as SVG, Mermaid and Graphviz text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from datamem.runs.diff_steps import Pair
from datamem.runs.pictures_svg import (
    CHAR_WIDTH,
    FAINT,
    INK,
    ROW,
    RULE,
    Svg,
    colour_of,
    fitted,
)
from datamem.runs.record_steps import Step
from datamem.runs.replay_script import shortened

_INDENT: Final = 20
_TREE_WIDTH: Final = 760
_LABEL_WIDTH: Final = 300
_CHART_WIDTH: Final = 560
_COLUMN: Final = 420
_TINTS: Final = {
    "same": "#ffffff",
    "other-result": "#fff3d6",
    "other-input": "#fde2d2",
    "only-a": "#fbe4e6",
    "only-b": "#e3f4e6",
}


@dataclass(slots=True)
class Node:
    """A run, a step or a span in a tree.

    Attributes:
        label, detail: what it is, and in faint ink what it said.
        kind: gives its colour.
        start_us, end_us: µs since 1970.
    """

    label: str
    detail: str = ""
    kind: str = "run"
    start_us: int = 0
    end_us: int = 0
    is_failed: bool = False
    children: list[Node] = field(default_factory=list)

    def rows(self, depth: int = 0) -> Iterator[tuple[int, Node]]:
        """Yield this node and those under it, from top to bottom, with their depths."""
        yield depth, self
        for child in self.children:
            yield from child.rows(depth + 1)


def tree_of(name: str, steps: Sequence[Step], *, is_failed: bool = False) -> Node:
    """Return a run's steps as a tree: what was done inside a step stands under it."""
    root = Node(name, kind="run", is_failed=is_failed)
    nodes = {step.issued: _node(step) for step in steps}
    for step in sorted(steps, key=lambda step: step.issued):
        nodes.get(step.parent, root).children.append(nodes[step.issued])
    if steps:
        root.start_us = min(step.started_us for step in steps)
        root.end_us = max(step.ended_us for step in steps)
    return root


def _node(step: Step) -> Node:
    said = step.output if step.failure is None else f"failed: {step.failure.message}"
    parts = [shortened(part) for part in (step.input, said) if part is not None]
    return Node(
        step.title(),
        " -> ".join(parts),
        step.kind,
        step.started_us,
        step.ended_us,
        step.failure is not None,
    )


def tree_svg(root: Node) -> str:
    """Return the tree as SVG, a row a node."""
    rows = list(root.rows())
    svg = Svg(_TREE_WIDTH, ROW * len(rows) + 16, f"run {root.label}")
    above: dict[int, float] = {}
    for i, (depth, node) in enumerate(rows):
        x, y = 16 + depth * _INDENT, 8 + ROW * (i + 0.5)
        if depth:
            svg.line(x - _INDENT + 5, above[depth - 1] + 6, x - _INDENT + 5, y)
            svg.line(x - _INDENT + 5, y, x, y)
        above[depth] = y
        colour = colour_of(node.kind, is_failed=node.is_failed)
        svg.box(x, y - 5, 10, 10, fill=colour, radius=3, tip=node.detail)
        took = duration_text(node.end_us - node.start_us)
        room = _TREE_WIDTH - 16 - x - 18 - len(took) * CHAR_WIDTH - 12
        label = fitted(node.label, room)
        svg.text(x + 18, y, label, is_bold=not depth)
        used = (len(label) + 2) * CHAR_WIDTH
        if node.detail and room - used > 40:
            svg.text(x + 18 + used, y, node.detail, colour=FAINT, width=room - used)
        svg.text(_TREE_WIDTH - 12, y, took, colour=FAINT, anchor="end")
    return str(svg)


def waterfall_svg(root: Node) -> str:
    """Return the tree as bars over time; where nothing took any time, over the order of steps."""
    rows = list(root.rows())
    spans, unit = _spans(root, rows)
    last = max(end for _, end in spans) or 1
    width = _LABEL_WIDTH + _CHART_WIDTH + 32
    svg = Svg(width, ROW * (len(rows) + 1) + 16, f"waterfall of run {root.label}")
    scale = _CHART_WIDTH / last
    for quarter in range(5):
        x = _LABEL_WIDTH + 16 + _CHART_WIDTH * quarter / 4
        svg.line(x, ROW, x, ROW * (len(rows) + 1) + 8)
        at = last * quarter / 4
        mark = duration_text(at) if unit == "us" else f"{at:g}"
        anchor = "end" if quarter == 4 else "middle" if quarter else "start"
        svg.text(x, 14, mark, colour=FAINT, anchor=anchor)
    for i, ((depth, node), (start, end)) in enumerate(zip(rows, spans, strict=True)):
        y = ROW * (i + 1.5)
        indent = 12 + depth * 12
        svg.text(indent, y, node.label, width=_LABEL_WIDTH - indent, is_bold=not depth)
        x = _LABEL_WIDTH + 16 + start * scale
        colour = colour_of(node.kind, is_failed=node.is_failed)
        bar = max((end - start) * scale, 2.0)
        svg.box(x, y - 7, bar, 14, fill=colour, radius=3, tip=node.detail or node.label)
    return str(svg)


def _spans(
    root: Node, rows: Sequence[tuple[int, Node]]
) -> tuple[list[tuple[float, float]], str]:
    """Return each row's start and end from 0 on, and their unit: "us", or "step"."""
    if root.end_us > root.start_us:
        begun = root.start_us
        return [(node.start_us - begun, node.end_us - begun) for _, node in rows], "us"
    sizes = [sum(1 for _ in node.rows()) for _, node in rows]
    return [(i, i + size) for i, size in enumerate(sizes)], "step"


def side_by_side_svg(pairs: Sequence[Pair], names: tuple[str, str]) -> str:
    """Return two runs beside each other: rows that differ are tinted, the first one is marked."""
    width = 2 * _COLUMN + 56
    svg = Svg(width, ROW * (len(pairs) + 1) + 16, f"{names[0]} and {names[1]}")
    for column, name in enumerate(names):
        svg.text(_column_x(column), 14, name, width=_COLUMN - 24, is_bold=True)
    first = next((i for i, pair in enumerate(pairs) if pair.verdict != "same"), None)
    for i, pair in enumerate(pairs):
        y = ROW * (i + 1.5)
        svg.box(8, y - ROW / 2 + 1, width - 16, ROW - 2, fill=_TINTS[pair.verdict], radius=4)
        for column, step in enumerate((pair.a, pair.b)):
            if step is not None:
                _side(svg, _column_x(column), y, step)
        if i == first:
            svg.box(8, y - ROW / 2 + 1, 3, ROW - 2, fill="#c62828")
            svg.text(width / 2, y, "≠", colour="#c62828", anchor="middle", is_bold=True)
        elif pair.a is not None and pair.b is not None:
            svg.line(width / 2 - 10, y, width / 2 + 10, y, colour=RULE)
    return str(svg)


def _column_x(column: int) -> float:
    return 20 + column * (_COLUMN + 24)


def _side(svg: Svg, x: float, y: float, step: Step) -> None:
    svg.box(
        x,
        y - 5,
        10,
        10,
        fill=colour_of(step.kind, is_failed=step.failure is not None),
        radius=3,
    )
    said = step.input if step.input is not None else step.output
    label = fitted(step.title(), _COLUMN - 40)
    svg.text(x + 18, y, label, colour=INK)
    used = (len(label) + 2) * CHAR_WIDTH
    if said is not None and _COLUMN - 40 - used > 40:
        svg.text(x + 18 + used, y, shortened(said), colour=FAINT, width=_COLUMN - 40 - used)


def duration_text(us: float) -> str:
    """Return a duration with the unit that fits.

    Example:
        >>> duration_text(1_250_000), duration_text(1_500), duration_text(40)
        ('1.25 s', '1.5 ms', '40 µs')
    """
    if us >= 1_000_000:
        return f"{us / 1e6:.3g} s"
    return f"{us / 1e3:.3g} ms" if us >= 1_000 else f"{us:.3g} µs"


def mermaid(root: Node) -> str:
    """Return the tree as a Mermaid flowchart."""
    lines = ["flowchart TD"]
    for number, (_, node) in enumerate(root.rows()):
        lines.append(f'  n{number}["{_quoted(node.label)}"]:::{_class(node)}')
    lines += [f"  n{parent} --> n{child}" for parent, child in _edges(root)]
    for name, node in {_class(node): node for _, node in root.rows()}.items():
        colour = colour_of(node.kind, is_failed=node.is_failed)
        lines.append(f"  classDef {name} fill:{colour},color:#fff")
    return "\n".join(lines)


def graphviz(root: Node) -> str:
    """Return the tree as a Graphviz digraph."""
    lines = ["digraph run {", '  node [shape=box, style="rounded,filled", fontcolor=white];']
    for number, (_, node) in enumerate(root.rows()):
        colour = colour_of(node.kind, is_failed=node.is_failed)
        lines.append(f'  n{number} [label="{_quoted(node.label)}", fillcolor="{colour}"];')
    lines += [f"  n{parent} -> n{child};" for parent, child in _edges(root)]
    return "\n".join([*lines, "}"])


def _edges(root: Node) -> Iterator[tuple[int, int]]:
    """Yield (parent, child) by the numbers of rows."""
    path: list[int] = []
    for number, (depth, _) in enumerate(root.rows()):
        del path[depth:]
        if path:
            yield path[-1], number
        path.append(number)


def _class(node: Node) -> str:
    return "failed" if node.is_failed else (node.kind or "other").replace("-", "_")


def _quoted(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'").replace("\n", " ")
