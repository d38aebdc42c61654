"""Pictures of runs: a tree, a waterfall, two runs side by side; as SVG, Mermaid and Graphviz text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from datamem.runs.comparing.align import Pair
from datamem.runs.comparing.script import shortened
from datamem.runs.recorder.steps import Step
from datamem.svg import CHAR_WIDTH, GRID, PALE, Canvas, Picture
from datamem.svg import shortened as one_line

FAILED: Final = "#c62828"
COLOURS: Final = {
    "run": "#37474f",
    "model": "#6a4fb3",
    "tool": "#1f77b4",
    "transact": "#2e7d32",
    "event": "#8d6e63",
    "trace": "#b26a00",
    "clock": "#90a4ae",
    "read": "#90a4ae",
}
"""The colour of each kind of step; `FAILED` where it failed."""

_FAINT: Final = "#6b7785"
_ROW: Final = 24
_BASELINE: Final = 4
"""How far the baseline of a text is below its middle."""
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
    parts = [_gist(step)]
    if step.failure is not None:
        parts.append(f"failed: {step.failure.message}")
    elif step.kind == "tool" and not _is_turn(step) and step.output is not None:
        parts.append(shortened(step.output))
    return Node(
        step.title(),
        " -> ".join(part for part in parts if part),
        step.kind,
        step.started_us,
        step.ended_us,
        step.failure is not None,
    )


def _gist(step: Step) -> str:
    """Return what tells a step from others of its name: what a tool was asked, what a model said."""
    is_said = step.kind == "model" or step.input is None or _is_turn(step)
    data = step.output if is_said else step.asked()
    if isinstance(data, dict) and "content" in data:
        called = [
            (call.get("function") or {}).get("name") for call in data.get("tool_calls") or ()
        ]
        data = data["content"] or f"calls {', '.join(map(str, called))}"
    return "" if data is None else shortened(data)


def _is_turn(step: Step) -> bool:
    """Tell whether a step is somebody's turn in a conversation, of which only the answer says anything."""
    return isinstance(step.input, dict) and step.input.keys() == {"turn"}


def colour_of(kind: str, *, is_failed: bool = False) -> str:
    """Return the colour of a kind of step."""
    return FAILED if is_failed else COLOURS.get(kind, "#78909c")


def tree_svg(root: Node) -> str:
    """Return the tree as SVG, a row a node."""
    rows = list(root.rows())
    canvas = Canvas(_TREE_WIDTH, _ROW * len(rows) + 16)
    above: dict[int, float] = {}
    for i, (depth, node) in enumerate(rows):
        x, y = 16 + depth * _INDENT, 8 + _ROW * (i + 0.5)
        if depth:
            canvas.line(x - _INDENT + 5, above[depth - 1] + 6, x - _INDENT + 5, y, PALE)
            canvas.line(x - _INDENT + 5, y, x, y, PALE)
        above[depth] = y
        _mark(canvas, x, y, node.kind, is_failed=node.is_failed, title=node.detail)
        took = duration_text(node.end_us - node.start_us) if root.end_us > root.start_us else ""
        room = _TREE_WIDTH - 30 - x - (len(took) + 2) * CHAR_WIDTH
        _label(canvas, (x + 18, y), node.label, node.detail, room, bold=not depth)
        canvas.text(_TREE_WIDTH - 12, y + _BASELINE, took, _FAINT, anchor="end")
    return str(canvas)


def _mark(
    canvas: Canvas, x: float, y: float, kind: str, *, is_failed: bool, title: str = ""
) -> None:
    canvas.box(x, y - 5, 10, 10, colour_of(kind, is_failed=is_failed), title=title)


def _label(
    canvas: Canvas,
    at: tuple[float, float],
    label: str,
    detail: str,
    room: float,
    *,
    bold: bool = False,
) -> None:
    """Write a label and, where `room` px allow, a detail in faint ink behind it."""
    x, y = at
    shown = one_line(label, max(int(room / CHAR_WIDTH), 1))
    canvas.text(x, y + _BASELINE, shown, bold=bold)
    used = (len(shown) + 2) * CHAR_WIDTH
    left = int((room - used) / CHAR_WIDTH)
    if detail and left > 6:
        canvas.text(x + used, y + _BASELINE, one_line(detail, left), _FAINT)


def waterfall_svg(root: Node) -> str:
    """Return the tree as bars over time; where nothing took any time, over the order of steps."""
    rows = list(root.rows())
    spans, unit = _spans(root, rows)
    last = max(end for _, end in spans) or 1
    height = _ROW * (len(rows) + 1) + 16
    canvas = Canvas(_LABEL_WIDTH + _CHART_WIDTH + 32, height)
    scale, left = _CHART_WIDTH / last, _LABEL_WIDTH + 16
    for quarter in range(5):
        x, at = left + _CHART_WIDTH * quarter / 4, last * quarter / 4
        canvas.line(x, _ROW, x, height - 8, GRID)
        mark = duration_text(at) if unit == "us" else f"{at:g}"
        anchor = "end" if quarter == 4 else "middle" if quarter else "start"
        canvas.text(x, 14 + _BASELINE, mark, _FAINT, anchor=anchor)
    for i, ((depth, node), (start, end)) in enumerate(zip(rows, spans, strict=True)):
        y, indent = _ROW * (i + 1.5), 12 + depth * 12
        _label(canvas, (indent, y), node.label, "", _LABEL_WIDTH - indent, bold=not depth)
        colour = colour_of(node.kind, is_failed=node.is_failed)
        width = max((end - start) * scale, 2.0)
        canvas.box(
            left + start * scale, y - 7, width, 14, colour, title=node.detail or node.label
        )
    return str(canvas)


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
    canvas = Canvas(width, _ROW * (len(pairs) + 1) + 16)
    for column, name in enumerate(names):
        shown = one_line(name, int((_COLUMN - 24) / CHAR_WIDTH))
        canvas.text(_column_x(column), 14 + _BASELINE, shown, bold=True)
    first = next((i for i, pair in enumerate(pairs) if pair.verdict != "same"), None)
    for i, pair in enumerate(pairs):
        y = _ROW * (i + 1.5)
        canvas.box(8, y - _ROW / 2 + 1, width - 16, _ROW - 2, _TINTS[pair.verdict])
        for column, step in enumerate((pair.a, pair.b)):
            if step is not None:
                _side(canvas, _column_x(column), y, step)
        if i == first:
            canvas.box(8, y - _ROW / 2 + 1, 3, _ROW - 2, FAILED)
            canvas.text(width / 2, y + _BASELINE, "≠", FAILED, anchor="middle", bold=True)
        elif pair.a is not None and pair.b is not None:
            canvas.line(width / 2 - 10, y, width / 2 + 10, y, GRID)
    return str(canvas)


def _column_x(column: int) -> float:
    return 20 + column * (_COLUMN + 24)


def _side(canvas: Canvas, x: float, y: float, step: Step) -> None:
    _mark(canvas, x, y, step.kind, is_failed=step.failure is not None)
    _label(canvas, (x + 18, y), step.title(), _gist(step), _COLUMN - 40)


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


class RunPicture(Picture):
    """A picture of a tree, with the tree itself for Mermaid and Graphviz."""

    def __init__(self, svg: str, root: Node) -> None:
        super().__init__(svg, f"run {root.label}")
        self.root = root

    def mermaid(self) -> str:
        """Return the tree as a Mermaid flowchart."""
        return mermaid(self.root)

    def graphviz(self) -> str:
        """Return the tree as a Graphviz digraph."""
        return graphviz(self.root)


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
